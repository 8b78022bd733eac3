//! The store: the only SQL of ModelScan. It opens and migrates the database, writes tasks, their
//! changes and records through one writer, and reads them on snapshots.
//!
//! * [`preflight`] looks at the file once, before the process's first connection, and gives the
//!   [`Checked`] place that everything else asks for.
//! * [`Writer::open`] takes what proves exclusive access (the lock's guard), creates or migrates the
//!   database and keeps both. It is synchronous and lives on one thread.
//! * [`Writer::turn`] is one transaction. Inside it, [`Turn::savepoint`] isolates one caller;
//!   [`Turn::submit`], [`Turn::next_ready`], [`Turn::apply`] and [`Turn::record`] do the work.
//! * [`Reader`] never creates, never writes; [`Reader::snapshot`] gives the rows ([`TaskRow`] …).
//!   A [`Turn`] gives the same view of its own transaction by [`Turn::view`].
//! * [`outputs`] keeps what is larger than [`outputs::INLINE_MAX_BYTES`] as files.
//!
//! Nobody opens the database file by hand once a connection is open: closing such a descriptor drops
//! SQLite's locks, and commits can be lost.

mod apply;
mod connection;
mod error;
mod fields;
mod hosts;
mod json;
mod load;
mod migrate;
pub mod outputs;
mod place;
mod queue;
mod reader;
mod record;
mod rows;
mod submit;
#[cfg(test)]
mod testing;
mod writer;

pub use apply::Applied;
pub use connection::sqlite_version;
pub use error::Error;
pub use hosts::HostStart;
pub use load::ActiveTask;
pub use migrate::{APPLICATION_ID, NEWEST_VERSION};
pub use place::{Checked, Found, Place, preflight};
pub use queue::Claimable;
pub use reader::{Cursor, CursorError, Page, Reader, Resolved, Snapshot, StateCounts, TaskFilter};
pub use record::Recorded;
pub use rows::{
    AttemptRow, EventRow, HostEnd, HostRow, InstanceRow, MessageRow, ProgressRow, TaskDetailRow, TaskRow,
    ToolCallRow,
};
pub use submit::{SubmitError, Submitted};
pub use writer::{Checkpoint, CheckpointDepth, ExclusiveAccess, Opening, Turn, Writer};
