//! The rows that readers get, each parsed strictly.

mod process;
mod task;
mod work;

pub use process::{HostEnd, HostRow, InstanceRow};
pub use task::{ProgressRow, TaskDetailRow, TaskRow};
pub use work::{AttemptRow, EventRow, MessageRow, ToolCallRow};

pub(crate) use process::{HOST_COLUMNS, INSTANCE_COLUMNS, host_of, instance_of};
pub(crate) use task::{TASK_ROW, output_of, task_row_of};
pub(crate) use work::{
    ATTEMPT_COLUMNS, EVENT_COLUMNS, MESSAGE_COLUMNS, TOOL_CALL_COLUMNS, attempt_of, event_of, message_of,
    tool_call_of,
};
