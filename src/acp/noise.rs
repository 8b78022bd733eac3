//! What a peer sends that is no message of the protocol, or none that we know.

use crate::lines::Line;

/// How many characters of it are kept.
const SHOWN_CHARS: usize = 200;

/// A line or message that was put aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noise {
    /// What was wrong with it.
    pub kind: NoiseKind,
    /// Its beginning, at most 200 characters, with control characters made visible.
    pub text: String,
}

/// What can be wrong with a line or message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoiseKind {
    /// Not JSON, such as a banner.
    NotJson,
    /// Not UTF-8.
    NotUtf8,
    /// Longer than a line may be.
    TooLong,
    /// JSON, but no message.
    NotAMessage,
    /// A method or kind of update that we do not know, or parameters of another shape.
    Unknown,
    /// An answer that nobody waits for, or a message for a session that there is not.
    Stray,
}

impl NoiseKind {
    /// Returns the word that records use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotJson => "not_json",
            Self::NotUtf8 => "not_utf8",
            Self::TooLong => "too_long",
            Self::NotAMessage => "not_a_message",
            Self::Unknown => "unknown",
            Self::Stray => "stray",
        }
    }
}

impl Noise {
    /// Returns noise that shows the beginning of `text`.
    #[must_use]
    pub fn new(kind: NoiseKind, text: &str) -> Self {
        let mut shown = String::new();
        for character in text.chars().take(SHOWN_CHARS) {
            if character.is_control() {
                shown.extend(character.escape_default());
            } else {
                shown.push(character);
            }
        }
        Self { kind, text: shown }
    }

    pub(crate) fn of_line(line: &Line) -> Option<Self> {
        match line {
            Line::Text(_) => None,
            Line::NotUtf8(bytes) => Some(Self::new(NoiseKind::NotUtf8, &String::from_utf8_lossy(bytes))),
            Line::TooLong(bytes) => Some(Self::new(NoiseKind::TooLong, &String::from_utf8_lossy(bytes))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_are_made_visible() {
        let noise = Noise::new(NoiseKind::NotJson, "\u{1b}[31mred\u{7}");
        assert_eq!(noise.text, "\\u{1b}[31mred\\u{7}");
        assert_eq!(Noise::new(NoiseKind::NotJson, &"é".repeat(500)).text.chars().count(), 200);
    }
}
