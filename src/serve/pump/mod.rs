//! `modelscan mcp`: the pump between a client's stdio and a host's socket. The machine in `mcp`
//! decides; here are its threads, which only read, write and wait. No runtime: plain threads cost
//! a fraction of its memory.

mod shared;
mod threads;

use std::fs::File;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Instant;

use mcp::limits::{CLOSING_TIME, FLUSH_TIME};
use mcp::pump::{End, NoHost};

use shared::Shared;

/// Why the pump ended badly.
#[derive(Debug, thiserror::Error)]
pub enum PumpError {
    /// A thread could not be started.
    #[error("start a thread of the pump")]
    Thread(#[source] std::io::Error),
    /// The streams of the process could not be taken.
    #[error("take stdin and stdout for the protocol")]
    Stdio(#[source] std::io::Error),
    /// The next host speaks another version than the client was promised.
    #[error("the host speaks version `{found}` of the protocol, the client was promised `{promised}`")]
    OtherVersion {
        /// What was promised.
        promised: String,
        /// What the host says instead.
        found: String,
    },
}

/// Finds or starts a host and returns the connection. Retries and gives up by itself, within a
/// bounded time.
pub type Connect = Box<dyn FnMut() -> Result<UnixStream, NoHost> + Send>;

/// Pumps between this process's own stdio and a host. What else is printed to stdout goes to
/// stderr from here on.
///
/// # Errors
/// When it cannot begin, or the next host speaks another version.
pub fn run_on_stdio(preamble: &[u8], connect: Connect) -> Result<(), PumpError> {
    let stdout = process::stdio::take_protocol_stdout().map_err(PumpError::Stdio)?;
    let stdin = process::stdio::protocol_stdin().map_err(PumpError::Stdio)?;
    run(stdin, stdout, preamble, connect)
}

/// Pumps until the client has closed its side and all that was owed is said, or nobody reads what
/// it says any more. `preamble` is the first line for each host, without its line feed; empty if
/// `connect` has sent it.
///
/// # Errors
/// When it cannot begin, or the next host speaks another version.
pub fn run(from_client: File, to_client: File, preamble: &[u8], connect: Connect) -> Result<(), PumpError> {
    let shared = Arc::new(Shared::new(preamble, connect, &to_client));
    threads::client_writer(&shared, to_client).map_err(PumpError::Thread)?;
    threads::client_reader(&shared, from_client).map_err(PumpError::Thread)?;
    let ended = wait(&shared);
    match ended {
        End::Done => Ok(()),
        End::OtherVersion { promised, found } => Err(PumpError::OtherVersion { promised, found }),
    }
}

/// Waits for the end, which comes at the latest some time after the client's own.
fn wait(shared: &Arc<Shared>) -> End {
    let mut state = shared.lock();
    loop {
        let now = Instant::now();
        if state.client_gone {
            return End::Done;
        }
        let until = match (&state.end, state.client_ended_at) {
            (Some((end, _)), _) if state.is_flushed() => return end.clone(),
            (Some((end, at)), _) if now >= *at + FLUSH_TIME => return end.clone(),
            (Some((_, at)), _) => Some(*at + FLUSH_TIME),
            (None, Some(at)) if now >= at + CLOSING_TIME + FLUSH_TIME => {
                let actions = state.machine.time_up();
                shared.perform(&mut state, actions);
                continue;
            }
            (None, Some(at)) => Some(at + CLOSING_TIME + FLUSH_TIME),
            (None, None) => None,
        };
        state = shared.wait_for_end(state, until.map(|until| until.saturating_duration_since(now)));
    }
}

#[cfg(test)]
mod tests;
