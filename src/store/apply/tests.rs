//! Changes against the rules: guarded, one event each, and what is written is what is read back.

use domain::dispatch::{LOST_MAX, TaskEvent, advance};
use domain::{
    AttemptOutcome, Failure, Output, Question, QuestionFor, QuestionKind, QuestionOption, Reason, Recovery,
    TaskState,
};
use proptest::prelude::*;

use crate::testing::{
    NOW, apply, at, claimed, ended, load, memory, new_task, question_id, result, step, submit, task_id,
};
use crate::{Applied, Error, Writer};

fn events_of(writer: &Writer, number: u64) -> Vec<String> {
    let events = writer.view().events(Some(task_id(number)), None, 0, 1_000).unwrap();
    events.into_iter().map(|event| event.kind.as_str().to_owned()).collect()
}

fn failure() -> Failure {
    Failure {
        reason: Reason::ProtocolError,
        message: "it said `x`".to_owned(),
        hint: Some("look".to_owned()),
        exit_code: Some(3),
        signal: None,
        stderr_tail: Some("last words\n".to_owned()),
    }
}

fn ask() -> Question {
    Question {
        id: question_id(77),
        kind: QuestionKind::Permission,
        asked_of: QuestionFor::Caller,
        text: "may I?".to_owned(),
        options: vec![
            QuestionOption { id: "yes".to_owned(), label: "Yes, \"do\"".to_owned() },
            QuestionOption { id: "no".to_owned(), label: "No\n".to_owned() },
        ],
        asked_at: NOW,
        answer_by: Some(at(60)),
    }
}

#[test]
fn a_task_goes_its_way_and_each_step_is_one_event() {
    let mut writer = memory();
    let id = submit(&mut writer, &new_task(1)).id;
    step(&mut writer, id, claimed(1), at(1));
    step(&mut writer, id, TaskEvent::Asked { attempt: 1, question: ask() }, at(2));
    let answer = TaskEvent::Answered { actor: domain::Actor::Caller, answer: "yes".to_owned() };
    step(&mut writer, id, answer, at(3));
    step(&mut writer, id, ended(1, AttemptOutcome::Failed(failure())), at(4));
    step(&mut writer, id, TaskEvent::Due, at(10));
    step(&mut writer, id, claimed(2), at(11));
    let mut done = result("{\"n\":1}");
    done.outputs.push(Output {
        name: "log".to_owned(),
        path: "a-b".to_owned(),
        bytes: 70_000,
        media_type: "text/plain".to_owned(),
        sha256: [7; 32],
    });
    step(&mut writer, id, ended(2, AttemptOutcome::Succeeded(done.clone())), at(12));
    assert_eq!(
        events_of(&writer, 1),
        [
            "task.submitted",
            "task.started",
            "task.input_required",
            "task.answered",
            "task.retrying",
            "task.ready",
            "task.started",
            "task.succeeded"
        ]
    );
    let detail = writer.view().task_detail(id).unwrap().unwrap();
    assert_eq!(detail.task.state, TaskState::Succeeded);
    assert_eq!((detail.result, detail.report, detail.outputs), (done.json, done.report, done.outputs));
    assert_eq!(detail.task.result_bytes, Some(7));
    assert_eq!(detail.request, new_task(1));
    let attempts = writer.view().attempts(id).unwrap();
    let outcomes: Vec<_> = attempts.iter().map(|attempt| (attempt.number, attempt.outcome)).collect();
    assert_eq!(outcomes, [(1, Some("failed")), (2, Some("succeeded"))]);
    assert_eq!(attempts[0].failure, Some(failure()));
    assert_eq!(attempts[1].failure, None);
}

#[test]
fn a_question_survives_and_is_closed_by_its_answer() {
    let mut writer = memory();
    let id = submit(&mut writer, &new_task(1)).id;
    step(&mut writer, id, claimed(1), at(1));
    let asked = step(&mut writer, id, TaskEvent::Asked { attempt: 1, question: ask() }, at(2));
    assert_eq!(asked.question, Some(ask()));
    assert_eq!(writer.view().task(id).unwrap().unwrap().question, Some(ask()));
    let answer = TaskEvent::Answered { actor: domain::Actor::Host, answer: "no".to_owned() };
    let answered = step(&mut writer, id, answer, at(3));
    assert_eq!(answered.question, None);
    let closed: i64 =
        writer.connection().query_row("SELECT closed_at FROM question", [], |row| row.get(0)).unwrap();
    assert_eq!(closed, at(3).as_millis());
}

#[test]
fn a_lost_attempt_pauses_with_a_question_and_a_resume_closes_it() {
    let mut writer = memory();
    let id = submit(&mut writer, &new_task(1)).id;
    step(&mut writer, id, claimed(1), at(1));
    let paused = step(&mut writer, id, ended(1, AttemptOutcome::Lost { side_effects: true }), at(2));
    assert_eq!(paused.state, TaskState::Paused);
    assert_eq!(paused.question.map(|question| question.kind), Some(QuestionKind::Recovery));
    let resumed = step(&mut writer, id, TaskEvent::Resume, at(3));
    assert_eq!((resumed.state, resumed.question), (TaskState::Ready, None));
}

#[test]
fn every_change_is_refused_once_someone_was_first() {
    let mut writer = memory();
    let id = submit(&mut writer, &new_task(1)).id;
    let ready = load(&writer, id);
    let claim = advance(&ready, claimed(1), at(1)).unwrap();
    let cancel = advance(&ready, TaskEvent::Cancel { why: None }, at(1)).unwrap();
    let pause = advance(&ready, TaskEvent::Pause, at(1)).unwrap();
    assert!(matches!(apply(&mut writer, &claim), Applied::Applied { .. }));
    let before = (events_of(&writer, 1), load(&writer, id));
    for late in [&claim, &cancel, &pause] {
        assert_eq!(apply(&mut writer, late), Applied::Superseded);
    }
    let running = load(&writer, id);
    let first = advance(&running, ended(1, AttemptOutcome::Lost { side_effects: false }), at(2)).unwrap();
    let second = advance(&running, ended(1, AttemptOutcome::Succeeded(result("{}"))), at(2)).unwrap();
    assert_eq!((events_of(&writer, 1), load(&writer, id)), before);
    apply(&mut writer, &first);
    assert_eq!(apply(&mut writer, &second), Applied::Superseded);
    step(&mut writer, id, TaskEvent::Due, at(3));
    step(&mut writer, id, claimed(2), at(4));
    // The same state again, but with another attempt: the number is the fence.
    assert_eq!(apply(&mut writer, &second), Applied::Superseded);
    assert_eq!(load(&writer, id).attempt, 2);
    let unknown = domain::dispatch::Change { task: task_id(9), ..claim };
    assert_eq!(apply(&mut writer, &unknown), Applied::Superseded);
}

#[test]
fn a_change_that_ends_an_attempt_that_is_not_there_is_damage_and_leaves_nothing() {
    let mut writer = memory();
    let id = submit(&mut writer, &new_task(1)).id;
    let running = step(&mut writer, id, claimed(1), at(1));
    writer.connection().execute("DELETE FROM attempt", []).unwrap();
    let change = advance(&running, ended(1, AttemptOutcome::Cancelled), at(2)).unwrap();
    let error = writer.turn::<_, Error>(|turn| turn.apply(&change)).unwrap_err();
    assert!(error.is_damage(), "{error}");
    assert_eq!(load(&writer, id), running);
    assert!(writer.view().load_active().unwrap_err().is_damage());
}

fn any_event() -> impl Strategy<Value = u8> {
    0..14_u8
}

fn event_of(which: u8, attempt: u32, number: u64) -> TaskEvent {
    match which {
        0 => TaskEvent::Due,
        1 | 2 => claimed(number),
        3 => TaskEvent::NeverCapable { message: "no".to_owned(), hint: Some("h".to_owned()) },
        4 => {
            let question = Question { id: question_id(number + 100), ..ask() };
            TaskEvent::Asked { attempt, question }
        }
        5 => TaskEvent::Answered { actor: domain::Actor::Caller, answer: "a".to_owned() },
        6 => ended(attempt, AttemptOutcome::Failed(failure())),
        7 | 8 => TaskEvent::AttemptEnded {
            attempt,
            outcome: AttemptOutcome::Lost { side_effects: which == 7 },
            question: question_id(number + 100),
        },
        9 => ended(attempt, AttemptOutcome::Succeeded(result("{}"))),
        10 => TaskEvent::Cancel { why: Some("w".to_owned()) },
        11 => TaskEvent::Pause,
        12 => TaskEvent::Resume,
        _ => ended(attempt, AttemptOutcome::Paused),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn the_store_follows_the_rules_step_by_step(
        events in prop::collection::vec(any_event(), 1..40),
        recovery in prop::sample::select(Recovery::ALL.to_vec()),
    ) {
        let mut writer = memory();
        let new = domain::NewTask { recovery, ..new_task(1) };
        let mut task = submit(&mut writer, &new);
        let mut applied = 1;
        for (number, which) in (1_u64..).zip(events) {
            let now = at(number * 10_000);
            let event = event_of(which, task.attempt, number);
            let Ok(change) = advance(&task, event, now) else { continue };
            let first = apply(&mut writer, &change);
            prop_assert_ne!(first, Applied::Superseded);
            applied += 1;
            let stale = apply(&mut writer, &change);
            prop_assert_eq!(stale, Applied::Superseded);
            task = load(&writer, task.id);
            prop_assert_eq!(&task, &change.after);
            let active = writer.view().load_active().unwrap();
            prop_assert_eq!(active.len(), usize::from(task.state.is_active()));
            let open = writer.view().attempts(task.id).unwrap().iter().filter(|a| a.ended_at.is_none()).count();
            prop_assert_eq!(open, usize::from(task.state.is_active()));
        }
        prop_assert!(task.lost <= LOST_MAX + 1);
        prop_assert_eq!(events_of(&writer, 1).len(), applied);
    }
}
