//! Signals: what a process inherited of them, and those that ask it to shut down.

use std::io;

use nix::sys::signal::{SigSet, SigmaskHow, Signal as Raw, pthread_sigmask};
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

/// Undoes what the starter left: blocked signals, and ignored ones as far as children see them.
///
/// To be called in `main` before any thread or runtime. An ignored signal gets a handler that
/// does nothing: this process goes on ignoring it, while a child starts with the default, since
/// a handler does not survive `exec`. SIGPIPE is left alone: the standard library ignores it here
/// and resets it in children.
///
/// # Errors
/// `/proc/self/status` cannot be read, or no handler can be set.
pub fn reset_inherited() -> io::Result<()> {
    pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)?;
    let ignored = ignored_signals()?;
    if ignored.is_empty() {
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let _context = runtime.enter();
    for number in ignored {
        let _handler_stays = signal(SignalKind::from_raw(number))?;
    }
    Ok(())
}

/// The ignored signals that can be caught, SIGPIPE not among them.
fn ignored_signals() -> io::Result<Vec<i32>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|text| u64::from_str_radix(text.trim(), 16).ok()).unwrap_or(0);
    let fixed = [Raw::SIGPIPE, Raw::SIGKILL, Raw::SIGSTOP, Raw::SIGILL, Raw::SIGFPE, Raw::SIGSEGV];
    Ok(Raw::iterator()
        .filter(|raw| mask >> (*raw as i32 - 1) & 1 == 1 && !fixed.contains(raw))
        .map(|raw| raw as i32)
        .collect())
}

/// What a host is asked by a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// Shut down: TERM or INT.
    Shutdown,
    /// Read the configuration anew: HUP.
    Reload,
}

/// The signals that a host listens to, from the moment it is made.
#[derive(Debug)]
pub struct Requests {
    terminate: Stream,
    interrupt: Stream,
    hangup: Stream,
}

impl Requests {
    /// Begins to listen; must be called inside a runtime.
    ///
    /// # Errors
    /// No handler can be set.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next request. Cancel-safe.
    pub async fn next(&mut self) -> Request {
        tokio::select! {
            _ = self.terminate.recv() => Request::Shutdown,
            _ = self.interrupt.recv() => Request::Shutdown,
            _ = self.hangup.recv() => Request::Reload,
        }
    }
}
