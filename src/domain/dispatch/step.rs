//! One step of the heart: an event and what follows from it. Pure; every transition of a task comes
//! from `advance`.

use super::{
    Answer, Ask, Change, Effect, Event, Floor, Held, Phase, Refusal, TaskEvent, Ticket, Verdict, advance,
};
use crate::{
    Actor, AttemptOutcome, AttemptState, Ending, EventType, Facts, Failure, InstanceId, LaneKey, QuestionId,
    Reason, Record, StopWhy, Task, TaskId, TaskState, Timestamp, ToolCallStatus,
};

/// Takes an event in and returns what is to be done, in this order.
///
/// `Persist`, `Record`, `Claim` and the two loads are done within the turn and their answers are the next
/// events; the other effects leave when the turn is on disk.
pub fn step(floor: &mut Floor, event: Event, now: Timestamp) -> Vec<Effect> {
    let mut step = Step { floor, effects: Vec::new(), now };
    step.take(event);
    step.claim_if_hungry();
    step.effects
}

struct Step<'a> {
    floor: &'a mut Floor,
    effects: Vec<Effect>,
    now: Timestamp,
}

impl Step<'_> {
    fn take(&mut self, event: Event) {
        match event {
            Event::Nudged { lane } => {
                self.floor.lanes.insert(lane);
                self.floor.hungry = true;
            }
            Event::Claimed { task, lane, instance } => self.claimed(task, &lane, instance),
            Event::NothingToClaim => {
                self.floor.claiming = false;
                self.floor.hungry = false;
            }
            Event::Superseded { task, started } => self.superseded(task, started),
            Event::Tick => self.tick(),
            Event::Due { tasks } => tasks.iter().for_each(|task| self.due(task)),
            Event::NeedEnded { need, state, tasks } => {
                tasks.iter().for_each(|task| self.need_ended(task, need, state));
            }
            Event::Asked { task, loaded, ask, ticket } => self.asked(task, loaded, ask, ticket),
            Event::Spawned { start, ticket } => self.spawned(start, ticket),
            Event::Prompted { task, attempt } => self.prompted(task, attempt),
            Event::Noted { task, attempt, record } => self.noted(task, attempt, record),
            Event::ToolStarted { task, attempt, record, ticket } => {
                self.tool_started(task, attempt, record, ticket);
            }
            Event::Reported { task, attempt, result, record, ticket } => {
                match self.working(task, attempt) {
                    Some(held) if held.result.is_none() => {
                        held.result = Some(result);
                        self.record(record);
                        self.answer(ticket, Answer::Recorded);
                    }
                    _ => self.refuse_late(task, attempt, "result", ticket),
                };
            }
            Event::TurnEnded { task, attempt } => {
                if self.working(task, attempt).is_some() {
                    self.stopping(task, StopWhy::Finished, Told::Already);
                }
            }
            Event::InstanceEnded { task, attempt, ending, verdict, question } => {
                self.instance_ended(task, attempt, ending, verdict, question);
            }
            Event::HostStopping { now } => self.host_stopping(now),
            Event::Reloaded { limits } => {
                self.floor.limits = limits;
                self.floor.hungry = true;
            }
            Event::Found { held } => {
                self.floor.held.insert(held.task.id, *held);
            }
        }
    }

    fn persist(&mut self, change: Change) {
        let (need, state) = (change.task, change.after.state);
        self.effects.push(Effect::Persist(Box::new(change)));
        if state.is_final() {
            self.effects.push(Effect::LoadDependents { need, state });
        }
        if state == TaskState::Ready {
            self.floor.hungry = true;
        }
    }

    fn record(&mut self, record: Record) {
        self.effects.push(Effect::Record(Box::new(record)));
    }

    fn answer(&mut self, ticket: Ticket, answer: Answer) {
        self.effects.push(Effect::Answer { ticket, answer });
    }

    /// Writes down that something came for an attempt that no longer takes it.
    fn late(&mut self, task: TaskId, attempt: u32, what: &'static str) {
        self.record(Record::Event {
            task: Some(task),
            attempt,
            event: EventType::TaskLate,
            actor: Actor::Agent,
            facts: Facts::none().text("what", what),
            at: self.now,
        });
    }

    fn refuse_late(&mut self, task: TaskId, attempt: u32, what: &'static str, ticket: Ticket) {
        self.late(task, attempt, what);
        self.answer(ticket, Answer::Late);
    }

    /// Returns the attempt if it is the one that holds the task, whether it is being stopped or not.
    fn current(&mut self, task: TaskId, attempt: u32) -> Option<&mut Held> {
        self.floor.held.get_mut(&task).filter(|held| held.task.attempt == attempt)
    }

    /// Returns the attempt if it holds the task and nobody has stopped it.
    fn working(&mut self, task: TaskId, attempt: u32) -> Option<&mut Held> {
        self.current(task, attempt).filter(|held| !held.is_stopping() && !held.disowned)
    }

    fn claim_if_hungry(&mut self) {
        if self.floor.hungry && !self.floor.claiming {
            let lanes = self.floor.open_lanes();
            if !lanes.is_empty() {
                self.floor.claiming = true;
                self.effects.push(Effect::Claim { lanes });
            }
        }
    }

    fn claimed(&mut self, task: Task, lane: &LaneKey, instance: InstanceId) {
        self.floor.claiming = false;
        if task.deadline.is_some_and(|deadline| deadline <= self.now) {
            self.transition(&task, TaskEvent::DeadlinePassed);
            return;
        }
        let agent = self.floor.agent_for(lane).filter(|_| !self.floor.closed);
        let Some(agent) = agent.filter(|_| !self.floor.held.contains_key(&task.id)) else {
            // Nobody has room for it after all, or it is held already; room or a change will bring it back.
            self.floor.hungry = false;
            return;
        };
        let event = TaskEvent::Claimed { agent: agent.clone(), instance };
        let Ok(change) = advance(&task, event, self.now) else {
            self.floor.hungry = false;
            return;
        };
        let held = Held {
            task: change.after.clone(),
            agent: agent.clone(),
            instance,
            phase: Phase::Starting,
            began: self.now,
            side_effects: false,
            result: None,
            disowned: false,
        };
        let start = Effect::Start { task: task.id, attempt: held.task.attempt, agent, instance };
        self.persist(change);
        self.floor.held.insert(task.id, held);
        self.effects.push(start);
    }

    fn superseded(&mut self, task: TaskId, started: bool) {
        self.floor.hungry = true;
        if !started {
            self.floor.held.remove(&task);
            return;
        }
        let Some(held) = self.floor.held.get_mut(&task) else { return };
        held.disowned = true;
        let instance = held.instance;
        self.effects.push(Effect::Stop { task, instance, why: StopWhy::Lost });
    }

    fn tick(&mut self) {
        let now = self.now;
        let over: Vec<(TaskId, StopWhy)> = self
            .floor
            .held
            .values()
            .filter_map(|held| held.limit().map(|(at, why)| (held.task.id, at, why)))
            .filter(|(_, at, _)| *at <= now)
            .map(|(task, _, why)| (task, why))
            .collect();
        for (task, why) in over {
            self.stopping(task, why, Told::Now);
        }
        self.effects.push(Effect::LoadDue);
    }

    fn due(&mut self, task: &Task) {
        if self.floor.held.contains_key(&task.id) {
            return;
        }
        let deadline_passed = task.deadline.is_some_and(|deadline| deadline <= self.now);
        let event = if deadline_passed { TaskEvent::DeadlinePassed } else { TaskEvent::Due };
        self.transition(task, event);
    }

    fn need_ended(&mut self, task: &Task, need: TaskId, state: TaskState) {
        let event = if state == TaskState::Succeeded {
            TaskEvent::NeedSucceeded
        } else {
            TaskEvent::NeedFailed { need, state }
        };
        self.transition(task, event);
    }

    /// Makes a transition of a task that no attempt holds; what the table refuses changes nothing.
    fn transition(&mut self, task: &Task, event: TaskEvent) {
        if let Ok(change) = advance(task, event, self.now) {
            self.persist(change);
        }
    }

    fn asked(&mut self, id: TaskId, loaded: Option<Box<Task>>, ask: Ask, ticket: Ticket) {
        let held = self.floor.held.get(&id).filter(|held| !held.disowned).map(|held| held.task.clone());
        let is_held = held.is_some();
        let Some(task) = held.or_else(|| loaded.map(|task| *task)) else {
            return self.answer(ticket, Answer::NoSuchTask);
        };
        let is_cancel = matches!(ask, Ask::Cancel { .. });
        if is_cancel && matches!(task.state, TaskState::Cancelling | TaskState::Cancelled) {
            // Asked again: it is so, or will be.
            return self.answer(ticket, Answer::Stands(task.state));
        }
        if matches!(ask, Ask::Pause) && is_held {
            return self.pause_held(&task, ticket);
        }
        let event = match ask {
            Ask::Cancel { why } => TaskEvent::Cancel { why },
            Ask::Pause => TaskEvent::Pause,
            Ask::Resume => TaskEvent::Resume,
        };
        match advance(&task, event, self.now) {
            Ok(change) => {
                let after = change.after.clone();
                self.persist(change);
                self.answer(ticket, Answer::Stands(after.state));
                if let Some(held) = self.floor.held.get_mut(&id) {
                    held.task = after;
                    self.stopping(id, StopWhy::Cancel, Told::Now);
                }
            }
            Err(refusal) => self.answer(ticket, Answer::Refused(refusal)),
        }
    }

    /// A held task becomes `paused` when its attempt has ended; until then it stands where it stood.
    fn pause_held(&mut self, task: &Task, ticket: Ticket) {
        if task.state == TaskState::Cancelling {
            let refusal = Refusal::NotAllowed { state: task.state, event: TaskEvent::Pause.name() };
            return self.answer(ticket, Answer::Refused(refusal));
        }
        self.answer(ticket, Answer::Stands(task.state));
        let settled = self.floor.held.get(&task.id).is_some_and(|held| held.result.is_some());
        if !settled {
            self.stopping(task.id, StopWhy::Pause, Told::Now);
        }
    }

    /// Brings an attempt into `stopping`. Only a cancel changes why one is being stopped already.
    fn stopping(&mut self, task: TaskId, why: StopWhy, told: Told) {
        let Some(held) = self.floor.held.get_mut(&task) else { return };
        if held.is_stopping() && why != StopWhy::Cancel {
            return;
        }
        held.phase = Phase::Stopping(why);
        let (instance, attempt) = (held.instance, held.task.attempt);
        self.record(Record::Attempt {
            task,
            attempt,
            state: AttemptState::Stopping,
            why: Some(why),
            at: self.now,
        });
        if told == Told::Now {
            self.effects.push(Effect::Stop { task, instance, why });
        }
    }

    fn spawned(&mut self, start: crate::InstanceStart, ticket: Ticket) {
        let (task, attempt) = (start.task, start.attempt);
        match self.current(task, attempt) {
            // Also while it is being stopped: what lives has to be on record.
            Some(held) if !held.disowned => {
                self.record(Record::InstanceStarted(start));
                self.answer(ticket, Answer::Recorded);
            }
            _ => self.refuse_late(task, attempt, "start", ticket),
        }
    }

    fn prompted(&mut self, task: TaskId, attempt: u32) {
        let now = self.now;
        if let Some(held) = self.working(task, attempt) {
            held.phase = Phase::Running;
            self.record(Record::Attempt { task, attempt, state: AttemptState::Running, why: None, at: now });
        }
    }

    fn noted(&mut self, task: TaskId, attempt: u32, record: Record) {
        let Some(held) = self.current(task, attempt).filter(|held| !held.disowned) else {
            return self.late(task, attempt, record_word(&record));
        };
        held.side_effects |= may_have_acted(&record);
        self.record(record);
    }

    fn tool_started(&mut self, task: TaskId, attempt: u32, record: Record, ticket: Ticket) {
        let Some(held) = self.working(task, attempt) else {
            return self.refuse_late(task, attempt, "tool call", ticket);
        };
        held.side_effects |= may_have_acted(&record);
        self.record(record);
        self.answer(ticket, Answer::Recorded);
    }

    fn instance_ended(
        &mut self,
        task: TaskId,
        attempt: u32,
        ending: Option<Ending>,
        verdict: Verdict,
        question: QuestionId,
    ) {
        if self.current(task, attempt).is_none() {
            return self.late(task, attempt, "end");
        }
        let Some(held) = self.floor.held.remove(&task) else { return };
        self.floor.hungry = true;
        if let Some(ending) = ending.clone() {
            self.record(Record::InstanceEnded { instance: held.instance, ending });
        }
        if held.disowned {
            return;
        }
        if held.is_stopping() && held.result.is_none() && says_result(&held, &verdict) {
            self.late(task, attempt, "result");
        }
        let outcome = outcome(&held, verdict, ending.as_ref());
        let event = TaskEvent::AttemptEnded { attempt, outcome, question };
        match advance(&held.task, event, self.now) {
            Ok(change) => self.persist(change),
            // The floor holds only attempts of active tasks: the table has a row for each.
            Err(refusal) => unreachable!("an attempt on the floor can end: {refusal}"),
        }
    }

    fn host_stopping(&mut self, now: bool) {
        self.floor.closed = true;
        if now {
            let settled = |held: &&Held| held.result.is_none();
            let all: Vec<TaskId> =
                self.floor.held.values().filter(settled).map(|held| held.task.id).collect();
            for task in all {
                self.stopping(task, StopWhy::Lost, Told::Now);
            }
        }
    }
}

/// Whether the instance still has to be told that it is being stopped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Now,
    Already,
}

fn says_result(held: &Held, verdict: &Verdict) -> bool {
    held.phase != Phase::Stopping(StopWhy::Finished) && matches!(verdict, Verdict::Completed(Some(_)))
}

/// Says how an attempt ended. A result on record counts whatever came after it, so that nothing whose result
/// was recorded runs again; after a stop nothing else counts than why it was stopped.
fn outcome(held: &Held, verdict: Verdict, ending: Option<&Ending>) -> AttemptOutcome {
    if let Some(result) = &held.result {
        return AttemptOutcome::Succeeded(result.clone());
    }
    let stopped = |reason, message: String| AttemptOutcome::Failed(Failure::new(reason, message));
    match held.phase {
        Phase::Stopping(StopWhy::Cancel) => AttemptOutcome::Cancelled,
        Phase::Stopping(StopWhy::Pause) => AttemptOutcome::Paused,
        Phase::Stopping(StopWhy::Lost) => AttemptOutcome::Lost { side_effects: held.side_effects },
        Phase::Stopping(StopWhy::TimedOut) => {
            let limit = crate::format_duration(held.task.timeout);
            let failure = Failure::new(Reason::TimedOut, format!("the attempt took longer than {limit}"));
            AttemptOutcome::Failed(failure.hint("submit it with a longer `--timeout`"))
        }
        Phase::Stopping(StopWhy::Deadline) => {
            stopped(Reason::DeadlineExceeded, "its deadline passed while it was being worked on".to_owned())
        }
        Phase::Stopping(StopWhy::Finished) | Phase::Starting | Phase::Running => match verdict {
            Verdict::Completed(Some(result)) => AttemptOutcome::Succeeded(result),
            Verdict::Completed(None) => {
                let failure = Failure::new(
                    Reason::InvalidResult,
                    "the agent ended its turn without a result and without a word",
                );
                AttemptOutcome::Failed(with_ending(failure, ending))
            }
            Verdict::Failed(failure) => AttemptOutcome::Failed(with_ending(failure, ending)),
            // Nobody stopped it, and nobody knows what became of it.
            Verdict::Stopped => AttemptOutcome::Lost { side_effects: held.side_effects },
        },
    }
}

fn with_ending(failure: Failure, ending: Option<&Ending>) -> Failure {
    let Some(ending) = ending else { return failure };
    let tail = Some(ending.stderr_tail.clone()).filter(|tail| !tail.is_empty());
    Failure { exit_code: ending.exit_code, signal: ending.signal, stderr_tail: tail, ..failure }
}

/// Says whether a tool call with side effects runs or has run, as the store counts it.
fn may_have_acted(record: &Record) -> bool {
    let begun = |status| !matches!(status, ToolCallStatus::Pending | ToolCallStatus::Refused);
    matches!(record, Record::ToolCall(call) if call.side_effects && begun(call.status))
}

fn record_word(record: &Record) -> &'static str {
    match record {
        Record::Event { .. } => "event",
        Record::Attempt { .. } => "attempt",
        Record::InstanceStarted(_) => "start",
        Record::InstanceEnded { .. } => "end",
        Record::Progress { .. } => "progress",
        Record::Usage { .. } => "usage",
        Record::ToolCall(_) => "tool call",
        Record::Message(_) => "message",
    }
}

#[cfg(test)]
mod tests;
