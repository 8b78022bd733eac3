//! Writing without a host: whoever holds the lock has migrated, recovers what a dead host left, writes, and
//! lets go. Nothing is run.

use std::sync::Arc;

use domain::dispatch::{Answer, Ask, Event, Limits, Ticket};
use domain::{Clock, IdSource, TaskId};
use store::Writer;
use wire::config::Config;
use wire::views::{TaskCancelView, TaskSummary};

use super::orders::{cancel_refused, cancelled, resumed};
use super::wait::check_count;
use super::{OperationError, Reading, Submission, task_find, task_status};
use crate::recovery::{self, Sweeper};
use crate::registry::Folders;
use crate::turn::{Input, Outbox, Turns};

/// The one who waits here for every answer.
const TICKET: Ticket = Ticket(1);

/// What writing without a host needs.
pub struct DirectParts {
    /// The one writer, which proves that this process holds the lock.
    pub writer: Writer,
    /// The merged configuration.
    pub config: Config,
    /// Where the store is.
    pub place: store::Place,
    /// What ends instances of dead hosts.
    pub sweeper: Arc<dyn Sweeper>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Makes ids.
    pub ids: Arc<dyn IdSource>,
    /// Where instances leave what outlives them.
    pub folders: Folders,
    /// The boot in which this process runs.
    pub boot_id: String,
}

/// Somebody who holds the lock and writes, without running anything.
pub struct Direct {
    writer: Writer,
    turns: Turns,
    config: Config,
    place: store::Place,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
}

impl Direct {
    /// Recovers what a dead host left, and ends what still lives of it, at most some seconds; then waits for
    /// orders.
    ///
    /// # Errors
    /// If the store cannot be read or written.
    pub async fn open(parts: DirectParts) -> Result<Self, OperationError> {
        let left = recovery::left_over(&parts.writer.view(), &parts.folders, &parts.boot_id)?;
        let mut direct = Self {
            writer: parts.writer,
            // No agent and no room: nothing is ever claimed.
            turns: Turns::new(Limits::default()),
            config: parts.config,
            place: parts.place,
            clock: parts.clock,
            ids: parts.ids,
        };
        let (found, left): (Vec<_>, Vec<_>) = left.into_iter().unzip();
        let ends = recovery::settle(&*parts.sweeper, &left, &*direct.clock, &*direct.ids).await;
        let events = found.into_iter().chain(ends).chain([Event::Tick]);
        let inputs: Vec<Input> = events.map(|event| Input::Event(Box::new(event))).collect();
        direct.turn(&inputs)?;
        for left in &left {
            // An error leaves a file behind that does no harm.
            let _ = std::fs::remove_file(parts.folders.end_record(left.instance));
        }
        Ok(direct)
    }

    /// Takes a task that nobody runs now; a later host will.
    ///
    /// # Errors
    /// If the key is another request's, or the store cannot be written.
    pub fn task_submit(&mut self, submission: Submission) -> Result<TaskSummary, OperationError> {
        let input = Input::Submit { task: Box::new(submission.task), ticket: TICKET };
        let outbox = self.turn(&[input])?;
        let answer = outbox.submitted.into_iter().next().map(|(_, answer)| answer);
        let id = answer.ok_or_else(unanswered)??;
        self.status(id)
    }

    /// Cancels tasks; none runs, since no host lives.
    ///
    /// # Errors
    /// If the store cannot be written; what is wrong with one id stands in its item.
    pub fn task_cancel(
        &mut self,
        ids: &[String],
        why: Option<&str>,
    ) -> Result<TaskCancelView, OperationError> {
        check_count(ids)?;
        let mut items = Vec::with_capacity(ids.len());
        for text in ids {
            match self.find(text) {
                Ok(id) => {
                    let answer = self.ask(id, Ask::Cancel { why: why.map(str::to_owned) })?;
                    items.push(cancelled(id, answer));
                }
                Err(error) => items.push(cancel_refused(text, error)?),
            }
        }
        Ok(TaskCancelView { items })
    }

    /// Lets a paused task go on; a later host runs it.
    ///
    /// # Errors
    /// If there is no such task, it is not paused, or the store cannot be written.
    pub fn task_resume(&mut self, id: &str) -> Result<TaskSummary, OperationError> {
        let id = self.find(id)?;
        let answer = self.ask(id, Ask::Resume)?;
        resumed(id, answer)?;
        self.status(id)
    }

    /// Closes the store and lets go of the lock.
    ///
    /// # Errors
    /// What the store met; the lock is free all the same.
    pub fn close(self) -> Result<(), OperationError> {
        Ok(self.writer.close()?)
    }

    fn turn(&mut self, inputs: &[Input]) -> Result<Outbox, OperationError> {
        let now = self.clock.now();
        Ok(self.turns.run(&mut self.writer, inputs, &*self.ids, now)?)
    }

    fn ask(&mut self, task: TaskId, ask: Ask) -> Result<Answer, OperationError> {
        let outbox = self.turn(&[Input::Ask { task, ask, ticket: TICKET }])?;
        outbox.answers.into_iter().next().map(|(_, answer)| answer).ok_or_else(unanswered)
    }

    fn find(&self, text: &str) -> Result<TaskId, OperationError> {
        self.read(|reading| task_find(reading, text, None))
    }

    fn status(&self, id: TaskId) -> Result<TaskSummary, OperationError> {
        self.read(|reading| task_status(reading, id))
    }

    fn read<T>(
        &self,
        read: impl FnOnce(&Reading<'_>) -> Result<T, OperationError>,
    ) -> Result<T, OperationError> {
        let view = self.writer.view();
        read(&Reading { view: &view, config: &self.config, place: &self.place, now: self.clock.now() })
    }
}

fn unanswered() -> OperationError {
    OperationError::Fault { message: "the turn left an order unanswered".to_owned() }
}
