//! The three acts of the demo.

pub mod cancelled;
pub mod handed_over;
pub mod interrupted;

use serde_json::Value;
use wire::views::TaskSummary;

use crate::error::Error;

/// Reads a summary out of an answer.
fn summary(value: Value) -> Result<TaskSummary, Error> {
    serde_json::from_value(value)
        .map_err(|error| Error::internal(format!("a task's summary cannot be read: {error}")))
}

/// Returns the id of the task that an answer is about.
fn id_of(content: &Value) -> Result<String, Error> {
    content["id"].as_str().map(str::to_owned).ok_or_else(|| Error::internal("an answer has no id"))
}

/// Checks that what the demo is about to say is true.
fn hold(holds: bool, claim: &str, task: &TaskSummary) -> Result<(), Error> {
    if holds {
        return Ok(());
    }
    let why = task.error.as_ref().map(|error| format!(": {}", error.message)).unwrap_or_default();
    Err(Error::internal(format!(
        "the demo expected the task {} to be {claim}, but it is {} after attempt {}{why}",
        task.id, task.state, task.attempt
    )))
}
