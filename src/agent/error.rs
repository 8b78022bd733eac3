//! Why a turn did not come to its end, by what the caller can do about it.

use crate::outcome::describe_end;
use process::Ended;
use std::sync::Arc;

/// The protocol's code of an agent that wants to be logged in.
const AUTH_REQUIRED: i64 = -32000;

/// A turn that failed. Nothing of the instance is left when this is returned.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AgentError {
    /// The program cannot be started as it is defined: repair the definition.
    #[error("start `{program}`: {why}")]
    CouldNotStart {
        /// The program.
        program: String,
        /// What the system said.
        why: String,
    },
    /// There was no room for it, or something of ours was in the way: try again.
    #[error("start `{program}`: {why}")]
    NotNow {
        /// The program.
        program: String,
        /// What the system said.
        why: String,
    },
    /// The instance ended before it had a session: look at its stderr.
    #[error("`{program}` ended before it was ready ({})", describe_end(ended))]
    ExitedAtStart {
        /// The program.
        program: String,
        /// How it ended.
        ended: Arc<Ended>,
    },
    /// The instance did not get a session ready in time: give it more, or look at its stderr.
    #[error("`{program}` did not answer `{method}` within {limit_ms} ms")]
    StartTimeout {
        /// The program.
        program: String,
        /// The method that was not answered.
        method: &'static str,
        /// How long it had.
        limit_ms: u128,
        /// How it ended.
        ended: Arc<Ended>,
    },
    /// The agent answered a request of the protocol with an error, or with what is no answer to it.
    #[error("`{program}` refused `{method}`: {message}")]
    Protocol {
        /// The program.
        program: String,
        /// The method.
        method: &'static str,
        /// The JSON-RPC code, where there was one.
        code: Option<i64>,
        /// What the agent said.
        message: String,
        /// How it ended.
        ended: Arc<Ended>,
    },
    /// The instance ended, or closed its stdout, in the middle of the turn.
    #[error("`{program}` ended in the middle of the turn ({})", describe_end(ended))]
    Exited {
        /// The program.
        program: String,
        /// How it ended.
        ended: Arc<Ended>,
    },
    /// The turn was told to stop, and the agent did not say how it ended it.
    #[error("the turn was stopped")]
    Stopped {
        /// How it ended, if it had been started.
        ended: Option<Arc<Ended>>,
    },
}

impl AgentError {
    /// Returns how the instance ended, where one had been started.
    #[must_use]
    pub fn ended(&self) -> Option<&Arc<Ended>> {
        match self {
            Self::CouldNotStart { .. } | Self::NotNow { .. } => None,
            Self::Stopped { ended } => ended.as_ref(),
            Self::ExitedAtStart { ended, .. }
            | Self::StartTimeout { ended, .. }
            | Self::Protocol { ended, .. }
            | Self::Exited { ended, .. } => Some(ended),
        }
    }

    /// Returns what a person can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::CouldNotStart { .. } => Some(
                "check `command` and `args` of the agent; a name without a slash is looked for in its PATH",
            ),
            Self::NotNow { .. } => Some("try again; the host's log says more"),
            Self::ExitedAtStart { .. } | Self::Exited { .. } => {
                Some("the end of its stderr is kept with the task; run the command by hand to see more")
            }
            Self::StartTimeout { .. } => Some(
                "raise `start_timeout` of the agent, or check that its command speaks the Agent Client Protocol",
            ),
            Self::Protocol { code: Some(AUTH_REQUIRED), .. } => {
                Some("the agent wants to be logged in: run its command by hand once and follow what it says")
            }
            Self::Protocol { .. } => {
                Some("check that the command speaks version 1 of the Agent Client Protocol")
            }
            Self::Stopped { .. } => None,
        }
    }
}
