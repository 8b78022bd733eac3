//! One step at a time, and the whole floor over random events against a model of the store.

use super::*;
use crate::dispatch::{AgentRoom, AttemptChange, Limits};
use crate::{
    Backoff, InstanceStart, JsonText, MessageId, MessageKind, MessageRecord, Priority, ProcessIdentity,
    Recovery, RetryPolicy, TaskResult, ToolCallId, ToolCallRecord, ToolCallStatus,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const START: Timestamp = Timestamp::from_millis(1_000_000);
const QUESTION: QuestionId = QuestionId::from_bytes([9; 16]);

fn limits(max_running: u32, agents: &[(&str, u32, &[&str])]) -> Limits {
    let room = |capabilities: &[&str], max_running| AgentRoom {
        capabilities: capabilities.iter().map(|word| word.parse().unwrap()).collect(),
        max_running,
    };
    Limits {
        max_running,
        agents: agents.iter().map(|(name, max, can)| (name.parse().unwrap(), room(can, *max))).collect(),
    }
}

fn lane(agent: &str) -> LaneKey {
    LaneKey::Agent(agent.parse().unwrap())
}

fn id(number: u8) -> TaskId {
    TaskId::from_bytes([number; 16])
}

fn instance(number: u8) -> InstanceId {
    InstanceId::from_bytes([number; 16])
}

fn ready(number: u8) -> Task {
    Task {
        id: id(number),
        state: TaskState::Ready,
        attempt: 0,
        retried: 0,
        lost: 0,
        priority: Priority::NORMAL,
        timeout: Duration::from_secs(60),
        deadline: None,
        retry: RetryPolicy {
            max: 1,
            backoff: Backoff { base: Duration::from_secs(2) },
            on: vec![Reason::ProtocolError],
        },
        recovery: Recovery::Resume,
        needs_left: 0,
        due_at: None,
        ready_at: START,
        started_at: None,
        ended_at: None,
        failure: None,
        question: None,
    }
}

fn result() -> TaskResult {
    TaskResult {
        json: Some(JsonText::from_json("1".to_owned())),
        json_bytes: 1,
        report: None,
        outputs: Vec::new(),
    }
}

fn ending() -> Ending {
    Ending {
        at: START,
        exit_code: Some(0),
        signal: None,
        killed: Vec::new(),
        stderr_tail: String::new(),
        proven: true,
        note: String::new(),
    }
}

fn message(task: TaskId, attempt: u32) -> Record {
    Record::Message(MessageRecord {
        id: MessageId::from_bytes([5; 16]),
        task,
        attempt,
        from: "agent:nexora".to_owned(),
        to: "caller".to_owned(),
        topic: "task".to_owned(),
        kind: MessageKind::Result,
        content: "1".to_owned(),
        at: START,
    })
}

fn tool_call(task: TaskId, attempt: u32, side_effects: bool) -> Record {
    Record::ToolCall(ToolCallRecord {
        id: ToolCallId::from_bytes([4; 16]),
        task,
        attempt,
        call: "c1".to_owned(),
        tool: Some("bash".to_owned()),
        input: None,
        output: None,
        status: ToolCallStatus::Running,
        side_effects,
        at: START,
    })
}

fn spawned(task: TaskId, attempt: u32, ticket: u64) -> Event {
    let process = ProcessIdentity { pid: 7, start_ticks: 8 };
    Event::Spawned {
        start: InstanceStart {
            instance: instance(1),
            task,
            attempt,
            agent: "nexora".parse().unwrap(),
            guard: process,
            child: Some(process),
            boot_id: "boot".to_owned(),
            at: START,
        },
        ticket: Ticket(ticket),
    }
}

fn ended(task: TaskId, attempt: u32, verdict: Verdict) -> Event {
    Event::InstanceEnded { task, attempt, ending: Some(ending()), verdict, question: QUESTION }
}

fn cancel(task: TaskId, loaded: Option<Task>, ticket: u64) -> Event {
    Event::Asked {
        task,
        loaded: loaded.map(Box::new),
        ask: Ask::Cancel { why: None },
        ticket: Ticket(ticket),
    }
}

/// A floor that has one claimed task with a prompted agent, and what came of the last step.
struct Bench {
    floor: Floor,
    now: Timestamp,
}

impl Bench {
    fn new() -> Self {
        Self { floor: Floor::new(limits(2, &[("nexora", 2, &["read"])]), [lane("nexora")]), now: START }
    }

    fn step(&mut self, event: Event) -> Vec<Effect> {
        step(&mut self.floor, event, self.now)
    }

    fn running() -> Self {
        let mut bench = Self::new();
        bench.step(Event::Tick);
        bench.step(Event::Claimed { task: ready(1), lane: lane("nexora"), instance: instance(1) });
        bench.step(Event::NothingToClaim);
        bench.step(spawned(id(1), 1, 1));
        bench.step(Event::Prompted { task: id(1), attempt: 1 });
        assert_eq!(bench.floor.held(id(1)).unwrap().phase, Phase::Running);
        bench
    }
}

fn persisted(effects: &[Effect]) -> Vec<TaskState> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Persist(change) => Some(change.after.state),
            _ => None,
        })
        .collect()
}

fn answers(effects: &[Effect]) -> Vec<Answer> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Answer { answer, .. } => Some(answer.clone()),
            _ => None,
        })
        .collect()
}

fn stops(effects: &[Effect]) -> Vec<StopWhy> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Stop { why, .. } => Some(*why),
            _ => None,
        })
        .collect()
}

fn is_late(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| {
        matches!(effect, Effect::Record(record)
            if matches!(**record, Record::Event { event: EventType::TaskLate, .. }))
    })
}

#[test]
fn a_claim_is_written_before_its_instance_is_started_and_asks_for_the_next() {
    let mut bench = Bench::new();
    let effects = bench.step(Event::Nudged { lane: lane("nexora") });
    assert_eq!(effects, [Effect::Claim { lanes: vec![lane("nexora")] }]);
    // No second claim while one is under way.
    assert_eq!(bench.step(Event::Nudged { lane: lane("nexora") }), []);
    let effects = bench.step(Event::Claimed { task: ready(1), lane: lane("nexora"), instance: instance(1) });
    assert!(matches!(
        &effects[..],
        [Effect::Persist(_), Effect::Start { attempt: 1, .. }, Effect::Claim { .. }]
    ));
    let effects = bench.step(Event::Claimed { task: ready(2), lane: lane("nexora"), instance: instance(2) });
    assert!(matches!(&effects[..], [Effect::Persist(_), Effect::Start { .. }]), "the host is full");
}

#[test]
fn lanes_without_room_or_agent_are_not_asked_for() {
    let mut floor = Floor::new(
        limits(10, &[("a", 1, &["read"]), ("b", 2, &["read", "write"])]),
        [lane("a"), lane("b"), lane("gone")],
    );
    let word = |text: &str| text.parse::<crate::Capability>().unwrap();
    let both = LaneKey::Capabilities(vec![word("read"), word("write")]);
    let neither = LaneKey::Capabilities(vec![word("fly")]);
    step(&mut floor, Event::Nudged { lane: both.clone() }, START);
    step(&mut floor, Event::Nudged { lane: neither.clone() }, START);
    assert_eq!(floor.open_lanes(), [lane("a"), lane("b"), both.clone()]);
    step(&mut floor, Event::Claimed { task: ready(1), lane: lane("a"), instance: instance(1) }, START);
    assert_eq!(floor.open_lanes(), [lane("b"), both.clone()]);
    step(&mut floor, Event::Claimed { task: ready(2), lane: both.clone(), instance: instance(2) }, START);
    assert_eq!(floor.held(id(2)).unwrap().agent.as_str(), "b");
    step(&mut floor, Event::Claimed { task: ready(3), lane: lane("b"), instance: instance(3) }, START);
    assert_eq!(floor.open_lanes(), []);
    let reloaded = Event::Reloaded { limits: limits(10, &[("gone", 1, &[]), ("b", 2, &["read"])]) };
    assert_eq!(step(&mut floor, reloaded, START), [Effect::Claim { lanes: vec![lane("gone")] }]);
    let reloaded = Event::Reloaded { limits: limits(10, &[]) };
    assert_eq!(step(&mut floor, reloaded, START), []);
    assert_eq!(step(&mut floor, Event::NothingToClaim, START), []);
}

#[test]
fn a_graceful_turn_ends_the_task_only_when_the_processes_are_gone() {
    let mut bench = Bench::running();
    let effects = bench.step(Event::Reported {
        task: id(1),
        attempt: 1,
        result: result(),
        record: message(id(1), 1),
        ticket: Ticket(2),
    });
    assert_eq!(answers(&effects), [Answer::Recorded]);
    assert_eq!(persisted(&effects), []);
    let effects = bench.step(Event::TurnEnded { task: id(1), attempt: 1 });
    assert_eq!((persisted(&effects), stops(&effects)), (vec![], vec![]));
    let effects = bench.step(ended(id(1), 1, Verdict::Completed(None)));
    assert_eq!(persisted(&effects), [TaskState::Succeeded]);
    assert!(bench.floor.held(id(1)).is_none());
}

#[test]
fn the_text_of_a_turn_is_a_result_too_and_no_word_is_none() {
    let mut bench = Bench::running();
    bench.step(Event::TurnEnded { task: id(1), attempt: 1 });
    let effects = bench.step(ended(id(1), 1, Verdict::Completed(Some(result()))));
    assert_eq!(persisted(&effects), [TaskState::Succeeded]);
    let mut bench = Bench::running();
    let effects = bench.step(ended(id(1), 1, Verdict::Completed(None)));
    let Effect::Persist(change) = &effects[1] else { panic!("{effects:?}") };
    assert_eq!(change.after.failure.as_ref().map(|failure| failure.reason), Some(Reason::InvalidResult));
}

#[test]
fn a_result_in_stopping_is_recorded_as_late_and_ignored() {
    let mut bench = Bench::running();
    bench.now = START.plus(Duration::from_secs(60));
    let effects = bench.step(Event::Tick);
    assert_eq!(stops(&effects), [StopWhy::TimedOut]);
    let effects = bench.step(Event::Reported {
        task: id(1),
        attempt: 1,
        result: result(),
        record: message(id(1), 1),
        ticket: Ticket(2),
    });
    assert_eq!(answers(&effects), [Answer::Late]);
    assert!(is_late(&effects));
    let effects = bench.step(ended(id(1), 1, Verdict::Completed(Some(result()))));
    assert!(is_late(&effects));
    assert_eq!(persisted(&effects), [TaskState::Failed]);
}

#[test]
fn a_result_on_record_survives_a_crash_of_the_agent_and_a_time_limit() {
    let mut bench = Bench::running();
    bench.step(Event::Reported {
        task: id(1),
        attempt: 1,
        result: result(),
        record: message(id(1), 1),
        ticket: Ticket(2),
    });
    bench.now = START.plus(Duration::from_secs(600));
    assert_eq!(stops(&bench.step(Event::Tick)), []);
    let verdict = Verdict::Failed(Failure::new(Reason::ProtocolError, "it died"));
    assert_eq!(persisted(&bench.step(ended(id(1), 1, verdict))), [TaskState::Succeeded]);
}

#[test]
fn a_cancel_is_answered_when_it_is_on_record_and_ends_with_the_processes() {
    // Before anything was spawned, too.
    let mut starting = Bench::new();
    starting.step(Event::Claimed { task: ready(1), lane: lane("nexora"), instance: instance(1) });
    for mut bench in [starting, Bench::running()] {
        let effects = bench.step(cancel(id(1), None, 3));
        assert_eq!(persisted(&effects), [TaskState::Cancelling]);
        assert_eq!(answers(&effects), [Answer::Stands(TaskState::Cancelling)]);
        assert_eq!(stops(&effects), [StopWhy::Cancel]);
        let again = bench.step(cancel(id(1), None, 4));
        assert_eq!((persisted(&again), stops(&again)), (vec![], vec![]));
        assert_eq!(answers(&again), [Answer::Stands(TaskState::Cancelling)]);
        let effects = bench.step(ended(id(1), 1, Verdict::Stopped));
        assert_eq!(persisted(&effects), [TaskState::Cancelled]);
    }
}

#[test]
fn a_cancel_of_what_nobody_holds_changes_it_at_once() {
    let mut bench = Bench::new();
    for state in [TaskState::Waiting, TaskState::Ready, TaskState::Paused] {
        let effects = bench.step(cancel(id(1), Some(Task { state, ..ready(1) }), 1));
        assert_eq!(persisted(&effects), [TaskState::Cancelled]);
    }
    let over = Task { state: TaskState::Succeeded, ..ready(1) };
    assert!(matches!(answers(&bench.step(cancel(id(1), Some(over), 1)))[..], [Answer::Refused(_)]));
    assert_eq!(answers(&bench.step(cancel(id(1), None, 1))), [Answer::NoSuchTask]);
}

#[test]
fn a_pause_waits_for_the_attempt_and_a_resume_brings_the_task_back() {
    let mut bench = Bench::running();
    let pause = Event::Asked { task: id(1), loaded: None, ask: Ask::Pause, ticket: Ticket(3) };
    let effects = bench.step(pause);
    assert_eq!((persisted(&effects), stops(&effects)), (vec![], vec![StopWhy::Pause]));
    let effects = bench.step(ended(id(1), 1, Verdict::Stopped));
    assert_eq!(persisted(&effects), [TaskState::Paused]);
    let paused = Task { state: TaskState::Paused, attempt: 1, ..ready(1) };
    let resume =
        Event::Asked { task: id(1), loaded: Some(Box::new(paused)), ask: Ask::Resume, ticket: Ticket(4) };
    let effects = bench.step(resume);
    assert_eq!(persisted(&effects), [TaskState::Ready]);
}

#[test]
fn a_tool_call_runs_only_when_it_is_on_record_and_nobody_stops_the_attempt() {
    let mut bench = Bench::running();
    let call = |ticket| Event::ToolStarted {
        task: id(1),
        attempt: 1,
        record: tool_call(id(1), 1, true),
        ticket: Ticket(ticket),
    };
    let effects = bench.step(call(2));
    assert!(matches!(&effects[..], [Effect::Record(_), Effect::Answer { answer: Answer::Recorded, .. }, ..]));
    bench.step(Event::HostStopping { now: true });
    assert_eq!(answers(&bench.step(call(3))), [Answer::Late]);
    let effects = bench.step(ended(id(1), 1, Verdict::Stopped));
    assert_eq!(persisted(&effects), [TaskState::Paused], "it had side effects, so a person is asked");
    assert!(bench.floor.is_drained());
}

#[test]
fn a_stopping_host_claims_nothing_and_lets_what_runs_end() {
    let mut bench = Bench::running();
    assert_eq!(bench.step(Event::HostStopping { now: false }), []);
    assert_eq!(bench.step(Event::Nudged { lane: lane("nexora") }), []);
    assert!(!bench.floor.is_drained());
    let effects = bench.step(ended(id(1), 1, Verdict::Completed(Some(result()))));
    assert_eq!(persisted(&effects), [TaskState::Succeeded]);
    assert!(bench.floor.is_drained());
}

#[test]
fn a_superseded_claim_frees_its_place_and_a_superseded_attempt_is_stopped() {
    let mut bench = Bench::new();
    bench.step(Event::Claimed { task: ready(1), lane: lane("nexora"), instance: instance(1) });
    bench.step(Event::Superseded { task: id(1), started: false });
    assert!(bench.floor.held(id(1)).is_none());
    let mut bench = Bench::running();
    let effects = bench.step(Event::Superseded { task: id(1), started: true });
    assert_eq!(stops(&effects), [StopWhy::Lost]);
    let effects = bench.step(ended(id(1), 1, Verdict::Stopped));
    assert_eq!(persisted(&effects), []);
    assert!(bench.floor.held(id(1)).is_none());
}

#[test]
fn what_comes_of_another_attempt_is_late() {
    let mut bench = Bench::running();
    for event in [
        Event::Noted { task: id(1), attempt: 2, record: message(id(1), 2) },
        ended(id(1), 2, Verdict::Completed(None)),
        ended(id(7), 1, Verdict::Completed(None)),
    ] {
        let effects = bench.step(event);
        assert!(is_late(&effects));
        assert_eq!(persisted(&effects), []);
    }
}

#[test]
fn the_earlier_of_deadline_and_time_limit_stops_an_attempt() {
    let soon = START.plus(Duration::from_secs(5));
    let mut bench = Bench::new();
    let task = Task { deadline: Some(soon), ..ready(1) };
    bench.step(Event::Claimed { task, lane: lane("nexora"), instance: instance(1) });
    assert_eq!(bench.floor.next_limit(), Some(soon));
    bench.now = soon;
    assert_eq!(stops(&bench.step(Event::Tick)), [StopWhy::Deadline]);
    assert_eq!(bench.floor.next_limit(), None);
    let effects = bench.step(ended(id(1), 1, Verdict::Stopped));
    let failure = effects.iter().find_map(|effect| match effect {
        Effect::Persist(change) => change.after.failure.clone(),
        _ => None,
    });
    assert_eq!(failure.map(|failure| failure.reason), Some(Reason::DeadlineExceeded));
    // One that passed before it was claimed begins no attempt.
    let late = Task { deadline: Some(soon), ..ready(2) };
    let effects = bench.step(Event::Claimed { task: late, lane: lane("nexora"), instance: instance(2) });
    assert_eq!(persisted(&effects), [TaskState::Failed]);
}

#[derive(Debug, Clone, Copy)]
enum Move {
    Submit,
    Spawned(usize),
    Prompted(usize),
    Tool(usize, bool),
    Reported(usize),
    TurnEnded(usize),
    Ended(usize, u8),
    Cancel(usize),
    Pause(usize),
    Resume(usize),
    Stale(usize),
    Later(u16),
    Reload(u8),
    Crash,
}

fn moves() -> impl Strategy<Value = Move> {
    let which = 0_usize..6;
    prop_oneof![
        4 => Just(Move::Submit),
        4 => which.clone().prop_map(Move::Spawned),
        4 => which.clone().prop_map(Move::Prompted),
        2 => (which.clone(), any::<bool>()).prop_map(|(at, effects)| Move::Tool(at, effects)),
        3 => which.clone().prop_map(Move::Reported),
        2 => which.clone().prop_map(Move::TurnEnded),
        6 => (which.clone(), 0_u8..4).prop_map(|(at, verdict)| Move::Ended(at, verdict)),
        2 => which.clone().prop_map(Move::Cancel),
        1 => which.clone().prop_map(Move::Pause),
        2 => which.clone().prop_map(Move::Resume),
        2 => which.prop_map(Move::Stale),
        3 => (0_u16..20_000).prop_map(Move::Later),
        1 => (0_u8..4).prop_map(Move::Reload),
        1 => Just(Move::Crash),
    ]
}

/// The store as the heart sees it, and the processes that would be there.
struct World {
    floor: Floor,
    tasks: BTreeMap<TaskId, Task>,
    /// Attempts that begun on disk and have not ended there, with their instance.
    open: BTreeMap<TaskId, (u32, InstanceId)>,
    /// Instances that live.
    living: BTreeSet<InstanceId>,
    recorded_results: BTreeSet<TaskId>,
    asked: u64,
    answered: BTreeSet<u64>,
    made: u8,
    now: Timestamp,
}

impl World {
    fn new() -> Self {
        Self {
            floor: Floor::new(limits(3, &[("nexora", 2, &[]), ("other", 2, &[])]), []),
            tasks: BTreeMap::new(),
            open: BTreeMap::new(),
            living: BTreeSet::new(),
            recorded_results: BTreeSet::new(),
            asked: 0,
            answered: BTreeSet::new(),
            made: 0,
            now: START,
        }
    }

    fn lane_of(task: TaskId) -> LaneKey {
        lane(if task.as_bytes()[0].is_multiple_of(2) { "nexora" } else { "other" })
    }

    fn ticket(&mut self) -> u64 {
        self.asked += 1;
        self.asked
    }

    /// One turn: the event, and the answers of the store until there are none.
    fn feed(&mut self, event: Event) {
        let mut queue = std::collections::VecDeque::from([event]);
        while let Some(event) = queue.pop_front() {
            for effect in step(&mut self.floor, event, self.now) {
                self.act(effect, &mut queue);
            }
        }
        self.check();
    }

    fn act(&mut self, effect: Effect, queue: &mut std::collections::VecDeque<Event>) {
        match effect {
            Effect::Persist(change) => self.persist(*change),
            Effect::Record(_) => {}
            Effect::Claim { lanes } => {
                let head = self
                    .tasks
                    .values()
                    .find(|task| task.state == TaskState::Ready && lanes.contains(&Self::lane_of(task.id)));
                queue.push_back(match head {
                    Some(task) => {
                        self.made += 1;
                        Event::Claimed {
                            task: task.clone(),
                            lane: Self::lane_of(task.id),
                            instance: instance(self.made),
                        }
                    }
                    None => Event::NothingToClaim,
                });
            }
            Effect::LoadDue => {
                let due = |task: &&Task| {
                    let waits = task.state == TaskState::Waiting
                        && task.due_at.is_some_and(|at| at <= self.now)
                        && task.needs_left == 0;
                    let late = !task.state.is_active()
                        && !task.state.is_final()
                        && task.deadline.is_some_and(|at| at <= self.now);
                    waits || late
                };
                let tasks = self.tasks.values().filter(due).cloned().collect();
                queue.push_back(Event::Due { tasks });
            }
            Effect::LoadDependents { .. } => {}
            Effect::Start { task, instance, attempt, .. } => {
                assert_eq!(self.open.get(&task), Some(&(attempt, instance)), "started before it was written");
                assert!(self.living.insert(instance));
            }
            Effect::Stop { .. } => {}
            Effect::Answer { ticket, .. } => assert!(self.answered.insert(ticket.0), "answered twice"),
        }
    }

    fn persist(&mut self, change: Change) {
        let before = self.tasks.get(&change.task).unwrap();
        assert_eq!((before.state, before.attempt), (change.from, change.attempt), "nobody else writes");
        match &change.attempt_change {
            Some(AttemptChange::Begin { instance, .. }) => {
                let before = self.open.insert(change.task, (change.after.attempt, *instance));
                assert_eq!(before, None, "two attempts overlap");
                assert!(!self.recorded_results.contains(&change.task), "what had a result runs again");
            }
            Some(AttemptChange::End { .. }) => {
                let (_, instance) = self.open.remove(&change.task).unwrap();
                assert!(!self.living.contains(&instance), "it moved on while its processes lived");
            }
            None => {}
        }
        self.tasks.insert(change.task, change.after);
    }

    fn check(&self) {
        assert!(self.floor.all_held().count() <= 3);
        for (task, (attempt, _)) in &self.open {
            let on_disk = &self.tasks[task];
            assert!(on_disk.state.is_active() && on_disk.attempt == *attempt);
            assert_eq!(&self.floor.held(*task).unwrap().task, on_disk);
        }
        assert_eq!(self.floor.all_held().count(), self.open.len());
        assert_eq!(self.answered.len() as u64, self.asked);
    }

    fn nth_open(&self, at: usize) -> Option<(TaskId, u32, InstanceId)> {
        self.open.iter().nth(at).map(|(task, (attempt, instance))| (*task, *attempt, *instance))
    }

    fn play(&mut self, a_move: Move) {
        match a_move {
            Move::Submit if self.tasks.len() < 12 => {
                let number = u8::try_from(self.tasks.len()).unwrap() + 1;
                let deadline = number
                    .is_multiple_of(3)
                    .then(|| self.now.plus(Duration::from_secs(u64::from(number) * 5)));
                self.tasks.insert(id(number), Task { ready_at: self.now, deadline, ..ready(number) });
                self.feed(Event::Nudged { lane: Self::lane_of(id(number)) });
            }
            Move::Submit => {}
            Move::Spawned(at) => {
                if let Some((task, attempt, _)) = self.nth_open(at) {
                    let ticket = self.ticket();
                    self.feed(spawned(task, attempt, ticket));
                }
            }
            Move::Prompted(at) => {
                if let Some((task, attempt, _)) = self.nth_open(at) {
                    self.feed(Event::Prompted { task, attempt });
                }
            }
            Move::Tool(at, effects) => {
                if let Some((task, attempt, _)) = self.nth_open(at) {
                    let ticket = Ticket(self.ticket());
                    let record = tool_call(task, attempt, effects);
                    self.feed(Event::ToolStarted { task, attempt, record, ticket });
                }
            }
            Move::Reported(at) => {
                if let Some((task, attempt, _)) = self.nth_open(at) {
                    let held = self.floor.held(task).unwrap();
                    if !held.is_stopping() {
                        self.recorded_results.insert(task);
                    }
                    let ticket = Ticket(self.ticket());
                    let record = message(task, attempt);
                    self.feed(Event::Reported { task, attempt, result: result(), record, ticket });
                }
            }
            Move::TurnEnded(at) => {
                if let Some((task, attempt, _)) = self.nth_open(at) {
                    self.feed(Event::TurnEnded { task, attempt });
                }
            }
            Move::Ended(at, verdict) => {
                if let Some((task, attempt, instance)) = self.nth_open(at) {
                    self.living.remove(&instance);
                    self.feed(ended(task, attempt, verdict_of(verdict)));
                }
            }
            Move::Cancel(at) => self.ask(at, Ask::Cancel { why: None }),
            Move::Pause(at) => self.ask(at, Ask::Pause),
            Move::Resume(at) => self.ask(at, Ask::Resume),
            Move::Stale(at) => {
                if let Some((task, attempt, _)) = self.nth_open(at) {
                    self.feed(ended(task, attempt - 1, Verdict::Completed(Some(result()))));
                }
            }
            Move::Later(millis) => {
                self.now = self.now.plus(Duration::from_millis(u64::from(millis)));
                self.feed(Event::Tick);
            }
            Move::Reload(max) => {
                let max = u32::from(max);
                self.feed(Event::Reloaded { limits: limits(3, &[("nexora", max, &[]), ("other", 1, &[])]) });
            }
            Move::Crash => self.crash(),
        }
    }

    fn ask(&mut self, at: usize, ask: Ask) {
        let Some(task) = self.tasks.values().nth(at).cloned() else { return };
        let ticket = Ticket(self.ticket());
        let loaded = self.floor.held(task.id).is_none().then(|| Box::new(task.clone()));
        self.feed(Event::Asked { task: task.id, loaded, ask, ticket });
    }

    /// The host dies, its children are ended, and the next one finds what was on disk.
    fn crash(&mut self) {
        let old = std::mem::replace(
            &mut self.floor,
            Floor::new(limits(3, &[("nexora", 2, &[]), ("other", 2, &[])]), [lane("nexora"), lane("other")]),
        );
        let open: Vec<_> = self.open.iter().map(|(task, held)| (*task, held.0, held.1)).collect();
        for (task, _, instance) in &open {
            self.living.remove(instance);
            let held = old.held(*task).unwrap();
            let found = Held {
                task: self.tasks[task].clone(),
                phase: Phase::Stopping(StopWhy::Lost),
                ..held.clone()
            };
            step(&mut self.floor, Event::Found { held: Box::new(found) }, self.now);
        }
        self.floor.claiming = false;
        for (task, attempt, _) in open {
            self.feed(ended(task, attempt, Verdict::Stopped));
        }
        self.feed(Event::Tick);
    }

    /// Everything that is not waiting for a person comes to its end when agents behave.
    fn settle(&mut self) {
        self.feed(Event::Reloaded { limits: limits(3, &[("nexora", 2, &[]), ("other", 2, &[])]) });
        for _ in 0..200 {
            while let Some((task, attempt, instance)) = self.nth_open(0) {
                self.living.remove(&instance);
                self.feed(ended(task, attempt, Verdict::Completed(Some(result()))));
            }
            self.now = self.now.plus(Duration::from_secs(3_600));
            self.feed(Event::Tick);
        }
        for task in self.tasks.values() {
            assert!(task.state.is_final() || task.state == TaskState::Paused, "{task:?}");
        }
    }
}

fn verdict_of(number: u8) -> Verdict {
    match number {
        0 => Verdict::Completed(Some(result())),
        1 => Verdict::Completed(None),
        2 => Verdict::Failed(Failure::new(Reason::ProtocolError, "it broke")),
        _ => Verdict::Stopped,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Attempts never overlap, nothing is acted on before it is written, a task moves on only when its
    /// processes are gone, what had its result on record never runs again, everybody is answered once, and
    /// in the end everything has ended or waits for a person.
    #[test]
    fn no_order_of_events_breaks_the_floor(all in proptest::collection::vec(moves(), 1..120)) {
        let mut world = World::new();
        for a_move in all {
            world.play(a_move);
        }
        world.settle();
    }
}
