//! What a call that waits is given: when to stop waiting, and a way to tell how far things are.

use std::fmt;
use std::sync::{Arc, Weak};

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::calls::CallNumber;
use super::connection::Connection;

/// How far something is.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// How much is done. Only what rises is told.
    pub done: f64,
    /// How much there is to do, if that is known.
    pub total: Option<f64>,
    /// What is being done, for people; may be empty.
    pub text: String,
}

impl Progress {
    pub(super) fn to_message(&self, token: &Value) -> Vec<u8> {
        let mut params = json!({ "progressToken": token, "progress": self.done });
        if let Some(total) = self.total {
            params["total"] = json!(total);
        }
        if !self.text.is_empty() {
            params["message"] = json!(self.text);
        }
        json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": params })
            .to_string()
            .into_bytes()
    }
}

/// The handle of one wait. Ending the wait never ends the task that is waited for.
#[derive(Clone)]
pub struct Waiting {
    hurry: CancellationToken,
    reporter: Reporter,
}

#[derive(Clone)]
enum Reporter {
    Nobody,
    Call { connection: Weak<Connection>, number: CallNumber },
}

impl Waiting {
    /// Returns a handle for a caller that can be told nothing, and that stops at `hurry`.
    pub fn silent(hurry: CancellationToken) -> Self {
        Self { hurry, reporter: Reporter::Nobody }
    }

    pub(super) fn of_call(
        connection: &Arc<Connection>,
        number: CallNumber,
        hurry: CancellationToken,
    ) -> Self {
        Self { hurry, reporter: Reporter::Call { connection: Arc::downgrade(connection), number } }
    }

    /// Returns when the caller waits no longer: it cancelled, or the connection closes. Whoever
    /// waits then answers at once with what there is.
    pub async fn ended(&self) {
        self.hurry.cancelled().await;
    }

    /// Returns whether the caller waits no longer.
    pub fn is_ended(&self) -> bool {
        self.hurry.is_cancelled()
    }

    /// Returns whether progress would be told to anyone.
    pub fn wants_progress(&self) -> bool {
        match &self.reporter {
            Reporter::Nobody => false,
            Reporter::Call { connection, number } => {
                connection.upgrade().is_some_and(|connection| connection.wants_progress(*number))
            }
        }
    }

    /// Tells progress. Never blocks: what has not risen, and what a client that does not read
    /// would have to buffer, is dropped. Told in order, and never after the answer.
    pub fn progress(&self, progress: &Progress) {
        if let Reporter::Call { connection, number } = &self.reporter
            && let Some(connection) = connection.upgrade()
        {
            connection.progress(*number, progress);
        }
    }
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiting").field("ended", &self.is_ended()).finish_non_exhaustive()
    }
}
