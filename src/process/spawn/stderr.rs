//! A child's stderr, read all the time so that the child never blocks on it.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::AsyncReadExt as _;

use super::launch::StderrLog;
use super::streams::OutputReader;

/// How much of the end of stderr is kept in memory.
pub const TAIL_BYTES: usize = 64 * 1024;

/// What a full log says last.
const LOG_FULL: &[u8] = b"\n[the log is full]\n";

/// The last bytes of a stream.
#[derive(Debug, Clone, Default)]
pub(super) struct Tail(Arc<Mutex<VecDeque<u8>>>);

impl Tail {
    fn push(&self, bytes: &[u8]) {
        let bytes = &bytes[bytes.len().saturating_sub(TAIL_BYTES)..];
        let mut ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let over = (ring.len() + bytes.len()).saturating_sub(TAIL_BYTES);
        ring.drain(..over);
        ring.extend(bytes);
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }
}

/// A log that takes bytes up to its cap and then says so once.
pub(super) struct Log {
    file: File,
    left: u64,
    full: bool,
}

impl Log {
    pub(super) fn create(log: &StderrLog) -> std::io::Result<Self> {
        let file = super::spawner::create_private(&log.path)?;
        Ok(Self { file, left: log.bytes_max, full: false })
    }

    /// Writes in place: an append of a few KiB to a file costs less than handing it to a thread.
    /// A log that cannot be written is given up; the tail in memory is still there.
    fn push(&mut self, bytes: &[u8]) {
        if self.full {
            return;
        }
        let room = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
        let mut result = self.file.write_all(&bytes[..room]);
        self.left -= room as u64;
        if room < bytes.len() {
            self.full = true;
            result = result.and_then(|()| self.file.write_all(LOG_FULL));
        }
        if let Err(error) = result {
            tracing::warn!(%error, "the log of a child's stderr cannot be written");
            self.full = true;
        }
    }
}

/// Reads until the end of the stream, or until the instance has ended and all is quiet.
pub(super) async fn drain(mut reader: OutputReader, tail: Tail, mut log: Option<Log>) {
    let mut buffer = vec![0u8; 8 * 1024];
    loop {
        match reader.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(count) => {
                tail.push(&buffer[..count]);
                if let Some(log) = &mut log {
                    log.push(&buffer[..count]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_keeps_the_last_bytes() {
        let tail = Tail::default();
        tail.push(b"lost");
        tail.push(&vec![b'a'; TAIL_BYTES - 1]);
        tail.push(b"z");
        let bytes = tail.bytes();
        assert_eq!(bytes.len(), TAIL_BYTES);
        assert_eq!((bytes[0], bytes[TAIL_BYTES - 1]), (b'a', b'z'));
        tail.push(&vec![b'b'; TAIL_BYTES * 2]);
        assert!(tail.bytes().iter().all(|&byte| byte == b'b'));
    }

    #[test]
    fn a_log_stops_at_its_cap_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stderr.log");
        let mut log = Log::create(&StderrLog { path: path.clone(), bytes_max: 5 }).unwrap();
        log.push(b"abc");
        log.push(b"defg");
        log.push(b"hij");
        assert_eq!(std::fs::read(&path).unwrap(), [b"abcde", LOG_FULL].concat());
    }
}
