//! One short command from start to end: its output up to a cap, a time limit, nothing left behind.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio_util::sync::CancellationToken;

use crate::spawn::{Ended, Handle, Launch, NotEnded, SpawnError, Spawner, Stderr, StdinWriter};

/// How a command is run.
#[derive(Debug, Clone)]
pub struct Limits {
    /// How long it may run; then it is ended.
    pub time: Duration,
    /// How much of each stream is kept; the rest is read and counted.
    pub output_bytes_max: usize,
    /// What it reads on stdin.
    pub stdin: Vec<u8>,
}

/// Why a command was ended by us, if it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// It ended by itself.
    No,
    /// Its time was over.
    TimeLimit,
    /// The caller cancelled it.
    Cancelled,
}

/// The first bytes of a stream, and how long it was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stream {
    /// What is kept.
    pub bytes: Vec<u8>,
    /// How many bytes there were.
    pub total: u64,
}

impl Stream {
    /// Whether there was more than is kept.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        self.total > self.bytes.len() as u64
    }
}

/// A command that has ended, and nothing of it is left.
#[derive(Debug, Clone)]
pub struct Captured {
    /// Its stdout, or both streams if they were merged.
    pub stdout: Stream,
    /// Its stderr, empty if it was merged.
    pub stderr: Stream,
    /// Whether it was ended by us.
    pub stop: Stop,
    /// How it ended.
    pub ended: Arc<Ended>,
}

/// Why there is no output.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The command did not start.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    /// The command does not end.
    #[error(transparent)]
    NotEnded(#[from] NotEnded),
}

/// Runs a command under a guard of its own and returns when nothing of it is left.
///
/// `launch.stderr` says whether the streams are merged. If the future is dropped the command is
/// ended in the background; to wait for its end use `cancel`.
///
/// # Errors
/// The command did not start, or cannot be ended.
pub async fn run(
    spawner: &Spawner,
    mut launch: Launch,
    limits: Limits,
    cancel: &CancellationToken,
) -> Result<Captured, CaptureError> {
    if launch.stderr == Stderr::Drained {
        launch.stderr = Stderr::Taken;
    }
    let mut instance = spawner.spawn(launch).await?;
    let handle = instance.handle();
    let max = limits.output_bytes_max;
    let streams = async {
        let (stdout, stderr) = (instance.take_stdout(), instance.take_stderr());
        let (stdout, stderr, ()) =
            tokio::join!(keep(stdout, max), keep(stderr, max), feed(instance.take_stdin(), limits.stdin),);
        (stdout, stderr)
    };
    let end = end(&handle, limits.time, cancel);
    tokio::pin!(streams, end);
    // Whatever reads must run while the end is waited for; a failed end ends the reading.
    let mut read = None;
    let (stop, ended) = loop {
        tokio::select! {
            biased;
            result = &mut end => break result?,
            result = &mut streams, if read.is_none() => read = Some(result),
        }
    };
    let (stdout, stderr) = match read {
        Some(read) => read,
        None => streams.await,
    };
    Ok(Captured { stdout, stderr, stop, ended })
}

async fn end(
    handle: &Handle,
    limit: Duration,
    cancel: &CancellationToken,
) -> Result<(Stop, Arc<Ended>), NotEnded> {
    let stop = tokio::select! {
        biased;
        ended = handle.wait() => return Ok((Stop::No, ended)),
        () = cancel.cancelled() => Stop::Cancelled,
        () = tokio::time::sleep(limit) => Stop::TimeLimit,
    };
    Ok((stop, handle.end().await?))
}

/// Keeps the first bytes and reads on, so that the command is not blocked by its own output.
async fn keep(reader: Option<impl AsyncRead + Unpin>, max: usize) -> Stream {
    let mut stream = Stream::default();
    let Some(mut reader) = reader else { return stream };
    let mut buffer = vec![0u8; 16 * 1024];
    while let Ok(count) = reader.read(&mut buffer).await
        && count > 0
    {
        let room = max.saturating_sub(stream.bytes.len()).min(count);
        stream.bytes.extend_from_slice(&buffer[..room]);
        stream.total += count as u64;
    }
    stream
}

/// Writes what the command shall read, then closes its stdin. One that does not read it all is
/// free to do so: the write ends with the instance.
async fn feed(writer: Option<StdinWriter>, bytes: Vec<u8>) {
    if let Some(mut writer) = writer {
        let _unread = writer.write_all(&bytes).await;
    }
}
