//! How a host comes to live on its own: the starter's side and the new host's side.
//!
//! The starter spawns this executable with a pipe as its stdout and stderr. The new host leaves
//! session, folder and inherited descriptors behind, says one line when it answers, and puts its
//! log in the pipe's place. If it dies before, what it wrote is the reason.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::identity::Identity;
use crate::spawn::OWN_EXECUTABLE;
use crate::{descriptors, signals, stdio};

/// What the ready line begins with; the rest of it is the host's own.
const READY: &[u8] = b"ready ";

/// No more of a dying host's last words is kept.
const WORDS_BYTES_MAX: usize = 64 * 1024;

/// A host to start.
#[derive(Debug, Clone)]
pub struct HostStart {
    /// The program; by default this very executable.
    pub program: PathBuf,
    /// Its arguments, without its own name.
    pub args: Vec<OsString>,
    /// Its whole environment.
    pub env: Vec<(OsString, OsString)>,
    /// How long it may take to answer.
    pub timeout: Duration,
}

/// A host that answers.
#[derive(Debug)]
pub struct StartedHost {
    /// Which process it is.
    pub identity: Identity,
    /// What it said when it was ready.
    pub text: String,
    child: Child,
}

/// Why no host answers.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// It could not be executed.
    #[error("start the host")]
    Execute(#[source] io::Error),
    /// It ended before it answered.
    #[error("the host ended before it answered: {}", output.trim_end())]
    Died {
        /// What it wrote.
        output: String,
        /// Its exit code.
        code: Option<i32>,
    },
    /// It did not answer in time; it may still come.
    #[error("the host did not answer within {limit_ms} ms (pid {pid})")]
    TimedOut {
        /// The process.
        pid: u32,
        /// The limit.
        limit_ms: u128,
    },
}

impl HostStart {
    /// Returns a start of this very executable.
    #[must_use]
    pub fn new(args: Vec<OsString>, env: Vec<(OsString, OsString)>, timeout: Duration) -> Self {
        Self { program: OWN_EXECUTABLE.into(), args, env, timeout }
    }

    /// Starts the host and waits for its ready line.
    ///
    /// # Errors
    /// It could not be executed, died, or did not answer in time.
    pub fn start(&self) -> Result<StartedHost, StartError> {
        let (read, write) = io::pipe().map_err(StartError::Execute)?;
        let errors = write.try_clone().map_err(StartError::Execute)?;
        #[expect(clippy::disallowed_methods, reason = "a host is nobody's child: it has no guard")]
        let mut command = std::process::Command::new(&self.program);
        std::os::unix::process::CommandExt::arg0(&mut command, "modelscan");
        command.args(&self.args).env_clear().envs(self.env.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(write).stderr(errors);
        let child = command.spawn();
        drop(command);
        let mut child = child.map_err(StartError::Execute)?;
        let pid = child.id();
        match wait_ready(File::from(OwnedFd::from(read)), self.timeout) {
            Heard::Ready(text) => {
                let identity = i32::try_from(pid).ok().and_then(Identity::of);
                match identity {
                    Some(identity) => Ok(StartedHost { identity, text, child }),
                    None => Err(died(&mut child, text)),
                }
            }
            Heard::End(output) => Err(died(&mut child, output)),
            Heard::Nothing => Err(StartError::TimedOut { pid, limit_ms: self.timeout.as_millis() }),
        }
    }
}

impl StartedHost {
    /// Reaps the host if it has ended; for a starter that lives on.
    pub fn reap(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }
}

fn died(child: &mut Child, output: String) -> StartError {
    let code = child.wait().ok().and_then(|status| status.code());
    StartError::Died { output, code }
}

enum Heard {
    Ready(String),
    End(String),
    Nothing,
}

fn wait_ready(mut pipe: File, limit: Duration) -> Heard {
    let until = Instant::now() + limit;
    let mut words = Vec::new();
    let mut buffer = [0u8; 4096];
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let Ok(left) = Timespec::try_from(left) else { return Heard::Nothing };
        match poll(&mut [PollFd::new(&pipe, PollFlags::IN)], Some(&left)) {
            Ok(0) => return Heard::Nothing,
            Err(rustix::io::Errno::INTR) => continue,
            _ => {}
        }
        match pipe.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(0) | Err(_) => return Heard::End(String::from_utf8_lossy(&words).into_owned()),
            Ok(count) => {
                words.extend_from_slice(&buffer[..count]);
                if let Some(text) = ready_line(&words) {
                    return Heard::Ready(text);
                }
                let over = words.len().saturating_sub(WORDS_BYTES_MAX);
                words.drain(..over);
            }
        }
    }
}

/// The text of a whole ready line among what was written.
fn ready_line(words: &[u8]) -> Option<String> {
    let whole = &words[..words.iter().rposition(|&byte| byte == b'\n')?];
    let line = whole.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(READY))?;
    Some(String::from_utf8_lossy(line).into_owned())
}

/// A new host that has left its starter and has not said yet that it is ready.
#[derive(Debug)]
pub struct Detached {
    starter_file_mask: u32,
}

/// Leaves the starter behind: descriptors, signals, session, folder, file mask.
///
/// To be called in `main` before any thread, runtime or file.
///
/// # Errors
/// The system refuses.
pub fn detach() -> io::Result<Detached> {
    descriptors::close_inherited()?;
    signals::reset_inherited()?;
    // The starter may have made this process the leader of a group or session already.
    let _leader = rustix::process::setsid();
    std::env::set_current_dir("/")?;
    let before = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    Ok(Detached { starter_file_mask: before.as_raw_mode() })
}

impl Detached {
    /// Returns the file mask that the starter had: what children shall get back.
    #[must_use]
    pub fn starter_file_mask(&self) -> u32 {
        self.starter_file_mask
    }

    /// Lets `log` have what goes to stdout and stderr from here on, then tells the starter that
    /// this host answers. A starter that is gone is no error.
    ///
    /// # Errors
    /// The log cannot be put in place.
    pub fn ready(self, text: &str, log: &File) -> io::Result<()> {
        let line = [READY, text.replace('\n', " ").as_bytes(), b"\n"].concat();
        let mut starter = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        stdio::redirect_output(log)?;
        // Last, so that whoever reads the line finds everything in its place.
        let _starter_gone = starter.write_all(&line);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ready_line_counts_when_it_is_whole() {
        let check = |words: &str, expected: Option<&str>| {
            assert_eq!(ready_line(words.as_bytes()).as_deref(), expected, "{words:?}");
        };
        check("", None);
        check("ready /x", None);
        check("ready /x\n", Some("/x"));
        check("a warning\nready /x\nmore", Some("/x"));
        check("not ready \n", None);
    }
}
