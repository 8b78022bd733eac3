//! Events and messages in their order, after a sequence number.

use domain::TaskId;
use wire::views::{EventView, ListView, MessageView};

use super::{OperationError, Reading};

/// Which events or messages are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StreamFilter {
    /// Only those of this task.
    pub task: Option<TaskId>,
    /// Only those after this sequence number.
    pub after_seq: i64,
    /// How many at most, 1 to 1000; 100 if nothing.
    pub limit: Option<u32>,
}

/// Returns events, the oldest first; `next_cursor` is the last sequence number if there are more.
///
/// # Errors
/// If the limit is none, or the store cannot be read.
pub fn event_list(
    reading: &Reading<'_>,
    filter: StreamFilter,
) -> Result<ListView<EventView>, OperationError> {
    let _ = (reading, filter);
    Err(OperationError::Fault { message: "not wired".to_owned() })
}

/// Returns messages, the oldest first; `next_cursor` is the last sequence number if there are more.
///
/// # Errors
/// If the limit is none, or the store cannot be read.
pub fn message_list(
    reading: &Reading<'_>,
    filter: StreamFilter,
) -> Result<ListView<MessageView>, OperationError> {
    let _ = (reading, filter);
    Err(OperationError::Fault { message: "not wired".to_owned() })
}

/// Returns the sequence number of the newest event, zero if there is none.
///
/// # Errors
/// If the store cannot be read.
pub fn last_seq(reading: &Reading<'_>) -> Result<i64, OperationError> {
    let _ = reading;
    Err(OperationError::Fault { message: "not wired".to_owned() })
}
