//! The owner of one guard from its start to its end; it runs on when nobody listens any more.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Interest, Lines};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::Child;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::instance::{Ended, Proof, Status};
use super::launch::{InstanceRecord, Launch, SpawnError};
use super::stderr::Tail;
use super::streams::SharedStdin;
use crate::guard::EndRecord;
use crate::guard::message::{COMMAND_END, COMMAND_KILL, Report};
use crate::identity::Signal;
use crate::reaper::Registry;
use crate::sweep;

/// What a child gets to end at the end of its stdin.
const STDIN_WAIT: Duration = Duration::from_millis(500);
/// How often a guard that was asked to end is continued: its child may have stopped it.
const CONTINUE_EVERY: Duration = Duration::from_millis(200);
/// What a guard gets to exit after its last word.
const GUARD_EXIT_MAX: Duration = Duration::from_secs(5);
/// What stderr gets to become quiet after the end.
const DRAIN_MAX: Duration = Duration::from_secs(2);

/// Everything that one guard's owner holds.
pub(super) struct Supervisor {
    pub(super) launch: Launch,
    pub(super) record: InstanceRecord,
    pub(super) guard: Child,
    pub(super) socket: UnixStream,
    /// The descriptors that travel with the launch: stdin and perhaps the end record's file.
    pub(super) passed: Vec<OwnedFd>,
    pub(super) frame: Vec<u8>,
    pub(super) stdin: SharedStdin,
    pub(super) ended: CancellationToken,
    pub(super) tail: Tail,
    pub(super) drained: Option<JoinHandle<()>>,
    pub(super) status: watch::Sender<Status>,
    pub(super) end_asked: CancellationToken,
    pub(super) kill_asked: CancellationToken,
    pub(super) registry: Registry,
    /// A guard that has said nothing for this long after it was asked is killed itself.
    pub(super) guard_patience: Duration,
}

type Started = oneshot::Sender<Result<InstanceRecord, SpawnError>>;

/// Launches, watches, ends; tells the start once and the end by `status`.
pub(super) async fn supervise(mut this: Supervisor, started: Started) {
    let socket = match this.launch_child().await {
        Ok(socket) => socket,
        Err(error) => {
            // The socket is closed: a guard that had begun ends what it began, and says so by its
            // exit. One that died otherwise may have left something.
            this.stdin.close();
            if !this.collect_guard(this.guard_patience).await {
                sweep::sweep(&this.record, Some(&this.registry)).await;
            }
            this.ended.cancel();
            let _nobody = started.send(Err(error));
            return;
        }
    };
    if started.send(Ok(this.record.clone())).is_err() {
        this.end_asked.cancel();
    }
    let record = this.watch(socket).await;
    this.finish(record).await;
}

/// The control socket once the child runs.
struct Control {
    reports: Lines<BufReader<OwnedReadHalf>>,
    commands: OwnedWriteHalf,
}

impl Supervisor {
    async fn launch_child(&mut self) -> Result<Control, SpawnError> {
        let lost = |source| SpawnError::Guard { program: self.launch.program_text(), source };
        let (stream, frame) = (&mut self.socket, &self.frame);
        let sending = async {
            let sent = send_with(stream, frame, &self.passed).await?;
            stream.write_all(&frame[sent..]).await
        };
        // A guard that dies at once is seen at the read below, with the reason if it gave one.
        let sent = tokio::select! {
            sent = sending => sent,
            () = asked(&self.end_asked, &self.kill_asked) => Err(io::ErrorKind::Interrupted.into()),
        };
        self.passed.clear();
        self.frame = Vec::new();
        let (placeholder, _) = UnixStream::pair().map_err(lost)?;
        let (read, commands) = std::mem::replace(&mut self.socket, placeholder).into_split();
        let mut reports = BufReader::new(read).lines();
        let report = tokio::select! {
            report = next_report(&mut reports) => report,
            () = asked(&self.end_asked, &self.kill_asked) => None,
        };
        match report {
            Some(Report::Started(child)) => {
                self.record.child = Some(child);
                Ok(Control { reports, commands })
            }
            Some(Report::Failed { stage, errno }) => Err(self.launch.failure(stage, errno)),
            _ => Err(lost(sent.err().unwrap_or_else(|| io::Error::other("the guard died")))),
        }
    }

    /// Watches until the guard has ended; returns its record if it left one.
    async fn watch(&mut self, control: Control) -> Option<EndRecord> {
        let Control { mut reports, mut commands } = control;
        let mut open = true;
        let mut stage = Stage::Running;
        loop {
            tokio::select! {
                biased;
                report = next_report(&mut reports), if open => match report {
                    Some(Report::Ended(record)) => {
                        self.collect_guard(GUARD_EXIT_MAX).await;
                        return Some(record);
                    }
                    Some(Report::Stuck(left)) => {
                        self.status.send_replace(Status::Stuck(left.into()));
                        stage = Stage::Stuck;
                    }
                    Some(_) => {}
                    None => open = false,
                },
                _ = self.guard.wait() => {
                    self.forget_guard();
                    // What it wrote before it went is still in the socket, or in its file.
                    while let Ok(Some(report)) = timeout(GUARD_EXIT_MAX, next_report(&mut reports)).await {
                        if let Report::Ended(record) = report {
                            return Some(record);
                        }
                    }
                    return self.record.end_record.as_deref().and_then(EndRecord::read);
                }
                () = self.kill_asked.cancelled(), if stage.before_kill() => {
                    self.status.send_replace(Status::Ending);
                    stage = Stage::asked_now(true);
                    self.command(&mut commands, COMMAND_KILL).await;
                }
                () = self.end_asked.cancelled(), if matches!(stage, Stage::Running) => {
                    self.status.send_replace(Status::Ending);
                    let wait = if self.stdin.close() { STDIN_WAIT } else { Duration::ZERO };
                    stage = Stage::StdinClosed(Instant::now() + wait);
                }
                () = stage.next() => match stage {
                    Stage::StdinClosed(_) => {
                        stage = Stage::asked_now(false);
                        self.command(&mut commands, COMMAND_END).await;
                    }
                    Stage::Asked { since, killed, .. } if since.elapsed() < self.guard_patience => {
                        self.continue_guard();
                        stage = Stage::Asked { since, killed, next: Instant::now() + CONTINUE_EVERY };
                    }
                    _ => {
                        let _gone = self.guard.start_kill();
                        stage = Stage::Stuck;
                    }
                },
            }
        }
    }

    async fn command(&self, commands: &mut OwnedWriteHalf, byte: u8) {
        // A guard that cannot be told has ended or died; both are seen at its wait.
        let _unheard = timeout(GUARD_EXIT_MAX, commands.write_all(&[byte])).await;
        self.continue_guard();
    }

    fn continue_guard(&self) {
        if let Some(guard) = self.record.guard {
            let _gone = guard.signal(Signal::Continue);
        }
    }

    fn forget_guard(&self) {
        if let Some(guard) = self.record.guard {
            self.registry.forget(guard.pid);
        }
    }

    /// Waits for the guard's exit, continues it meanwhile, and kills it when its time is over.
    /// Says whether it exited as one whose work is done.
    async fn collect_guard(&mut self, limit: Duration) -> bool {
        let until = Instant::now() + limit;
        let status = loop {
            match timeout(CONTINUE_EVERY, self.guard.wait()).await {
                Ok(status) => break status,
                Err(_) if Instant::now() < until => self.continue_guard(),
                Err(_) => {
                    let _gone = self.guard.start_kill();
                }
            }
        };
        self.forget_guard();
        status.is_ok_and(|status| status.success())
    }

    async fn finish(mut self, record: Option<EndRecord>) {
        self.stdin.close();
        let mut ended = match record {
            Some(record) => Ended {
                killed_from_outside: record.killed_from_outside(),
                code: record.code,
                signal: record.signal,
                cause: Some(record.cause),
                killed: record.killed,
                killed_total: record.killed_total,
                stderr_tail: Vec::new(),
                proof: Proof::Proven,
            },
            None => {
                let findings = sweep::sweep(&self.record, Some(&self.registry)).await;
                let (killed_total, proof) = (findings.killed_total, Proof::Unproven { left: findings.left });
                Ended { killed: findings.killed, killed_total, proof, ..Ended::unseen() }
            }
        };
        self.ended.cancel();
        if let Some(drained) = &mut self.drained
            && timeout(DRAIN_MAX, &mut *drained).await.is_err()
        {
            drained.abort();
        }
        ended.stderr_tail = self.tail.bytes();
        self.status.send_replace(Status::Ended(Arc::new(ended)));
    }
}

/// How far the end of an instance has come, and when the next step is due.
#[derive(Debug, Clone, Copy)]
enum Stage {
    Running,
    StdinClosed(Instant),
    Asked { since: Instant, next: Instant, killed: bool },
    Stuck,
}

impl Stage {
    fn asked_now(killed: bool) -> Self {
        let since = Instant::now();
        Self::Asked { since, next: since + CONTINUE_EVERY, killed }
    }

    fn before_kill(self) -> bool {
        !matches!(self, Self::Asked { killed: true, .. } | Self::Stuck)
    }

    async fn next(self) {
        match self {
            Self::StdinClosed(due) | Self::Asked { next: due, .. } => sleep_until(due).await,
            Self::Running | Self::Stuck => std::future::pending().await,
        }
    }
}

async fn asked(end: &CancellationToken, kill: &CancellationToken) {
    tokio::select! {
        () = end.cancelled() => {}
        () = kill.cancelled() => {}
    }
}

/// The next report that can be understood; `None` at the end of the socket. Cancel-safe.
async fn next_report(reports: &mut Lines<BufReader<OwnedReadHalf>>) -> Option<Report> {
    loop {
        let line = reports.next_line().await.ok()??;
        match serde_json::from_str(&line) {
            Ok(report) => return Some(report),
            Err(error) => tracing::warn!(%error, "a guard said something unknown"),
        }
    }
}

/// Sends the first part of the frame with the descriptors; returns how much of it went.
async fn send_with(socket: &UnixStream, frame: &[u8], passed: &[OwnedFd]) -> io::Result<usize> {
    let rights: Vec<_> = passed.iter().map(|descriptor| descriptor.as_fd()).collect();
    let send = || {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !control.push(SendAncillaryMessage::ScmRights(&rights)) {
            return Err(io::Error::other("too many descriptors for one message"));
        }
        Ok(sendmsg(socket, &[IoSlice::new(frame)], &mut control, SendFlags::NOSIGNAL)?)
    };
    socket.async_io(Interest::WRITABLE, send).await
}
