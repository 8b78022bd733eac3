//! Drives agents: one instance, one session, one turn, told as one kind of event and one kind of outcome.
//!
//! The whole interface is [`Driver::run`]: it takes a [`Launch`] (what to start), a [`TurnRequest`] (what to ask), a
//! bounded sender of [`AgentEvent`] and a token, and returns when nothing of the instance is left. It stores nothing
//! and decides nothing about tasks: whoever calls it writes down what the events say, and answers the few that carry a
//! [`Reply`].

mod calls;
mod driver;
mod error;
mod event;
mod joiner;
mod launch;
mod outcome;
mod turn;

pub use driver::Driver;
pub use error::AgentError;
pub use event::{
    AgentEvent, AgentName, Answered, MessageKind, NoiseKind, PlanEntry, PlanStatus, Refused, Reply, ToolCall,
    ToolKind, ToolStatus, Usage,
};
pub use launch::{Launch, Program, TurnRequest};
pub use outcome::{StopReason, TurnOutcome, describe_end, stderr_text};
pub use process::spawn::StderrLog;
pub use process::{Ended, InstanceRecord, Proof};
pub use wire::extension::{FailureReason, TurnFailure};
