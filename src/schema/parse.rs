//! Reads JSON text with the depth limit, and says line and column of what is wrong.

use std::fmt;

use serde::Deserialize;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::depth::{DEPTH_MAX, text_exceeds};

/// What is wrong with a text that should be JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} at line {line}, column {column}")]
pub struct JsonProblem {
    /// Line, from 1.
    pub line: usize,
    /// Column in bytes, from 1; 0 only for an empty text's end.
    pub column: usize,
    /// What is wrong, lower case, without a period.
    pub message: String,
}

/// Returns the value that `text` holds.
///
/// # Errors
/// Where the text stops being JSON, or where it passes [`DEPTH_MAX`] levels.
pub fn parse_json(text: &str) -> Result<Value, JsonProblem> {
    if let Some(offset) = text_exceeds(text, DEPTH_MAX) {
        let (line, column) = place(text, offset);
        return Err(JsonProblem {
            line,
            column,
            message: format!("nested more than {DEPTH_MAX} levels deep"),
        });
    }
    match serde_json::from_str(text) {
        Ok(value) => Ok(value),
        // serde_json counts one level less than we allow, so the outermost level is read by hand.
        Err(_) if text_exceeds(text, DEPTH_MAX - 1).is_some() => outermost(text),
        Err(error) => Err(at_a_character(problem(&error), text)),
    }
}

/// Moves a place before the first column to the end of the line before.
fn at_a_character(problem: JsonProblem, text: &str) -> JsonProblem {
    if problem.column > 0 || problem.line < 2 {
        return problem;
    }
    let line = problem.line - 1;
    let column = text.split('\n').nth(line - 1).map_or(1, |text| text.len().max(1));
    JsonProblem { line, column, ..problem }
}

/// Reads the outermost array or object apart, each of its values by itself.
fn outermost(text: &str) -> Result<Value, JsonProblem> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let parts = Parts::deserialize(&mut deserializer).map_err(|error| problem(&error))?;
    deserializer.end().map_err(|error| problem(&error))?;
    let inner = |raw: &RawValue| {
        serde_json::from_str::<Value>(raw.get()).map_err(|error| {
            let start = raw.get().as_ptr() as usize - text.as_ptr() as usize;
            let (line, column) = place(text, start);
            let mut problem = problem(&error);
            problem.column = if problem.line == 1 { column + problem.column - 1 } else { problem.column };
            problem.line += line - 1;
            problem
        })
    };
    match parts {
        Parts::Array(items) => Ok(Value::Array(items.into_iter().map(inner).collect::<Result<_, _>>()?)),
        Parts::Object(entries) => {
            let mut map = Map::new();
            for (key, raw) in entries {
                map.insert(key, inner(raw)?);
            }
            Ok(Value::Object(map))
        }
    }
}

enum Parts<'t> {
    Array(Vec<&'t RawValue>),
    Object(Vec<(String, &'t RawValue)>),
}

impl<'de> Deserialize<'de> for Parts<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PartsVisitor;
        impl<'de> Visitor<'de> for PartsVisitor {
            type Value = Parts<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an array or an object")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
                let mut parts = Vec::new();
                while let Some(raw) = items.next_element::<&'de RawValue>()? {
                    parts.push(raw);
                }
                Ok(Parts::Array(parts))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
                let mut parts = Vec::new();
                while let Some(entry) = entries.next_entry::<String, &'de RawValue>()? {
                    parts.push(entry);
                }
                Ok(Parts::Object(parts))
            }
        }
        deserializer.deserialize_any(PartsVisitor)
    }
}

fn problem(error: &serde_json::Error) -> JsonProblem {
    let text = error.to_string();
    let message = match text.rfind(" at line ") {
        Some(end) => &text[..end],
        None => &text,
    };
    let message = message.replacen("EOF while parsing", "the text ends inside", 1);
    JsonProblem { line: error.line(), column: error.column(), message }
}

/// Returns line and column, both from 1, of a byte offset.
fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = &text.as_bytes()[..offset.min(text.len())];
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
    (line, column)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::depth_within;

    fn nested(levels: usize) -> String {
        format!("{}{}", "[".repeat(levels), "]".repeat(levels))
    }

    #[test]
    fn reads_128_levels_and_refuses_129() {
        for levels in [1, 126, 127, 128] {
            let value = parse_json(&nested(levels)).unwrap();
            assert!(depth_within(&value, levels) && !depth_within(&value, levels - 1), "{levels}");
        }
        let problem = parse_json(&format!("\n {}", nested(129))).unwrap_err();
        assert_eq!((problem.line, problem.column), (2, 130));
        assert_eq!(problem.message, "nested more than 128 levels deep");
        assert!(parse_json(&"{\"a\":".repeat(100_000)).is_err());
    }

    #[test]
    fn reads_128_levels_of_objects_in_order() {
        let text = format!("{{\"b\":1,\"a\":{}{}}}", "{\"x\":".repeat(126) + "[7]", "}".repeat(126));
        let value = parse_json(&text).unwrap();
        assert_eq!(value.as_object().unwrap().keys().collect::<Vec<_>>(), ["b", "a"]);
        assert_eq!(serde_json::to_string(&value).unwrap(), text);
    }

    #[test]
    fn says_line_and_column() {
        let check = |text: &str, line: usize, column: usize, message: &str| {
            let problem = parse_json(text).unwrap_err();
            assert_eq!(
                (problem.line, problem.column, problem.message.as_str()),
                (line, column, message),
                "{text}"
            );
        };
        check("{\n  \"a\": 1,\n  b\n}", 3, 3, "key must be a string");
        check("{\"a\": ", 1, 6, "the text ends inside a value");
        check("", 1, 0, "the text ends inside a value");
        check("[1] x", 1, 5, "trailing characters");
    }

    #[test]
    fn says_the_place_in_the_deepest_text_that_is_read() {
        let inner = format!("{}1e999999{}", "[".repeat(127), "]".repeat(127));
        let problem = parse_json(&format!("[\n{inner}]")).unwrap_err();
        assert_eq!(problem.line, 2);
        assert!(problem.column > 127, "{problem:?}");
        let problem = parse_json(&format!("{}1,,2{}", "[".repeat(128), "]".repeat(128))).unwrap_err();
        assert_eq!((problem.line, problem.column), (1, 131));
    }
}
