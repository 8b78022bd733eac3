//! The way into the turn: a bounded queue of orders, each with whoever waits for its answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use domain::dispatch::{Answer, Ask, Event, Ticket};
use domain::{NewTask, TaskId};
use tokio::sync::{mpsc, oneshot};
use wire::config::Config;

use crate::operations::OperationError;
use crate::turn::Input;

/// Orders that wait for the turn: as many as one transaction takes. When it is full, callers and
/// agents wait, which slows their programs down.
pub const ORDERS_MAX: usize = 256;

/// Whoever waits.
#[derive(Debug)]
pub enum Waiter {
    /// Nobody.
    Nobody,
    /// For the answer to an event or an ask.
    Answer(oneshot::Sender<Result<Answer, OperationError>>),
    /// For the id of the task that was taken.
    Submitted(oneshot::Sender<Result<TaskId, OperationError>>),
    /// For the turn to be on disk.
    Done(oneshot::Sender<()>),
}

/// What the turn's thread is told.
#[derive(Debug)]
pub enum Order {
    /// Something for a turn.
    Turn(Input, Waiter),
    /// Look at the clock.
    Wake,
    /// Claim nothing more; with `now`, stop what runs.
    Stop {
        /// Whether what runs is stopped.
        now: bool,
    },
    /// Another configuration.
    Reload(Box<Config>, oneshot::Sender<()>),
}

/// The host's queue is closed: it is ending or has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the host is ending")]
pub struct Closed;

/// The sending end.
#[derive(Debug, Clone)]
pub struct Queue {
    orders: mpsc::Sender<Order>,
    tickets: Arc<AtomicU64>,
}

impl Queue {
    /// Returns a queue and its receiving end.
    pub fn new() -> (Self, mpsc::Receiver<Order>) {
        let (orders, taken) = mpsc::channel(ORDERS_MAX);
        (Self { orders, tickets: Arc::new(AtomicU64::new(1)) }, taken)
    }

    fn ticket(&self) -> Ticket {
        Ticket(self.tickets.fetch_add(1, Ordering::Relaxed))
    }

    /// Hands an order over.
    ///
    /// # Errors
    /// If the host has ended.
    pub async fn send(&self, order: Order) -> Result<(), Closed> {
        self.orders.send(order).await.map_err(|_| Closed)
    }

    /// Tells an event; does not wait for its turn.
    ///
    /// # Errors
    /// If the host has ended.
    pub async fn tell(&self, event: Event) -> Result<(), Closed> {
        self.send(Order::Turn(Input::Event(Box::new(event)), Waiter::Nobody)).await
    }

    /// Tells an event and waits until its turn is on disk.
    ///
    /// # Errors
    /// If the host has ended.
    pub async fn tell_and_wait(&self, event: Event) -> Result<(), Closed> {
        let (done, on_disk) = oneshot::channel();
        self.send(Order::Turn(Input::Event(Box::new(event)), Waiter::Done(done))).await?;
        on_disk.await.map_err(|_| Closed)
    }

    /// Tells an event that is answered.
    ///
    /// # Errors
    /// If the host has ended or the store could not write it.
    pub async fn ask(&self, event: impl FnOnce(Ticket) -> Event) -> Result<Answer, OperationError> {
        let event = Box::new(event(self.ticket()));
        let (waiter, answer) = oneshot::channel();
        let order = Order::Turn(Input::Event(event), Waiter::Answer(waiter));
        self.send(order).await.map_err(|_| OperationError::HostEnding)?;
        answer.await.map_err(|_| OperationError::HostEnding)?
    }

    /// Asks something of a task, as a caller.
    ///
    /// # Errors
    /// If the host has ended or the store could not write it.
    pub async fn ask_of(&self, task: TaskId, ask: Ask) -> Result<Answer, OperationError> {
        let (waiter, answer) = oneshot::channel();
        let order = Order::Turn(Input::Ask { task, ask, ticket: self.ticket() }, Waiter::Answer(waiter));
        self.send(order).await.map_err(|_| OperationError::HostEnding)?;
        answer.await.map_err(|_| OperationError::HostEnding)?
    }

    /// Hands a task over and waits until it is on disk.
    ///
    /// # Errors
    /// If it is refused, the host has ended or the store could not write it.
    pub async fn submit(&self, task: NewTask) -> Result<TaskId, OperationError> {
        let (waiter, answer) = oneshot::channel();
        let input = Input::Submit { task: Box::new(task), ticket: self.ticket() };
        let order = Order::Turn(input, Waiter::Submitted(waiter));
        self.send(order).await.map_err(|_| OperationError::HostEnding)?;
        answer.await.map_err(|_| OperationError::HostEnding)?
    }
}
