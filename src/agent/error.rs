//! Why a turn did not come to its end, by what the caller can do about it.

use crate::outcome::Exit;

/// A turn that failed. Nothing of the instance is left when this is returned.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The program could not be started: repair the definition.
    #[error("start `{program}`: {why}")]
    CouldNotStart {
        /// The program.
        program: String,
        /// What the system said.
        why: String,
    },
    /// The instance ended before it had a session: look at its stderr.
    #[error("`{program}` ended before it was ready ({})", exit.describe())]
    ExitedAtStart {
        /// The program.
        program: String,
        /// How it ended.
        exit: Exit,
    },
    /// The instance did not get a session ready in time: give it more, or look at its stderr.
    #[error("`{program}` did not answer `{waiting_for}` within {limit_ms} ms")]
    StartTimeout {
        /// The program.
        program: String,
        /// The method that was not answered.
        waiting_for: &'static str,
        /// How long it had.
        limit_ms: u64,
        /// How it ended.
        exit: Exit,
    },
    /// The agent answered a request of the protocol with an error, or with what is no answer to it.
    #[error("`{method}`: {message}")]
    Protocol {
        /// The method.
        method: &'static str,
        /// The JSON-RPC code, where there was one.
        code: Option<i64>,
        /// What the agent said.
        message: String,
        /// How it ended.
        exit: Exit,
    },
    /// The instance ended, or closed its stdout, in the middle of the turn.
    #[error("the agent ended in the middle of the turn ({})", exit.describe())]
    Exited {
        /// How it ended.
        exit: Exit,
    },
    /// The turn was told to stop, and the agent did not say how it ended it.
    #[error("the turn was stopped ({})", exit.describe())]
    Stopped {
        /// How it ended.
        exit: Exit,
    },
}

impl AgentError {
    /// Returns how the instance ended, where one had been started.
    #[must_use]
    pub fn exit(&self) -> Option<&Exit> {
        match self {
            Self::CouldNotStart { .. } => None,
            Self::ExitedAtStart { exit, .. }
            | Self::StartTimeout { exit, .. }
            | Self::Protocol { exit, .. }
            | Self::Exited { exit }
            | Self::Stopped { exit } => Some(exit),
        }
    }

    /// Returns what a person can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::CouldNotStart { .. } => Some(
                "check `command` and `args` of the agent; a name without a slash is looked for in its PATH",
            ),
            Self::ExitedAtStart { .. } | Self::Exited { .. } => {
                Some("the end of its stderr is kept with the task; run the command by hand to see more")
            }
            Self::StartTimeout { .. } => Some(
                "raise `start_timeout` of the agent, or check that the command speaks the Agent Client Protocol",
            ),
            Self::Protocol { .. } => {
                Some("check that the command speaks version 1 of the Agent Client Protocol")
            }
            Self::Stopped { .. } => None,
        }
    }
}

impl Exit {
    /// Returns the end in words, such as ``exit code 3``.
    #[must_use]
    pub fn describe(&self) -> String {
        match (self.code, self.signal) {
            (Some(code), _) => format!("exit code {code}"),
            (None, Some(signal)) => format!("signal {signal}"),
            (None, None) => "how is not known".to_owned(),
        }
    }
}
