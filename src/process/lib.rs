//! Child processes and the host's place among processes: guards, spawning, capture, lines,
//! sweeps, locks, detaching. Nobody else in the product starts a process or names a system call.

pub mod capture;
pub mod descriptors;
pub mod detach;
pub mod direct;
pub mod filesystem;
pub mod guard;
pub mod identity;
pub mod limits;
pub mod lines;
pub mod lock;
pub mod nest;
pub mod peer;
pub mod reaper;
pub mod signals;
pub mod socket;
pub mod spawn;
pub mod stdio;
pub mod sweep;
mod table;

pub use identity::{Identity, Signal};
pub use spawn::{Ended, Instance, InstanceRecord, Launch, Proof, SpawnError, Spawner};
