//! How a turn ended, and how its instance did.

use process::Ended;
use std::sync::Arc;
use wire::extension::TurnFailure;

pub use acp::StopReason;

/// A turn that the agent ended by itself, or that it was told to end. Nothing of the instance is left.
#[derive(Debug, Clone, PartialEq)]
pub struct TurnOutcome {
    /// Why the agent stopped.
    pub stop_reason: StopReason,
    /// Its words for people, joined; at most 4 MiB, the beginning.
    pub text: String,
    /// Why there is no result, where the agent says so.
    pub failure: Option<TurnFailure>,
    /// Whether the agent has reported a result, taken or not.
    pub reported: bool,
    /// How many lines were no part of the protocol, those that were not told included.
    pub noise: u64,
    /// How its process ended.
    pub ended: Arc<Ended>,
}

/// Returns the end of a process in words, such as `exit code 3`.
#[must_use]
pub fn describe_end(ended: &Ended) -> String {
    match (ended.code, ended.signal) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "how is not known".to_owned(),
    }
}

/// Returns the last `lines_max` lines that a process wrote to stderr, with control characters made visible.
#[must_use]
pub fn stderr_text(ended: &Ended, lines_max: usize) -> String {
    let text = String::from_utf8_lossy(&ended.stderr_tail);
    let lines: Vec<&str> = text.lines().collect();
    let mut shown = String::new();
    for line in &lines[lines.len().saturating_sub(lines_max)..] {
        if !shown.is_empty() {
            shown.push('\n');
        }
        for character in line.chars() {
            if character.is_control() && character != '\t' {
                shown.extend(character.escape_default());
            } else {
                shown.push(character);
            }
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use process::Proof;

    #[test]
    fn the_last_lines_are_shown_without_their_colours() {
        let ended = Ended {
            code: Some(3),
            signal: None,
            cause: None,
            killed_from_outside: false,
            killed: Vec::new(),
            killed_total: 0,
            stderr_tail: b"one\ntwo\n\x1b[31mthree\xff\n".to_vec(),
            proof: Proof::Proven,
        };
        assert_eq!(stderr_text(&ended, 2), "two\n\\u{1b}[31mthree\u{fffd}");
        assert_eq!(describe_end(&ended), "exit code 3");
        assert_eq!(describe_end(&Ended { code: None, signal: Some(9), ..ended }), "signal 9");
    }
}
