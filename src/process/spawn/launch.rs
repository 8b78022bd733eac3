//! What to start, what is remembered of it, and how a start can fail.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::guard::message::{LaunchMessage, Stage};
use crate::identity::Identity;

/// The program that means this very executable, also after the file was replaced.
pub const OWN_EXECUTABLE: &str = "/proc/self/exe";

/// The variable that marks every process of an instance.
pub const INSTANCE_VARIABLE: &str = "MODELSCAN_INSTANCE";

/// What an instance gets to run its first instruction, unless its launch says otherwise.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// One child to start. Nothing is inherited that is not said here.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The instance's id, which is also its mark.
    pub instance: String,
    /// The program: a path, or a name that is looked for in the `PATH` of `env`.
    pub program: OsString,
    /// Its arguments, without its own name.
    pub args: Vec<OsString>,
    /// The directory it starts in, absolute.
    pub cwd: PathBuf,
    /// Its whole environment; the mark is added.
    pub env: Vec<(OsString, OsString)>,
    /// Where its stderr goes.
    pub stderr: Stderr,
    /// A file that gets a copy of a drained stderr.
    pub stderr_log: Option<StderrLog>,
    /// Where the guard leaves its end record, so that it survives the host.
    pub end_record: Option<PathBuf>,
    /// Limit of private writable memory of each of its processes.
    pub data_bytes_max: Option<u64>,
    /// How long a start may take.
    pub start_timeout: Duration,
}

/// Where a child's stderr goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stderr {
    /// Read all the time by us; the last 64 KiB are kept.
    Drained,
    /// Into the same pipe as stdout.
    Merged,
    /// Read by the caller, who takes it from the instance.
    Taken,
}

/// A log file that stops growing at its cap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StderrLog {
    /// The file; it is made anew.
    pub path: PathBuf,
    /// How large it may become.
    pub bytes_max: u64,
}

impl Launch {
    /// Returns a launch without arguments or environment, its stderr drained.
    pub fn new(instance: impl Into<String>, program: impl Into<OsString>, cwd: impl Into<PathBuf>) -> Self {
        Self {
            instance: instance.into(),
            program: program.into(),
            args: Vec::new(),
            cwd: cwd.into(),
            env: Vec::new(),
            stderr: Stderr::Drained,
            stderr_log: None,
            end_record: None,
            data_bytes_max: None,
            start_timeout: START_TIMEOUT,
        }
    }

    /// The program as text for people.
    pub(super) fn program_text(&self) -> String {
        self.program.to_string_lossy().into_owned()
    }

    pub(super) fn message(&self, open_files: Option<u64>, file_mask: Option<u32>) -> LaunchMessage {
        let mut env = self.env.clone();
        env.retain(|(name, _)| name != INSTANCE_VARIABLE);
        env.push((INSTANCE_VARIABLE.into(), self.instance.clone().into()));
        LaunchMessage {
            program: self.program.clone(),
            cwd: self.cwd.clone().into_os_string(),
            args: self.args.clone(),
            env,
            open_files,
            data_bytes: self.data_bytes_max,
            file_mask: file_mask.map(u64::from),
        }
    }

    pub(super) fn failure(&self, stage: Stage, errno: i32) -> SpawnError {
        let source = io::Error::from_raw_os_error(errno);
        let program = self.program_text();
        match stage {
            Stage::Execute => SpawnError::Execute { program, source },
            Stage::Directory => SpawnError::Directory { cwd: self.cwd.clone(), source },
            Stage::Limits => SpawnError::Limits { program, source },
            Stage::Prepare => SpawnError::Guard { program, source },
        }
    }
}

/// What must be remembered of an instance, so that a later host can end what is left of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceRecord {
    /// The instance's id and mark.
    pub instance: String,
    /// The boot that the identities are of.
    pub boot_id: String,
    /// The guard; its number is also the child's session.
    pub guard: Option<Identity>,
    /// The child; its number is also its process group.
    pub child: Option<Identity>,
    /// Where the guard leaves its end record.
    pub end_record: Option<PathBuf>,
}

/// Why a child does not run.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// The program could not be executed: not there, not allowed, not a program.
    #[error("execute `{program}`")]
    Execute {
        /// The program as it was asked for.
        program: String,
        /// The system's answer.
        source: io::Error,
    },
    /// The directory to start in could not be entered.
    #[error("enter the directory `{}`", cwd.display())]
    Directory {
        /// The directory.
        cwd: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A resource limit could not be set.
    #[error("set the limits of `{program}`")]
    Limits {
        /// The program as it was asked for.
        program: String,
        /// The system's answer.
        source: io::Error,
    },
    /// A text cannot be passed to a program.
    #[error("pass arguments and environment to `{program}`")]
    Invalid {
        /// The program as it was asked for.
        program: String,
        /// What is wrong with it.
        source: io::Error,
    },
    /// A file for the end record or the log could not be made.
    #[error("make the file `{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The guard could not be started or was lost; worth another try.
    #[error("start a guard for `{program}`")]
    Guard {
        /// The program as it was asked for.
        program: String,
        /// The system's answer.
        source: io::Error,
    },
    /// The child did not run in time; what there was of it is being ended.
    #[error("`{program}` did not start within {limit_ms} ms")]
    TimedOut {
        /// The program as it was asked for.
        program: String,
        /// The limit.
        limit_ms: u128,
    },
}
