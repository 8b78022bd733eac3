//! The turn's own thread, which is also the store's writer thread: it gathers orders, runs the turn,
//! and lets out what follows without ever waiting for anybody.

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::dispatch::{Answer, Event, Ticket, Verdict};
use domain::{HostId, InstanceId, QuestionId, Timestamp};
use store::{CheckpointDepth, Writer};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wire::config::Config;

use crate::attempt::{Around, AttemptPlan, supervise};
use crate::operations::OperationError;
use crate::queue::{ORDERS_MAX, Order, Waiter};
use crate::registry;
use crate::turn::{Input, Outbox, Start, Turns};

/// The longest wait without an order: so often the database file and the clock are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often the logs of instances are thinned out.
const PRUNE_EVERY: Duration = Duration::from_secs(60);

/// The shortest: should what is due not go away, the thread must not spin.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// The wait before a turn that the store could not write is tried again.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// How long a host that stops what runs waits for it: the ladder takes 5 s, and a stuck process longer.
const STOP_NOW_MAX: Duration = Duration::from_secs(15);

/// How many forgotten output files one host removes.
const SWEPT_MAX: usize = 1_000;

/// How a host ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostEnd {
    /// In good order.
    Stopped,
    /// It could not go on.
    Failed(String),
}

/// What the thread holds of the world outside of the turn.
pub(super) struct State {
    running: HashMap<InstanceId, CancellationToken>,
    answers: HashMap<Ticket, oneshot::Sender<Result<Answer, OperationError>>>,
    submitted: HashMap<Ticket, oneshot::Sender<Result<domain::TaskId, OperationError>>>,
    /// What the store could not write and has to be tried again, in order.
    stalled: Vec<(Input, Waiter)>,
    first: Option<Outbox>,
    next_due: Option<Timestamp>,
    /// Whether the end was asked for: callers are refused from there on.
    closing: bool,
    stop_by: Option<Instant>,
    looked_at: Instant,
    pruned_at: Instant,
}

impl State {
    pub(super) fn new(first: Outbox) -> Self {
        Self {
            running: HashMap::new(),
            answers: HashMap::new(),
            submitted: HashMap::new(),
            stalled: Vec::new(),
            first: Some(first),
            next_due: Some(Timestamp::default()),
            closing: false,
            stop_by: None,
            looked_at: Instant::now(),
            pruned_at: Instant::now(),
        }
    }
}

/// The thread.
pub(super) struct TurnThread {
    pub host: HostId,
    pub writer: Writer,
    pub turns: Turns,
    pub orders: mpsc::Receiver<Order>,
    pub around: Arc<Around>,
    pub runtime: Handle,
    pub tracker: TaskTracker,
    /// The parent of every attempt's token.
    pub all: CancellationToken,
    /// Instances of a dead host that are being settled.
    pub settling: HashSet<InstanceId>,
    pub state: State,
    pub seq: watch::Sender<i64>,
    pub busy: watch::Sender<bool>,
    pub running_count: watch::Sender<u64>,
    pub config: watch::Sender<Arc<Config>>,
}

impl TurnThread {
    /// Starts the thread; `ended` is told when the store is closed.
    pub(super) fn spawn(self, ended: watch::Sender<Option<HostEnd>>) -> Result<(), OperationError> {
        let named = std::thread::Builder::new().name("turn".to_owned());
        let run = move || {
            let all = self.all.clone();
            let tracker = self.tracker.clone();
            let end = catch_unwind(AssertUnwindSafe(|| self.run()))
                .unwrap_or_else(|_| HostEnd::Failed("a fault of our own ended the turn's thread".to_owned()));
            if let HostEnd::Failed(why) = &end {
                tracing::error!(why, "the host cannot go on");
            }
            all.cancel();
            tracker.close();
            ended.send_replace(Some(end));
        };
        named
            .spawn(run)
            .map(drop)
            .map_err(|error| OperationError::Fault { message: format!("start the turn's thread: {error}") })
    }

    fn run(mut self) -> HostEnd {
        if let Some(first) = self.state.first.take() {
            self.deliver(first);
        }
        self.sweep_outputs();
        loop {
            let inputs = self.gather();
            if let Err(error) = self.look() {
                return HostEnd::Failed(error.to_string());
            }
            if !inputs.is_empty() {
                self.turn(inputs);
            }
            self.tell_busy();
            let drained = self.turns.floor().is_drained() && self.state.stalled.is_empty();
            let late = self.state.stop_by.is_some_and(|by| Instant::now() >= by);
            if drained || late {
                return self.finish(late && !drained);
            }
        }
    }

    /// Removes files of outputs that a crash left without their row.
    fn sweep_outputs(&self) {
        match self.writer.sweep_outputs(&self.around.place, self.around.clock.now(), SWEPT_MAX) {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "output files without a task were removed"),
            Err(error) => tracing::warn!(%error, "the folder of outputs could not be swept"),
        }
    }

    /// Waits for orders or the time, and returns what goes into the next turn.
    fn gather(&mut self) -> Vec<(Input, Waiter)> {
        let stalled = std::mem::take(&mut self.state.stalled);
        let wait = if stalled.is_empty() { self.until_next() } else { RETRY_AFTER };
        if stalled.len() >= ORDERS_MAX {
            // Nothing more is taken before the store writes again.
            self.runtime.block_on(sleep(RETRY_AFTER));
            return stalled;
        }
        let orders = &mut self.orders;
        let first = self.runtime.block_on(async { timeout(wait, orders.recv()).await });
        let mut inputs = stalled;
        // The thread holds a sender itself, by `around`: the queue is never closed from the other end.
        if let Ok(Some(order)) = first {
            self.take(order, &mut inputs);
        }
        // What waits for the store fills a turn up: then those who tell more wait, too.
        while inputs.len() < ORDERS_MAX {
            let Ok(order) = self.orders.try_recv() else { break };
            self.take(order, &mut inputs);
        }
        if self.is_due() && !inputs.iter().any(|(input, _)| is_tick(input)) {
            inputs.push((Input::Event(Box::new(Event::Tick)), Waiter::Nobody));
        }
        inputs
    }

    fn take(&mut self, order: Order, inputs: &mut Vec<(Input, Waiter)>) {
        match order {
            Order::Turn(input, waiter) => {
                if self.state.closing && is_of_caller(&input) {
                    refuse(waiter, || OperationError::HostEnding);
                } else {
                    inputs.push((input, waiter));
                }
            }
            Order::Wake => inputs.push((Input::Event(Box::new(Event::Tick)), Waiter::Nobody)),
            Order::Stop { now } => {
                self.state.closing = true;
                if now {
                    self.state.stop_by.get_or_insert_with(|| Instant::now() + STOP_NOW_MAX);
                }
                inputs.push((Input::Event(Box::new(Event::HostStopping { now })), Waiter::Nobody));
            }
            Order::Reload(config, done) => {
                let limits = registry::limits(&config);
                self.config.send_replace(Arc::from(config));
                let event = Event::Reloaded { limits };
                inputs.push((Input::Event(Box::new(event)), Waiter::Done(done)));
            }
        }
    }

    fn until_next(&self) -> Duration {
        let now = self.around.clock.now();
        let next = [self.state.next_due, self.turns.floor().next_limit()].into_iter().flatten().min();
        next.map_or(LOOK_EVERY, |at| at.since(now).clamp(LOOK_AGAIN, LOOK_EVERY))
    }

    fn is_due(&self) -> bool {
        let now = self.around.clock.now();
        let next = [self.state.next_due, self.turns.floor().next_limit()].into_iter().flatten().min();
        next.is_some_and(|at| at <= now)
    }

    /// Looks each second whether the database is still the file that was opened.
    fn look(&mut self) -> Result<(), store::Error> {
        if self.state.looked_at.elapsed() < LOOK_EVERY {
            return Ok(());
        }
        self.state.looked_at = Instant::now();
        if self.state.pruned_at.elapsed() >= PRUNE_EVERY {
            self.state.pruned_at = Instant::now();
            super::start::prune_logs(&self.around.folders);
        }
        self.writer.still_there()
    }

    /// Runs a turn; if the store could not write it, each input by itself.
    fn turn(&mut self, inputs: Vec<(Input, Waiter)>) {
        let (inputs, waiters): (Vec<Input>, Vec<Waiter>) = inputs.into_iter().unzip();
        match self.run_turn(&inputs) {
            Ok(outbox) => {
                let done = self.wait_for(&inputs, waiters);
                self.deliver(outbox);
                tell_done(done);
            }
            Err(error) => {
                tracing::warn!(%error, inputs = inputs.len(), "a turn was not written");
                for (input, waiter) in inputs.into_iter().zip(waiters) {
                    self.turn_alone(input, waiter);
                }
            }
        }
        self.reconcile();
    }

    fn turn_alone(&mut self, input: Input, waiter: Waiter) {
        // Once one waits for the store, what comes after it waits behind it.
        let waits = !self.state.stalled.is_empty();
        if waits && !is_of_caller(&input) {
            return self.state.stalled.push((input, waiter));
        }
        match self.run_turn(std::slice::from_ref(&input)) {
            Ok(outbox) => {
                let done = self.wait_for(std::slice::from_ref(&input), vec![waiter]);
                self.deliver(outbox);
                tell_done(done);
            }
            Err(error) if is_passing(&error) && !is_of_caller(&input) => {
                self.state.stalled.push((input, waiter));
            }
            Err(error) => {
                tracing::error!(%error, input = name(&input), "the store refused what was to be written");
                refuse(waiter, || error.into());
            }
        }
    }

    fn run_turn(&mut self, inputs: &[Input]) -> Result<Outbox, store::Error> {
        let now = self.around.clock.now();
        let done = self.turns.run(&mut self.writer, inputs, &*self.around.ids, now);
        if let Err(store::Error::OutcomeUnknown(_)) = &done {
            // What is on disk decides: look at it by a new connection.
            match self.writer.reopen().and_then(|()| self.turns.load(&self.writer)) {
                Ok(()) => {}
                Err(error) => tracing::error!(%error, "the store cannot be opened again"),
            }
        }
        done
    }

    /// Keeps whoever waits for an answer; returns those who wait for the turn alone.
    fn wait_for(&mut self, inputs: &[Input], waiters: Vec<Waiter>) -> Vec<oneshot::Sender<()>> {
        let mut done = Vec::new();
        for (input, waiter) in inputs.iter().zip(waiters) {
            match (input.ticket(), waiter) {
                (Some(ticket), Waiter::Answer(sender)) => {
                    self.state.answers.insert(ticket, sender);
                }
                (Some(ticket), Waiter::Submitted(sender)) => {
                    self.state.submitted.insert(ticket, sender);
                }
                (_, Waiter::Done(sender)) => done.push(sender),
                _ => {}
            }
        }
        done
    }

    /// Lets out what follows from a turn that is on disk. Whoever is gone is not told.
    fn deliver(&mut self, outbox: Outbox) {
        for (ticket, answer) in outbox.answers {
            if let Some(sender) = self.state.answers.remove(&ticket) {
                let _ = sender.send(Ok(answer));
            }
        }
        for (ticket, taken) in outbox.submitted {
            if let Some(sender) = self.state.submitted.remove(&ticket) {
                let _ = sender.send(taken.map_err(OperationError::from));
            }
        }
        // Each ticket was answered in its turn; what is left was superseded.
        self.state.answers.clear();
        self.state.submitted.clear();
        for (instance, _) in &outbox.stops {
            if let Some(stop) = self.state.running.get(instance) {
                stop.cancel();
            }
        }
        for start in outbox.starts {
            self.start(start);
        }
        if outbox.wrote {
            self.state.next_due = self.read_next_due();
            let seq = outbox.seq.unwrap_or(0);
            self.seq.send_modify(|known| *known = seq.max(*known));
        } else if self.state.next_due.is_some_and(|at| at <= self.around.clock.now()) {
            self.state.next_due = self.read_next_due();
        }
    }

    fn read_next_due(&self) -> Option<Timestamp> {
        let view = self.writer.view();
        let times = view.next_due().and_then(|due| Ok([due, view.next_deadline()?]));
        match times {
            Ok(times) => times.into_iter().flatten().min(),
            Err(error) => {
                tracing::error!(%error, "when the next task is due could not be read");
                self.state.next_due
            }
        }
    }

    fn start(&mut self, start: Start) {
        let request = match self.writer.view().load_request(start.task) {
            Ok(Some(request)) => request,
            other => {
                // The attempt is found again as one that nobody runs.
                tracing::error!(task = %start.task, ?other, "a task that was claimed cannot be read");
                return;
            }
        };
        let config = self.config.borrow().agents.get(&start.agent).cloned();
        let stop = self.all.child_token();
        self.state.running.insert(start.instance, stop.clone());
        let plan = AttemptPlan {
            request,
            attempt: start.attempt,
            instance: start.instance,
            agent: start.agent,
            config,
        };
        let attempt = supervise(Arc::new(plan), Arc::clone(&self.around), stop);
        self.tracker.spawn_on(attempt, &self.runtime);
    }

    /// Forgets instances that have ended, and ends attempts on the floor that nobody runs: their start was
    /// lost with a turn whose outcome was not known.
    fn reconcile(&mut self) {
        let held: HashSet<InstanceId> = self.turns.floor().all_held().map(|held| held.instance).collect();
        self.state.running.retain(|instance, _| held.contains(instance));
        self.settling.retain(|instance| held.contains(instance));
        let lost: Vec<Event> = self
            .turns
            .floor()
            .all_held()
            .filter(|held| {
                !self.state.running.contains_key(&held.instance) && !self.settling.contains(&held.instance)
            })
            .map(|held| Event::InstanceEnded {
                task: held.task.id,
                attempt: held.task.attempt,
                ending: None,
                verdict: Verdict::Stopped,
                question: QuestionId::new(&*self.around.ids),
            })
            .collect();
        let is_new = |event: &Event| {
            !self
                .state
                .stalled
                .iter()
                .any(|(input, _)| matches!(input, Input::Event(known) if **known == *event))
        };
        let lost: Vec<Event> = lost.into_iter().filter(is_new).collect();
        self.state
            .stalled
            .extend(lost.into_iter().map(|event| (Input::Event(Box::new(event)), Waiter::Nobody)));
        let running = u64::try_from(self.state.running.len()).unwrap_or(u64::MAX);
        self.running_count.send_if_modified(|known| std::mem::replace(known, running) != running);
    }

    fn tell_busy(&self) {
        let busy = self.is_busy();
        self.busy.send_if_modified(|known| std::mem::replace(known, busy) != busy);
    }

    /// Says whether there is work: an attempt, something that waits for its time, or something ready that a
    /// configured agent can do.
    fn is_busy(&self) -> bool {
        let floor = self.turns.floor();
        if floor.all_held().next().is_some() || !self.state.stalled.is_empty() {
            return true;
        }
        let view = self.writer.view();
        let waits = matches!(view.next_due(), Ok(Some(_)));
        let ready = view.ready_lanes().is_ok_and(|lanes| lanes.iter().any(|lane| floor.serves(lane)));
        waits || ready
    }

    /// Writes down that the host ends, and closes the store.
    fn finish(mut self, in_haste: bool) -> HostEnd {
        if in_haste {
            tracing::warn!("some instances did not end in time: the next host settles them");
        }
        self.orders.close();
        let stopped = self.run_turn(&[Input::HostStopped(self.host)]).map(drop);
        let closed = stopped.and_then(|()| {
            self.writer.checkpoint(CheckpointDepth::Truncate)?;
            self.writer.close()
        });
        match closed {
            Ok(()) => HostEnd::Stopped,
            Err(error) => HostEnd::Failed(error.to_string()),
        }
    }
}

fn tell_done(done: Vec<oneshot::Sender<()>>) {
    for sender in done {
        // Whoever waited may be gone.
        let _ = sender.send(());
    }
}

/// Names an input for the log, which gets nothing of what a task says.
fn name(input: &Input) -> &'static str {
    match input {
        Input::Submit { .. } => "a submission",
        Input::Ask { .. } => "an order of a caller",
        Input::Event(_) => "an event of an attempt",
        Input::HostStarted(_) | Input::HostStopped(_) => "the host's own life",
    }
}

fn is_tick(input: &Input) -> bool {
    matches!(input, Input::Event(event) if **event == Event::Tick)
}

fn is_of_caller(input: &Input) -> bool {
    matches!(input, Input::Submit { .. } | Input::Ask { .. })
}

fn refuse(waiter: Waiter, error: impl FnOnce() -> OperationError) {
    // Whoever waited may be gone.
    match waiter {
        Waiter::Answer(sender) => drop(sender.send(Err(error()))),
        Waiter::Submitted(sender) => drop(sender.send(Err(error()))),
        Waiter::Nobody | Waiter::Done(_) => {}
    }
}

/// Says whether the same turn may be written later.
fn is_passing(error: &store::Error) -> bool {
    matches!(
        error,
        store::Error::Full(_)
            | store::Error::Busy(_)
            | store::Error::ReadOnly(_)
            | store::Error::OutcomeUnknown(_)
            | store::Error::TurnLost
            | store::Error::Access { .. }
    )
}
