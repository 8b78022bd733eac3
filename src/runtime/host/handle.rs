//! The handle of a running host: orders in, answers out, reads, and the number of the newest event to watch.

use std::sync::Arc;

use domain::dispatch::Ask;
use domain::{Clock, TaskId};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;
use wire::config::Config;
use wire::views::{TaskCancelView, TaskSummary};

use super::readers::Readers;
use super::thread::HostEnd;
use crate::operations::{self, LiveHost, OperationError, Reading, Submission};
use crate::queue::{Order, Queue};

/// How a host ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopMode {
    /// Claims nothing more and lets what runs come to its end.
    Drain,
    /// Stops what runs: those attempts count as lost, and each task follows its recovery policy.
    Now,
}

/// A running host. Cheap to clone; the host ends by `stop`, not when its handles are gone.
#[derive(Clone)]
pub struct HostHandle {
    pub(super) queue: Queue,
    pub(super) seq: watch::Receiver<i64>,
    pub(super) busy: watch::Receiver<bool>,
    pub(super) running: watch::Receiver<u64>,
    pub(super) config: watch::Receiver<Arc<Config>>,
    pub(super) ended: watch::Receiver<Option<HostEnd>>,
    pub(super) tracker: TaskTracker,
    pub(super) readers: Readers,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) live: Arc<LiveHost>,
}

impl HostHandle {
    /// Takes a task; when this returns it is on disk. One whose id or key was seen before is that task.
    ///
    /// # Errors
    /// If the host is ending, the key is another request's, or the store cannot be written.
    pub async fn task_submit(&self, submission: Submission) -> Result<TaskSummary, OperationError> {
        let id = self.queue.submit(submission.task).await?;
        self.read(move |reading| operations::task_status(reading, id)).await
    }

    /// Cancels tasks; what is wrong with one id stands in its item. A running one is `cancelling` when this returns.
    ///
    /// # Errors
    /// If the host is ending or the store cannot be written.
    pub async fn task_cancel(
        &self,
        ids: &[String],
        why: Option<String>,
    ) -> Result<TaskCancelView, OperationError> {
        operations::check_count(ids)?;
        let mut items = Vec::with_capacity(ids.len());
        for text in ids {
            let id = match self.find(text).await {
                Ok(id) => id,
                Err(error) => {
                    items.push(operations::cancel_refused(text, error)?);
                    continue;
                }
            };
            let answer = self.queue.ask_of(id, Ask::Cancel { why: why.clone() }).await?;
            items.push(operations::cancelled(id, answer));
        }
        Ok(TaskCancelView { items })
    }

    /// Lets a paused task go on.
    ///
    /// # Errors
    /// If there is no such task, it is not paused, the host is ending, or the store cannot be written.
    pub async fn task_resume(&self, id: &str) -> Result<TaskSummary, OperationError> {
        let id = self.find(id).await?;
        let answer = self.queue.ask_of(id, Ask::Resume).await?;
        operations::resumed(id, answer)?;
        self.read(move |reading| operations::task_status(reading, id)).await
    }

    async fn find(&self, text: &str) -> Result<TaskId, OperationError> {
        let text = text.to_owned();
        self.read(move |reading| operations::task_find(reading, &text, None)).await
    }

    /// Reads: runs an operation of `operations` that needs only a `Reading`, on a thread that may block.
    ///
    /// # Errors
    /// What `read` returned, or that the store cannot be opened.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Reading<'_>) -> Result<T, OperationError> + Send + 'static,
    ) -> Result<T, OperationError> {
        let config = Arc::clone(&self.config.borrow());
        let clock = Arc::clone(&self.clock);
        let place = self.readers.place().clone();
        self.readers
            .read(move |reader| {
                let view = reader.snapshot()?;
                read(&Reading { view: &view, config: &config, place: &place, now: clock.now() })
            })
            .await
    }

    /// Returns the number of the newest event. It is told anew after each turn that wrote something, also if
    /// that was no event (progress).
    pub fn watch(&self) -> watch::Receiver<i64> {
        self.seq.clone()
    }

    /// Returns whether there is work: tasks that run, are ready for a configured agent, or wait for a time.
    /// Together with clients it decides when a host is idle.
    pub fn busy(&self) -> watch::Receiver<bool> {
        self.busy.clone()
    }

    /// Returns the configuration that holds now.
    pub fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config.borrow())
    }

    /// Returns what the host knows of itself; the clients are the caller's to count.
    pub fn live(&self, clients: u64) -> LiveHost {
        LiveHost { instances: *self.running.borrow(), clients, ..(*self.live).clone() }
    }

    /// Returns the clock of the host.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    /// Takes another configuration: agents and limits hold for what is claimed from here on.
    ///
    /// # Errors
    /// If the host is ending.
    pub async fn reload(&self, config: Config) -> Result<(), OperationError> {
        let (done, taken) = tokio::sync::oneshot::channel();
        let order = Order::Reload(Box::new(config), done);
        self.queue.send(order).await.map_err(|_| OperationError::HostEnding)?;
        taken.await.map_err(|_| OperationError::HostEnding)
    }

    /// Lets the host look at its clock now, after the clock was moved by hand.
    pub async fn wake(&self) {
        // A host that has ended has nothing to look at.
        let _ = self.queue.send(Order::Wake).await;
    }

    /// Begins the end of the host and returns at once.
    pub async fn begin_stop(&self, mode: StopMode) {
        // A host that has ended needs no other end.
        let _ = self.queue.send(Order::Stop { now: mode == StopMode::Now }).await;
    }

    /// Ends the host and returns when nothing of it runs and the store is closed; `ended` says how that went.
    /// Dropping the future does not undo what was begun.
    pub async fn stop(&self, mode: StopMode) {
        self.begin_stop(mode).await;
        // The thread has logged what went wrong.
        let _ = self.ended().await;
    }

    /// Waits until the host has ended and the store is closed.
    ///
    /// # Errors
    /// If it could not end in good order.
    pub async fn ended(&self) -> Result<(), OperationError> {
        let mut ended = self.ended.clone();
        let end = ended.wait_for(Option::is_some).await.map(|end| end.clone());
        self.tracker.wait().await;
        match end {
            Ok(Some(HostEnd::Stopped)) => Ok(()),
            Ok(Some(HostEnd::Failed(message))) => {
                Err(OperationError::Store { message, hint: None, source: None })
            }
            // The thread always tells its end.
            _ => Err(OperationError::Fault { message: "the host ended without a word".to_owned() }),
        }
    }

    /// Answers when the host has ended, by whatever: whoever waits inside of it answers with what is known.
    pub async fn closed(&self) {
        let mut ended = self.ended.clone();
        // Closed means ended.
        let _ = ended.wait_for(Option::is_some).await;
    }
}
