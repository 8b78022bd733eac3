//! Lists, patterns, followers' reads, snapshots during writes, and rows that do not parse.

use domain::{AttemptOutcome, IdPattern, NewTask, ProcessIdentity, TaskId, TaskState};

use super::{Cursor, Reader, Resolved, TaskFilter};
use crate::testing::{
    Folder, at, bytes, claimed, ended, lane, load, memory, new_task, result, step, submit, task_id,
};
use crate::{Error, HostEnd, HostStart, Writer, preflight};

fn listed(writer: &Writer, filter: &TaskFilter) -> Vec<TaskId> {
    writer.view().tasks(filter, 100, None).unwrap().items.into_iter().map(|task| task.id).collect()
}

fn resolve(writer: &Writer, pattern: &str) -> Resolved {
    writer.view().resolve(&IdPattern::parse(pattern).unwrap()).unwrap()
}

fn count(reader: &Reader, state: TaskState) -> u64 {
    reader.snapshot().unwrap().counts(&[state]).unwrap().of(state)
}

#[test]
fn no_database_is_an_empty_world_and_stays_one() {
    let folder = Folder::new();
    let checked = preflight(folder.place.clone()).unwrap();
    assert!(matches!(Reader::open(&checked), Err(Error::Missing { .. })));
    let reader = Reader::open_or_empty(&checked).unwrap();
    let snapshot = reader.snapshot().unwrap();
    assert_eq!(snapshot.tasks(&TaskFilter::default(), 10, None).unwrap().items, []);
    assert_eq!(snapshot.last_seq().unwrap(), 0);
    assert_eq!(snapshot.newest_host().unwrap(), None);
    assert!(!folder.path("m.db").exists());
}

#[test]
fn a_snapshot_sees_one_state_while_the_writer_goes_on() {
    let folder = Folder::new();
    let mut writer = folder.writer();
    submit(&mut writer, &new_task(1));
    let reader = Reader::open(&preflight(folder.place.clone()).unwrap()).unwrap();
    let before = reader.data_version().unwrap();
    {
        let snapshot = reader.snapshot().unwrap();
        assert_eq!(snapshot.last_seq().unwrap(), 1);
        submit(&mut writer, &new_task(2));
        assert_eq!(snapshot.last_seq().unwrap(), 1);
        assert_eq!(snapshot.tasks(&TaskFilter::default(), 10, None).unwrap().items.len(), 1);
    }
    assert_ne!(reader.data_version().unwrap(), before);
    assert_eq!(count(&reader, TaskState::Ready), 2);
    assert_eq!(count(&writer.reader().unwrap(), TaskState::Ready), 2);
    assert!(memory().reader().is_err());
}

#[test]
fn a_reader_cannot_write() {
    let folder = Folder::new();
    drop(folder.writer());
    let reader = Reader::open(&preflight(folder.place.clone()).unwrap()).unwrap();
    let refused = reader.connection.execute("INSERT INTO lane (key) VALUES ('agent:a')", []);
    assert!(matches!(refused.map_err(Error::from), Err(Error::ReadOnly(_))));
}

#[test]
fn a_writer_and_readers_on_other_threads_never_meet_half_of_a_change() {
    const TASKS: u64 = 60;
    let folder = Folder::new();
    let mut writer = folder.writer();
    let checked = preflight(folder.place.clone()).unwrap();
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let reader = Reader::open(&checked).unwrap();
            std::thread::spawn(move || {
                let mut seen = 0;
                while seen < TASKS {
                    let snapshot = reader.snapshot().unwrap();
                    let tasks = snapshot.counts(&[TaskState::Ready, TaskState::Running]).unwrap();
                    let now = tasks.of(TaskState::Ready) + tasks.of(TaskState::Running);
                    // One event for each submission, one for each claim: never one without the other.
                    let events = u64::try_from(snapshot.last_seq().unwrap()).unwrap();
                    assert_eq!(events, now + tasks.of(TaskState::Running));
                    assert!(now >= seen);
                    seen = now;
                }
            })
        })
        .collect();
    for number in 0..TASKS {
        submit(&mut writer, &new_task(number));
        step(&mut writer, task_id(number), claimed(number), at(1));
    }
    readers.into_iter().for_each(|reader| reader.join().unwrap());
}

#[test]
fn lists_are_filtered_and_go_on_where_they_ended() {
    let mut writer = memory();
    for number in 1..=7 {
        let cwd = if number % 2 == 0 { "/even" } else { "/odd" };
        let agent = if number == 3 { "other" } else { "nexora" };
        let agent = Some(agent.parse().unwrap());
        let new = NewTask { cwd: cwd.to_owned(), agent, submitted_at: at(number), ..new_task(number) };
        submit(&mut writer, &new);
    }
    step(&mut writer, task_id(4), claimed(4), at(10));
    let ids = |numbers: &[u64]| numbers.iter().map(|number| task_id(*number)).collect::<Vec<_>>();
    let all = TaskFilter::default();
    assert_eq!(listed(&writer, &all), ids(&[7, 6, 5, 4, 3, 2, 1]));
    assert_eq!(
        listed(&writer, &TaskFilter { cwd: Some("/even".to_owned()), ..all.clone() }),
        ids(&[6, 4, 2])
    );
    let other = TaskFilter { agent: Some("other".parse().unwrap()), ..all.clone() };
    assert_eq!(listed(&writer, &other), ids(&[3]));
    let unseen = TaskFilter { agent: Some("unseen".parse().unwrap()), ..all.clone() };
    assert_eq!(listed(&writer, &unseen), []);
    let running = TaskFilter { states: vec![TaskState::Running, TaskState::Paused], ..all.clone() };
    assert_eq!(listed(&writer, &running), ids(&[4]));
    assert_eq!(listed(&writer, &TaskFilter { since: Some(at(6)), ..all.clone() }), ids(&[7, 6]));
    let both = TaskFilter { cwd: Some("/even".to_owned()), states: vec![TaskState::Ready], ..all.clone() };
    assert_eq!(listed(&writer, &both), ids(&[6, 2]));
    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let page = writer.view().tasks(&all, 3, cursor).unwrap();
        seen.extend(page.items.iter().map(|task| task.id));
        match page.next {
            Some(next) => cursor = Some(next.to_string().parse::<Cursor>().unwrap()),
            None => break,
        }
    }
    assert_eq!(seen, ids(&[7, 6, 5, 4, 3, 2, 1]));
    for bad in ["", "c", "7", "c-1", "cx", "c1 ", "c99999999999999999999"] {
        assert!(bad.parse::<Cursor>().is_err(), "{bad}");
    }
}

#[test]
fn a_task_is_named_by_a_beginning_or_an_end_and_by_the_directory() {
    let mut writer = memory();
    for (number, tail) in [(1_u64, 0xdead_beef_u32), (2, 0xdead_beee), (3, 0x0123_4567)] {
        let mut id = bytes(number);
        id[7] = u8::try_from(number).unwrap();
        id[12..].copy_from_slice(&tail.to_be_bytes());
        submit(
            &mut writer,
            &NewTask { id: TaskId::from_bytes(id), cwd: format!("/{}", number % 2), ..new_task(number) },
        );
    }
    let all = listed(&writer, &TaskFilter::default());
    let [third, second, first] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!(resolve(&writer, "deadbeef"), Resolved::One(*first));
    assert_eq!(resolve(&writer, "f"), Resolved::One(*first));
    assert_eq!(resolve(&writer, "DEADBEEE"), Resolved::One(*second));
    assert_eq!(resolve(&writer, &third.to_string()), Resolved::One(*third));
    assert_eq!(resolve(&writer, &third.to_string()[..21]), Resolved::One(*third));
    assert_eq!(resolve(&writer, "4567"), Resolved::One(*third));
    assert_eq!(resolve(&writer, "abcd"), Resolved::Nothing);
    assert_eq!(resolve(&writer, &task_id(99).to_string()), Resolved::Nothing);
    assert_eq!(resolve(&writer, "01"), Resolved::Several(vec![*first, *second, *third]));
    assert_eq!(writer.view().last_task("/1").unwrap(), Some(*third));
    assert_eq!(writer.view().last_task("/0").unwrap(), Some(*second));
    assert_eq!(writer.view().last_task("/none").unwrap(), None);
}

#[test]
fn followers_read_on_after_a_number() {
    let mut writer = memory();
    submit(&mut writer, &new_task(1));
    submit(&mut writer, &NewTask { lane: lane("other"), agent: None, ..new_task(2) });
    step(&mut writer, task_id(1), claimed(1), at(1));
    let view = writer.view();
    let seqs = |task, agent: Option<&str>, after, limit| {
        let agent = agent.map(|name| name.parse().unwrap());
        let events = view.events(task, agent.as_ref(), after, limit).unwrap();
        events.into_iter().map(|event| event.seq).collect::<Vec<_>>()
    };
    assert_eq!(seqs(None, None, 0, 100), [1, 2, 3]);
    assert_eq!(seqs(None, None, 1, 1), [2]);
    assert_eq!(seqs(Some(task_id(1)), None, 0, 100), [1, 3]);
    assert_eq!(seqs(Some(task_id(1)), None, 1, 100), [3]);
    assert_eq!(seqs(Some(task_id(9)), None, 0, 100), [0_i64; 0]);
    assert_eq!(seqs(None, Some("nexora"), 0, 100), [3]);
    assert_eq!(seqs(Some(task_id(2)), Some("nexora"), 0, 100), [0_i64; 0]);
    assert_eq!(view.last_seq().unwrap(), 3);
}

#[test]
fn a_number_never_comes_back_after_rows_are_gone() {
    let mut writer = memory();
    submit(&mut writer, &new_task(1));
    writer.connection().execute("DELETE FROM event", []).unwrap();
    assert_eq!(writer.view().last_seq().unwrap(), 1);
    submit(&mut writer, &new_task(2));
    assert_eq!(writer.view().events(None, None, 0, 10).unwrap()[0].seq, 2);
}

#[test]
fn hosts_begin_end_and_are_found_lost() {
    let mut writer = memory();
    let host = |number: u64| HostStart {
        id: domain::HostId::from_bytes(bytes(number)),
        process: ProcessIdentity { pid: 42, start_ticks: u64::from(u32::MAX) + number },
        boot_id: "boot".to_owned(),
        version: "0.1.0".to_owned(),
        at: at(number),
    };
    writer.turn::<_, Error>(|turn| turn.host_started(&host(1))).unwrap();
    writer.turn::<_, Error>(|turn| turn.host_started(&host(2))).unwrap();
    let row = |number| writer.view().host(host(number).id).unwrap().unwrap();
    assert_eq!(row(1).ended, Some((at(2), HostEnd::Lost)));
    assert_eq!((row(2).ended, row(2).process), (None, host(2).process));
    writer.turn::<_, Error>(|turn| turn.host_stopped(host(2).id, at(3))).unwrap();
    assert_eq!(writer.view().newest_host().unwrap().unwrap().ended, Some((at(3), HostEnd::Stopped)));
    let kinds: Vec<_> =
        writer.view().events(None, None, 0, 9).unwrap().iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["host.started", "host.started", "host.stopped"]);
}

#[test]
fn a_row_that_does_not_parse_is_an_error_with_its_place_and_never_a_default() {
    for (sql, table, column) in [
        ("UPDATE task SET retry_on = 'often'", "task", "retry_on"),
        ("UPDATE task SET uid = zeroblob(15)", "task", "uid"),
        ("UPDATE task SET attempt = -1", "task", "attempt"),
        ("UPDATE task SET timeout_ms = -1", "task", "timeout_ms"),
        ("UPDATE task SET priority = 101", "task", "priority"),
        ("UPDATE task SET recovery = 'maybe'", "task", "recovery"),
        ("UPDATE task SET state = 'done'", "task", "state"),
        ("UPDATE task SET error_message = 'alone'", "task", "error_message"),
        ("UPDATE lane SET key = 'any'", "lane", "key"),
        ("UPDATE agent SET name = 'Two Words'", "task", "agent"),
        ("UPDATE task_request SET environment = '{\"A\":[]}'", "task_request", "environment"),
        ("UPDATE attempt SET state = 'asleep'", "attempt", "state"),
        ("UPDATE attempt SET outcome = 'well'", "attempt", "outcome"),
        ("UPDATE attempt SET side_effects = 2", "attempt", "side_effects"),
        ("UPDATE attempt SET instance = zeroblob(3)", "attempt", "instance"),
        ("UPDATE event SET type = 'task.dreamt'", "event", "type"),
        ("UPDATE event SET actor = 'nobody'", "event", "actor"),
    ] {
        let mut writer = memory();
        submit(&mut writer, &new_task(1));
        step(&mut writer, task_id(1), claimed(1), at(1));
        // Whoever damages the file does not ask the checks either.
        writer.connection().execute_batch("PRAGMA ignore_check_constraints = ON").unwrap();
        writer.connection().execute_batch(sql).unwrap();
        let view = writer.view();
        let read = view
            .tasks(&TaskFilter::default(), 10, None)
            .map(drop)
            .and_then(|()| view.load_task(task_id(1)).map(drop))
            .and_then(|()| view.load_request(task_id(1)).map(drop))
            .and_then(|()| view.attempts(task_id(1)).map(drop))
            .and_then(|()| view.events(None, None, 0, 10).map(drop));
        match read {
            Err(Error::Row { table: at_table, column: at_column, key, .. }) => {
                assert_eq!((at_table, at_column), (table, column), "{sql}");
                assert!(key > 0, "{sql}");
            }
            other => panic!("{sql}: {other:?}"),
        }
    }
}

#[test]
fn views_show_ids_and_times_as_the_command_line_does() {
    let mut writer = memory();
    submit(&mut writer, &new_task(1));
    step(&mut writer, task_id(1), claimed(1), at(1));
    step(&mut writer, task_id(1), ended(1, AttemptOutcome::Succeeded(result("{}"))), at(2));
    writer
        .turn::<_, Error>(|turn| {
            let start = HostStart {
                id: domain::HostId::from_bytes(bytes(1)),
                process: ProcessIdentity { pid: 1, start_ticks: 1 },
                boot_id: "b".to_owned(),
                version: "v".to_owned(),
                at: at(0),
            };
            turn.host_started(&start)
        })
        .unwrap();
    let one = |sql: &str| writer.connection().query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(one("SELECT id FROM task_view"), task_id(1).to_string());
    assert_eq!(one("SELECT created_at FROM task_view"), "2027-01-15T08:00:00.001Z");
    assert_eq!(
        one("SELECT state || result || agent || lane FROM task_view"),
        "succeeded{}nexoraagent:nexora"
    );
    assert_eq!(one("SELECT outcome FROM attempt_view"), "succeeded");
    assert_eq!(one("SELECT task FROM event_view WHERE seq = 1"), task_id(1).to_string());
    assert_eq!(one("SELECT coalesce(task, 'none') FROM event_view WHERE type = 'host.started'"), "none");
    assert_eq!(one("SELECT started_at FROM host_view"), "2027-01-15T08:00:00.000Z");
    for view in ["message_view", "tool_call_view", "instance_view", "question_view", "output_view"] {
        let rows: i64 = writer
            .connection()
            .query_row(&format!("SELECT count(*) FROM {view}"), [], |row| row.get(0))
            .unwrap();
        assert_eq!(rows, 0, "{view}");
    }
    assert_eq!(load(&writer, task_id(1)).state, TaskState::Succeeded);
}
