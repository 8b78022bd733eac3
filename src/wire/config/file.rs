//! The configuration as it is written down: every key may be missing, unknown ones are errors.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use domain::{AgentName, Reason, Recovery, format_duration, parse_duration};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{Driver, EnvValue};

/// One file, or what variables and flags say.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FileConfig {
    /// The schema of this file, for editors.
    #[serde(rename = "$schema")]
    pub schema: Option<String>,
    /// The background process that executes tasks.
    pub host: HostFile,
    /// The database.
    pub store: StoreFile,
    /// What a task follows that does not say otherwise.
    pub defaults: DefaultsFile,
    /// The agents, by name.
    #[schemars(with = "BTreeMap<String, AgentFile>")]
    pub agents: BTreeMap<AgentKey, AgentFile>,
}

/// `[host]`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HostFile {
    /// Whether a host may be started when work is submitted and none runs; true by default.
    pub autostart: Option<bool>,
    /// After how long without work and clients it ends; 10m by default.
    pub idle_timeout: Option<DurationText>,
    /// How many tasks run at once, from 1 to 1024; 4 by default.
    #[schemars(range(min = 1, max = 1024))]
    pub max_running: Option<Count>,
}

/// `[store]`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StoreFile {
    /// The database file, absolute.
    pub path: Option<AbsolutePath>,
}

/// `[defaults]`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DefaultsFile {
    /// The agent; nexora by default.
    pub agent: Option<AgentKey>,
    /// How long one attempt may run; 1h by default.
    pub timeout: Option<DurationText>,
    /// What is tried again.
    pub retries: RetriesFile,
    /// What becomes of a task whose attempt was lost; resume by default.
    pub recovery: Option<RecoveryWord>,
}

/// `[defaults.retries]`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RetriesFile {
    /// Attempts after the first, at most 100; 2 by default.
    #[schemars(range(min = 0, max = 100))]
    pub max: Option<Tries>,
    /// The wait before the first of them, doubled each time; 2s by default.
    pub backoff: Option<DurationText>,
    /// The reasons that are tried again; protocol_error by default.
    pub on: Option<Vec<ReasonWord>>,
}

/// `[agents.NAME]`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AgentFile {
    /// How it is driven; acp by default.
    pub driver: Option<DriverWord>,
    /// The program; the word `modelscan` means this very executable.
    pub command: Option<CommandText>,
    /// Its arguments.
    pub args: Option<Vec<String>>,
    /// What it is, for people.
    pub description: Option<String>,
    /// What it can do, in words.
    pub capabilities: Option<Vec<AgentKey>>,
    /// The skills that it has.
    pub skills: Option<Vec<String>>,
    /// How many of its tasks run at once, from 1 to 1024; 4 by default.
    #[schemars(range(min = 1, max = 1024))]
    pub max_running: Option<Count>,
    /// How long it may take until it has a session; 30s by default.
    pub start_timeout: Option<DurationText>,
    /// Variables that it gets: text, or `{ file = "PATH" }`, read at each start and never stored.
    pub env: Option<BTreeMap<VariableName, EnvText>>,
    /// Variables that it gets from the submitter of a task; PATH, HOME and LANG by default.
    pub env_pass: Option<Vec<VariableName>>,
}

/// Defines a value that is written as text and read once into its type.
macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident($inner:ty), $expected:literal, $parse:expr, $schema:expr;)+) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(pub $inner);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl Visitor<'_> for Text {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expected)
                    }

                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        let parse: fn(&str) -> Result<$inner, String> = $parse;
                        parse(text).map($name).map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Text)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    )+ };
}

fn words(all: impl Iterator<Item = &'static str>) -> Schema {
    let all: Vec<&str> = all.collect();
    json_schema!({ "type": "string", "enum": all })
}

texts! {
    /// A duration such as `90s`, `5m`, `1h30m` or `7d`.
    DurationText(Duration), "a duration such as \"90s\" or \"1h30m\"",
        |text| parse_duration(text).map_err(|error| error.to_string()),
        json_schema!({ "type": "string", "pattern": "^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$",
            "minLength": 2, "description": "A duration such as 90s, 5m, 1h30m or 7d.", "examples": ["90s", "1h30m"] });
    /// The name of an agent or of a capability.
    AgentKey(AgentName), "a name such as \"nexora\"",
        |text| text.parse::<AgentName>().map_err(|error| error.to_string()),
        json_schema!({ "type": "string", "pattern": "^[a-z0-9][a-z0-9_-]{0,63}$" });
    /// A recovery policy.
    RecoveryWord(Recovery), "a recovery policy: \"resume\", \"retry\", \"fail\" or \"ask\"",
        |text| text.parse::<Recovery>().map_err(|error| error.to_string()),
        words(Recovery::ALL.iter().map(|word| word.as_str()));
    /// A reason of a failure.
    ReasonWord(Reason), "a reason such as \"protocol_error\"",
        |text| text.parse::<Reason>().map_err(|error| error.to_string()),
        words(Reason::ALL.iter().map(|word| word.as_str()));
    /// How an agent is driven.
    DriverWord(Driver), "a driver: \"acp\"",
        |text| match text {
            "acp" => Ok(Driver::Acp),
            other => Err(format!("`{other}` is not a driver: one of acp")),
        },
        words([Driver::Acp.as_str()].into_iter());
    /// A program: a name that is looked for in PATH, or a path.
    CommandText(String), "a program's name or path",
        |text| if text.is_empty() || text.contains('\0') {
            Err("a command is a program's name or path, not empty".to_owned())
        } else {
            Ok(text.to_owned())
        },
        json_schema!({ "type": "string", "minLength": 1 });
    /// An absolute path.
    AbsolutePath(std::path::PathBuf), "an absolute path",
        |text| if text.starts_with('/') && !text.contains('\0') {
            Ok(std::path::PathBuf::from(text))
        } else {
            Err(format!("`{text}` is not an absolute path"))
        },
        json_schema!({ "type": "string", "pattern": "^/" });
    /// The name of an environment variable.
    VariableName(String), "the name of a variable",
        |text| if text.is_empty() || text.contains(['=', '\0']) {
            Err(format!("`{}` is not the name of a variable", text.escape_debug()))
        } else {
            Ok(text.to_owned())
        },
        json_schema!({ "type": "string", "pattern": "^[^=]+$" });
}

/// Defines a whole number within limits.
macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident, $min:literal, $max:literal;)+) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
        pub struct $name(pub u32);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Number;
                impl Visitor<'_> for Number {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        write!(f, "a whole number from {} to {}", $min, $max)
                    }

                    fn visit_i64<E: de::Error>(self, value: i64) -> Result<$name, E> {
                        match u32::try_from(value) {
                            Ok(number) if ($min..=$max).contains(&number) => Ok($name(number)),
                            _ => Err(E::custom(format!(
                                "`{value}` is out of range: a whole number from {} to {}", $min, $max
                            ))),
                        }
                    }

                    fn visit_u64<E: de::Error>(self, value: u64) -> Result<$name, E> {
                        self.visit_i64(i64::try_from(value).unwrap_or(i64::MAX))
                    }
                }
                deserializer.deserialize_i64(Number)
            }
        }
    )+ };
}

numbers! {
    /// How many at once.
    Count, 1_u32, 1024_u32;
    /// How many tries more.
    Tries, 0_u32, 100_u32;
}

/// The value of a variable: text, or `{ file = "PATH" }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvText(pub EnvValue);

/// The one key of a value that is read from a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FromFile {
    file: AbsolutePath,
}

impl<'de> Deserialize<'de> for EnvText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Value;
        impl<'de> Visitor<'de> for Value {
            type Value = EnvText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text, or `{ file = \"PATH\" }`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<EnvText, E> {
                if text.contains('\0') {
                    return Err(E::custom("a variable's value cannot hold a NUL"));
                }
                Ok(EnvText(EnvValue::Text(text.to_owned())))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<EnvText, A::Error> {
                let from = FromFile::deserialize(de::value::MapAccessDeserializer::new(map))?;
                Ok(EnvText(EnvValue::File(from.file.0)))
            }
        }
        deserializer.deserialize_any(Value)
    }
}

impl JsonSchema for EnvText {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "EnvText".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Text, or a file that is read at each start and never stored.",
            "anyOf": [
                { "type": "string" },
                { "type": "object", "properties": { "file": { "type": "string", "pattern": "^/" } },
                  "required": ["file"], "additionalProperties": false },
            ],
        })
    }
}

impl DurationText {
    /// Returns the text that reads back as this duration.
    pub fn text(&self) -> String {
        format_duration(self.0)
    }
}

/// Returns the schema of the file.
pub fn schema() -> serde_json::Value {
    crate::schemas::of::<FileConfig>("config")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_published_schema_is_that_of_the_types() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas/config.schema.json");
        let published = std::fs::read_to_string(path).unwrap_or_default();
        let fresh = format!("{:#}\n", super::schema());
        assert_eq!(published, fresh, "schemas/config.schema.json is not the schema of the configuration");
    }
}
