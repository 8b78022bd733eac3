//! The end record: what a guard swears to when nothing of its child is left.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::identity::Identity;

/// How many killed processes a record names; the rest is counted only.
pub(crate) const KILLED_NAMED_MAX: usize = 200;

/// Why a guard began to end its child.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The child ended by itself, or by somebody else's hand.
    Exited,
    /// The host asked for it.
    Asked,
    /// The host, or what held the other end of the control socket, is gone.
    HostGone,
    /// The guard itself was told to end by a signal.
    Signalled,
}

/// One process that had to be killed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Killed {
    /// Its process id.
    pub pid: i32,
    /// Its name as the kernel knows it, at most 15 bytes.
    pub name: String,
}

/// One process that could not be ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// Its process id.
    pub pid: i32,
    /// The user it belongs to, if the system tells.
    pub uid: Option<u32>,
    /// Its name as the kernel knows it.
    pub name: String,
}

/// What a guard writes when its `wait` has said that no child is left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndRecord {
    /// Version of this shape.
    pub v: u32,
    /// The guard that writes.
    pub guard: Identity,
    /// The child it was the parent of.
    pub child: Identity,
    /// The child's raw wait status.
    pub status: i32,
    /// The child's exit code, unless a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended the child.
    pub signal: Option<i32>,
    /// Why the end began.
    pub cause: Cause,
    /// Whether the guard sent the child KILL; a KILL without it came from outside.
    pub kill_sent: bool,
    /// What had to be killed, in the order seen.
    pub killed: Vec<Killed>,
    /// How many had to be killed, also those not named; counted up to 10,000.
    pub killed_total: u64,
}

impl EndRecord {
    /// Reads a record that a guard left in a file; `None` if there is no whole one.
    #[must_use]
    pub fn read(path: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(path).ok()?).ok()
    }

    /// Whether the child was killed by somebody else than its guard.
    #[must_use]
    pub fn killed_from_outside(&self) -> bool {
        self.signal == Some(rustix::process::Signal::KILL.as_raw()) && !self.kill_sent
    }
}
