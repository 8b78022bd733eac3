//! Batches of the one version that has them: answers are collected and leave as one array.

use crate::fault::Fault;
use crate::limits::ANSWER_BYTES_MAX;

/// The answers of one batch so far.
#[derive(Debug, Default)]
pub(super) struct Batch {
    answers: Vec<Vec<u8>>,
    bytes: usize,
    awaited: usize,
    /// Whether its members are still being read.
    open: bool,
}

impl Batch {
    pub(super) fn new() -> Self {
        Self { open: true, ..Self::default() }
    }

    /// One more member will be answered.
    pub(super) fn expect(&mut self) {
        self.awaited += 1;
    }

    /// An answer to a member that was never expected: it was refused as it was read.
    pub(super) fn refuse(&mut self, answer: Vec<u8>) {
        self.bytes += answer.len() + 1;
        self.answers.push(answer);
    }

    /// An expected answer. One that would make the array too large is replaced.
    pub(super) fn answer(&mut self, answer: Vec<u8>, too_large: impl FnOnce(Fault) -> Vec<u8>) {
        self.awaited -= 1;
        let total = self.bytes + answer.len() + 1;
        if total > ANSWER_BYTES_MAX {
            self.refuse(too_large(Fault::internal(format!(
                "the answers of this batch are {total} bytes or more, above the limit of {ANSWER_BYTES_MAX}"
            ))));
        } else {
            self.refuse(answer);
        }
    }

    /// A member was cancelled: no answer will come.
    pub(super) fn forget(&mut self) {
        self.awaited -= 1;
    }

    /// All members were read.
    pub(super) fn close(&mut self) {
        self.open = false;
    }

    /// Returns whether the last answer is in.
    pub(super) fn is_complete(&self) -> bool {
        !self.open && self.awaited == 0
    }

    /// Returns the array, or nothing if no member had an answer.
    pub(super) fn into_array(self) -> Option<Vec<u8>> {
        if self.answers.is_empty() {
            return None;
        }
        let mut array = Vec::with_capacity(self.bytes + 2);
        array.push(b'[');
        array.extend_from_slice(&self.answers.join(&b','));
        array.push(b']');
        Some(array)
    }
}
