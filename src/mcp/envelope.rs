//! The thin outside of a JSON-RPC message: its fields as raw text. What they hold is not parsed,
//! so that the id is known whatever else is wrong, and however deep it is nested.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::limits::ID_BYTES_MAX;

/// The fields of one message, as they were written.
#[derive(Debug, Deserialize)]
pub struct Envelope<'a> {
    /// The version of JSON-RPC.
    #[serde(borrow, default, deserialize_with = "present")]
    pub jsonrpc: Option<&'a RawValue>,
    /// What the answer will name.
    #[serde(borrow, default, deserialize_with = "present")]
    pub id: Option<&'a RawValue>,
    /// What is asked for or told.
    #[serde(borrow, default, deserialize_with = "present")]
    pub method: Option<&'a RawValue>,
    /// Its parameters.
    #[serde(borrow, default, deserialize_with = "present")]
    pub params: Option<&'a RawValue>,
    /// The result, in an answer.
    #[serde(borrow, default, deserialize_with = "present")]
    pub result: Option<&'a RawValue>,
    /// The error, in an answer.
    #[serde(borrow, default, deserialize_with = "present")]
    pub error: Option<&'a RawValue>,
}

/// Keeps a `null` that is there apart from a field that is not.
fn present<'de: 'a, 'a, D: serde::Deserializer<'de>>(from: D) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(from).map(Some)
}

/// Why a text is no message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Malformed {
    /// It is not one JSON value.
    Syntax(String),
    /// It is JSON, and not an object with each of these fields at most once.
    Shape(String),
}

impl<'a> Envelope<'a> {
    /// Returns the fields of the message that `text` holds.
    ///
    /// # Errors
    /// When it is not one JSON object, or names a field twice.
    pub fn parse(text: &'a str) -> Result<Self, Malformed> {
        if !text.trim_start().starts_with('{') {
            return Err(match serde_json::from_str::<&RawValue>(text) {
                Ok(_) => Malformed::Shape("a message is a JSON object".to_owned()),
                Err(error) => Malformed::Syntax(error.to_string()),
            });
        }
        serde_json::from_str(text).map_err(|error| {
            // A doubled field is noticed before the rest was read.
            let whole = error.is_data() && serde_json::from_str::<&RawValue>(text).is_ok();
            if whole { Malformed::Shape(error.to_string()) } else { Malformed::Syntax(error.to_string()) }
        })
    }

    /// Returns whether the message says that it is JSON-RPC 2.0.
    pub fn is_version_two(&self) -> bool {
        self.jsonrpc.is_some_and(|raw| raw.get() == "\"2.0\"")
    }

    /// Returns the method, if it is there and text.
    pub fn method_name(&self) -> Option<String> {
        serde_json::from_str(self.method?.get()).ok()
    }

    /// Returns the id, if it is there and usable.
    pub fn usable_id(&self) -> Option<RawId> {
        RawId::parse(self.id?)
    }
}

/// An id as its sender wrote it, to be echoed byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawId {
    raw: Box<str>,
    key: IdKey,
}

/// What an id means: two spellings of one string are one id, `5` and `"5"` are two.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum IdKey {
    /// An integer.
    Integer(i64),
    /// A string.
    Text(Box<str>),
}

impl RawId {
    /// Returns the id that `raw` holds: an integer within 64 bits, or a string of at most
    /// [`ID_BYTES_MAX`] bytes.
    pub fn parse(raw: &RawValue) -> Option<Self> {
        let text = raw.get();
        let key = if text.starts_with('"') {
            let decoded: String = serde_json::from_str(text).ok()?;
            if decoded.len() > ID_BYTES_MAX {
                return None;
            }
            IdKey::Text(decoded.into())
        } else {
            IdKey::Integer(text.parse().ok()?)
        };
        Some(Self { raw: text.into(), key })
    }

    /// Returns the id as it was written.
    pub fn as_written(&self) -> &str {
        &self.raw
    }

    /// Returns what the id means.
    pub fn key(&self) -> &IdKey {
        &self.key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> Option<String> {
        let line = format!(r#"{{"jsonrpc":"2.0","id":{text},"method":"x"}}"#);
        Envelope::parse(&line).unwrap().usable_id().map(|id| id.as_written().to_owned())
    }

    #[test]
    fn ids_are_integers_or_short_strings_as_written() {
        for good in ["0", "-1", "9223372036854775807", "\"\"", "\"5\"", "\"\\u0035\""] {
            assert_eq!(id(good).as_deref(), Some(good));
        }
        let long = format!("\"{}\"", "x".repeat(ID_BYTES_MAX + 1));
        for bad in ["null", "1.5", "true", "{}", "9223372036854775808", "1e400", "1.0", "\"\\ud800\"", &long]
        {
            assert_eq!(id(bad), None, "{bad}");
        }
    }

    #[test]
    fn spellings_of_one_string_are_one_id() {
        let parse = |text| RawId::parse(serde_json::from_str::<&RawValue>(text).unwrap()).unwrap();
        assert_eq!(parse("\"5\"").key(), parse("\"\\u0035\"").key());
        assert_ne!(parse("\"5\"").key(), parse("5").key());
    }

    #[test]
    fn depth_and_bad_escapes_inside_do_not_hide_the_id() {
        let deep = format!(r#"{{"id":5,"params":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
        assert!(Envelope::parse(&deep).unwrap().usable_id().is_some());
        let lone = r#"{"id":5,"params":{"x":"\ud800"}}"#;
        assert!(Envelope::parse(lone).unwrap().usable_id().is_some());
    }

    #[test]
    fn what_is_no_message_says_whether_it_is_json() {
        let shape = |text| matches!(Envelope::parse(text), Err(Malformed::Shape(_)));
        let syntax = |text| matches!(Envelope::parse(text), Err(Malformed::Syntax(_)));
        for text in ["42", "null", "\"x\"", r#"{"id":1,"id":2}"#] {
            assert!(shape(text), "{text}");
        }
        for text in ["hello", "{", r#"{"id":1,}"#, r#"{"id":1,"id":2"#, r#"{} {}"#] {
            assert!(syntax(text), "{text}");
        }
    }
}
