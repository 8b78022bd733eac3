//! The transition table, row by row; and each move that it does not have is refused.

use super::*;
use crate::{AttemptOutcome, Backoff, JsonText, Output, Priority, RetryPolicy};
use proptest::prelude::*;
use std::time::Duration;

const NOW: Timestamp = Timestamp::from_millis(1_000_000);
const QUESTION: QuestionId = QuestionId::from_bytes([9; 16]);

fn task(state: TaskState) -> Task {
    let active = state.is_active();
    Task {
        id: TaskId::from_bytes([1; 16]),
        state,
        attempt: u32::from(active),
        retried: 0,
        lost: 0,
        priority: Priority::NORMAL,
        timeout: Duration::from_secs(60),
        deadline: None,
        retry: RetryPolicy {
            max: 2,
            backoff: Backoff { base: Duration::from_secs(2) },
            on: vec![Reason::ProtocolError],
        },
        recovery: Recovery::Resume,
        needs_left: 0,
        due_at: None,
        ready_at: Timestamp::from_millis(900_000),
        started_at: active.then_some(Timestamp::from_millis(950_000)),
        ended_at: None,
        failure: None,
        question: None,
    }
}

fn result() -> TaskResult {
    TaskResult {
        json: Some(JsonText::from_json("{}".to_owned())),
        json_bytes: 2,
        report: None,
        outputs: Vec::<Output>::new(),
    }
}

fn ended(outcome: AttemptOutcome) -> TaskEvent {
    TaskEvent::AttemptEnded { attempt: 1, outcome, question: QUESTION }
}

fn failed_with(reason: Reason) -> TaskEvent {
    ended(AttemptOutcome::Failed(Failure::new(reason, "it broke")))
}

fn lost_attempt(side_effects: bool) -> TaskEvent {
    ended(AttemptOutcome::Lost { side_effects })
}

fn claim() -> TaskEvent {
    TaskEvent::Claimed { agent: "nexora".parse().unwrap(), instance: InstanceId::from_bytes([2; 16]) }
}

fn question() -> Question {
    Question {
        id: QUESTION,
        kind: QuestionKind::Text,
        asked_of: QuestionFor::Person,
        text: "which one?".to_owned(),
        options: Vec::new(),
        asked_at: NOW,
        answer_by: None,
    }
}

/// One event of each kind, as it would come for the first attempt.
fn events() -> Vec<TaskEvent> {
    vec![
        TaskEvent::Due,
        TaskEvent::NeedSucceeded,
        TaskEvent::NeedFailed { need: TaskId::from_bytes([3; 16]), state: TaskState::Failed },
        claim(),
        TaskEvent::NeverCapable { message: "nobody can".to_owned(), hint: None },
        TaskEvent::Asked { attempt: 1, question: question() },
        TaskEvent::Answered { actor: Actor::Caller, answer: "this".to_owned() },
        ended(AttemptOutcome::Succeeded(result())),
        failed_with(Reason::AgentError),
        lost_attempt(false),
        ended(AttemptOutcome::Cancelled),
        ended(AttemptOutcome::Paused),
        TaskEvent::Cancel { why: None },
        TaskEvent::Pause,
        TaskEvent::Resume,
        TaskEvent::DeadlinePassed,
    ]
}

#[track_caller]
fn check(task: &Task, event: TaskEvent, to: TaskState, writes: EventType) -> Change {
    let change = advance(task, event, NOW).unwrap();
    assert_eq!((change.after.state, change.event), (to, writes));
    assert_eq!((change.task, change.from, change.attempt), (task.id, task.state, task.attempt));
    assert_eq!(change.after.ended_at.is_some(), to.is_final());
    assert_eq!(change.after.failure.is_some(), to == TaskState::Failed);
    change
}

/// Where each event leads from each state; what is not listed is refused.
fn goal(state: TaskState, event: &TaskEvent) -> Option<TaskState> {
    use TaskState::{
        Cancelled, Cancelling, Failed, InputRequired, Paused, Ready, Running, Succeeded, Waiting,
    };
    let outcome = match event {
        TaskEvent::AttemptEnded { outcome, .. } => Some(outcome.as_str()),
        _ => None,
    };
    match (state, event.name(), outcome) {
        (Waiting, "due" | "need succeeded", _) => Some(Ready),
        (Waiting, "need failed", _) => Some(Failed),
        (Paused, "need succeeded", _) => Some(Paused),
        (Ready, "claimed", _) => Some(Running),
        (Ready, "never capable", _) => Some(Failed),
        (Running, "asked", _) => Some(InputRequired),
        (InputRequired, "answered", _) => Some(Running),
        (Running | InputRequired, "attempt ended", Some("succeeded")) => Some(Succeeded),
        (Running | InputRequired, "attempt ended", Some("failed")) => Some(Failed),
        (Running | InputRequired, "attempt ended", Some("lost")) => Some(Waiting),
        (Running | InputRequired, "attempt ended", Some("cancelled")) => Some(Cancelled),
        (Running | InputRequired, "attempt ended", Some("paused")) => Some(Paused),
        (Running | InputRequired, "cancel", _) => Some(Cancelling),
        (Cancelling, "attempt ended", _) => Some(Cancelled),
        (Waiting | Ready | Paused, "cancel", _) => Some(Cancelled),
        (Waiting | Ready, "pause", _) => Some(Paused),
        (Paused, "resume", _) => Some(Ready),
        (Waiting | Ready | Paused, "deadline passed", _) => Some(Failed),
        _ => None,
    }
}

#[test]
fn each_event_leads_from_each_state_where_the_table_says_or_is_refused() {
    for state in TaskState::ALL.iter().copied() {
        for event in events() {
            let name = event.name();
            let expected = goal(state, &event);
            let got = advance(&task(state), event, NOW);
            assert_eq!(
                got.as_ref().ok().map(|change| change.after.state),
                expected,
                "{state}, {name}: {got:?}"
            );
            match got {
                Err(Refusal::Final { .. }) => assert!(state.is_final(), "{state}, {name}"),
                Err(Refusal::NotAllowed { .. }) => assert!(!state.is_final(), "{state}, {name}"),
                Err(other) => panic!("{state}, {name}: {other}"),
                Ok(_) => assert!(!state.is_final()),
            }
        }
    }
}

#[test]
fn due_waits_for_its_time_and_for_what_it_needs() {
    let later = Task { due_at: Some(NOW.plus(Duration::from_millis(1))), ..task(TaskState::Waiting) };
    assert!(matches!(advance(&later, TaskEvent::Due, NOW), Err(Refusal::StillWaiting { .. })));
    let needy = Task { needs_left: 2, ..task(TaskState::Waiting) };
    assert!(matches!(advance(&needy, TaskEvent::Due, NOW), Err(Refusal::StillWaiting { needs_left: 2 })));
    let one_less = check(&needy, TaskEvent::NeedSucceeded, TaskState::Waiting, EventType::TaskNeedMet).after;
    assert_eq!(one_less.needs_left, 1);
    let ready = check(&one_less, TaskEvent::NeedSucceeded, TaskState::Ready, EventType::TaskReady).after;
    assert_eq!((ready.needs_left, ready.due_at), (0, None));
    let needs_met_early = Task { needs_left: 1, ..later };
    check(&needs_met_early, TaskEvent::NeedSucceeded, TaskState::Waiting, EventType::TaskNeedMet);
}

#[test]
fn a_claim_begins_the_next_attempt() {
    let change = check(&task(TaskState::Ready), claim(), TaskState::Running, EventType::TaskStarted);
    assert_eq!((change.attempt, change.after.attempt), (0, 1));
    assert_eq!(change.after.started_at, Some(NOW));
    assert!(matches!(change.attempt_change, Some(AttemptChange::Begin { .. })));
}

#[test]
fn a_question_is_asked_once_and_gone_with_its_answer() {
    let asked = TaskEvent::Asked { attempt: 1, question: question() };
    let change =
        check(&task(TaskState::Running), asked, TaskState::InputRequired, EventType::TaskInputRequired);
    assert!(change.after.question.is_some());
    let answer = TaskEvent::Answered { actor: Actor::Caller, answer: "this".to_owned() };
    let change = check(&change.after, answer, TaskState::Running, EventType::TaskAnswered);
    assert_eq!(change.after.question, None);
}

#[test]
fn a_valid_result_ends_the_task_and_its_attempt() {
    let event = ended(AttemptOutcome::Succeeded(result()));
    let change = check(&task(TaskState::Running), event, TaskState::Succeeded, EventType::TaskSucceeded);
    assert_eq!(change.result, Some(result()));
    assert_eq!(change.attempt_change, Some(AttemptChange::End { outcome: "succeeded", failure: None }));
}

#[test]
fn a_retried_reason_waits_longer_each_time_until_no_try_is_left() {
    let mut current = task(TaskState::Running);
    for (retried, wait_ms) in [(1, 2_000), (2, 4_000)] {
        let change =
            check(&current, failed_with(Reason::ProtocolError), TaskState::Waiting, EventType::TaskRetrying);
        assert_eq!(change.after.retried, retried);
        assert_eq!(change.after.due_at, Some(NOW.plus(Duration::from_millis(wait_ms))));
        assert!(matches!(change.attempt_change, Some(AttemptChange::End { outcome: "failed", .. })));
        current = Task { state: TaskState::Running, due_at: None, ..change.after };
    }
    let change =
        check(&current, failed_with(Reason::ProtocolError), TaskState::Failed, EventType::TaskFailed);
    assert_eq!(change.after.failure.map(|failure| failure.reason), Some(Reason::ProtocolError));
}

#[test]
fn any_other_reason_fails_at_once() {
    for reason in Reason::ALL.iter().copied().filter(|reason| *reason != Reason::ProtocolError) {
        let change =
            check(&task(TaskState::Running), failed_with(reason), TaskState::Failed, EventType::TaskFailed);
        assert_eq!(change.after.failure.map(|failure| failure.reason), Some(reason));
        assert!(matches!(change.attempt_change, Some(AttemptChange::End { outcome: "failed", .. })));
    }
}

#[test]
fn a_lost_attempt_follows_the_recovery_policy() {
    use TaskState::{Failed, Paused, Waiting};
    for (recovery, side_effects, to) in [
        (Recovery::Resume, false, Waiting),
        (Recovery::Resume, true, Paused),
        (Recovery::Retry, false, Waiting),
        (Recovery::Retry, true, Waiting),
        (Recovery::Fail, false, Failed),
        (Recovery::Fail, true, Failed),
        (Recovery::Ask, false, Paused),
        (Recovery::Ask, true, Paused),
    ] {
        for state in [TaskState::Running, TaskState::InputRequired] {
            let task = Task { recovery, ..task(state) };
            let writes = match to {
                Waiting => EventType::TaskRequeued,
                Paused => EventType::TaskPaused,
                _ => EventType::TaskFailed,
            };
            let change = check(&task, lost_attempt(side_effects), to, writes);
            assert_eq!(change.after.lost, 1);
            assert_eq!(change.after.question.is_some(), to == Paused);
            assert_eq!(change.attempt_change, Some(AttemptChange::End { outcome: "lost", failure: None }));
            let reason = change.after.failure.map(|failure| failure.reason);
            assert_eq!(reason, (to == Failed).then_some(Reason::Lost));
        }
    }
}

#[test]
fn losses_are_no_retries_and_the_fourth_one_ends_the_task() {
    let mut current = Task { recovery: Recovery::Retry, ..task(TaskState::Running) };
    for lost in 1..=LOST_MAX {
        let change = check(&current, lost_attempt(true), TaskState::Waiting, EventType::TaskRequeued);
        assert_eq!((change.after.lost, change.after.retried), (lost, 0));
        current = Task { state: TaskState::Running, due_at: None, ..change.after };
    }
    check(&current, lost_attempt(true), TaskState::Failed, EventType::TaskFailed);
}

#[test]
fn a_cancelling_task_is_cancelled_however_its_attempt_ends() {
    for outcome in [
        AttemptOutcome::Succeeded(result()),
        AttemptOutcome::Failed(Failure::new(Reason::ProtocolError, "x")),
        AttemptOutcome::Lost { side_effects: true },
        AttemptOutcome::Cancelled,
        AttemptOutcome::Paused,
    ] {
        let change = check(
            &task(TaskState::Cancelling),
            ended(outcome),
            TaskState::Cancelled,
            EventType::TaskCancelled,
        );
        assert_eq!(change.result, None);
        assert!(matches!(change.attempt_change, Some(AttemptChange::End { outcome: "cancelled", .. })));
    }
}

#[test]
fn an_attempt_that_no_longer_holds_the_task_changes_nothing() {
    let current = Task { attempt: 2, ..task(TaskState::Running) };
    for event in
        [ended(AttemptOutcome::Succeeded(result())), TaskEvent::Asked { attempt: 1, question: question() }]
    {
        assert_eq!(advance(&current, event, NOW), Err(Refusal::StaleAttempt { attempt: 1, current: 2 }));
    }
    let cancelling = Task { attempt: 2, ..task(TaskState::Cancelling) };
    assert!(matches!(
        advance(&cancelling, ended(AttemptOutcome::Cancelled), NOW),
        Err(Refusal::StaleAttempt { .. })
    ));
}

#[test]
fn a_resumed_task_waits_again_for_what_is_not_there_yet() {
    let needy = Task { needs_left: 1, ..task(TaskState::Paused) };
    check(&needy, TaskEvent::Resume, TaskState::Waiting, EventType::TaskResumed);
    let early = Task { due_at: Some(NOW.plus(Duration::from_secs(1))), ..task(TaskState::Paused) };
    check(&early, TaskEvent::Resume, TaskState::Waiting, EventType::TaskResumed);
    let asked = Task { question: Some(question()), lost: 3, ..task(TaskState::Paused) };
    let change = check(&asked, TaskEvent::Resume, TaskState::Ready, EventType::TaskResumed);
    assert_eq!((change.after.question, change.after.lost), (None, 0));
}

proptest! {
    /// Whatever comes in whatever order: a final task stays as it is, attempt numbers only rise and only by a
    /// claim, an attempt begins only from `ready` and ends only from an active state.
    #[test]
    fn no_order_of_events_breaks_the_rules(
        choices in proptest::collection::vec((0_usize..16, 0_u64..5_000), 1..60),
        recovery in 0_usize..4,
    ) {
        let mut current = Task { recovery: Recovery::ALL[recovery], ..task(TaskState::Ready) };
        let mut now = NOW;
        for (choice, later) in choices {
            now = now.plus(Duration::from_millis(later));
            let mut event = events().swap_remove(choice);
            if let TaskEvent::AttemptEnded { attempt, .. } | TaskEvent::Asked { attempt, .. } = &mut event {
                *attempt = current.attempt;
            }
            let Ok(change) = advance(&current, event, now) else { continue };
            prop_assert!(!current.state.is_final());
            let begins = matches!(change.attempt_change, Some(AttemptChange::Begin { .. }));
            let ends = matches!(change.attempt_change, Some(AttemptChange::End { .. }));
            prop_assert_eq!(change.after.attempt, current.attempt + u32::from(begins));
            prop_assert!(!begins || current.state == TaskState::Ready);
            prop_assert_eq!(ends, current.state.is_active() && !change.after.state.is_active());
            prop_assert_eq!(change.result.is_some(), change.after.state == TaskState::Succeeded);
            prop_assert!(change.after.retried <= 2 && change.after.lost <= LOST_MAX + 1);
            prop_assert!(change.after.question.is_none() || !change.after.state.is_final());
            current = change.after;
        }
    }
}
