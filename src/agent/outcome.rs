//! How a turn ended, and how its instance did.

use wire::extension::TurnFailure;

pub use acp::StopReason;

/// A turn that the agent ended by itself, or that it was told to end. Nothing of the instance is left.
#[derive(Debug, Clone, PartialEq)]
pub struct TurnOutcome {
    /// Why the agent stopped.
    pub stop_reason: StopReason,
    /// Its words for people, joined; at most 4 MiB, the beginning.
    pub text: String,
    /// Why there is no result, where the agent says so.
    pub failure: Option<TurnFailure>,
    /// How many lines were no part of the protocol, those that were not told included.
    pub noise: u64,
    /// How its process ended.
    pub exit: Exit,
}

/// How an instance ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Exit {
    /// The exit code, unless a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// How many of its processes had to be killed.
    pub killed: u32,
    /// Whether the guard's wait has said that no child is left.
    pub proven: bool,
    /// The end of what it wrote to stderr.
    pub stderr_tail: String,
}
