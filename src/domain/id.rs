//! Identifiers: UUID version 7 newtypes, shown as text with a type prefix (`task_…`), and the
//! patterns by which people name one.

use std::fmt;
use std::str::FromStr;

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text does not begin with the prefix of its type.
    #[error("`{text}` does not begin with `{prefix}_`")]
    Prefix {
        /// What was given.
        text: String,
        /// The prefix that was expected, without the underscore.
        prefix: &'static str,
    },
    /// What follows the prefix is not 32 hexadecimal digits.
    #[error("`{text}` is not an id: 32 hexadecimal digits belong behind `{prefix}_`")]
    Digits {
        /// What was given.
        text: String,
        /// The prefix of the type, without the underscore.
        prefix: &'static str,
    },
}

/// Makes the raw bytes of new ids: UUID version 7, so that they rise with time.
pub trait IdSource: Send + Sync {
    /// Returns sixteen bytes that no earlier call returned.
    fn next_bytes(&self) -> [u8; 16];
}

fn parse_hex(digits: &str) -> Option<[u8; 16]> {
    let raw = digits.as_bytes();
    if raw.len() != 32 {
        return None;
    }
    let mut bytes = [0_u8; 16];
    for (byte, pair) in bytes.iter_mut().zip(raw.chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *byte = u8::try_from(high * 16 + low).ok()?;
    }
    Some(bytes)
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// The prefix of the text form, without the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// Makes a new id from the source.
            pub fn new(source: &dyn IdSource) -> Self {
                Self(source.next_bytes())
            }

            /// Returns the id that these bytes stand for.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// Returns the sixteen bytes as the store keeps them.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }

            /// Returns the short form that people see: the last eight hexadecimal digits.
            pub fn short(&self) -> String {
                self.to_string()[$prefix.len() + 1 + 24..].to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!($prefix, "_"))?;
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let digits = text
                    .strip_prefix(concat!($prefix, "_"))
                    .ok_or_else(|| IdError::Prefix { text: text.to_owned(), prefix: $prefix })?;
                parse_hex(digits)
                    .map(Self)
                    .ok_or_else(|| IdError::Digits { text: text.to_owned(), prefix: $prefix })
            }
        }
    };
}

id!(
    /// A task: a unit of work with an input and one result.
    TaskId, "task"
);
id!(
    /// An instance: one running child process of an agent or a tool server.
    InstanceId, "instance"
);
id!(
    /// A message on the bus.
    MessageId, "message"
);
id!(
    /// One call of one tool.
    ToolCallId, "call"
);
id!(
    /// One life of a host.
    HostId, "host"
);
id!(
    /// A question to a person or to the caller.
    QuestionId, "question"
);

/// What a person typed to name a task: a whole id, or a unique beginning or end of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdPattern {
    /// The hexadecimal digits in lower case, without prefix and dashes; 1 to 32 of them.
    digits: String,
}

impl IdPattern {
    /// Parses what was typed for a task; with or without `task_`, dashes ignored.
    ///
    /// # Errors
    /// `Digits` if something else than 1 to 32 hexadecimal digits is left.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let bare = text.strip_prefix("task_").unwrap_or(text);
        let digits: String = bare.chars().filter(|c| *c != '-').collect::<String>().to_ascii_lowercase();
        let fits = (1..=32).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
        if fits {
            Ok(Self { digits })
        } else {
            Err(IdError::Digits { text: text.to_owned(), prefix: TaskId::PREFIX })
        }
    }

    /// Returns the digits, in lower case.
    pub fn digits(&self) -> &str {
        &self.digits
    }

    /// Returns the id if all its digits were given.
    pub fn whole(&self) -> Option<TaskId> {
        parse_hex(&self.digits).map(TaskId)
    }

    /// Says whether the id begins or ends with the digits.
    pub fn matches(&self, id: TaskId) -> bool {
        let text = id.to_string();
        let all = &text[TaskId::PREFIX.len() + 1..];
        all.starts_with(&self.digits) || all.ends_with(&self.digits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: [u8; 16] = [1, 0x9a, 3, 4, 5, 6, 0x77, 8, 9, 10, 11, 12, 0xde, 0xad, 0xbe, 0xef];

    #[test]
    fn an_id_is_text_with_its_prefix_and_reads_back() {
        let id = TaskId::from_bytes(BYTES);
        assert_eq!(id.to_string(), "task_019a03040506770809 0a0b0cdeadbeef".replace(' ', ""));
        assert_eq!(id.short(), "deadbeef");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!(matches!("host_00".parse::<TaskId>(), Err(IdError::Prefix { .. })));
        assert!(matches!("task_00".parse::<TaskId>(), Err(IdError::Digits { .. })));
        assert!(matches!(format!("task_{}", "+f".repeat(16)).parse::<TaskId>(), Err(IdError::Digits { .. })));
    }

    #[test]
    fn a_pattern_fits_a_beginning_or_an_end() {
        let id = TaskId::from_bytes(BYTES);
        for fits in ["deadbeef", "019a", "task_019A", "DEADbeef", &id.to_string()] {
            assert!(IdPattern::parse(fits).unwrap().matches(id), "{fits}");
        }
        assert!(!IdPattern::parse("0304").unwrap().matches(id));
        assert_eq!(IdPattern::parse(&id.to_string()).unwrap().whole(), Some(id));
        for bad in ["", "task_", "xyz", &"a".repeat(33), "dead beef"] {
            assert!(IdPattern::parse(bad).is_err(), "{bad}");
        }
    }
}
