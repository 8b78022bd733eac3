//! What every face calls: each operation is parsed, allowed and checked here and nowhere else, and
//! answers with the shapes of `wire::views`.
//!
//! Reading needs a store reader and the configuration, no host and no asynchronous runtime. Writing
//! goes either over a live host (`host::HostHandle`) or, where none may start, straight onto the
//! store (`direct`).

mod agents;
pub mod direct;
mod error;
mod host_status;
mod orders;
mod reading;
mod rows;
mod skills;
mod streams;
mod submit;
mod tasks;
mod wait;

pub use agents::{agent_list, agent_show};
pub use error::OperationError;
pub use host_status::{LiveHost, has_work, host_status};
pub(crate) use orders::{cancel_refused, cancelled, resumed};
pub use reading::Reading;
pub use skills::skill_list;
pub use streams::{StreamFilter, event_list, last_seq, message_list};
pub use submit::{INPUT_LEVELS_MAX, PROMPT_BYTES_MAX, Submission, prepare};
pub use tasks::{ResultPart, TaskFilter, task_find, task_list, task_result, task_show, task_status};
pub(crate) use wait::check_count;
pub use wait::{WAIT_IDS_MAX, WaitMode, task_wait, task_wait_now};
