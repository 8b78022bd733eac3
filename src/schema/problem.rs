//! What does not fit: the place in the value and a message in our own words, both bounded.

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{JsonType, ValidationError};
use serde_json::Value;

/// How many problems of one value are told; the rest is cut.
pub const PROBLEMS_MAX: usize = 16;

/// How much of a value is repeated in a message.
const SHOWN_CHARS: usize = 60;
/// How many words of a list (known keys, allowed values) are told.
const LISTED_MAX: usize = 12;

/// One place where a value does not fit its schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// JSON pointer to the place in the value; empty for the whole.
    pub path: String,
    /// What is wrong, lower case, without a period.
    pub message: String,
    /// What sort of problem it is.
    pub kind: ProblemKind,
}

/// The sorts of problems that callers treat differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProblemKind {
    /// An object has keys that it must not have.
    UnknownKeys {
        /// Those keys.
        unknown: Vec<String>,
        /// The keys that the schema names there, as far as it is plain.
        known: Vec<String>,
    },
    /// An object lacks a key.
    MissingKey,
    /// The value itself does not fit.
    Value,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.path.is_empty() {
            formatter.write_str(&self.message)
        } else {
            write!(formatter, "`{}`: {}", shorten(&self.path, 200), self.message)
        }
    }
}

/// Returns `text` with at most `chars` characters, control characters escaped, cut ones marked by `…`.
pub fn shorten(text: &str, chars: usize) -> String {
    let mut short = String::new();
    for (count, character) in text.chars().enumerate() {
        if count == chars {
            short.push('…');
            break;
        }
        if character.is_control() {
            short.extend(character.escape_default());
        } else {
            short.push(character);
        }
    }
    short
}

/// Turns one error of the validator into a problem.
pub(crate) fn problem(error: &ValidationError<'_>, schema: &Value) -> Problem {
    let path = error.instance_path().as_str().to_owned();
    let (message, kind) = match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            let known = known_keys(schema, error.schema_path().as_str());
            let mut message = match unexpected.as_slice() {
                [_] => format!("unknown key {}", quoted(unexpected)),
                _ => format!("unknown keys {}", quoted(unexpected)),
            };
            if !known.is_empty() {
                message.push_str(&format!(" (known: {})", quoted(&known)));
            }
            (message, ProblemKind::UnknownKeys { unknown: unexpected.clone(), known })
        }
        ValidationErrorKind::Required { property } => {
            (format!("the key {} is missing", quoted(&[text_of(property)])), ProblemKind::MissingKey)
        }
        other => (describe(other, error.instance()), ProblemKind::Value),
    };
    Problem { path, message, kind }
}

/// Says what is wrong with `value` itself.
fn describe(kind: &ValidationErrorKind, value: &Value) -> String {
    let shown = show(value);
    match kind {
        ValidationErrorKind::Type { kind } => format!("{} is expected, not {shown}", types(kind)),
        ValidationErrorKind::Enum { options } => {
            let options: Vec<String> = match options.as_ref() {
                Value::Array(options) => options.iter().map(text_of).collect(),
                other => vec![text_of(other)],
            };
            format!("{shown} is not one of {}", quoted(&options))
        }
        ValidationErrorKind::Constant { expected_value } => {
            format!("{} is expected, not {shown}", show(expected_value))
        }
        ValidationErrorKind::Pattern { pattern } => {
            format!("{shown} does not match the pattern `{}`", shorten(pattern, SHOWN_CHARS))
        }
        ValidationErrorKind::Format { format } => {
            format!("{shown} is not of the format `{}`", shorten(format, SHOWN_CHARS))
        }
        ValidationErrorKind::Minimum { limit } => format!("{shown} is less than {}", show(limit)),
        ValidationErrorKind::Maximum { limit } => format!("{shown} is more than {}", show(limit)),
        ValidationErrorKind::ExclusiveMinimum { limit } => {
            format!("{shown} is not more than {}", show(limit))
        }
        ValidationErrorKind::ExclusiveMaximum { limit } => {
            format!("{shown} is not less than {}", show(limit))
        }
        ValidationErrorKind::MultipleOf { multiple_of } => {
            format!("{shown} is not a multiple of {multiple_of}")
        }
        ValidationErrorKind::MinLength { limit } => format!("{shown} has fewer than {limit} characters"),
        ValidationErrorKind::MaxLength { limit } => format!("{shown} has more than {limit} characters"),
        ValidationErrorKind::MinItems { limit } => format!("fewer than {limit} items"),
        ValidationErrorKind::MaxItems { limit } => format!("more than {limit} items"),
        ValidationErrorKind::AdditionalItems { limit } => format!("more than {limit} items"),
        ValidationErrorKind::UnevaluatedItems { .. } => "items that the schema does not know".to_owned(),
        ValidationErrorKind::UniqueItems => "an item occurs twice".to_owned(),
        ValidationErrorKind::Contains => {
            "no item, or a wrong number of items, is of the kind asked for".to_owned()
        }
        ValidationErrorKind::MinProperties { limit } => format!("fewer than {limit} keys"),
        ValidationErrorKind::MaxProperties { limit } => format!("more than {limit} keys"),
        ValidationErrorKind::PropertyNames { error } => {
            format!("a key is not allowed: {}", describe(error.kind(), error.instance()))
        }
        ValidationErrorKind::FalseSchema => "nothing may stand here".to_owned(),
        ValidationErrorKind::Not { .. } => format!("{shown} is what the schema excludes"),
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
            format!("{shown} fits none of the {} allowed shapes", context.len())
        }
        ValidationErrorKind::OneOfMultipleValid { .. } => {
            format!("{shown} fits more than one of the allowed shapes, and must fit exactly one")
        }
        ValidationErrorKind::ContentEncoding { content_encoding } => {
            format!("{shown} is not encoded as `{}`", shorten(content_encoding, SHOWN_CHARS))
        }
        ValidationErrorKind::ContentMediaType { content_media_type } => {
            format!("{shown} is not `{}`", shorten(content_media_type, SHOWN_CHARS))
        }
        ValidationErrorKind::BacktrackLimitExceeded { .. }
        | ValidationErrorKind::RegexEngineFailure { .. } => {
            format!("{shown} could not be compared with a pattern: it takes too many steps")
        }
        _ => format!("{shown} does not fit the schema"),
    }
}

/// The keys that the schema names beside the `additionalProperties` at `place`, in its order.
fn known_keys(schema: &Value, place: &str) -> Vec<String> {
    let Some((object, "additionalProperties" | "unevaluatedProperties")) = place.rsplit_once('/') else {
        return Vec::new();
    };
    let properties = schema.pointer(object).and_then(|object| object.get("properties"));
    properties.and_then(Value::as_object).map(|keys| keys.keys().cloned().collect()).unwrap_or_default()
}

fn types(kind: &TypeKind) -> String {
    let one = |kind: JsonType| match kind {
        JsonType::Array => "an array",
        JsonType::Boolean => "a boolean",
        JsonType::Integer => "an integer",
        JsonType::Null => "null",
        JsonType::Number => "a number",
        JsonType::Object => "an object",
        JsonType::String => "a string",
    };
    match kind {
        TypeKind::Single(kind) => one(*kind).to_owned(),
        TypeKind::Multiple(kinds) => kinds.iter().map(one).collect::<Vec<_>>().join(" or "),
    }
}

/// A value in few words: scalars as JSON, containers by their size.
fn show(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("an array of {}", items.len()),
        Value::Object(entries) => format!("an object of {} keys", entries.len()),
        scalar => format!("`{}`", shorten(&scalar.to_string(), SHOWN_CHARS)),
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn quoted(words: &[String]) -> String {
    let shown = words.iter().take(LISTED_MAX).map(|word| format!("`{}`", shorten(word, SHOWN_CHARS)));
    let mut text = shown.collect::<Vec<_>>().join(", ");
    if words.len() > LISTED_MAX {
        text.push_str(&format!(" and {} more", words.len() - LISTED_MAX));
    }
    text
}
