//! Where the host stands.

use std::path::Path;

use domain::{TaskState, Timestamp};
use wire::time::rfc3339;
use wire::views::{HostTasks, HostView};

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
    use TaskState::{Cancelling, InputRequired, Paused, Ready, Running, Waiting};
    let counts = reading.view.counts(&[Running, InputRequired, Cancelling, Ready, Waiting, Paused])?;
    Ok(HostView {
        state: if live.is_some() { "running".to_owned() } else { "stopped".to_owned() },
        pid: live.map(|live| live.pid),
        version: live.map(|live| live.version.clone()),
        started_at: live.map(|live| rfc3339(live.started_at)),
        data_dir: data_dir.to_string_lossy().into_owned(),
        tasks: HostTasks {
            running: counts.of(Running) + counts.of(InputRequired) + counts.of(Cancelling),
            ready: counts.of(Ready),
            waiting: counts.of(Waiting),
            paused: counts.of(Paused),
        },
        instances: live.map_or(0, |live| live.instances),
        clients: live.map_or(0, |live| live.clients),
    })
}

/// Says whether there is work that a host should take up: something that was running, is ready for a configured
/// agent, or waits for a time.
///
/// # Errors
/// If the store cannot be read.
pub fn has_work(reading: &Reading<'_>) -> Result<bool, OperationError> {
    use TaskState::{Cancelling, InputRequired, Running};
    let view = reading.view;
    let active = view.counts(&[Running, InputRequired, Cancelling])?;
    if [Running, InputRequired, Cancelling].into_iter().any(|state| active.of(state) > 0) {
        return Ok(true);
    }
    let floor = domain::dispatch::Floor::new(crate::registry::limits(reading.config), []);
    let ready = view.ready_lanes()?.iter().any(|lane| floor.serves(lane));
    Ok(ready || view.next_due()?.is_some())
}
