//! The turn: one transaction in which events go through the heart, and what leaves once it is on
//! disk. Synchronous, with clock and ids passed in, so that a simulation can drive it.

use std::collections::VecDeque;

use domain::dispatch::{Answer, Ask, Effect, Event, Floor, Held, Limits, Phase, Ticket, step};
use domain::{
    AgentName, AttemptState, HostId, IdSource, InstanceId, LaneKey, NewTask, StopWhy, TaskId, TaskState,
    Timestamp,
};
use store::{Applied, HostStart, SubmitError, Submitted, Writer};

use crate::result::recorded_result;

/// How many tasks that are due are looked at in one turn, so that it stays short (4 ms).
const DUE_MAX: u32 = 500;

/// More steps than any turn can have: 256 inputs, each with some hundred tasks that are due or wait for it.
const STEPS_MAX: u32 = 1_000_000;

/// Something for a turn.
#[derive(Debug, Clone)]
pub enum Input {
    /// A task to take.
    Submit {
        /// The task.
        task: Box<NewTask>,
        /// Who waits.
        ticket: Ticket,
    },
    /// A caller wants something of a task.
    Ask {
        /// The task.
        task: TaskId,
        /// What.
        ask: Ask,
        /// Who waits.
        ticket: Ticket,
    },
    /// Anything else.
    Event(Box<Event>),
    /// The host begins.
    HostStarted(HostStart),
    /// The host ends.
    HostStopped(HostId),
}

impl Input {
    /// Returns who waits for an answer.
    pub fn ticket(&self) -> Option<Ticket> {
        match self {
            Self::Submit { ticket, .. } | Self::Ask { ticket, .. } => Some(*ticket),
            Self::Event(event) => match **event {
                Event::Asked { ticket, .. }
                | Event::Spawned { ticket, .. }
                | Event::ToolStarted { ticket, .. }
                | Event::Reported { ticket, .. } => Some(ticket),
                _ => None,
            },
            Self::HostStarted(_) | Self::HostStopped(_) => None,
        }
    }
}

/// An attempt to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// The task.
    pub task: TaskId,
    /// The attempt.
    pub attempt: u32,
    /// Who works on it.
    pub agent: AgentName,
    /// The instance.
    pub instance: InstanceId,
}

/// What leaves a turn that is on disk.
#[derive(Debug, Default)]
pub struct Outbox {
    /// Attempts to start.
    pub starts: Vec<Start>,
    /// Instances to stop.
    pub stops: Vec<(InstanceId, StopWhy)>,
    /// Answers to events and asks.
    pub answers: Vec<(Ticket, Answer)>,
    /// Answers to submissions.
    pub submitted: Vec<(Ticket, Result<TaskId, SubmitError>)>,
    /// Whether something was written.
    pub wrote: bool,
    /// The number of the newest event that was written.
    pub seq: Option<i64>,
}

/// The heart with its floor, as one host drives it over its store.
pub struct Turns {
    floor: Floor,
    limits: Limits,
}

impl Turns {
    /// Returns the turns of a host that has nothing on its floor yet.
    pub fn new(limits: Limits) -> Self {
        Self { floor: Floor::new(limits.clone(), []), limits }
    }

    /// Returns what runs or is about to.
    pub fn floor(&self) -> &Floor {
        &self.floor
    }

    /// Takes the inputs in as one transaction. If it fails nothing of it is done, and the floor is loaded
    /// anew; feed the inputs again.
    ///
    /// # Errors
    /// What the store met.
    pub fn run(
        &mut self,
        writer: &mut Writer,
        inputs: &[Input],
        ids: &dyn IdSource,
        now: Timestamp,
    ) -> Result<Outbox, store::Error> {
        let floor = &mut self.floor;
        let done = writer.turn(|turn| {
            let mut pass =
                Pass { turn, floor, ids, now, outbox: Outbox::default(), queue: VecDeque::new(), steps: 0 };
            for input in inputs {
                pass.take(input)?;
                pass.drain()?;
            }
            pass.open_new_lanes()?;
            Ok::<Outbox, store::Error>(pass.outbox)
        });
        for input in inputs {
            if let (Ok(_), Input::Event(event)) = (&done, input)
                && let Event::Reloaded { limits } = &**event
            {
                self.limits = limits.clone();
            }
        }
        if done.is_err() {
            // Best effort: if the store cannot even be read, the next turn fails and tries again.
            let _ = self.load(writer);
        }
        done
    }

    /// Loads the floor anew from the store, as this very host left it there.
    ///
    /// # Errors
    /// What the store met; then the floor is as it was.
    pub fn load(&mut self, writer: &Writer) -> Result<(), store::Error> {
        let view = writer.view();
        let mut floor = Floor::new(self.limits.clone(), view.ready_lanes()?);
        for active in view.load_active()? {
            let result = recorded_result(&view, active.task.id, active.task.attempt)?;
            let phase = match (active.attempt_state, active.task.state) {
                (_, TaskState::Cancelling) => Phase::Stopping(StopWhy::Cancel),
                (AttemptState::Stopping, _) => Phase::Stopping(active.stop_why.unwrap_or(StopWhy::Lost)),
                (AttemptState::Starting, _) => Phase::Starting,
                _ => Phase::Running,
            };
            let began = self.floor.held(active.task.id).map(|held| held.began).or(active.task.started_at);
            let held = Held {
                began: began.unwrap_or_default(),
                agent: active.agent,
                instance: active.instance,
                phase,
                side_effects: active.side_effects,
                result,
                disowned: false,
                task: active.task,
            };
            step(&mut floor, Event::Found { held: Box::new(held) }, Timestamp::default());
        }
        if self.floor.is_closed() {
            step(&mut floor, Event::HostStopping { now: false }, Timestamp::default());
        }
        // What the steps above asked for was not done: the next turn asks again.
        floor.look_again();
        self.floor = floor;
        Ok(())
    }
}

/// One turn under way.
struct Pass<'a, 't> {
    turn: &'a store::Turn<'t>,
    floor: &'a mut Floor,
    ids: &'a dyn IdSource,
    now: Timestamp,
    outbox: Outbox,
    queue: VecDeque<Event>,
    steps: u32,
}

impl Pass<'_, '_> {
    fn take(&mut self, input: &Input) -> Result<(), store::Error> {
        match input {
            Input::Submit { task, ticket } => self.submit(task, *ticket),
            Input::Ask { task, ask, ticket } => {
                let loaded = match self.floor.held(*task) {
                    Some(held) if !held.disowned => None,
                    _ => self.turn.view().load_task(*task)?.map(Box::new),
                };
                let event = Event::Asked { task: *task, loaded, ask: ask.clone(), ticket: *ticket };
                self.queue.push_back(event);
                if *ask == Ask::Resume {
                    self.drain()?;
                    self.tell_failed_need(*task)?;
                }
                Ok(())
            }
            Input::Event(event) => {
                self.queue.push_back((**event).clone());
                Ok(())
            }
            Input::HostStarted(start) => {
                let seq = self.turn.host_started(start)?;
                self.wrote(Some(seq));
                Ok(())
            }
            Input::HostStopped(host) => {
                let seq = self.turn.host_stopped(*host, self.now)?;
                self.wrote(Some(seq));
                Ok(())
            }
        }
    }

    /// A task that was paused when something that it needs failed learns of it when it is resumed.
    fn tell_failed_need(&mut self, id: TaskId) -> Result<(), store::Error> {
        let view = self.turn.view();
        let Some(task) = view.load_task(id)?.filter(|task| task.needs_left > 0) else { return Ok(()) };
        let needs = view.load_request(id)?.map(|request| request.needs).unwrap_or_default();
        for need in self.load(needs)? {
            if need.state.is_final() && need.state != TaskState::Succeeded {
                let event = Event::NeedEnded { need: need.id, state: need.state, tasks: vec![task] };
                self.queue.push_back(event);
                break;
            }
        }
        Ok(())
    }

    /// Takes a task in a savepoint of its own: one that fails leaves the others alone.
    fn submit(&mut self, new: &NewTask, ticket: Ticket) -> Result<(), store::Error> {
        let submitted = self.turn.savepoint(|turn| turn.submit(new));
        match submitted {
            Ok(Submitted::New { task, seq, failed_need }) => {
                self.wrote(Some(seq));
                self.outbox.submitted.push((ticket, Ok(task.id)));
                if task.state == TaskState::Ready {
                    self.queue.push_back(Event::Nudged { lane: new.lane.clone() });
                }
                if let Some((need, state)) = failed_need {
                    self.queue.push_back(Event::NeedEnded { need, state, tasks: vec![*task] });
                }
            }
            Ok(Submitted::Known(task)) => self.outbox.submitted.push((ticket, Ok(task))),
            Err(SubmitError::Store(error @ (store::Error::TurnLost | store::Error::OutcomeUnknown(_)))) => {
                return Err(error);
            }
            Err(error) => self.outbox.submitted.push((ticket, Err(error))),
        }
        Ok(())
    }

    fn drain(&mut self) -> Result<(), store::Error> {
        while let Some(event) = self.queue.pop_front() {
            self.steps += 1;
            if self.steps > STEPS_MAX {
                let what = "the heart and the store ask each other without end".to_owned();
                return Err(store::Error::Bug { what, source: None });
            }
            let mut superseded: Option<TaskId> = None;
            for effect in step(self.floor, event, self.now) {
                match effect {
                    effect if superseded.is_some() && superseded == task_of(&effect) => {}
                    // What was to be said is not so: somebody else had changed the task.
                    Effect::Answer { ticket, .. } if superseded.is_some() => {
                        self.outbox.answers.push((ticket, Answer::Late));
                    }
                    effect => self.act(effect, &mut superseded)?,
                }
            }
        }
        Ok(())
    }

    fn act(&mut self, effect: Effect, superseded: &mut Option<TaskId>) -> Result<(), store::Error> {
        match effect {
            Effect::Persist(change) => match self.turn.apply(&change)? {
                Applied::Applied { seq } => self.wrote(Some(seq)),
                Applied::Superseded => {
                    let task = change.task;
                    *superseded = Some(task);
                    let waiting = self.outbox.starts.len();
                    self.outbox.starts.retain(|start| start.task != task);
                    let began =
                        matches!(change.attempt_change, Some(domain::dispatch::AttemptChange::Begin { .. }));
                    let started = !began && waiting == self.outbox.starts.len();
                    self.queue.push_back(Event::Superseded { task, started });
                }
            },
            Effect::Record(record) => {
                let recorded = self.turn.savepoint(|turn| turn.record(&record))?;
                if let store::Recorded::Written { seq } = recorded {
                    self.wrote(seq);
                }
            }
            Effect::Claim { lanes } => self.claim(&lanes)?,
            Effect::LoadDue => {
                let view = self.turn.view();
                let mut ids = view.due(self.now, DUE_MAX)?;
                ids.extend(view.overdue(self.now, DUE_MAX)?);
                ids.sort_unstable();
                ids.dedup();
                let tasks = self.load(ids)?;
                self.queue.push_back(Event::Due { tasks });
            }
            Effect::LoadDependents { need, state } => {
                let tasks = self.load(self.turn.view().dependents(need)?)?;
                if !tasks.is_empty() {
                    self.queue.push_back(Event::NeedEnded { need, state, tasks });
                }
            }
            Effect::Start { task, attempt, agent, instance } => {
                self.outbox.starts.push(Start { task, attempt, agent, instance });
            }
            Effect::Stop { instance, why, .. } => self.outbox.stops.push((instance, why)),
            Effect::Answer { ticket, answer } => self.outbox.answers.push((ticket, answer)),
        }
        Ok(())
    }

    fn claim(&mut self, lanes: &[LaneKey]) -> Result<(), store::Error> {
        self.queue.push_back(match self.turn.next_ready(lanes)? {
            Some(head) => {
                Event::Claimed { task: head.task, lane: head.lane, instance: InstanceId::new(self.ids) }
            }
            None => Event::NothingToClaim,
        });
        Ok(())
    }

    fn load(&self, ids: Vec<TaskId>) -> Result<Vec<domain::Task>, store::Error> {
        let view = self.turn.view();
        let mut tasks = Vec::with_capacity(ids.len());
        for id in ids {
            tasks.extend(view.load_task(id)?);
        }
        Ok(tasks)
    }

    /// Lets the floor know lanes in which something became ready by itself.
    fn open_new_lanes(&mut self) -> Result<(), store::Error> {
        if self.outbox.wrote {
            for lane in self.turn.view().ready_lanes()? {
                if !self.floor.knows(&lane) {
                    self.queue.push_back(Event::Nudged { lane });
                }
            }
            self.drain()?;
        }
        Ok(())
    }

    fn wrote(&mut self, seq: Option<i64>) {
        self.outbox.wrote = true;
        self.outbox.seq = self.outbox.seq.max(seq);
    }
}

/// Returns the task that an effect is about, if it would act on it.
fn task_of(effect: &Effect) -> Option<TaskId> {
    match effect {
        Effect::Persist(change) => Some(change.task),
        Effect::Start { task, .. } | Effect::Stop { task, .. } => Some(*task),
        Effect::LoadDependents { need, .. } => Some(*need),
        _ => None,
    }
}
