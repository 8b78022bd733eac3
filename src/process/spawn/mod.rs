//! Starting a child under a guard, and the handle of the instance that comes of it.

mod instance;
mod launch;
mod spawner;
mod stderr;
mod streams;
mod supervise;

pub use instance::{Ended, Handle, Instance, NotEnded, Proof, Status};
pub use launch::{INSTANCE_VARIABLE, InstanceRecord, Launch, OWN_EXECUTABLE, SpawnError, Stderr, StderrLog};
pub use spawner::Spawner;
pub use stderr::TAIL_BYTES;
pub use streams::{OutputReader, StdinWriter};
