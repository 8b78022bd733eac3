//! Crashes: what a host had written when it died is all that the next one knows.

use std::sync::Arc;
use std::time::Duration;

use domain::dispatch::{Answer, Ask, Event, Limits, Ticket, Verdict};
use domain::{
    Clock, InstanceStart, MessageId, MessageKind, MessageRecord, ProcessIdentity, QuestionId, Record, TaskId,
    TaskState, ToolCallId, ToolCallRecord, ToolCallStatus,
};
use serde_json::json;
use store::{Opening, Place, Writer};

use super::bench::{Bench, Counted, HandClock, NothingLeft, soon, status, stop, until};
use crate::host::StopMode;
use crate::operations::direct::{Direct, DirectParts};
use crate::recovery;
use crate::registry::{self, Folders};
use crate::result::{make_result, message_content};
use crate::turn::{Input, Outbox, Turns};

/// Turns over a store in memory, that are dropped and made anew at will.
struct Machine {
    writer: Writer,
    turns: Turns,
    limits: Limits,
    clock: Arc<HandClock>,
    ids: Arc<Counted>,
    bench: Bench,
    folders: Folders,
    place: Place,
}

impl Machine {
    fn new() -> Self {
        let bench = Bench::new(|scene| async move { scene.finish("").await });
        let clock = HandClock::new();
        let opening = Opening { now: clock.now(), binary: "test" };
        let limits = registry::limits(&bench.config);
        Self {
            writer: Writer::in_memory(opening).unwrap(),
            turns: Turns::new(limits.clone()),
            limits,
            clock,
            ids: Counted::from(1_000),
            folders: bench.folders(),
            place: bench.place(),
            bench,
        }
    }

    fn turn(&mut self, inputs: &[Input]) -> Outbox {
        self.turns.run(&mut self.writer, inputs, &*self.ids, self.clock.now()).unwrap()
    }

    fn event(&mut self, event: Event) -> Outbox {
        self.turn(&[Input::Event(Box::new(event))])
    }

    fn submit(&mut self) -> TaskId {
        let submission = self.bench.prepare(self.bench.request("work"));
        let id = submission.task.id;
        let outbox = self.turn(&[Input::Submit { task: Box::new(submission.task), ticket: Ticket(1) }]);
        assert_eq!(outbox.starts.len(), 1);
        id
    }

    /// The host dies; what had left the turn is gone with it. The next one takes over and settles.
    fn crash(&mut self) -> Outbox {
        self.turns = Turns::new(self.limits.clone());
        let left = recovery::left_over(&self.writer.view(), &self.folders, "boot").unwrap();
        let (found, left): (Vec<_>, Vec<_>) = left.into_iter().unzip();
        let inputs: Vec<Input> = found.into_iter().map(|event| Input::Event(Box::new(event))).collect();
        let first = self.turn(&inputs);
        assert_eq!(first.starts, [], "nothing starts before what was left is settled");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let ends = runtime.block_on(recovery::settle(&NothingLeft, &left, &*self.clock, &*self.ids));
        let mut inputs: Vec<Input> = ends.into_iter().map(|event| Input::Event(Box::new(event))).collect();
        inputs.push(Input::Event(Box::new(Event::Tick)));
        self.turn(&inputs)
    }

    fn state(&self, id: TaskId) -> (TaskState, u32) {
        let task = self.writer.view().load_task(id).unwrap().unwrap();
        (task.state, task.attempt)
    }

    fn spawned(&mut self, id: TaskId, attempt: u32) {
        let instance = self.turns.floor().held(id).unwrap().instance;
        let process = ProcessIdentity { pid: 7, start_ticks: 7 };
        let start = InstanceStart {
            instance,
            task: id,
            attempt,
            agent: "other".parse().unwrap(),
            guard: process,
            child: Some(process),
            boot_id: "boot".to_owned(),
            at: self.clock.now(),
        };
        let outbox = self.event(Event::Spawned { start, ticket: Ticket(2) });
        assert_eq!(outbox.answers, [(Ticket(2), Answer::Recorded)]);
        self.event(Event::Prompted { task: id, attempt });
    }

    fn end(&mut self, id: TaskId, attempt: u32, verdict: Verdict) -> Outbox {
        let question = QuestionId::new(&*self.ids);
        self.event(Event::InstanceEnded { task: id, attempt, ending: None, verdict, question })
    }

    fn act(&mut self, id: TaskId, attempt: u32) {
        let record = Record::ToolCall(ToolCallRecord {
            id: ToolCallId::new(&*self.ids),
            task: id,
            attempt,
            call: "c1".to_owned(),
            tool: Some("bash".to_owned()),
            input: None,
            output: None,
            status: ToolCallStatus::Running,
            side_effects: true,
            at: self.clock.now(),
        });
        self.event(Event::ToolStarted { task: id, attempt, record, ticket: Ticket(3) });
    }
}

#[test]
fn a_crash_between_the_claim_and_the_start_runs_the_task_once() {
    let mut machine = Machine::new();
    let id = machine.submit();
    assert_eq!(machine.state(id), (TaskState::Running, 1));
    // The start has left the turn, and the host dies before anything was spawned.
    let outbox = machine.crash();
    assert_eq!(machine.state(id), (TaskState::Running, 2));
    assert_eq!(outbox.starts.len(), 1);
    let result = make_result(&machine.place, id, &json!(1), None).unwrap();
    // The first attempt, should it still say something, is too late.
    machine.end(id, 1, Verdict::Completed(Some(result.clone())));
    assert_eq!(machine.state(id), (TaskState::Running, 2));
    machine.end(id, 2, Verdict::Completed(Some(result)));
    assert_eq!(machine.state(id), (TaskState::Succeeded, 2));
    let attempts = machine.writer.view().attempts(id).unwrap();
    let outcomes: Vec<_> = attempts.iter().map(|attempt| attempt.outcome).collect();
    assert_eq!(outcomes, [Some("lost"), Some("succeeded")]);
}

#[test]
fn a_crash_after_a_side_effect_asks_a_person_and_after_the_fourth_loss_the_task_fails() {
    let mut machine = Machine::new();
    let id = machine.submit();
    machine.spawned(id, 1);
    machine.act(id, 1);
    machine.crash();
    assert_eq!(machine.state(id), (TaskState::Paused, 1));
    let outbox = machine.turn(&[Input::Ask { task: id, ask: Ask::Resume, ticket: Ticket(4) }]);
    assert_eq!(outbox.answers, [(Ticket(4), Answer::Stands(TaskState::Ready))]);
    for attempt in 2..=4 {
        assert_eq!(machine.state(id), (TaskState::Running, attempt));
        machine.crash();
    }
    assert_eq!(machine.state(id), (TaskState::Running, 5));
    machine.crash();
    assert_eq!(machine.state(id), (TaskState::Failed, 5));
}

#[test]
fn a_result_on_record_survives_the_crash_of_its_host() {
    let mut machine = Machine::new();
    let id = machine.submit();
    machine.spawned(id, 1);
    machine.act(id, 1);
    let result = make_result(&machine.place, id, &json!({"answer": 42}), None).unwrap();
    let record = Record::Message(MessageRecord {
        id: MessageId::new(&*machine.ids),
        task: id,
        attempt: 1,
        from: "agent:other".to_owned(),
        to: "caller".to_owned(),
        topic: "task".to_owned(),
        kind: MessageKind::Result,
        content: message_content(&result),
        at: machine.clock.now(),
    });
    let reported = Event::Reported { task: id, attempt: 1, result, record, ticket: Ticket(5) };
    assert_eq!(machine.event(reported).answers, [(Ticket(5), Answer::Recorded)]);
    machine.crash();
    assert_eq!(machine.state(id), (TaskState::Succeeded, 1));
    let detail = machine.writer.view().task_detail(id).unwrap().unwrap();
    assert_eq!(detail.result.unwrap().as_str(), r#"{"answer":42}"#);
}

#[test]
fn a_crash_while_cancelling_ends_in_cancelled() {
    let mut machine = Machine::new();
    let id = machine.submit();
    machine.spawned(id, 1);
    let ask = Ask::Cancel { why: None };
    machine.turn(&[Input::Ask { task: id, ask, ticket: Ticket(6) }]);
    assert_eq!(machine.state(id), (TaskState::Cancelling, 1));
    machine.crash();
    assert_eq!(machine.state(id), (TaskState::Cancelled, 1));
}

#[test]
fn a_turn_that_fails_leaves_nothing_and_its_inputs_can_be_fed_again() {
    let mut machine = Machine::new();
    let id = machine.submit();
    machine.spawned(id, 1);
    let before = machine.turns.floor().held(id).cloned();
    // A message for a task that is there, whose kind the store cannot take: an output under a name twice.
    let output = domain::Output {
        name: "result".to_owned(),
        path: "x".to_owned(),
        bytes: 1,
        media_type: "text/plain".to_owned(),
        sha256: [0; 32],
    };
    let doubled =
        domain::TaskResult { json: None, json_bytes: 1, report: None, outputs: vec![output.clone(), output] };
    let bad = Input::Event(Box::new(Event::InstanceEnded {
        task: id,
        attempt: 1,
        ending: None,
        verdict: Verdict::Completed(Some(doubled)),
        question: QuestionId::new(&*machine.ids),
    }));
    let now = machine.clock.now();
    assert!(machine.turns.run(&mut machine.writer, &[bad], &*machine.ids, now).is_err());
    assert_eq!(machine.state(id), (TaskState::Running, 1));
    assert_eq!(machine.turns.floor().held(id).cloned(), before, "the floor is as it was on disk");
    let result = make_result(&machine.place, id, &json!(1), None).unwrap();
    machine.end(id, 1, Verdict::Completed(Some(result)));
    assert_eq!(machine.state(id), (TaskState::Succeeded, 1));
}

#[test]
fn a_dependency_that_fails_fails_what_needs_it_also_if_that_was_paused_meanwhile() {
    let mut machine = Machine::new();
    let first = machine.submit();
    let mut needy = Vec::new();
    for _ in 0..2 {
        let mut task = machine.bench.prepare(machine.bench.request("after")).task;
        task.needs = vec![first];
        needy.push(task.id);
        machine.turn(&[Input::Submit { task: Box::new(task), ticket: Ticket(1) }]);
    }
    machine.turn(&[Input::Ask { task: needy[1], ask: Ask::Pause, ticket: Ticket(2) }]);
    let failure = domain::Failure::new(domain::Reason::AgentError, "it broke");
    machine.end(first, 1, Verdict::Failed(failure));
    assert_eq!(machine.state(first).0, TaskState::Failed);
    assert_eq!(machine.state(needy[0]).0, TaskState::Failed);
    assert_eq!(machine.state(needy[1]).0, TaskState::Paused);
    machine.turn(&[Input::Ask { task: needy[1], ask: Ask::Resume, ticket: Ticket(3) }]);
    assert_eq!(machine.state(needy[1]).0, TaskState::Failed);
}

#[test]
fn a_thousand_back_offs_come_due_over_several_turns() {
    let mut machine = Machine::new();
    machine.limits.max_running = 0;
    machine.turns = Turns::new(machine.limits.clone());
    let mut ids = Vec::new();
    for _ in 0..1_200 {
        let mut task = machine.bench.prepare(machine.bench.request("later")).task;
        task.not_before = Some(task.submitted_at.plus(Duration::from_secs(5)));
        ids.push(task.id);
        machine.turn(&[Input::Submit { task: Box::new(task), ticket: Ticket(1) }]);
    }
    machine.clock.forward(Duration::from_secs(10));
    machine.bench.clock.forward(Duration::from_secs(10));
    for _ in 0..3 {
        machine.event(Event::Tick);
    }
    let waiting = ids.iter().filter(|id| machine.state(**id).0 != TaskState::Ready).count();
    assert_eq!(waiting, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_host_orders_are_written_and_what_was_lost_is_recovered() {
    let bench = Bench::new(|scene| async move {
        scene.begin().await;
        scene.until_stopped().await
    });
    let host = bench.start();
    let lost = bench.submit(&host, "runs").await.id;
    until(&host, &lost, "running").await;
    stop(host, StopMode::Now).await;

    let (writer, _) = bench.open();
    let parts = DirectParts {
        writer,
        config: bench.config.clone(),
        place: bench.place(),
        sweeper: Arc::new(NothingLeft),
        clock: bench.clock.clone(),
        ids: bench.ids.clone(),
        folders: bench.folders(),
        boot_id: "boot".to_owned(),
    };
    let mut direct = Direct::open(parts).await.unwrap();
    let taken = direct.task_submit(bench.prepare(bench.request("later"))).unwrap();
    assert_eq!(taken.state, "ready");
    let cancelled = direct.task_cancel(&[lost.clone(), "zz".to_owned()], None).unwrap();
    assert_eq!(cancelled.items[0].state.as_deref(), Some("cancelled"));
    assert!(cancelled.items[1].error.is_some());
    assert!(direct.task_resume(&lost).is_err());
    direct.close().unwrap();

    let host = bench.start();
    soon(until(&host, &taken.id, "running")).await;
    assert_eq!(status(&host, &lost).await.state, "cancelled");
    stop(host, StopMode::Now).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_whose_database_was_taken_away_ends_and_says_so() {
    let bench = Bench::new(|scene| async move {
        scene.begin().await;
        scene.until_stopped().await
    });
    let host = bench.start();
    let id = bench.submit(&host, "runs").await.id;
    until(&host, &id, "running").await;
    std::fs::remove_file(bench.place().database).unwrap();
    let ended = soon(host.ended()).await;
    assert!(ended.unwrap_err().to_string().contains("removed or replaced"));
    let refused = host.task_submit(bench.prepare(bench.request("too late"))).await;
    assert!(refused.is_err());
}
