//! The order of the queue, and that a claim costs the same however many wait.

use rusqlite::StatementStatus;

use domain::dispatch::TaskEvent;
use domain::{NewTask, Priority, TaskState};

use super::NEXT_READY;
use crate::testing::{
    NOW, apply, at, claimed, ended, lane, load, memory, new_task, next_ready, result, step, submit, task_id,
};
use crate::{Applied, Error, SubmitError, Submitted, Writer};

fn head(writer: &mut Writer, lanes: &[&str]) -> Option<u64> {
    let task = writer.turn::<_, Error>(|turn| Ok(next_ready(turn, lanes))).unwrap()?;
    (0..100).find(|number| task_id(*number) == task.id)
}

#[test]
fn the_longest_waiting_comes_first_and_priority_counts_as_waiting() {
    let mut writer = memory();
    for (number, minutes, priority) in [(1, 10, 0), (2, 12, 1), (3, 30, 20), (4, 9, -5)] {
        let priority = Priority::try_from(priority).unwrap();
        submit(&mut writer, &NewTask { priority, submitted_at: at(minutes * 60), ..new_task(number) });
    }
    let mut order = Vec::new();
    while let Some(number) = head(&mut writer, &["nexora"]) {
        order.push(number);
        step(&mut writer, task_id(number), claimed(number), at(3_600));
    }
    // Ranks in minutes: 10, 11, 10 and 14; of two equal ones the older row.
    assert_eq!(order, [1, 3, 2, 4]);
}

#[test]
fn only_open_lanes_are_looked_at() {
    let mut writer = memory();
    for (number, name) in [(1, "a"), (2, "b"), (3, "a")] {
        submit(&mut writer, &NewTask { lane: lane(name), ..new_task(number) });
    }
    assert_eq!(head(&mut writer, &["b"]), Some(2));
    assert_eq!(head(&mut writer, &["b", "a"]), Some(1));
    assert_eq!(head(&mut writer, &["c"]), None);
    assert_eq!(head(&mut writer, &[]), None);
    assert_eq!(writer.view().ready_lanes().unwrap(), [lane("a"), lane("b")]);
    step(&mut writer, task_id(2), claimed(2), at(1));
    assert_eq!(writer.view().ready_lanes().unwrap(), [lane("a")]);
}

#[test]
fn what_is_due_is_told_with_its_time() {
    let mut writer = memory();
    submit(&mut writer, &NewTask { not_before: Some(at(20)), ..new_task(1) });
    submit(&mut writer, &NewTask { not_before: Some(at(10)), ..new_task(2) });
    submit(&mut writer, &NewTask { needs: vec![task_id(1)], not_before: Some(at(5)), ..new_task(3) });
    let view = writer.view();
    assert_eq!(view.next_due().unwrap(), Some(at(10)));
    assert_eq!(view.due(at(9), 500).unwrap(), []);
    assert_eq!(view.due(at(25), 500).unwrap(), [task_id(2), task_id(1)]);
    assert_eq!(view.due(at(25), 1).unwrap(), [task_id(2)]);
    drop(view);
    assert_eq!(head(&mut writer, &["nexora"]), None);
    step(&mut writer, task_id(2), TaskEvent::Due, at(25));
    assert_eq!(head(&mut writer, &["nexora"]), Some(2));
}

#[test]
fn a_deadline_counts_only_while_no_attempt_holds_the_task() {
    let mut writer = memory();
    submit(&mut writer, &NewTask { deadline: Some(at(100)), ..new_task(1) });
    submit(&mut writer, &NewTask { deadline: Some(at(50)), ..new_task(2) });
    assert_eq!(writer.view().next_deadline().unwrap(), Some(at(50)));
    assert_eq!(writer.view().overdue(at(200), 500).unwrap(), [task_id(2), task_id(1)]);
    step(&mut writer, task_id(2), claimed(2), at(1));
    assert_eq!(writer.view().overdue(at(200), 500).unwrap(), [task_id(1)]);
    step(&mut writer, task_id(1), TaskEvent::DeadlinePassed, at(200));
    assert_eq!(writer.view().next_deadline().unwrap(), None);
}

#[test]
fn dependents_are_freed_one_need_at_a_time() {
    let mut writer = memory();
    for number in 1..=2 {
        submit(&mut writer, &new_task(number));
    }
    let needs = vec![task_id(1), task_id(2), task_id(1)];
    let waiting = submit(&mut writer, &NewTask { needs, ..new_task(3) });
    assert_eq!((waiting.state, waiting.needs_left), (TaskState::Waiting, 2));
    for number in 1..=2 {
        let id = task_id(number);
        assert_eq!(writer.view().dependents(id).unwrap(), [task_id(3)]);
        step(&mut writer, id, claimed(number), at(1));
        step(&mut writer, id, ended(1, domain::AttemptOutcome::Succeeded(result("{}"))), at(2));
        step(&mut writer, task_id(3), TaskEvent::NeedSucceeded, at(3));
    }
    assert_eq!(load(&writer, task_id(3)).state, TaskState::Ready);
    let late = NewTask { needs: vec![task_id(1)], ..new_task(4) };
    assert_eq!(submit(&mut writer, &late).state, TaskState::Ready);
}

/// How many steps SQLite's machine takes to find the best ready task.
fn steps_of_a_claim(writer: &Writer, lanes: &str) -> i32 {
    let mut statement = writer.connection().prepare(NEXT_READY).unwrap();
    statement.query_row([lanes], |_| Ok(())).unwrap();
    statement.reset_status(StatementStatus::VmStep);
    statement.query_row([lanes], |_| Ok(())).unwrap();
    statement.get_status(StatementStatus::VmStep)
}

#[test]
fn a_claim_takes_as_many_steps_at_a_hundred_thousand_tasks_as_at_a_thousand() {
    let mut writer = memory();
    let open = r#"["agent:lane0","agent:lane1"]"#;
    let mut steps = Vec::new();
    let mut from = 0;
    for upto in [1_000, 100_000] {
        fill(&mut writer, from, upto);
        steps.push(steps_of_a_claim(&writer, open));
        from = upto;
    }
    assert!(steps[0] < 200, "{steps:?}");
    assert_eq!(steps[0], steps[1]);
    // And the claim itself goes through.
    let task = writer.turn::<_, Error>(|turn| Ok(next_ready(turn, &["lane0"]).unwrap())).unwrap();
    let change = domain::dispatch::advance(&task, claimed(1), NOW).unwrap();
    assert!(matches!(apply(&mut writer, &change), Applied::Applied { .. }));
}

/// Adds ready tasks in twenty lanes, most of them in lanes that are not open: one row by the usual way for
/// each lane, the rest as copies of it, so that the test stays short.
fn fill(writer: &mut Writer, from: u64, upto: u64) {
    if from == 0 {
        for number in 0..20 {
            let new = NewTask { lane: lane(&format!("lane{number}")), ..new_task(number) };
            let done = writer.turn::<_, SubmitError>(|turn| turn.submit(&new)).unwrap();
            assert!(matches!(done, Submitted::New { .. }));
        }
    }
    let from = from.max(20);
    writer
        .connection()
        .execute(
            "WITH RECURSIVE number (n) AS (SELECT ?1 UNION ALL SELECT n + 1 FROM number WHERE n + 1 < ?2)
             INSERT INTO task (uid, state, lane_id, agent_id, title, cwd, priority, rank, attempt, retried, lost,
                               needs_left, timeout_ms, retry_max, retry_backoff_ms, retry_on, recovery, created_at,
                               ready_at, prompt_bytes)
             SELECT CAST(printf('%016d', n) AS BLOB), state, lane_id, agent_id, title, cwd, priority, rank + n, attempt,
                    retried, lost, needs_left, timeout_ms, retry_max, retry_backoff_ms, retry_on, recovery,
                    created_at, ready_at + n, prompt_bytes
               FROM number JOIN task ON task.id = 1 + number.n % 20",
            [i64::try_from(from).unwrap(), i64::try_from(upto).unwrap()],
        )
        .unwrap();
    let ready: i64 = writer
        .connection()
        .query_row("SELECT count(*) FROM task WHERE state = 'ready'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(ready, i64::try_from(upto).unwrap());
}
