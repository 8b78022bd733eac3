//! Events and messages in their order, after a sequence number.

use domain::TaskId;
use wire::views::{EventView, ListView, MessageView};

use super::tasks::page_size;
use super::{OperationError, Reading, rows};

/// Items of a page when nobody says how many.
const LIMIT: u32 = 100;

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

/// Returns events, the oldest first; `next_cursor` is the last sequence number if there may be more.
///
/// # Errors
/// If the limit is none, or the store cannot be read.
pub fn event_list(
    reading: &Reading<'_>,
    filter: StreamFilter,
) -> Result<ListView<EventView>, OperationError> {
    let limit = page_size(filter.limit, LIMIT)?;
    let found = reading.view.events(filter.task, None, filter.after_seq, limit)?;
    let items: Vec<EventView> = found.iter().map(rows::event).collect::<Result<_, _>>()?;
    let next_cursor = next(items.len(), limit, items.last().map(|event| event.seq));
    Ok(ListView { items, next_cursor })
}

/// Returns messages, the oldest first; `next_cursor` is the last sequence number if there may be more.
///
/// # Errors
/// If the limit is none, or the store cannot be read.
pub fn message_list(
    reading: &Reading<'_>,
    filter: StreamFilter,
) -> Result<ListView<MessageView>, OperationError> {
    let limit = page_size(filter.limit, LIMIT)?;
    let found = reading.view.messages(filter.task, None, filter.after_seq, limit)?;
    let items: Vec<MessageView> = found.iter().map(rows::message).collect();
    let next_cursor = next(items.len(), limit, items.last().map(|message| message.seq));
    Ok(ListView { items, next_cursor })
}

fn next(count: usize, limit: u32, last: Option<i64>) -> Option<String> {
    let is_full = u32::try_from(count).is_ok_and(|count| count >= limit);
    last.filter(|_| is_full).map(|seq| seq.to_string())
}

/// Returns the sequence number of the newest event, zero if there is none.
///
/// # Errors
/// If the store cannot be read.
pub fn last_seq(reading: &Reading<'_>) -> Result<i64, OperationError> {
    Ok(reading.view.last_seq()?)
}
