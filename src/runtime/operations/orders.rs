//! What an order came to, for the one who gave it: the same words whether a host took it or nobody runs.

use domain::dispatch::{Answer, Refusal};
use domain::{TaskId, TaskState};
use wire::views::CancelItem;

use super::OperationError;

/// Returns what a cancel came to.
pub(crate) fn cancelled(id: TaskId, answer: Answer) -> CancelItem {
    let (state, error) = match answer {
        Answer::Stands(state) => (Some(state), None),
        Answer::Refused(Refusal::Final { state, .. }) => {
            (Some(state), Some(format!("it had already ended `{state}`")))
        }
        Answer::Refused(refusal) => (None, Some(refusal.to_string())),
        Answer::NoSuchTask => (None, Some("there is no such task".to_owned())),
        Answer::Recorded | Answer::Late => (None, Some("it changed meanwhile: look again".to_owned())),
    };
    CancelItem { id: id.to_string(), state: state.map(|state| state.as_str().to_owned()), error }
}

/// Returns the item of an id that names no task.
///
/// # Errors
/// What concerns all ids, such as a store that cannot be read.
pub(crate) fn cancel_refused(text: &str, error: OperationError) -> Result<CancelItem, OperationError> {
    match error {
        OperationError::NotFound { .. }
        | OperationError::Ambiguous { .. }
        | OperationError::BadInput { .. } => {
            Ok(CancelItem { id: text.to_owned(), state: None, error: Some(error.to_string()) })
        }
        other => Err(other),
    }
}

/// Returns what a resume came to.
///
/// # Errors
/// If the task is not paused.
pub(crate) fn resumed(id: TaskId, answer: Answer) -> Result<TaskState, OperationError> {
    let refused = |state: TaskState| OperationError::WrongState {
        id: id.to_string(),
        state,
        message: "only a paused task can be resumed".to_owned(),
        hint: match state.is_final() {
            true => Some("submit it again".to_owned()),
            false => Some(format!("`modelscan task show {id}` shows what it does")),
        },
    };
    match answer {
        Answer::Stands(state) => Ok(state),
        Answer::Refused(Refusal::Final { state, .. } | Refusal::NotAllowed { state, .. }) => {
            Err(refused(state))
        }
        Answer::NoSuchTask => Err(OperationError::NotFound { noun: "task", id: id.to_string(), hint: None }),
        Answer::Refused(_) | Answer::Recorded | Answer::Late => {
            Err(OperationError::Busy { message: "the task changed meanwhile".to_owned() })
        }
    }
}
