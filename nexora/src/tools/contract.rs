//! A tool's names and schemas as one value, and the check of arguments against them.

use std::sync::OnceLock;

use schema::Checker;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Effects, ToolError, ToolOutput};

/// What a tool promises.
#[derive(Debug)]
pub(super) struct Contract {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) description: &'static str,
    pub(super) effects: Effects,
    pub(super) input: Value,
    pub(super) output: Value,
    /// Compiled when the first arguments come.
    checker: OnceLock<Checker>,
}

/// How a tool is called and described.
pub(super) struct Words {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) description: &'static str,
}

/// The two schemas of a tool, as text from `schemas/tools/`.
pub(super) struct SchemaTexts {
    pub(super) input: &'static str,
    pub(super) output: &'static str,
}

/// Names the two schema files of a tool.
macro_rules! schema_texts {
    ($name:literal) => {
        $crate::tools::contract::SchemaTexts {
            input: include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../schemas/tools/",
                $name,
                ".input.schema.json"
            )),
            output: include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../schemas/tools/",
                $name,
                ".output.schema.json"
            )),
        }
    };
}
pub(super) use schema_texts;

impl Contract {
    /// Puts a contract together.
    pub(super) fn new(words: Words, effects: Effects, texts: &SchemaTexts) -> Self {
        let input = parse_schema(words.name, texts.input);
        let output = parse_schema(words.name, texts.output);
        let Words { name, title, description } = words;
        Self { name, title, description, effects, input, output, checker: OnceLock::new() }
    }

    /// Checks arguments against the input schema.
    pub(super) fn check(&self, arguments: &Value) -> Result<(), ToolError> {
        let checker = self.checker.get_or_init(|| match schema::compile(&self.input, &[]) {
            Ok(checker) => checker,
            // The schema is compiled in, and a test compiles that of every tool.
            Err(error) => panic!("input schema of the built-in tool `{}`: {error}", self.name),
        });
        match checker.check(arguments).into_iter().next() {
            Some(problem) => Err(self.bad(problem.path, problem.message)),
            None => Ok(()),
        }
    }

    /// Checks arguments and parses them into the tool's own type.
    pub(super) fn parse<A: DeserializeOwned>(&self, arguments: &Value) -> Result<A, ToolError> {
        self.check(arguments)?;
        A::deserialize(arguments).map_err(|error| self.bad("", error.to_string()))
    }

    /// Returns the error for an argument that does not fit.
    pub(super) fn bad(&self, path: impl Into<String>, message: impl Into<String>) -> ToolError {
        ToolError::BadArguments { tool: self.name, path: path.into(), message: message.into() }
    }
}

/// Returns what a tool gives: its typed output as JSON, and words.
pub(super) fn answer<O: Serialize>(output: &O, text: String) -> ToolOutput {
    match serde_json::to_value(output) {
        Ok(output) => ToolOutput { output, text, is_error: false },
        // Outputs are structs with text keys.
        Err(error) => panic!("output of a built-in tool as JSON: {error}"),
    }
}

fn parse_schema(name: &str, text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(schema) => schema,
        // The texts are compiled in, and a test builds every tool.
        Err(error) => panic!("schema of the built-in tool `{name}`: {error}"),
    }
}

/// Gives a tool the parts of its trait that its contract knows.
macro_rules! contract_methods {
    () => {
        fn name(&self) -> &'static str {
            self.contract.name
        }
        fn title(&self) -> &'static str {
            self.contract.title
        }
        fn description(&self) -> &'static str {
            self.contract.description
        }
        fn effects(&self) -> $crate::tools::Effects {
            self.contract.effects
        }
        fn input_schema(&self) -> &serde_json::Value {
            &self.contract.input
        }
        fn output_schema(&self) -> &serde_json::Value {
            &self.contract.output
        }
        fn check(&self, arguments: &serde_json::Value) -> Result<(), $crate::tools::ToolError> {
            self.contract.check(arguments)
        }
    };
}
pub(super) use contract_methods;
