//! A task is taken once, however often it is sent.

use domain::{JsonText, NewTask, TaskState};

use crate::testing::{at, claimed, lane, load, memory, new_task, step, submit, task_id};
use crate::{SubmitError, Submitted, Writer};

fn try_submit(writer: &mut Writer, new: &NewTask) -> Result<Submitted, SubmitError> {
    writer.turn(|turn| turn.savepoint(|turn| turn.submit(new)))
}

fn keyed(number: u64) -> NewTask {
    NewTask { key: Some("nightly".to_owned()), ..new_task(number) }
}

#[test]
fn an_id_seen_before_answers_with_that_task_and_changes_nothing() {
    let mut writer = memory();
    let first = submit(&mut writer, &new_task(1));
    let again = NewTask { prompt: "other".to_owned(), ..new_task(1) };
    assert_eq!(try_submit(&mut writer, &again).unwrap(), Submitted::Known(first.id));
    assert_eq!(writer.view().load_request(first.id).unwrap(), Some(new_task(1)));
    assert_eq!(writer.view().last_seq().unwrap(), 1);
}

#[test]
fn a_key_seen_before_answers_with_its_task_even_when_that_is_over() {
    let mut writer = memory();
    submit(&mut writer, &keyed(1));
    assert_eq!(try_submit(&mut writer, &keyed(2)).unwrap(), Submitted::Known(task_id(1)));
    step(&mut writer, task_id(1), domain::dispatch::TaskEvent::Cancel { why: None }, at(1));
    let later = NewTask { submitted_at: at(500), title: "other title".to_owned(), ..keyed(3) };
    assert_eq!(try_submit(&mut writer, &later).unwrap(), Submitted::Known(task_id(1)));
    // Without a key nothing is shared.
    submit(&mut writer, &new_task(4));
    submit(&mut writer, &new_task(5));
}

#[test]
fn a_key_for_something_else_is_refused_and_says_what_differs() {
    let mut writer = memory();
    submit(&mut writer, &keyed(1));
    let json = Some(JsonText::from_json("{}".to_owned()));
    for (other, expected) in [
        (NewTask { prompt: "other".to_owned(), ..keyed(2) }, "prompt"),
        (NewTask { skill: None, ..keyed(2) }, "skill"),
        (NewTask { input: json, ..keyed(2) }, "input"),
        (NewTask { lane: lane("other"), ..keyed(2) }, "agent"),
        (NewTask { cwd: "/elsewhere".to_owned(), ..keyed(2) }, "folder"),
    ] {
        match try_submit(&mut writer, &other) {
            Err(SubmitError::KeyConflict { key, task, differs }) => {
                assert_eq!((key.as_str(), task, differs), ("nightly", task_id(1), expected));
            }
            wrong => panic!("{wrong:?}"),
        }
    }
    assert!(writer.view().load_task(task_id(2)).unwrap().is_none());
}

#[test]
fn what_a_task_needs_must_be_there_and_may_have_ended_already() {
    let mut writer = memory();
    let lonely = NewTask { needs: vec![task_id(9)], ..new_task(1) };
    assert!(
        matches!(try_submit(&mut writer, &lonely), Err(SubmitError::UnknownNeed(id)) if id == task_id(9))
    );
    assert!(writer.view().load_task(task_id(1)).unwrap().is_none());
    submit(&mut writer, &new_task(2));
    step(&mut writer, task_id(2), domain::dispatch::TaskEvent::Cancel { why: None }, at(1));
    let doomed = NewTask { needs: vec![task_id(2)], ..new_task(3) };
    match try_submit(&mut writer, &doomed).unwrap() {
        Submitted::New { task, failed_need, .. } => {
            assert_eq!((task.state, task.needs_left), (TaskState::Waiting, 1));
            assert_eq!(failed_need, Some((task_id(2), TaskState::Cancelled)));
        }
        known => panic!("{known:?}"),
    }
}

#[test]
fn what_was_submitted_reads_back_whole() {
    let mut writer = memory();
    submit(&mut writer, &new_task(1));
    let full = NewTask {
        key: Some("ключ \"k\"".to_owned()),
        prompt: "π".repeat(500_000),
        skill: None,
        input: None,
        agent: None,
        lane: domain::LaneKey::Capabilities(vec!["read".parse().unwrap(), "shell".parse().unwrap()]),
        deadline: Some(at(9_000)),
        not_before: Some(at(50)),
        labels: Some(JsonText::from_json(r#"{"team":"a"}"#.to_owned())),
        needs: vec![task_id(1)],
        ..new_task(2)
    };
    let task = submit(&mut writer, &full);
    assert_eq!(writer.view().load_request(full.id).unwrap(), Some(full.clone()));
    assert_eq!(load(&writer, full.id), task);
    let row = writer.view().task(full.id).unwrap().unwrap();
    assert_eq!((row.prompt_bytes, row.agent, row.lane), (1_000_000, None, full.lane));
    assert_eq!((row.labels, row.due_at, row.needs_left), (full.labels, Some(at(50)), 1));
    step(&mut writer, task_id(1), claimed(1), at(1));
    assert_eq!(writer.view().task(task_id(1)).unwrap().unwrap().agent, Some("nexora".parse().unwrap()));
}
