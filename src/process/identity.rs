//! Which process is meant: a pid together with its start time, and signals that reach that
//! process or nobody.

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::process::{PidfdFlags, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::table::{self, Stat};

/// One process of this boot: its number and the clock tick at which it started.
///
/// A number alone is given out again after its process has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// The process id.
    pub pid: i32,
    /// Start time in clock ticks since boot.
    pub start: u64,
}

/// A signal that this product sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// The terminal has gone.
    Hangup,
    /// A person asks to stop.
    Interrupt,
    /// Ends at will.
    Terminate,
    /// Ends at once.
    Kill,
    /// Stops until `Continue`.
    Stop,
    /// Goes on after `Stop`.
    Continue,
}

/// What became of a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// The process has it.
    Delivered,
    /// The process is no more; nothing was signalled.
    Gone,
}

impl Signal {
    pub(crate) fn raw(self) -> rustix::process::Signal {
        match self {
            Self::Hangup => rustix::process::Signal::HUP,
            Self::Interrupt => rustix::process::Signal::INT,
            Self::Terminate => rustix::process::Signal::TERM,
            Self::Kill => rustix::process::Signal::KILL,
            Self::Stop => rustix::process::Signal::STOP,
            Self::Continue => rustix::process::Signal::CONT,
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} (started at tick {})", self.pid, self.start)
    }
}

impl Identity {
    /// Returns the identity of the process that has this number now, also of one not yet reaped.
    #[must_use]
    pub fn of(pid: i32) -> Option<Self> {
        Stat::read(pid).map(|stat| Self { pid, start: stat.start })
    }

    /// Returns the identity of the calling process.
    #[must_use]
    pub fn current() -> Option<Self> {
        i32::try_from(std::process::id()).ok().and_then(Self::of)
    }

    /// Whether the process lives; one that has ended and is not reaped does not.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        Stat::read(self.pid).is_some_and(|stat| stat.start == self.start && !stat.is_dead())
    }

    /// Opens a handle that means this very process, or `None` if it has gone.
    ///
    /// The start time is compared after the handle is open, so that a number that was given
    /// out again in between is noticed.
    pub(crate) fn open(&self) -> io::Result<Option<OwnedFd>> {
        let Some(pid) = table::raw(self.pid) else { return Ok(None) };
        let handle = match pidfd_open(pid, PidfdFlags::NONBLOCK) {
            Ok(handle) => handle,
            Err(rustix::io::Errno::SRCH | rustix::io::Errno::INVAL) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let same = Stat::read(self.pid).is_some_and(|stat| stat.start == self.start);
        Ok(same.then_some(handle))
    }

    /// Whether the process lives but is stopped: it answers nothing until somebody continues it.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        Stat::read(self.pid).is_some_and(|stat| stat.start == self.start && matches!(stat.state, b'T' | b't'))
    }

    /// Sends a signal to this process and to no other.
    ///
    /// # Errors
    /// The system's refusal, for example of a process of another user.
    pub fn signal(&self, signal: Signal) -> io::Result<Delivery> {
        let Some(handle) = self.open()? else { return Ok(Delivery::Gone) };
        match pidfd_send_signal(&handle, signal.raw()) {
            Ok(()) => Ok(Delivery::Delivered),
            Err(rustix::io::Errno::SRCH) => Ok(Delivery::Gone),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits until this process has ended, at most `limit`; says whether it has.
    ///
    /// Cancel-safe: nothing changes when the future is dropped.
    ///
    /// # Errors
    /// No handle could be opened or watched.
    pub async fn wait_gone(&self, limit: Duration) -> io::Result<bool> {
        let Some(handle) = self.open()? else { return Ok(true) };
        #[expect(deprecated, reason = "its successor is unsafe; an owned descriptor keeps its number")]
        let watched = AsyncFd::with_interest(handle, Interest::READABLE)?;
        match tokio::time::timeout(limit, watched.readable()).await {
            Ok(ready) => ready.map(|_| true),
            Err(_) => Ok(false),
        }
    }
}

/// Returns the start time of a process in clock ticks since boot.
#[must_use]
pub fn start_time(pid: i32) -> Option<u64> {
    Stat::read(pid).map(|stat| stat.start)
}

/// Returns the children of a process as they are now.
#[must_use]
pub fn children(pid: i32) -> Vec<Identity> {
    table::children(pid).into_iter().filter_map(Identity::of).collect()
}

/// Returns the identifier of this boot of the machine.
///
/// # Errors
/// `/proc` does not show it.
pub fn boot_id() -> io::Result<String> {
    table::boot_id()
}

/// Makes the calling process the parent of every orphan below it.
///
/// # Errors
/// The system refuses.
pub fn set_subreaper() -> io::Result<()> {
    Ok(rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_start_time_is_another_process() {
        let own = Identity::current().unwrap();
        assert!(own.is_alive());
        let other = Identity { start: own.start + 1, ..own };
        assert!(!other.is_alive());
        assert_eq!(other.signal(Signal::Kill).unwrap(), Delivery::Gone);
    }

    #[test]
    fn no_process_has_the_number_zero_or_below() {
        for pid in [0, -1] {
            assert_eq!(Identity { pid, start: 0 }.signal(Signal::Kill).unwrap(), Delivery::Gone);
        }
    }

    #[tokio::test]
    async fn a_process_that_is_gone_is_not_waited_for() {
        let own = Identity::current().unwrap();
        let other = Identity { start: own.start + 1, ..own };
        assert!(other.wait_gone(Duration::from_secs(30)).await.unwrap());
        assert!(!own.wait_gone(Duration::from_millis(1)).await.unwrap());
    }
}
