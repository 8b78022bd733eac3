//! What a reading operation needs: nothing that has to be started.

use std::path::Path;

use domain::Timestamp;
use wire::config::Config;

/// What a reading operation reads from, and for whom.
#[derive(Clone, Copy)]
pub struct Reading<'a> {
    /// The merged configuration.
    pub config: &'a Config,
    /// The folder that outputs lie in.
    pub outputs: &'a Path,
    /// The time.
    pub now: Timestamp,
}
