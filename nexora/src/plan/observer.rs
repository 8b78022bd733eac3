//! What a run tells: events to whoever watches, and each call with side effects to whoever keeps the
//! record, before it runs.

use serde_json::Value;

use crate::tools::{BoxFuture, Effects};

/// One call of a tool.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Its id, unique in the run: the step's, and the number of the item with `foreach`.
    pub id: String,
    /// The step that makes it.
    pub step: String,
    /// The tool.
    pub tool: String,
    /// What is being done, for people.
    pub title: String,
    /// Whether it can change anything.
    pub effects: Effects,
    /// The arguments, with all expressions evaluated.
    pub arguments: Value,
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepEnd {
    /// All its calls are done.
    Done,
    /// Its `when` was false.
    Skipped,
    /// A call failed.
    Failed,
}

/// What a run tells, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum PlanEvent<'a> {
    /// A step begins.
    StepStarted {
        /// Its id.
        step: &'a str,
        /// What is being done, for people.
        title: &'a str,
    },
    /// A call is about to run. One with side effects is put on record after this and before it runs.
    CallStarted(&'a Call),
    /// A call has ended.
    CallEnded {
        /// Which one.
        call: &'a Call,
        /// The output; none when the call gave none.
        output: Option<&'a Value>,
        /// The output in words, or the error.
        text: &'a str,
        /// Whether it failed.
        is_error: bool,
    },
    /// A step has ended.
    StepEnded {
        /// Its id.
        step: &'a str,
        /// How.
        end: StepEnd,
    },
    /// How far the run is. The fraction only rises; nothing is told while nothing is done.
    Progress {
        /// From 0 to 1.
        fraction: f64,
        /// What is being done, for people.
        text: &'a str,
    },
}

/// Watches a run. The run waits for each answer, so a slow watcher slows it down and is never flooded.
pub trait Observer: Send + Sync {
    /// Takes an event.
    fn tell<'a>(&'a self, event: PlanEvent<'a>) -> BoxFuture<'a, ()>;
}

/// A call must not run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// Why.
    pub message: String,
}

/// Keeps the record of calls with side effects.
pub trait SideEffects: Send + Sync {
    /// Answers once the call is on record; only then it runs.
    ///
    /// # Errors
    /// The call must not run.
    fn about_to_run<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<(), Refusal>>;
}
