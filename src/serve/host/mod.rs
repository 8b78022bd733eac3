//! The host process: it holds the lock, writes the store, runs tasks and answers on the socket.

mod accept;
mod connection;
mod control;
mod detached;
mod idle;
pub mod place;
mod run;
mod shared;

use std::time::Duration;

pub use detached::{WORD, arguments, requested, run_detached};
pub(in crate::serve) use run::{Held, checked, folders, open_store};
pub use run::{Manner, run};

/// How long `host stop` lets what runs come to its end before it is stopped.
pub const DRAIN_LIMIT: Duration = Duration::from_secs(10);
