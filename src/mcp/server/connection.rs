//! What the front, the handlers and the writer of one connection share. The lock is short and is
//! never held over an await.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::calls::{CallNumber, Calls, Signals};
use super::outbox::{Next, Outbox};
use super::waiting::Progress;
use crate::limits::{CALLS_MAX, REQUEST_BYTES_MAX, UNWRITTEN_BYTES_MAX};

/// The shared state of one connection.
pub(super) struct Connection {
    state: Mutex<State>,
    /// The writer has something to do.
    ready: Notify,
    /// Something ended or was written: the front looks again.
    changed: Notify,
    /// Something was written: calls that were not begun for want of room may begin.
    drained: Notify,
    /// The connection closes: waits answer with what they have.
    pub(super) closing: CancellationToken,
    /// The time is up, or the client is gone: handlers are dropped.
    pub(super) over: CancellationToken,
}

/// Calls and outbox under one lock, so that progress can never overtake an answer.
#[derive(Default)]
pub(super) struct State {
    pub(super) calls: Calls,
    pub(super) outbox: Outbox,
}

impl Connection {
    pub(super) fn new(closing: CancellationToken) -> Self {
        Self {
            state: Mutex::default(),
            ready: Notify::new(),
            changed: Notify::new(),
            drained: Notify::new(),
            closing,
            over: CancellationToken::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic under the lock is a bug of ours in one call; the table itself stays consistent
        // enough to answer the others.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state and wakes the writer if there is something to write.
    pub(super) fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let result = change(&mut state);
        let speaks = state.outbox.unwritten() > 0;
        drop(state);
        if speaks {
            self.ready.notify_one();
        }
        result
    }

    pub(super) fn signals(&self, number: CallNumber) -> Option<Signals> {
        self.lock().calls.signals(number)
    }

    pub(super) fn wants_progress(&self, number: CallNumber) -> bool {
        self.lock().calls.wants_progress(number)
    }

    pub(super) fn owes(&self, number: CallNumber) -> bool {
        self.lock().calls.owes(number)
    }

    pub(super) fn progress(&self, number: CallNumber, progress: &Progress) {
        self.with(|state| state.calls.progress(number, progress, &mut state.outbox));
    }

    /// The handler of a call has ended.
    pub(super) fn ended(&self, number: CallNumber) {
        self.lock().calls.ended(number);
        self.changed.notify_one();
    }

    /// An answer was given to the outbox.
    pub(super) fn answered(&self) {
        self.changed.notify_one();
    }

    /// Returns when there is room for one more request. For the front alone: one waiter.
    pub(super) async fn room(&self) {
        loop {
            {
                let state = self.lock();
                if state.calls.len() < CALLS_MAX
                    && state.calls.bytes() < REQUEST_BYTES_MAX
                    && state.outbox.unwritten() < UNWRITTEN_BYTES_MAX
                {
                    return;
                }
            }
            self.changed.notified().await;
        }
    }

    /// Returns when there is room for one more answer. Calls that were read before the client fell
    /// behind wait here, so that their answers do not pile up.
    pub(super) async fn room_to_answer(&self) {
        loop {
            let mut drained = std::pin::pin!(self.drained.notified());
            // From here on a write is not missed.
            drained.as_mut().enable();
            if self.lock().outbox.unwritten() < UNWRITTEN_BYTES_MAX {
                return;
            }
            drained.await;
        }
    }

    /// Returns when no answer is owed. For the front alone: one waiter.
    pub(super) async fn settled(&self) {
        while self.lock().calls.owes_answers() {
            self.changed.notified().await;
        }
    }

    /// The client is gone: nothing can be said to it any more.
    pub(super) fn abandon(&self) {
        self.lock().outbox.abandon();
        self.closing.cancel();
        self.over.cancel();
        self.ready.notify_one();
        self.changed.notify_one();
    }

    /// Nothing more will be said; the writer ends when all is written.
    pub(super) fn close(&self) {
        self.lock().outbox.close();
        self.ready.notify_one();
    }

    /// Writes what is said until the connection is closed: one write and one flush for all that
    /// waits.
    ///
    /// # Errors
    /// When the client has closed its side.
    pub(super) async fn write_to<W: AsyncWrite + Unpin>(&self, mut writer: W) -> std::io::Result<()> {
        loop {
            let next = self.lock().outbox.take();
            match next {
                Next::Write(bytes) => {
                    writer.write_all(&bytes).await?;
                    writer.flush().await?;
                    self.lock().outbox.written();
                    self.changed.notify_one();
                    self.drained.notify_waiters();
                }
                Next::Wait => self.ready.notified().await,
                Next::End => return writer.shutdown().await,
            }
        }
    }
}
