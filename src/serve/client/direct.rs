//! Writing where no host may start: the lock is taken, what a dead host left is recovered, the one thing
//! is written, and the lock is let go.

use std::sync::Arc;
use std::time::Duration;

use domain::Clock as _;
use process::lock::DatabaseLock;
use runtime::operations::direct::{Direct, DirectParts};
use runtime::operations::{self, OperationError, Reading};
use runtime::recovery::MachineSweeper;
use serde::Serialize;
use serde_json::Value;
use wire::control::Ask;
use wire::views::HostView;

use super::session::Session;
use crate::catalog::Shelf;
use crate::config::Loaded;
use crate::error::{Error, Kind};
use crate::serve::host::{Held, checked, folders, open_store, place};
use crate::system::{SystemClock, UuidSource};

/// How long to wait for a process that holds the lock but does not answer: another command that writes.
const LOCK_LIMIT: Duration = Duration::from_secs(10);

/// What came of it.
pub(super) enum Done {
    /// The answer, as a host would have given it.
    Answer(Value),
    /// Another process holds the lock for long: there is a host after all, or will be.
    HostAppeared,
}

/// Does what is asked without a host.
pub(super) fn call(session: &Session<'_>, ask: Ask) -> Result<Done, Error> {
    let loaded = session.loaded();
    place::make_folders(&loaded.places)?;
    let locked =
        DatabaseLock::acquire(&loaded.places.lock, LOCK_LIMIT).map_err(|error| place::lock_error(&error))?;
    let Some(lock) = locked else {
        return match session.connect()? {
            Some(_) => Ok(Done::HostAppeared),
            None => Err(Error::new(
                Kind::HostUnreachable,
                format!("another process holds `{}`", loaded.places.lock.display()),
            )
            .hint("run the command again in a moment")),
        };
    };
    let checked = checked(&loaded.places)?;
    let writer = open_store(&checked, Held(lock))?;
    let waiting = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::internal(format!("wait for what a dead host left: {error}")))?;
    let mut direct = waiting
        .block_on(Direct::open(DirectParts {
            writer,
            config: loaded.config.clone(),
            place: checked.place().clone(),
            sweeper: Arc::new(MachineSweeper),
            clock: Arc::new(SystemClock),
            ids: Arc::new(UuidSource),
            folders: folders(&loaded.places)?,
            boot_id: process::identity::boot_id()
                .map_err(|error| Error::internal(format!("read the boot's id: {error}")))?,
        }))
        .map_err(Error::from)?;
    let answer = write(&mut direct, loaded, ask);
    direct.close().map_err(Error::from)?;
    answer.map(Done::Answer)
}

fn write(direct: &mut Direct, loaded: &Loaded, ask: Ask) -> Result<Value, Error> {
    match ask {
        Ask::Submit { task } => {
            let shelf = Shelf::new(&loaded.places.skills);
            let submission =
                operations::prepare(*task, &loaded.config, || shelf.library(), SystemClock.now())
                    .map_err(Error::from)?;
            value(&direct.task_submit(submission).map_err(Error::from)?)
        }
        Ask::Cancel { ids, why } => value(&direct.task_cancel(&ids, why.as_deref()).map_err(Error::from)?),
        Ask::Resume { id } => value(&direct.task_resume(&id).map_err(Error::from)?),
        Ask::Ping {} | Ask::Watch {} | Ask::Status {} | Ask::Stop { .. } => {
            Err(Error::new(Kind::HostUnreachable, "no host lives, and none may be started here")
                .hint("start one with `modelscan host start`"))
        }
    }
}

fn value(view: &impl Serialize) -> Result<Value, Error> {
    serde_json::to_value(view)
        .map_err(|error| Error::internal(format!("an answer cannot be written as JSON: {error}")))
}

/// Returns where a stopped host stands.
pub(super) fn stopped(loaded: &Loaded) -> Result<HostView, Error> {
    let checked = checked(&loaded.places)?;
    let read = || -> Result<HostView, OperationError> {
        let reader = store::Reader::open_or_empty(&checked)?;
        let view = reader.snapshot()?;
        let reading =
            Reading { view: &view, config: &loaded.config, place: checked.place(), now: SystemClock.now() };
        operations::host_status(&reading, loaded.places.data_dir(), None)
    };
    read().map_err(Error::from)
}
