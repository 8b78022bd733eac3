//! Starts guards and hands each to a supervisor that owns it to its end.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::unix::pipe;
use tokio::process::{Child, Command};
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::instance::{Handle, Instance, Status};
use super::launch::{INSTANCE_VARIABLE, InstanceRecord, Launch, OWN_EXECUTABLE, SpawnError, Stderr};
use super::stderr::{Log, Tail, drain};
use super::streams::{OutputReader, SharedStdin};
use super::supervise::{Supervisor, supervise};
use crate::guard::WORD;
use crate::identity::Identity;
use crate::reaper::Registry;
use crate::table;

/// An executable that is being written is tried again this often, 10 ms apart.
const BUSY_TRIES: u32 = 10;
const BUSY_PAUSE: Duration = Duration::from_millis(10);

/// Three times what the ladder takes when something in it is stuck.
const GUARD_PATIENCE: Duration = Duration::from_secs(15);

/// Starts instances; cheap to clone, all clones are one.
#[derive(Debug, Clone)]
pub struct Spawner {
    inner: Arc<Inner>,
}

#[derive(Debug, Clone)]
struct Inner {
    program: PathBuf,
    args: Vec<OsString>,
    registry: Registry,
    tracker: TaskTracker,
    boot_id: String,
    open_files: Option<u64>,
    file_mask: Option<u32>,
    guard_patience: Duration,
}

impl Spawner {
    /// Returns a spawner whose guards are this very executable.
    ///
    /// # Errors
    /// `/proc` does not name this boot.
    pub fn new(registry: Registry) -> io::Result<Self> {
        Self::with_guard(OWN_EXECUTABLE.into(), vec![WORD.into()], registry)
    }

    /// Returns a spawner whose guards are another program, for programs that are none themselves.
    ///
    /// # Errors
    /// `/proc` does not name this boot.
    pub fn with_guard(program: PathBuf, args: Vec<OsString>, registry: Registry) -> io::Result<Self> {
        let boot_id = table::boot_id()?;
        let tracker = TaskTracker::new();
        let (open_files, file_mask, guard_patience) = (None, None, GUARD_PATIENCE);
        let inner =
            Inner { program, args, registry, tracker, boot_id, open_files, file_mask, guard_patience };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Says which soft limit of open files children get, since the host's own was raised.
    #[must_use]
    pub fn with_open_files(self, open_files: Option<u64>) -> Self {
        let mut inner = self.inner.as_ref().clone();
        inner.open_files = open_files;
        Self { inner: Arc::new(inner) }
    }

    /// Says which file mask children get, since a detached host's own lets nobody else read.
    #[must_use]
    pub fn with_file_mask(self, file_mask: Option<u32>) -> Self {
        let mut inner = self.inner.as_ref().clone();
        inner.file_mask = file_mask;
        Self { inner: Arc::new(inner) }
    }

    /// Says how long a guard that was asked to end may say nothing before it is killed itself and
    /// the proof is lost with it; 15 s by default.
    #[must_use]
    pub fn with_guard_patience(self, guard_patience: Duration) -> Self {
        let mut inner = self.inner.as_ref().clone();
        inner.guard_patience = guard_patience;
        Self { inner: Arc::new(inner) }
    }

    /// Returns a spawner like this one that counts its own instances: neither's `wait_all` waits for
    /// those of the other.
    #[must_use]
    pub fn apart(&self) -> Self {
        let mut inner = self.inner.as_ref().clone();
        inner.tracker = TaskTracker::new();
        Self { inner: Arc::new(inner) }
    }

    /// Returns the identifier of this boot, for records made before a spawn.
    #[must_use]
    pub fn boot_id(&self) -> &str {
        &self.inner.boot_id
    }

    /// Waits until every instance that was started has ended; starts nothing and ends nothing.
    pub async fn wait_all(&self) {
        self.inner.tracker.close();
        self.inner.tracker.wait().await;
        self.inner.tracker.reopen();
    }

    /// Starts a child under a new guard; returns when it runs.
    ///
    /// If the future is dropped, or the launch's time is over, what there was is ended in the
    /// background.
    ///
    /// # Errors
    /// The program, the directory or a limit is wrong; or no guard could be started.
    pub async fn spawn(&self, launch: Launch) -> Result<Instance, SpawnError> {
        let program = launch.program_text();
        let frame = launch.message(self.inner.open_files, self.inner.file_mask).encode();
        let frame = frame.map_err(|source| SpawnError::Invalid { program: program.clone(), source })?;
        let end_file = launch.end_record.as_deref().map(|path| private(path, create_private)).transpose()?;
        let log =
            launch.stderr_log.as_ref().map(|log| private(&log.path, |_| Log::create(log))).transpose()?;
        let failed = |source| SpawnError::Guard { program: program.clone(), source };
        let ends = self.start_guard(&launch).await.map_err(failed)?;

        let ended = CancellationToken::new();
        let tail = Tail::default();
        let stdout = OutputReader::new(ends.stdout, ended.clone());
        let mut stderr = ends.stderr.map(|pipe| OutputReader::new(pipe, ended.clone()));
        let drained = match launch.stderr {
            Stderr::Drained => {
                stderr.take().map(|reader| self.inner.tracker.spawn(drain(reader, tail.clone(), log)))
            }
            Stderr::Merged | Stderr::Taken => None,
        };
        let stdin = SharedStdin::new(ends.stdin);
        let (started, starts) = oneshot::channel();
        let (status, statuses) = watch::channel(Status::Running);
        let (end_asked, kill_asked) = (CancellationToken::new(), CancellationToken::new());
        let ends_with_this = end_asked.clone().drop_guard();
        let limit = launch.start_timeout;
        let record = InstanceRecord {
            instance: launch.instance.clone(),
            boot_id: self.inner.boot_id.clone(),
            guard: ends.guard_identity,
            child: None,
            end_record: launch.end_record.clone(),
        };
        let supervisor = Supervisor {
            launch,
            record,
            guard: ends.guard,
            socket: ends.socket,
            passed: std::iter::once(ends.stdin_read).chain(end_file.map(OwnedFd::from)).collect(),
            frame,
            stdin: stdin.clone(),
            ended,
            tail: tail.clone(),
            drained,
            status,
            end_asked: end_asked.clone(),
            kill_asked: kill_asked.clone(),
            registry: self.inner.registry.clone(),
            guard_patience: self.inner.guard_patience,
        };
        self.inner.tracker.spawn(supervise(supervisor, started));

        let record = match tokio::time::timeout(limit, starts).await {
            Ok(Ok(result)) => result?,
            Ok(Err(_)) => return Err(failed(io::Error::other("the runtime is shutting down"))),
            Err(_) => {
                kill_asked.cancel();
                return Err(SpawnError::TimedOut { program, limit_ms: limit.as_millis() });
            }
        };
        let handle = Handle { record: Arc::new(record), status: statuses, end_asked, kill_asked, tail };
        Ok(Instance {
            handle,
            stdin: Some(stdin.writer()),
            stdout: Some(stdout),
            stderr,
            _ends_with_this: ends_with_this,
        })
    }

    async fn start_guard(&self, launch: &Launch) -> io::Result<Ends> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let socket = tokio::net::UnixStream::from_std(ours)?;
        let (stdin_read, stdin_write) = io::pipe()?;
        let (stdout_read, stdout_write) = io::pipe()?;
        let (stderr_read, stderr_write) = match launch.stderr {
            Stderr::Merged => (None, stdout_write.try_clone()?),
            Stderr::Drained | Stderr::Taken => io::pipe().map(|(read, write)| (Some(read), write))?,
        };
        let mut command = self.guard_command(launch);
        command.stdin(OwnedFd::from(theirs)).stdout(stdout_write).stderr(stderr_write);
        let mut tries = 0;
        let guard = loop {
            match self.inner.registry.spawn(&mut command) {
                Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy && tries < BUSY_TRIES => {
                    tries += 1;
                    tokio::time::sleep(BUSY_PAUSE).await;
                }
                result => break result?,
            }
        };
        // The command holds our copies of the child's ends: with them open nothing would end.
        drop(command);
        Ok(Ends {
            guard_identity: guard.id().and_then(|pid| Identity::of(i32::try_from(pid).ok()?)),
            guard,
            socket,
            stdin: pipe::Sender::from_owned_fd(stdin_write.into())?,
            stdin_read: stdin_read.into(),
            stdout: pipe::Receiver::from_owned_fd(stdout_read.into())?,
            stderr: stderr_read.map(|read| pipe::Receiver::from_owned_fd(read.into())).transpose()?,
        })
    }

    fn guard_command(&self, launch: &Launch) -> Command {
        #[expect(clippy::disallowed_methods, reason = "this starts the guard itself")]
        let mut command = std::process::Command::new(&self.inner.program);
        std::os::unix::process::CommandExt::arg0(&mut command, "modelscan");
        command.args(&self.inner.args).env_clear().env(INSTANCE_VARIABLE, &launch.instance);
        command.stdin(Stdio::null());
        Command::from(command)
    }
}

/// Our ends of everything that connects us to a new guard.
struct Ends {
    guard: Child,
    guard_identity: Option<Identity>,
    socket: tokio::net::UnixStream,
    stdin: pipe::Sender,
    stdin_read: OwnedFd,
    stdout: pipe::Receiver,
    stderr: Option<pipe::Receiver>,
}

/// Makes a file anew that only its owner may read.
pub(super) fn create_private(path: &Path) -> io::Result<File> {
    File::options().write(true).create(true).truncate(true).mode(0o600).open(path)
}

fn private<T>(path: &Path, create: impl FnOnce(&Path) -> io::Result<T>) -> Result<T, SpawnError> {
    create(path).map_err(|source| SpawnError::File { path: path.to_owned(), source })
}
