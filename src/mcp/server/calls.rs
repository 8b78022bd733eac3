//! The table of calls in flight: which id each has at the client, whether it may still answer,
//! and what it owes. Does no I/O.

use std::collections::{HashMap, HashSet};

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::batch::Batch;
use super::outbox::Outbox;
use super::waiting::Progress;
use crate::envelope::{IdKey, RawId};
use crate::fault::Fault;
use crate::limits::UNWRITTEN_BYTES_FOR_PROGRESS;

/// The number by which the protocol library knows a call. It is never used twice, so a client may
/// use an id again as soon as it may.
pub(super) type CallNumber = i64;

/// The number of a batch.
pub(super) type BatchNumber = u64;

/// A request that is about to become a call.
pub(super) struct Request {
    pub(super) id: RawId,
    /// Bytes of its line, for the limit.
    pub(super) bytes: usize,
    pub(super) progress_token: Option<Value>,
    pub(super) batch: Option<BatchNumber>,
    pub(super) cancellable: bool,
}

struct Call {
    id: RawId,
    bytes: usize,
    batch: Option<BatchNumber>,
    cancellable: bool,
    token: Option<Value>,
    /// The last progress that was told.
    told: Option<f64>,
    signals: Signals,
    /// An answer was sent, or none may be sent any more.
    answered: bool,
    /// Its handler has returned or was dropped.
    ended: bool,
}

/// What reaches a call while it runs.
#[derive(Debug, Clone)]
pub(super) struct Signals {
    /// The client does not want the answer any more.
    pub(super) cancelled: CancellationToken,
    /// Answer with what there is: cancelled, or the connection closes.
    pub(super) hurry: CancellationToken,
}

/// All calls and batches of one connection.
#[derive(Default)]
pub(super) struct Calls {
    next_call: CallNumber,
    next_batch: BatchNumber,
    calls: HashMap<CallNumber, Call>,
    by_id: HashMap<IdKey, CallNumber>,
    tokens: HashSet<String>,
    bytes: usize,
    batches: HashMap<BatchNumber, Batch>,
}

impl Calls {
    /// Enters a call.
    ///
    /// # Errors
    /// When a call with that id is still in flight.
    pub(super) fn enter(
        &mut self,
        request: Request,
        closing: &CancellationToken,
    ) -> Result<CallNumber, Fault> {
        if self.by_id.contains_key(request.id.key()) {
            return Err(Fault::request(format!(
                "id {} is in use by a request that was not answered yet",
                request.id.as_written()
            )));
        }
        self.next_call += 1;
        let number = self.next_call;
        let token = request.progress_token.filter(|token| self.tokens.insert(token.to_string()));
        self.by_id.insert(request.id.key().clone(), number);
        self.bytes += request.bytes;
        if let Some(batch) = request.batch.and_then(|batch| self.batches.get_mut(&batch)) {
            batch.expect();
        }
        let signals = Signals { cancelled: CancellationToken::new(), hurry: closing.child_token() };
        let call = Call {
            id: request.id,
            bytes: request.bytes,
            batch: request.batch,
            cancellable: request.cancellable,
            token,
            told: None,
            signals,
            answered: false,
            ended: false,
        };
        self.calls.insert(number, call);
        Ok(number)
    }

    /// Returns what reaches the call, if it is in flight.
    pub(super) fn signals(&self, number: CallNumber) -> Option<Signals> {
        self.calls.get(&number).map(|call| call.signals.clone())
    }

    /// Returns whether progress of this call would be told.
    pub(super) fn wants_progress(&self, number: CallNumber) -> bool {
        self.calls.get(&number).is_some_and(|call| call.token.is_some() && !call.answered)
    }

    /// Tells progress of a call, if it has risen and there is room.
    pub(super) fn progress(&mut self, number: CallNumber, progress: &Progress, outbox: &mut Outbox) {
        let Some(call) = self.calls.get_mut(&number) else { return };
        let Some(token) = &call.token else { return };
        let risen = progress.done.is_finite() && call.told.is_none_or(|told| progress.done > told);
        if call.answered || !risen || outbox.unwritten() > UNWRITTEN_BYTES_FOR_PROGRESS {
            return;
        }
        call.told = Some(progress.done);
        // Never kept back for the answer: a client in wide use loses all progress that reaches it
        // in one chunk with the answer.
        outbox.push(&progress.to_message(token));
    }

    /// Sends the answer of a call, made for its id. A cancelled call sends none.
    pub(super) fn answer(
        &mut self,
        number: CallNumber,
        outbox: &mut Outbox,
        message: impl FnOnce(&RawId) -> Vec<u8>,
    ) {
        let Some(call) = self.calls.get_mut(&number) else { return };
        if call.answered {
            return;
        }
        call.answered = true;
        let message = message(&call.id);
        let (id, batch) = (call.id.clone(), call.batch);
        self.release(number);
        match batch {
            None => outbox.push(&message),
            Some(batch) => {
                if let Some(entry) = self.batches.get_mut(&batch) {
                    entry.answer(message, |fault| fault.answer(Some(&id)));
                }
                self.settle(batch, outbox);
            }
        }
    }

    /// The client cancels a call. Its id is free at once, its place when its handler has ended.
    pub(super) fn cancel(&mut self, id: &IdKey, outbox: &mut Outbox) {
        let Some(&number) = self.by_id.get(id) else { return };
        let Some(call) = self.calls.get_mut(&number).filter(|call| call.cancellable) else { return };
        call.answered = true;
        call.signals.cancelled.cancel();
        call.signals.hurry.cancel();
        let batch = call.batch;
        self.release(number);
        if let Some(batch) = batch {
            if let Some(entry) = self.batches.get_mut(&batch) {
                entry.forget();
            }
            self.settle(batch, outbox);
        }
    }

    /// The handler of a call has returned or was dropped.
    pub(super) fn ended(&mut self, number: CallNumber) {
        if let Some(call) = self.calls.get_mut(&number) {
            call.ended = true;
            if call.answered {
                self.remove(number);
            }
        }
    }

    /// Begins a batch.
    pub(super) fn begin_batch(&mut self) -> BatchNumber {
        self.next_batch += 1;
        self.batches.insert(self.next_batch, Batch::new());
        self.next_batch
    }

    /// Adds the refusal of a member as it is read.
    pub(super) fn refuse_in_batch(&mut self, batch: BatchNumber, answer: Vec<u8>) {
        if let Some(entry) = self.batches.get_mut(&batch) {
            entry.refuse(answer);
        }
    }

    /// All members of a batch were read.
    pub(super) fn close_batch(&mut self, batch: BatchNumber, outbox: &mut Outbox) {
        if let Some(entry) = self.batches.get_mut(&batch) {
            entry.close();
        }
        self.settle(batch, outbox);
    }

    /// Answers everything that is still owed with one fault.
    pub(super) fn answer_all(&mut self, fault: &Fault, outbox: &mut Outbox) {
        let mut owed: Vec<CallNumber> =
            self.calls.iter().filter(|(_, call)| !call.answered).map(|(number, _)| *number).collect();
        owed.sort_unstable();
        for number in owed {
            self.answer(number, outbox, |id| fault.answer(Some(id)));
        }
    }

    /// Returns how many calls hold a place.
    pub(super) fn len(&self) -> usize {
        self.calls.len()
    }

    /// Returns the bytes of the requests in flight.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns whether that call is still to be answered.
    pub(super) fn owes(&self, number: CallNumber) -> bool {
        self.calls.get(&number).is_some_and(|call| !call.answered)
    }

    /// Returns whether an answer is still owed.
    pub(super) fn owes_answers(&self) -> bool {
        self.calls.values().any(|call| !call.answered)
    }

    /// Gives back the id and the token of a call, and its place if its handler has ended.
    fn release(&mut self, number: CallNumber) {
        let Some(call) = self.calls.get(&number) else { return };
        self.by_id.remove(call.id.key());
        if let Some(token) = &call.token {
            self.tokens.remove(&token.to_string());
        }
        if call.ended {
            self.remove(number);
        }
    }

    fn remove(&mut self, number: CallNumber) {
        if let Some(call) = self.calls.remove(&number) {
            self.bytes -= call.bytes;
        }
    }

    fn settle(&mut self, batch: BatchNumber, outbox: &mut Outbox) {
        if self.batches.get(&batch).is_some_and(Batch::is_complete)
            && let Some(array) = self.batches.remove(&batch).and_then(Batch::into_array)
        {
            outbox.push(&array);
        }
    }
}
