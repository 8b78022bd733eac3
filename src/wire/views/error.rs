//! An error, as `--json` shows it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What stands on stdout in place of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorView {
    /// The error.
    pub error: ErrorBody,
}

/// What happened, where, and what to do next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorBody {
    /// A stable word for programs, such as `task_not_found`.
    pub kind: String,
    /// What happened and where.
    pub message: String,
    /// What to do next; null if there is nothing to say.
    pub hint: Option<String>,
    /// The exit code of the command.
    pub exit_code: u8,
}
