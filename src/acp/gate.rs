//! Back-pressure: what has been read and not yet been handled, and what waits to be written, holds units of a fixed
//! number. The SDK's own queues have no limit, so nothing enters them without a unit.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many units there are in each direction: so many small messages may be under way at once.
pub const GATE_UNITS: usize = 256;

/// How many bytes of a line one unit stands for, so that long lines count for more. A line of the greatest length
/// takes all units.
pub const UNIT_BYTES: usize = 64 * 1024;

/// Units of the gate, given back when it is dropped.
pub(crate) type Units = OwnedSemaphorePermit;

/// A message and the units that it holds: the peer can send more once this is dropped.
#[derive(Debug)]
pub struct Held<T> {
    /// What the peer said.
    pub message: T,
    units: Option<Units>,
}

impl<T> Held<T> {
    pub(crate) fn new(message: T, units: Option<Units>) -> Self {
        Self { message, units }
    }

    /// Returns the message and gives its units back.
    #[must_use]
    pub fn release(self) -> T {
        drop(self.units);
        self.message
    }
}

/// Both directions of one connection.
#[derive(Debug)]
pub(crate) struct Gate {
    incoming: Arc<Semaphore>,
    outgoing: Arc<Semaphore>,
    /// Requests and notifications on their way through the SDK to the handler, in order.
    undelivered: Mutex<VecDeque<Units>>,
    /// Answers on their way through the SDK to the writer.
    unwritten_answers: Mutex<VecDeque<Units>>,
    /// Our own messages on their way through the SDK to the writer.
    unwritten: Mutex<VecDeque<Units>>,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self {
            incoming: Arc::new(Semaphore::new(GATE_UNITS)),
            outgoing: Arc::new(Semaphore::new(GATE_UNITS)),
            undelivered: Mutex::default(),
            unwritten_answers: Mutex::default(),
            unwritten: Mutex::default(),
        }
    }

    /// Waits until there is room for a line of this length that the peer sent; nothing once the gate is closed.
    pub(crate) async fn enter(&self, bytes: usize) -> Option<Units> {
        Arc::clone(&self.incoming).acquire_many_owned(weight(bytes)).await.ok()
    }

    /// Waits until there is room for a message of ours; nothing once the gate is closed.
    pub(crate) async fn leave(&self, bytes: usize) -> Option<Units> {
        Arc::clone(&self.outgoing).acquire_many_owned(weight(bytes)).await.ok()
    }

    /// Lets everybody who waits go away empty-handed.
    pub(crate) fn close(&self) {
        self.incoming.close();
        self.outgoing.close();
    }

    pub(crate) fn push_undelivered(&self, units: Units) {
        lock(&self.undelivered).push_back(units);
    }

    /// Takes the units of the message that the SDK hands to the handler: it hands them over in order.
    pub(crate) fn pop_undelivered(&self) -> Option<Units> {
        lock(&self.undelivered).pop_front()
    }

    pub(crate) fn push_unwritten_answer(&self, units: Units) {
        lock(&self.unwritten_answers).push_back(units);
    }

    pub(crate) fn answer_written(&self) {
        lock(&self.unwritten_answers).pop_front();
    }

    pub(crate) fn push_unwritten(&self, units: Units) {
        lock(&self.unwritten).push_back(units);
    }

    pub(crate) fn written(&self) {
        lock(&self.unwritten).pop_front();
    }
}

fn weight(bytes: usize) -> u32 {
    let units = (1 + bytes / UNIT_BYTES).min(GATE_UNITS);
    u32::try_from(units).unwrap_or(1)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while it holds one of these.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_weighs_more_and_never_more_than_all() {
        assert_eq!(weight(0), 1);
        assert_eq!(weight(UNIT_BYTES), 2);
        assert_eq!(weight(usize::MAX), 256);
    }
}
