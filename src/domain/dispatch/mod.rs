//! The heart: which transition a task makes, and what follows for what runs or is about to.

mod advance;
mod change;

pub use advance::{LOST_MAX, Refusal, TaskEvent, advance};
pub use change::{AttemptChange, Change};
