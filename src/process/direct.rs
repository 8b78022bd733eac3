//! A child without a guard, for programs that play a client or a person: the demo and the tests.
//! Agents and tool servers never run this way.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;

use tokio::process::{Child, ChildStdin, ChildStdout};

use crate::identity::Identity;

/// Where the child's stderr goes.
#[derive(Debug)]
pub enum Stderr {
    /// Nowhere.
    Null,
    /// Where ours goes.
    Inherit,
    /// Into a file.
    File(File),
}

/// One child to start: all that it gets, nothing inherited.
#[derive(Debug)]
pub struct Direct {
    /// The program, a path.
    pub program: PathBuf,
    /// Its arguments, without its own name.
    pub args: Vec<OsString>,
    /// Its whole environment.
    pub env: Vec<(OsString, OsString)>,
    /// The directory it starts in.
    pub cwd: PathBuf,
    /// Where its stderr goes.
    pub stderr: Stderr,
}

/// A running child with its pipes; killed when dropped.
#[derive(Debug)]
pub struct DirectChild {
    child: Child,
    /// The child's stdin.
    pub stdin: Option<ChildStdin>,
    /// The child's stdout.
    pub stdout: Option<ChildStdout>,
    /// Which process it is.
    pub identity: Identity,
}

/// How a direct child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    /// The exit code, unless a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
}

impl Direct {
    /// Starts the child in a process group of its own.
    ///
    /// # Errors
    /// It cannot be executed.
    pub fn spawn(self) -> io::Result<DirectChild> {
        #[expect(clippy::disallowed_methods, reason = "the one way to a child without a guard")]
        let mut command = tokio::process::Command::new(&self.program);
        command.args(self.args).env_clear().envs(self.env).current_dir(self.cwd);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(match self.stderr {
            Stderr::Null => Stdio::null(),
            Stderr::Inherit => Stdio::inherit(),
            Stderr::File(file) => Stdio::from(file),
        });
        command.process_group(0).kill_on_drop(true);
        let mut child = command.spawn()?;
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
        let identity =
            pid.and_then(Identity::of).ok_or_else(|| io::Error::other("the child is not in /proc"))?;
        Ok(DirectChild { stdin: child.stdin.take(), stdout: child.stdout.take(), child, identity })
    }
}

impl DirectChild {
    /// Waits until the child has ended; closes its stdin first. Cancel-safe.
    ///
    /// # Errors
    /// The child was reaped by somebody else.
    pub async fn wait(&mut self) -> io::Result<Exit> {
        self.stdin = None;
        let status = self.child.wait().await?;
        Ok(Exit { code: status.code(), signal: std::os::unix::process::ExitStatusExt::signal(&status) })
    }

    /// Kills the child and waits for its end.
    ///
    /// # Errors
    /// The child was reaped by somebody else.
    pub async fn kill(&mut self) -> io::Result<Exit> {
        self.child.start_kill()?;
        self.wait().await
    }
}
