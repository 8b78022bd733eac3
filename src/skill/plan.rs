//! A plan that was checked at load, and its input with the defaults of its schema.

use schema::{Checker, Problem};
use serde_json::{Map, Value};
use wire::plan::{Effects, Plan};

/// The file that holds a skill's plan.
pub(crate) const PLAN_FILE: &str = "plan.json";

/// A plan that was checked at load: its names exist, its schemas compile, its report is at hand.
#[derive(Debug)]
pub struct CheckedPlan {
    /// The plan as it was written.
    pub plan: Plan,
    /// Checks the input.
    pub(crate) input: Checker,
    /// Checks the result, where the plan has a schema for it.
    pub(crate) result: Option<Checker>,
    /// The template of the report.
    pub(crate) report: Option<String>,
}

/// Why an input does not fit a plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the input does not fit: {}", told(.problems))]
pub struct InputError {
    /// What does not fit, and where.
    pub problems: Vec<Problem>,
}

fn told(problems: &[Problem]) -> String {
    problems.iter().take(3).map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl CheckedPlan {
    /// Returns whether the plan may change anything.
    pub fn effects(&self) -> Effects {
        self.plan.effects
    }

    /// Returns the schema of the input.
    pub fn input_schema(&self) -> &Value {
        self.input.schema()
    }

    /// Returns the template of the report, where the plan has one.
    pub fn report_template(&self) -> Option<&str> {
        self.report.as_deref()
    }

    /// Returns `given` with the defaults of the input's schema where keys are missing.
    ///
    /// # Errors
    /// What does not fit the schema, with the place.
    pub fn input(&self, given: Value) -> Result<Value, InputError> {
        let input = with_defaults(given, self.input.schema());
        let problems = self.input.check(&input);
        if problems.is_empty() { Ok(input) } else { Err(InputError { problems }) }
    }

    /// Returns what of `result` does not fit the plan's schema for it.
    pub fn check_result(&self, result: &Value) -> Vec<Problem> {
        self.result.as_ref().map(|checker| checker.check(result)).unwrap_or_default()
    }
}

/// Fills in `default` for missing keys of an object, and of the objects in it.
fn with_defaults(value: Value, schema: &Value) -> Value {
    let (Value::Object(mut entries), Some(properties)) = (value.clone(), schema.get("properties")) else {
        return value;
    };
    for (key, property) in properties.as_object().into_iter().flatten() {
        let filled = match (entries.remove(key), property.get("default")) {
            (Some(given), _) => with_defaults(given, property),
            (None, Some(default)) => with_defaults(default.clone(), property),
            (None, None) => continue,
        };
        entries.insert(key.clone(), filled);
    }
    Value::Object(entries)
}

/// Returns the keys of a closed input; nothing when it is open.
pub(crate) fn closed_keys(schema: &Map<String, Value>) -> Option<Vec<String>> {
    let closed = schema.get("additionalProperties") == Some(&Value::Bool(false))
        && !schema.contains_key("patternProperties")
        && !schema.contains_key("$ref");
    let properties = schema.get("properties").and_then(Value::as_object);
    closed.then(|| properties.map(|keys| keys.keys().cloned().collect()).unwrap_or_default())
}
