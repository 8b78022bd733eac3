//! Types and rules of ModelScan: ids, tasks and their transitions, the heart of dispatch,
//! priorities and recovery. Pure: no I/O, no clock, no randomness, no SQL, no serialization.

mod agent;
mod attempt;
mod duration;
mod event;
mod id;
mod payload;
mod priority;
mod question;
mod record;
mod task;
mod time;
mod word;

pub mod dispatch;

pub use agent::{AgentName, AgentNameError, Capability, LaneKey};
pub use attempt::{AttemptOutcome, AttemptState, Ending, StopWhy, Usage};
pub use duration::{DurationError, format_duration, parse_duration};
pub use event::{Actor, EventType};
pub use id::{HostId, IdError, IdPattern, IdSource, InstanceId, MessageId, QuestionId, TaskId, ToolCallId};
pub use payload::{Fact, Facts, JsonText};
pub use priority::{PRIORITY_STEP_MS, Priority, PriorityError, rank};
pub use question::{Question, QuestionFor, QuestionKind, QuestionOption};
pub use record::{
    InstanceStart, MessageKind, MessageRecord, ProcessIdentity, Record, ToolCallRecord, ToolCallStatus,
};
pub use task::{
    Backoff, Failure, NewTask, Output, Reason, Recovery, RetryPolicy, SubmitterEnvironment, Task, TaskResult,
    TaskState, UnknownWord,
};
pub use time::{Clock, Timestamp};
