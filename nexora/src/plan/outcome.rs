//! How a run of a plan ends.

use serde_json::Value;
use wire::extension::{FailureReason, TurnFailure};

/// Longest message of a failure, which may repeat what a tool or a plan says.
const MESSAGE_CHARS_MAX: usize = 2_000;

/// How a run of a plan ended.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub enum Outcome {
    /// All steps are done, and the result fits the plan's schema.
    Finished {
        /// The result.
        result: Value,
        /// The report for people, where the plan has one.
        report: Option<String>,
    },
    /// It could not be done.
    Failed(Failure),
    /// It was cancelled; what had run has run.
    Cancelled,
}

/// Why a plan brought no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.sentence())]
pub struct Failure {
    /// The kind, in the words of a task's reason.
    pub reason: FailureReason,
    /// The step that failed.
    pub step: Option<String>,
    /// The place in the plan, such as `steps[2].arguments.path`.
    pub place: Option<String>,
    /// What happened.
    pub message: String,
    /// What a person can do.
    pub hint: Option<String>,
}

impl Failure {
    pub(super) fn new(reason: FailureReason, message: impl Into<String>) -> Self {
        let message = schema::shorten(&message.into(), MESSAGE_CHARS_MAX);
        Self { reason, step: None, place: None, message, hint: None }
    }

    pub(super) fn at(mut self, place: impl Into<String>) -> Self {
        let place = place.into();
        self.place = (!place.is_empty()).then_some(place);
        self
    }

    pub(super) fn in_step(mut self, step: &str) -> Self {
        self.step = Some(step.to_owned());
        self
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Step, place and message in one sentence.
    fn sentence(&self) -> String {
        let step = self.step.as_ref().map(|step| format!("step `{step}`: ")).unwrap_or_default();
        let place = self.place.as_ref().map(|place| format!("{place}: ")).unwrap_or_default();
        format!("{step}{place}{}", self.message)
    }
}

impl From<Failure> for TurnFailure {
    fn from(failure: Failure) -> Self {
        Self { reason: failure.reason, message: failure.sentence(), hint: failure.hint }
    }
}
