//! Writing where no host may start: the lock is taken, what a dead host left is recovered, the one thing
//! is written, and the lock is let go.

use serde_json::Value;
use wire::control::Ask;
use wire::views::HostView;

use super::session::Session;
use crate::config::Loaded;
use crate::error::{Error, Kind};
use crate::system::{SystemClock, UuidSource};
use domain::Clock as _;

/// What came of it.
pub(super) enum Done {
    /// The answer, as a host would have given it.
    Answer(Value),
    /// Another process holds the lock: there is a host after all, or will be.
    HostAppeared,
}

/// Does what is asked without a host.
pub(super) fn call(session: &Session<'_>, ask: Ask) -> Result<Done, Error> {
    let _ = (session, ask, SystemClock.now(), UuidSource);
    Err(Error::new(Kind::HostUnreachable, "not yet"))
}

/// Returns where a stopped host stands.
pub(super) fn stopped(loaded: &Loaded) -> Result<HostView, Error> {
    let reader = store::Reader::open(&loaded.places.database).map_err(Error::from)?;
    runtime::operations::host_status(&reader, loaded.places.data_dir(), None).map_err(Error::from)
}
