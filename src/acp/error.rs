//! What can go wrong with a call of the peer, and how a call of the peer is refused.

/// Why a call of the peer brought no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The connection is closed, or was while the answer was waited for.
    #[error("the connection is closed")]
    Closed,
    /// The peer answered with an error.
    #[error("{message} ({code})")]
    Refused {
        /// The JSON-RPC code.
        code: i32,
        /// What the peer said.
        message: String,
    },
    /// The peer answered with something that is no answer to this call.
    #[error("the answer to `{method}` is none: {why}")]
    Malformed {
        /// The method.
        method: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// What was to be sent is longer than a line may be; it was not sent.
    #[error("`{method}` with {bytes} bytes is longer than a line may be")]
    TooLong {
        /// The method.
        method: &'static str,
        /// Its length.
        bytes: usize,
    },
    /// What was to be sent is nested deeper than a peer can be asked to read; it was not sent.
    #[error("`{method}` is nested too deep to be sent")]
    TooDeep {
        /// The method.
        method: &'static str,
    },
}

/// How a request of the peer is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The JSON-RPC code.
    pub code: i32,
    /// The reason, for people.
    pub message: String,
}

impl Refusal {
    /// The parameters are wrong.
    #[must_use]
    pub fn bad_params(message: impl Into<String>) -> Self {
        Self { code: -32602, message: message.into() }
    }

    /// There is no such session.
    #[must_use]
    pub fn no_session(session: &str) -> Self {
        Self { code: -32002, message: format!("there is no session `{session}`") }
    }

    /// It is not possible now.
    #[must_use]
    pub fn not_now(message: impl Into<String>) -> Self {
        Self { code: -32600, message: message.into() }
    }

    /// It was not taken, for a reason of the one who was asked.
    #[must_use]
    pub fn not_taken(message: impl Into<String>) -> Self {
        Self { code: -32603, message: message.into() }
    }

    /// The method is not known.
    #[must_use]
    pub fn unknown_method(method: &str) -> Self {
        Self { code: -32601, message: format!("the method `{method}` is not known here") }
    }
}
