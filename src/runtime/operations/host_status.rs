//! Where the host stands.

use std::path::Path;

use domain::Timestamp;
use wire::views::HostView;

use super::{OperationError, Reading};

/// What only the host itself, or who speaks with it, knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveHost {
    /// Its process id.
    pub pid: i32,
    /// The version of its program.
    pub version: String,
    /// Since when it runs.
    pub started_at: Timestamp,
    /// Child processes of agents that run now.
    pub instances: u64,
    /// Connections of clients.
    pub clients: u64,
}

/// Returns where the host stands; `live` is nothing if none runs.
///
/// # Errors
/// If the store cannot be read.
pub fn host_status(
    reading: &Reading<'_>,
    data_dir: &Path,
    live: Option<&LiveHost>,
) -> Result<HostView, OperationError> {
    let _ = (reading, data_dir, live);
    Err(OperationError::Fault { message: "not wired".to_owned() })
}
