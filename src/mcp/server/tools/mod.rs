//! The tools as clients see them: names, texts, schemas, hints; and the check of arguments.

use std::sync::{Arc, OnceLock};

use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use schema::Checker;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::catalog::Refusal;

/// The kind of a refusal of arguments.
pub(super) const BAD_ARGUMENTS: &str = "bad_input";

/// The kind of a refusal that is our own fault.
const INTERNAL: &str = "internal";

/// How many problems of one call are told.
const PROBLEMS_TOLD: usize = 5;

/// A tool that cannot be offered. A fault of the build, found by the tests.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the {part} schema of tool `{tool}` cannot be used: {message}")]
pub struct BrokenTool {
    tool: &'static str,
    part: &'static str,
    message: String,
}

#[derive(Clone, Copy)]
enum Hints {
    ReadOnly,
    Submits,
    Cancels,
}

struct Definition {
    name: &'static str,
    title: &'static str,
    description: &'static str,
    input: &'static str,
    /// The name of the answer's shape.
    output: &'static str,
    hints: Hints,
}

/// The input schema of a tool, as text of its public file.
macro_rules! input {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas/mcp/", $name, ".input.schema.json"))
    };
}

/// In the order in which clients list them.
const DEFINITIONS: [Definition; 7] = [
    Definition {
        name: "agent_list",
        title: "List agents",
        description: "Lists the agents that work can be handed to: what each can do, which skills it has, and \
            whether it is free. Call this first if you do not know who is there.",
        input: input!("agent_list"),
        output: "agent_list",
        hints: Hints::ReadOnly,
    },
    Definition {
        name: "task_submit",
        title: "Submit a task",
        description: "Hands work to an agent and answers at once with the task's id, which is then on disk: the task \
            goes on whatever becomes of this connection. With `wait_ms` it waits for the end and gives the result too. \
            Otherwise call `task_wait` with the id, then `task_result`. With `key`, asking again is safe.",
        input: input!("task_submit"),
        output: "task_submit",
        hints: Hints::Submits,
    },
    Definition {
        name: "task_status",
        title: "Show a task's state",
        description: "Says where one task stands, without waiting: its state, how far it is, what it waits with, \
            why it failed.",
        input: input!("task_status"),
        output: "task_summary",
        hints: Hints::ReadOnly,
    },
    Definition {
        name: "task_wait",
        title: "Wait for tasks",
        description: "Waits until the tasks have ended, or one of them with mode `any`, for at most 55 s. What is \
            not done then is named in `pending`: call again. Ending the wait never ends a task.",
        input: input!("task_wait"),
        output: "task_wait",
        hints: Hints::ReadOnly,
    },
    Definition {
        name: "task_result",
        title: "Read a task's result",
        description: "Gives the result of a task that has ended, or why it failed. A large result comes in parts: \
            go on at `next_offset`, or name the part that you want with `pointer`.",
        input: input!("task_result"),
        output: "result",
        hints: Hints::ReadOnly,
    },
    Definition {
        name: "task_cancel",
        title: "Cancel tasks",
        description: "Cancels tasks and ends everything that they started. Says for each what happened; one that has \
            ended already stays as it is.",
        input: input!("task_cancel"),
        output: "task_cancel",
        hints: Hints::Cancels,
    },
    Definition {
        name: "task_list",
        title: "List tasks",
        description: "Lists the tasks of this folder, the latest first; with `all` those of every folder.",
        input: input!("task_list"),
        output: "task_list",
        hints: Hints::ReadOnly,
    },
];

/// Arguments that are objects, and that clients may also send as text.
const OBJECT_ARGUMENTS: [&str; 1] = ["input"];

/// Returns the input schema of each tool with its name; it is read from the public file.
pub fn input_schemas() -> Vec<(&'static str, Value)> {
    DEFINITIONS
        .iter()
        .map(|definition| (definition.name, serde_json::from_str(definition.input).unwrap_or_default()))
        .collect()
}

/// Returns the output schema of each tool with its name: what `schemas/mcp/NAME.output.schema.json`
/// must hold.
pub fn output_schemas() -> Vec<(&'static str, Value)> {
    DEFINITIONS
        .iter()
        .map(|definition| (definition.name, output_schema(definition.output).unwrap_or_default()))
        .collect()
}

/// All tools, ready to be listed and called.
pub(super) struct Tools {
    listed: Vec<Tool>,
    inputs: Vec<Input>,
}

/// What the arguments of one tool are checked with.
struct Input {
    tool: &'static str,
    schema: Value,
    /// Compiled when the first arguments come: a host that nobody calls does without.
    checker: OnceLock<Result<Checker, BrokenTool>>,
}

impl Input {
    fn checker(&self) -> Result<&Checker, BrokenTool> {
        let compiled = self.checker.get_or_init(|| {
            let broken = |error: schema::SchemaError| BrokenTool {
                tool: self.tool,
                part: "input",
                message: error.to_string(),
            };
            schema::compile(&self.schema, &[]).map_err(broken)
        });
        compiled.as_ref().map_err(Clone::clone)
    }
}

impl Tools {
    /// # Errors
    /// When a schema of ours cannot be read.
    pub(super) fn new() -> Result<Self, BrokenTool> {
        let mut tools = Self { listed: Vec::new(), inputs: Vec::new() };
        for definition in &DEFINITIONS {
            let broken = |part, message| BrokenTool { tool: definition.name, part, message };
            let input: Value =
                serde_json::from_str(definition.input).map_err(|error| broken("input", error.to_string()))?;
            let output = output_schema(definition.output)
                .ok_or_else(|| broken("output", format!("there is no shape `{}`", definition.output)))?;
            let tool = Tool::new(definition.name, definition.description, object(input.clone()))
                .with_title(definition.title)
                .with_raw_output_schema(object(output))
                .with_annotations(annotations(definition.hints));
            tools.listed.push(tool);
            let (tool, checker) = (definition.name, OnceLock::new());
            tools.inputs.push(Input { tool, schema: input, checker });
        }
        Ok(tools)
    }

    /// Returns the tools in their order.
    pub(super) fn listed(&self) -> &[Tool] {
        &self.listed
    }

    /// Returns whether there is a tool of that name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.listed.iter().any(|tool| tool.name == name)
    }

    /// Reads the arguments of a call of a tool.
    ///
    /// # Errors
    /// With a refusal that names the place of each problem.
    pub(super) fn arguments<T: DeserializeOwned>(
        &self,
        name: &str,
        arguments: Map<String, Value>,
    ) -> Result<T, Refusal> {
        let arguments = Value::Object(unpack(arguments)?);
        let input = self.inputs.iter().find(|input| input.tool == name);
        let checker = input.map(Input::checker).transpose();
        let checker = checker.map_err(|broken| Refusal::new(INTERNAL, broken.to_string()))?;
        let problems = checker.map(|checker| checker.check(&arguments)).unwrap_or_default();
        if !problems.is_empty() {
            let told: Vec<String> = problems.iter().take(PROBLEMS_TOLD).map(ToString::to_string).collect();
            return Err(Refusal::new(BAD_ARGUMENTS, format!("arguments of {name}: {}", told.join("; ")))
                .hint(format!("call {name} again with arguments that fit its input schema")));
        }
        serde_json::from_value(arguments)
            .map_err(|error| Refusal::new(BAD_ARGUMENTS, format!("arguments of {name}: {error}")))
    }
}

/// Replaces texts that hold an object by that object.
fn unpack(mut arguments: Map<String, Value>) -> Result<Map<String, Value>, Refusal> {
    for name in OBJECT_ARGUMENTS {
        let Some(Value::String(text)) = arguments.get(name) else { continue };
        let refuse = |why: String| {
            Refusal::new(BAD_ARGUMENTS, format!("`/{name}`: a string here must hold a JSON object: {why}"))
        };
        let value = schema::parse_json(text).map_err(|problem| refuse(problem.to_string()))?;
        if !value.is_object() {
            return Err(refuse("it holds something else".to_owned()));
        }
        arguments.insert(name.to_owned(), value);
    }
    Ok(arguments)
}

fn annotations(hints: Hints) -> ToolAnnotations {
    let none = ToolAnnotations::new();
    match hints {
        Hints::ReadOnly => none.read_only(true).destructive(false).idempotent(true).open_world(false),
        Hints::Submits => none.read_only(false).destructive(true).idempotent(false).open_world(true),
        Hints::Cancels => none.read_only(false).destructive(true).idempotent(true).open_world(false),
    }
}

fn output_schema(shape: &str) -> Option<Value> {
    let mut schema = match shape {
        "task_submit" => submitted()?,
        other => wire::schemas::schema(other)?,
    };
    if let Value::Object(map) = &mut schema {
        // Validators of older drafts refuse a version that they do not know.
        map.shift_remove("$schema");
    }
    plain(&mut schema);
    Some(schema)
}

/// A submit answers with the summary, and beside it what it has waited for.
fn submitted() -> Option<Value> {
    let mut schema = wire::schemas::schema("task_summary")?;
    schema["title"] = json!("task_submit");
    let added = [
        (
            "result",
            json!({ "description": "The result, if the task ended in time: a JSON text when it was cut; else null." }),
        ),
        (
            "report",
            json!({ "type": ["string", "null"], "description": "The report for people, if the task ended in time." }),
        ),
        (
            "truncated",
            json!({ "type": "boolean", "description": "Whether `result` is only a part: `task_result` has the rest." }),
        ),
    ];
    for (name, property) in added {
        schema.get_mut("properties")?.as_object_mut()?.insert(name.to_owned(), property);
        schema.get_mut("required")?.as_array_mut()?.push(json!(name));
    }
    Some(schema)
}

fn object(value: Value) -> Arc<JsonObject> {
    match value {
        Value::Object(map) => Arc::new(map),
        _ => Arc::default(),
    }
}

/// Writes a schema so that simple validators take it: no formats of number types that only we
/// know, no `true` in place of a schema.
fn plain(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            let number = |format: &Value| {
                format.as_str().is_some_and(|name| {
                    name.starts_with("int") || name.starts_with("uint") || name == "double"
                })
            };
            if map.get("format").is_some_and(number) {
                map.shift_remove("format");
            }
            for key in ["properties", "$defs"] {
                if let Some(Value::Object(inner)) = map.get_mut(key) {
                    for value in inner.values_mut().filter(|value| **value == Value::Bool(true)) {
                        *value = json!({});
                    }
                }
            }
            map.values_mut().for_each(plain);
        }
        Value::Array(items) => items.iter_mut().for_each(plain),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
