//! What expressions can see: `input`, `task`, the results of earlier steps, and the item of a
//! `foreach`.

use std::collections::BTreeMap;

use minijinja::value::{Serde, Value};

/// The result of a step, as later expressions see it.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize)]
pub struct StepResult {
    /// The tool's output; with `foreach` the list of outputs; null when it was skipped or failed.
    pub output: serde_json::Value,
    /// The output in words, or the error's text.
    pub text: String,
    /// Whether a call failed.
    pub is_error: bool,
    /// Whether `when` was false.
    pub skipped: bool,
}

/// The names and values that expressions can see. Cheap to clone: values are shared.
#[derive(Debug, Clone)]
pub struct Scope {
    input: Value,
    task: Value,
    steps: BTreeMap<String, Value>,
    item: Option<(String, Value)>,
}

impl Scope {
    /// Returns a scope before the first step.
    pub fn new(input: &serde_json::Value, task_id: &str, task_cwd: &str) -> Self {
        let task = serde_json::json!({ "id": task_id, "cwd": task_cwd });
        Self {
            input: Value::from(Serde(input)),
            task: Value::from(Serde(task)),
            steps: BTreeMap::new(),
            item: None,
        }
    }

    /// Makes a step's result visible.
    pub fn set_step(&mut self, id: &str, result: &StepResult) {
        self.steps.insert(id.to_owned(), Value::from(Serde(result)));
    }

    /// Returns a scope that also sees an item under `name`.
    #[must_use]
    pub fn with_item(&self, name: &str, item: &serde_json::Value) -> Self {
        Self { item: Some((name.to_owned(), Value::from(Serde(item)))), ..self.clone() }
    }

    pub(crate) fn context(&self) -> Value {
        let steps = Value::from_pairs(self.steps.iter().map(|(id, result)| (id.as_str(), result.clone())));
        let fixed = [("input", self.input.clone()), ("task", self.task.clone()), ("steps", steps)];
        let item = self.item.iter().map(|(name, item)| (name.as_str(), item.clone()));
        Value::from_pairs(fixed.into_iter().chain(item))
    }
}
