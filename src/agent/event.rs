//! What an instance tells while it works: one enum for every agent, whatever it speaks.

use process::InstanceRecord;
use serde_json::Value;
use tokio::sync::oneshot;

pub use acp::{NoiseKind, PlanEntry, PlanStatus, ToolCall, ToolKind, ToolStatus, Usage};

/// Something that an instance did. Those with a [`Reply`] wait for its answer; the channel that they come through is
/// bounded, so a slow reader slows the agent down.
#[derive(Debug)]
pub enum AgentEvent {
    /// The guard and the child live. Nothing is said to the child before `recorded` was answered.
    Spawned {
        /// What a later host must know of them.
        record: InstanceRecord,
        /// Answered when that is on disk; refused, the instance is ended at once.
        recorded: Reply,
    },
    /// The agent answered `initialize` and opened a session.
    Ready {
        /// How the agent calls itself, where it says so.
        agent: Option<AgentName>,
        /// The session's id, as the agent gave it.
        session: String,
    },
    /// The prompt has been handed over: from here on the agent works.
    Prompted,
    /// Words of the agent: chunks of one kind, joined until the kind changes, 64 KiB or 1 s.
    Message {
        /// Whether it is meant for people or thought aloud.
        kind: MessageKind,
        /// The words.
        text: String,
    },
    /// A tool call is there for the first time, or changed; it is told whole, by id.
    ToolCall {
        /// The call as it now is.
        call: ToolCall,
        /// Whether it had not been told before.
        first: bool,
    },
    /// The agent asks to record a tool call before it runs it.
    ToolStarted {
        /// The call's id, as in [`AgentEvent::ToolCall`].
        call: String,
        /// The tool's name.
        tool: String,
        /// The arguments.
        input: Value,
        /// Whether it may change something.
        side_effects: bool,
        /// Answered `Ok` once it is on disk: then it runs. An error, or no answer: it does not.
        reply: Reply,
    },
    /// The agent reports the turn's result.
    Result {
        /// The result.
        result: Value,
        /// The same for people.
        report: Option<String>,
        /// Whether it came after the turn was told to stop; then it does not count.
        late: bool,
        /// Answered `Ok` once it is on disk.
        reply: Reply,
    },
    /// The agent asked for a permission, and how it was answered.
    Permission {
        /// The tool call that it is about.
        call: ToolCall,
        /// What was answered.
        answered: Answered,
    },
    /// The agent's list of what it is going to do, whole.
    Plan {
        /// The entries, in order.
        entries: Vec<PlanEntry>,
    },
    /// How far the turn is; the fraction lies between 0 and 1 and only rises.
    Progress {
        /// From 0 to 1.
        fraction: f64,
        /// What is being done.
        text: String,
    },
    /// What the session has used so far.
    Usage(Usage),
    /// A line that is none of the protocol, or a message that nobody asked for. The first ten are told, the rest counted.
    Noise {
        /// What was wrong with it.
        kind: NoiseKind,
        /// Its beginning, at most 200 characters, made printable.
        text: String,
    },
    /// The turn was told to stop; what the agent says from here on is late.
    Stopping,
    /// Some of the instance's processes do not end, though they were killed. It is tried further, and the turn's outcome
    /// waits for it.
    Stuck {
        /// The processes, for people.
        left: Vec<String>,
    },
}

/// How an agent calls itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentName {
    /// Its name.
    pub name: String,
    /// Its version, empty where it has none.
    pub version: String,
}

/// The kinds of words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageKind {
    /// Meant for people; joined, these are the turn's text.
    Text,
    /// Reasoning.
    Thought,
}

/// How a permission was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered {
    /// By this option, which rejects once.
    Rejected {
        /// The option's id.
        option: String,
        /// The option's name, as the agent shows it.
        name: String,
    },
    /// By `cancelled`, since no option rejects once.
    Cancelled,
}

/// Why something was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The reason, told to the agent.
    pub message: String,
}

/// The way back of an event that waits for its answer. Dropped unanswered, it refuses.
#[derive(Debug)]
pub struct Reply(oneshot::Sender<Result<(), Refused>>);

impl Reply {
    /// Returns a reply and where its answer comes out; dropped unanswered, the receiver errs.
    #[must_use]
    pub fn new() -> (Self, oneshot::Receiver<Result<(), Refused>>) {
        let (answer, answered) = oneshot::channel();
        (Self(answer), answered)
    }

    /// Answers that it is on record.
    pub fn accept(self) {
        // Whoever asked may be gone; then there is nobody to tell.
        let _ = self.0.send(Ok(()));
    }

    /// Answers that it was not taken, and why.
    pub fn refuse(self, message: impl Into<String>) {
        let _ = self.0.send(Err(Refused { message: message.into() }));
    }
}
