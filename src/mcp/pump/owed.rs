//! The requests that a host has and has not answered.

use std::collections::HashMap;

use crate::envelope::{IdKey, RawId};
use crate::fault::Fault;

/// Each request by the order in which it was sent.
#[derive(Debug, Default)]
pub(super) struct Owed {
    next: u64,
    /// A client that uses an id twice is owed two answers: one of them is the host's refusal.
    by_id: HashMap<IdKey, Vec<u64>>,
    requests: HashMap<u64, Request>,
    next_batch: u64,
}

#[derive(Debug)]
struct Request {
    id: RawId,
    batch: Option<u64>,
    cancellable: bool,
}

impl Owed {
    /// A request went to the host.
    pub(super) fn add(&mut self, id: RawId, batch: Option<u64>, cancellable: bool) {
        self.by_id.entry(id.key().clone()).or_default().push(self.next);
        self.requests.insert(self.next, Request { id, batch, cancellable });
        self.next += 1;
    }

    /// Returns the number of a new batch.
    pub(super) fn begin_batch(&mut self) -> u64 {
        self.next_batch += 1;
        self.next_batch
    }

    /// An answer with this id came.
    pub(super) fn answered(&mut self, id: &IdKey) {
        self.take(id, |_| true);
    }

    /// The client wants no answer any more; the host gives none.
    pub(super) fn cancelled(&mut self, id: &IdKey) {
        self.take(id, |request| request.cancellable);
    }

    fn take(&mut self, id: &IdKey, may: impl Fn(&Request) -> bool) {
        let Some(numbers) = self.by_id.get_mut(id) else { return };
        let Some(at) = numbers.iter().position(|number| self.requests.get(number).is_some_and(&may)) else {
            return;
        };
        self.requests.remove(&numbers.remove(at));
        if numbers.is_empty() {
            self.by_id.remove(id);
        }
    }

    /// Returns how many answers are owed.
    pub(super) fn len(&self) -> usize {
        self.requests.len()
    }

    /// Takes all that is owed, and returns an answer for each, those of a batch in one array. A
    /// subscription would end here by its own result; none is declared.
    pub(super) fn fail_all(&mut self, fault: &Fault) -> Vec<Vec<u8>> {
        self.by_id.clear();
        let mut requests: Vec<(u64, Request)> = self.requests.drain().collect();
        requests.sort_unstable_by_key(|(number, _)| *number);
        let mut answers: Vec<(Option<u64>, Vec<u8>)> = Vec::new();
        for (_, request) in requests {
            let answer = fault.answer(Some(&request.id));
            match answers.last_mut() {
                Some((Some(batch), array)) if Some(*batch) == request.batch => {
                    array.push(b',');
                    array.extend_from_slice(&answer);
                }
                _ => answers.push((request.batch, answer)),
            }
        }
        answers
            .into_iter()
            .map(|(batch, answer)| match batch {
                None => answer,
                Some(_) => [b"[", answer.as_slice(), b"]"].concat(),
            })
            .collect()
    }
}
