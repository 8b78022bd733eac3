//! What is written down about a task's work without changing where the task stands.

use crate::word::words;
use crate::{
    Actor, AgentName, AttemptState, Ending, EventType, Facts, InstanceId, JsonText, MessageId, StopWhy,
    TaskId, Timestamp, ToolCallId, Usage,
};

words! {
    /// What a message is.
    MessageKind, "message kind" {
        /// Words.
        Text = "text",
        /// A task that is handed over.
        Task = "task",
        /// A result.
        Result = "result",
        /// Where something stands.
        Status = "status",
        /// What went wrong.
        Error = "error",
        /// Work that is passed on.
        Handoff = "handoff",
    }
}

words! {
    /// Where a tool call stands.
    ToolCallStatus, "tool call status" {
        /// It was announced.
        Pending = "pending",
        /// It runs, or is about to: from here on it may have had side effects.
        Running = "running",
        /// It ended well.
        Completed = "completed",
        /// It ended with an error.
        Failed = "failed",
        /// It was not allowed to run.
        Refused = "refused",
    }
}

/// Which process: its pid means something only together with its start time and the boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessIdentity {
    /// The process id.
    pub pid: i32,
    /// When it started, in clock ticks since the boot (field 22 of `/proc/PID/stat`).
    pub start_ticks: u64,
}

/// The processes of an instance, as they were started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceStart {
    /// The instance.
    pub instance: InstanceId,
    /// The task that it serves.
    pub task: TaskId,
    /// The attempt that it serves.
    pub attempt: u32,
    /// The agent that it is an instance of.
    pub agent: AgentName,
    /// Its guard.
    pub guard: ProcessIdentity,
    /// The child; nothing before it was started.
    pub child: Option<ProcessIdentity>,
    /// The boot in which they run.
    pub boot_id: String,
    /// When they were started.
    pub at: Timestamp,
}

/// What is known of a tool call; a later one of the same attempt and `call` replaces what it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCallRecord {
    /// Its id, used if the call was not known before.
    pub id: ToolCallId,
    /// The task.
    pub task: TaskId,
    /// The attempt.
    pub attempt: u32,
    /// The agent's own id for the call, unique within the attempt.
    pub call: String,
    /// The tool; kept if nothing.
    pub tool: Option<String>,
    /// Its input; kept if nothing.
    pub input: Option<JsonText>,
    /// Its output; kept if nothing.
    pub output: Option<JsonText>,
    /// Where it stands.
    pub status: ToolCallStatus,
    /// Whether it may have side effects; once yes it stays yes.
    pub side_effects: bool,
    /// When this was known.
    pub at: Timestamp,
}

/// One message on the bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageRecord {
    /// Its id.
    pub id: MessageId,
    /// The task that it belongs to.
    pub task: TaskId,
    /// The attempt that it belongs to.
    pub attempt: u32,
    /// Who sent it: `agent:NAME`, `host` or `caller`.
    pub from: String,
    /// Whom it is for, in the same words.
    pub to: String,
    /// Where it goes, such as `task`.
    pub topic: String,
    /// What it is.
    pub kind: MessageKind,
    /// What it says, at most 64 KiB.
    pub content: String,
    /// When it was sent.
    pub at: Timestamp,
}

/// Something to write down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// One event that is no transition.
    Event {
        /// The task; nothing for the host's own.
        task: Option<TaskId>,
        /// The attempt, zero if none.
        attempt: u32,
        /// Of what kind.
        event: EventType,
        /// Who acted.
        actor: Actor,
        /// What else is to be said.
        facts: Facts,
        /// When.
        at: Timestamp,
    },
    /// An attempt moved on: `running` (writes `attempt.prompted`) or `stopping` (writes
    /// `attempt.stopping`). Its end comes with the task's change.
    Attempt {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: u32,
        /// Where it stands now.
        state: AttemptState,
        /// Why it is being stopped.
        why: Option<StopWhy>,
        /// When.
        at: Timestamp,
    },
    /// Processes were started (writes `attempt.spawned` when the child is known).
    InstanceStarted(InstanceStart),
    /// Processes ended (writes `attempt.ended`).
    InstanceEnded {
        /// The instance.
        instance: InstanceId,
        /// How.
        ending: Ending,
    },
    /// How far a task is; only ever more within an attempt.
    Progress {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: u32,
        /// Millionths of the whole; nothing if unknown.
        millionths: Option<u32>,
        /// What it is doing.
        text: String,
        /// When.
        at: Timestamp,
    },
    /// What an attempt has used so far.
    Usage {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: u32,
        /// The sums.
        usage: Usage,
    },
    /// A tool call (writes `tool.started` when it begins to run with side effects, `tool.ended`
    /// when it ends).
    ToolCall(ToolCallRecord),
    /// A message.
    Message(MessageRecord),
}
