//! What a reading operation needs: nothing that has to be started.

use domain::Timestamp;
use store::{Place, Snapshot};
use wire::config::Config;

/// What a reading operation reads from. One reading sees one state.
#[derive(Clone, Copy)]
pub struct Reading<'a> {
    /// The store as it stands at one moment.
    pub view: &'a Snapshot<'a>,
    /// The merged configuration.
    pub config: &'a Config,
    /// Where the store is.
    pub place: &'a Place,
    /// The time.
    pub now: Timestamp,
}
