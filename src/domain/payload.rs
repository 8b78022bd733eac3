//! JSON as text, for a layer that does not parse it, and the small facts that an event carries.

use std::fmt::Write as _;

/// A JSON value as text. Whoever makes one has parsed or written it as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct JsonText(String);

impl JsonText {
    /// Takes text that is known to be one JSON value.
    pub fn from_json(text: String) -> Self {
        Self(text)
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the text, owned.
    pub fn into_string(self) -> String {
        self.0
    }
}

/// One fact of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// A text.
    Text(String),
    /// A whole number.
    Number(i64),
    /// Yes or no.
    Flag(bool),
    /// Known to be absent.
    Nothing,
}

/// The facts of one event, in the order in which they were given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts(Vec<(&'static str, Fact)>);

impl Facts {
    /// Returns no facts.
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// Adds a text.
    #[must_use]
    pub fn text(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.0.push((key, Fact::Text(value.into())));
        self
    }

    /// Adds a number.
    #[must_use]
    pub fn number(mut self, key: &'static str, value: i64) -> Self {
        self.0.push((key, Fact::Number(value)));
        self
    }

    /// Adds a yes or no.
    #[must_use]
    pub fn flag(mut self, key: &'static str, value: bool) -> Self {
        self.0.push((key, Fact::Flag(value)));
        self
    }

    /// Adds a text, or the mark that there is none.
    #[must_use]
    pub fn maybe(mut self, key: &'static str, value: Option<impl Into<String>>) -> Self {
        self.0.push((key, value.map_or(Fact::Nothing, |value| Fact::Text(value.into()))));
        self
    }

    /// Returns the facts with their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Fact)> {
        self.0.iter().map(|(key, fact)| (*key, fact))
    }

    /// Writes the facts as one JSON object.
    pub fn to_json(&self) -> JsonText {
        let mut text = String::from("{");
        for (at, (key, fact)) in self.0.iter().enumerate() {
            if at > 0 {
                text.push(',');
            }
            quote(key, &mut text);
            text.push(':');
            match fact {
                Fact::Text(value) => quote(value, &mut text),
                Fact::Number(value) => {
                    let _ = write!(text, "{value}");
                }
                Fact::Flag(value) => text.push_str(if *value { "true" } else { "false" }),
                Fact::Nothing => text.push_str("null"),
            }
        }
        text.push('}');
        JsonText(text)
    }
}

/// Appends a JSON string (RFC 8259, section 7).
fn quote(value: &str, text: &mut String) {
    text.push('"');
    for c in value.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            c if u32::from(c) < 0x20 => {
                let _ = write!(text, "\\u{:04x}", u32::from(c));
            }
            c => text.push(c),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_become_one_object() {
        let facts = Facts::none()
            .text("why", "it said \"no\"\n\\ \u{1}")
            .number("attempt", 2)
            .flag("proven", true)
            .maybe("signal", None::<String>);
        assert_eq!(
            facts.to_json().as_str(),
            r#"{"why":"it said \"no\"\n\\ \u0001","attempt":2,"proven":true,"signal":null}"#
        );
        assert_eq!(Facts::none().to_json().as_str(), "{}");
    }
}
