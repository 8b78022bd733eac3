//! The two ends of a child's pipes: a stdin that can be closed from elsewhere, and an output that
//! ends with its instance even if somebody still holds the other end.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::unix::pipe;
use tokio::time::Sleep;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// After the instance has ended, an output that was quiet for this long has ended too.
const QUIET: Duration = Duration::from_millis(50);

/// The pipe into a child, shared by whoever writes and whoever ends it.
#[derive(Debug, Clone)]
pub(super) struct SharedStdin {
    pipe: Arc<Mutex<Option<pipe::Sender>>>,
    closed: CancellationToken,
}

impl SharedStdin {
    pub(super) fn new(sender: pipe::Sender) -> Self {
        Self { pipe: Arc::new(Mutex::new(Some(sender))), closed: CancellationToken::new() }
    }

    /// Closes the pipe, also while a write waits; says whether it was open.
    pub(super) fn close(&self) -> bool {
        let open = self.pipe.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.closed.cancel();
        open.is_some()
    }

    pub(super) fn writer(&self) -> StdinWriter {
        StdinWriter { shared: self.clone(), closed: Box::pin(self.closed.clone().cancelled_owned()) }
    }
}

/// Writes to a child's stdin; dropping or shutting it down closes the pipe.
#[derive(Debug)]
pub struct StdinWriter {
    shared: SharedStdin,
    closed: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl StdinWriter {
    fn poll_pipe<T>(
        &mut self,
        cx: &mut Context<'_>,
        act: impl FnOnce(Pin<&mut pipe::Sender>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        // Asked first, so that a writer which waits is woken when the pipe is closed elsewhere.
        if self.closed.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let mut pipe = self.shared.pipe.lock().unwrap_or_else(PoisonError::into_inner);
        match pipe.as_mut() {
            Some(pipe) => act(Pin::new(pipe), cx),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }
}

impl AsyncWrite for StdinWriter {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_pipe(cx, |pipe, cx| pipe.poll_write(cx, bytes))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_pipe(cx, AsyncWrite::poll_flush)
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.shared.close();
        Poll::Ready(Ok(()))
    }
}

impl Drop for StdinWriter {
    fn drop(&mut self) {
        self.shared.close();
    }
}

/// Reads a child's stdout or stderr. Not reading is the back-pressure.
#[derive(Debug)]
pub struct OutputReader {
    pipe: pipe::Receiver,
    ended: Pin<Box<WaitForCancellationFutureOwned>>,
    has_ended: bool,
    quiet: Option<Pin<Box<Sleep>>>,
}

impl OutputReader {
    pub(super) fn new(pipe: pipe::Receiver, ended: CancellationToken) -> Self {
        Self { pipe, ended: Box::pin(ended.cancelled_owned()), has_ended: false, quiet: None }
    }
}

impl AsyncRead for OutputReader {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Poll::Ready(result) = Pin::new(&mut this.pipe).poll_read(cx, buffer) {
            this.quiet = None;
            return Poll::Ready(result);
        }
        if !this.has_ended {
            ready!(this.ended.as_mut().poll(cx));
            this.has_ended = true;
        }
        let quiet = this.quiet.get_or_insert_with(|| Box::pin(tokio::time::sleep(QUIET)));
        quiet.as_mut().poll(cx).map(Ok)
    }
}
