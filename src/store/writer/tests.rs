//! Turns, savepoints, creation, continuity and what is left after an unclean end.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use domain::TaskState;
use rusqlite::Connection;

use crate::testing::{Alone, Folder, NOW, OPENING, claimed, memory, new_task, step, submit, task_id};
use crate::{Checked, CheckpointDepth, Error, Reader, SubmitError, Submitted, Writer, migrate, preflight};

fn count(writer: &Writer) -> u64 {
    writer.view().counts(&[TaskState::Ready]).unwrap().of(TaskState::Ready)
}

#[test]
fn a_new_database_is_private_whole_and_found_again() {
    let folder = Folder::new();
    let mut writer = folder.writer();
    submit(&mut writer, &new_task(1));
    for name in ["m.db", "m.db-wal"] {
        let mode = fs::metadata(folder.path(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    assert!(!folder.path("m.db.new").exists());
    writer.close().unwrap();
    let checked = preflight(folder.place.clone()).unwrap();
    let writer = Writer::open(&checked, Alone, OPENING).unwrap();
    assert_eq!(count(&writer), 1);
    assert_eq!(Reader::open(&checked).unwrap().snapshot().unwrap().last_seq().unwrap(), 1);
}

#[test]
fn what_an_earlier_creation_left_is_swept_away() {
    let folder = Folder::new();
    fs::write(folder.path("m.db.new"), b"half").unwrap();
    fs::write(folder.path("m.db.new-wal"), b"half").unwrap();
    // An empty log is what a look at a database that has gone since may leave.
    fs::write(folder.path("m.db-wal"), b"").unwrap();
    assert_eq!(count(&folder.writer()), 0);
}

#[test]
fn a_log_without_its_database_is_not_taken_for_a_new_ones() {
    let folder = Folder::new();
    let checked = preflight(folder.place.clone()).unwrap();
    fs::write(folder.path("m.db-wal"), b"of another").unwrap();
    assert!(matches!(Writer::open(&checked, Alone, OPENING), Err(Error::Damaged { .. })));
    assert!(!folder.path("m.db").exists());
}

#[test]
fn a_newer_database_is_refused_and_left_as_it_is() {
    let folder = Folder::new();
    let checked = preflight(folder.place.clone()).unwrap();
    folder.writer().close().unwrap();
    let other = Connection::open(folder.path("m.db")).unwrap();
    other.pragma_update(None, "user_version", 99).unwrap();
    // The log stays hot: the connection is still open when the newer database is met.
    let before =
        (fs::read(folder.path("m.db-wal")).unwrap(), fs::metadata(folder.path("m.db")).unwrap().len());
    for _ in 0..2 {
        let refused = Writer::open(&checked, Alone, OPENING).err();
        assert!(matches!(refused, Some(Error::Newer { found: 99, known: migrate::NEWEST_VERSION })));
        assert!(matches!(Reader::open(&checked).err(), Some(Error::Newer { .. })));
    }
    let after =
        (fs::read(folder.path("m.db-wal")).unwrap(), fs::metadata(folder.path("m.db")).unwrap().len());
    assert_eq!(before, after);
    drop(other);
}

#[test]
fn the_settings_are_what_they_have_to_be() {
    let folder = Folder::new();
    let writer = folder.writer();
    for (name, expected) in [
        ("journal_mode", "wal"),
        ("synchronous", "2"),
        ("foreign_keys", "1"),
        ("trusted_schema", "0"),
        ("temp_store", "2"),
        ("cache_size", "-16000"),
        ("wal_autocheckpoint", "1000"),
        ("journal_size_limit", "67108864"),
        ("page_size", "4096"),
        ("application_id", "1297302350"),
    ] {
        let sql = format!("SELECT CAST({name} AS TEXT) FROM pragma_{name}");
        let value: String = match writer.connection().query_row(&sql, [], |row| row.get(0)) {
            Ok(value) => value,
            // Some settings have no table-valued form.
            Err(_) => writer
                .connection()
                .query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, rusqlite::types::Value>(0))
                .map(|value| match value {
                    rusqlite::types::Value::Integer(number) => number.to_string(),
                    rusqlite::types::Value::Text(text) => text,
                    other => panic!("{other:?}"),
                })
                .unwrap(),
        };
        assert_eq!(value, expected, "{name}");
    }
}

#[test]
fn a_failed_savepoint_is_undone_alone() {
    let mut writer = memory();
    let answers = writer
        .turn::<_, SubmitError>(|turn| {
            let first = turn.savepoint(|turn| turn.submit(&new_task(1)));
            let second = turn.savepoint(|turn| {
                turn.submit(&new_task(2))?;
                Err::<Submitted, _>(SubmitError::UnknownNeed(task_id(99)))
            });
            let third = turn.savepoint(|turn| {
                turn.savepoint(|turn| turn.submit(&new_task(3)))?;
                let _ = turn.savepoint(|turn| {
                    turn.submit(&new_task(4))?;
                    Err::<Submitted, _>(SubmitError::UnknownNeed(task_id(99)))
                });
                Ok::<_, SubmitError>(())
            });
            Ok((first.is_ok(), second.is_ok(), third.is_ok()))
        })
        .unwrap();
    assert_eq!(answers, (true, false, true));
    let known = |number| writer.view().load_task(task_id(number)).unwrap().is_some();
    assert_eq!([known(1), known(2), known(3), known(4)], [true, false, true, false]);
}

#[test]
fn a_failed_turn_leaves_nothing_and_the_next_one_works() {
    let mut writer = memory();
    let failed = writer.turn::<(), SubmitError>(|turn| {
        turn.submit(&new_task(1))?;
        Err(SubmitError::UnknownNeed(task_id(9)))
    });
    assert!(failed.is_err());
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        writer.turn::<(), SubmitError>(|turn| {
            turn.savepoint(|turn| {
                turn.submit(&new_task(2))?;
                panic!("in the middle");
            })
        })
    }));
    assert!(panicked.is_err());
    assert_eq!(count(&writer), 0);
    submit(&mut writer, &new_task(3));
    assert_eq!(count(&writer), 1);
}

#[test]
fn nothing_is_written_once_sqlite_has_given_up_the_transaction() {
    let mut writer = memory();
    let lost = writer.turn::<(), SubmitError>(|turn| {
        turn.submit(&new_task(1))?;
        // What a full disk or an input/output error does.
        turn.connection()?.execute_batch("ROLLBACK").map_err(Error::from)?;
        let next = turn.savepoint(|turn| turn.submit(&new_task(2)));
        assert!(matches!(next, Err(SubmitError::Store(Error::TurnLost))));
        assert!(matches!(turn.submit(&new_task(3)), Err(SubmitError::Store(Error::TurnLost))));
        Ok(())
    });
    assert!(matches!(lost, Err(SubmitError::Store(Error::TurnLost))));
    assert_eq!(count(&writer), 0);
}

#[test]
fn a_full_disk_fails_the_turn_and_leaves_the_writer_usable() {
    let folder = Folder::new();
    let mut writer = folder.writer();
    let pages: i64 = writer.connection().query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    let limit = |writer: &Writer, pages: i64| {
        writer.connection().query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(())).unwrap();
    };
    limit(&writer, pages);
    let big = domain::NewTask { prompt: "x".repeat(100_000), ..new_task(1) };
    let full = writer.turn::<_, SubmitError>(|turn| {
        let failed = turn.savepoint(|turn| turn.submit(&big));
        assert!(matches!(failed, Err(SubmitError::Store(Error::Full(_)))), "{failed:?}");
        // Whether the whole turn is lost is SQLite's choice, and the turn says so.
        turn.savepoint(|turn| turn.submit(&new_task(2)))
    });
    let kept = u64::from(full.is_ok());
    assert_eq!(count(&writer), kept);
    limit(&writer, 1_000_000);
    submit(&mut writer, &big);
    assert_eq!(count(&writer), kept + 1);
}

#[test]
fn the_busy_writer_waits_for_another_process_and_goes_on() {
    let folder = Folder::new();
    let mut writer = folder.writer();
    let other = Connection::open(folder.path("m.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (begun, has_begun) = std::sync::mpsc::sync_channel(1);
    let thread = std::thread::spawn(move || {
        begun.send(()).unwrap();
        submit(&mut writer, &new_task(1));
        count(&writer)
    });
    has_begun.recv().unwrap();
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(thread.join().unwrap(), 1);
}

#[test]
fn a_removed_database_or_log_is_noticed() {
    for name in ["m.db", "m.db-wal"] {
        let folder = Folder::new();
        let mut writer = folder.writer();
        submit(&mut writer, &new_task(1));
        writer.still_there().unwrap();
        fs::rename(folder.path(name), folder.path("away")).unwrap();
        assert!(matches!(writer.still_there(), Err(Error::Replaced { .. })), "{name}");
        fs::copy(folder.path("away"), folder.path(name)).unwrap();
        assert!(matches!(writer.still_there(), Err(Error::Replaced { .. })), "{name}");
    }
}

#[test]
fn what_was_committed_is_there_after_the_writer_opened_again() {
    let folder = Folder::new();
    let mut writer = folder.writer();
    submit(&mut writer, &new_task(1));
    writer.reopen().unwrap();
    assert_eq!(count(&writer), 1);
    submit(&mut writer, &new_task(2));
    let truncated = writer.checkpoint(CheckpointDepth::Truncate).unwrap();
    assert!(!truncated.busy);
    assert_eq!(fs::metadata(folder.path("m.db-wal")).unwrap().len(), 0);
    assert!(memory().reopen().is_err());
}

/// The state that a killed process leaves is its files as they are: a copy taken of an open database, its
/// log included, must hold every commit that was acknowledged, and none that was not.
#[test]
fn a_copy_of_the_files_at_any_moment_holds_what_was_acknowledged() {
    let folder = Folder::new();
    let mut writer = folder.writer();
    for number in 1..=5 {
        submit(&mut writer, &new_task(number));
        let copy = Folder::new();
        let mid_turn = writer.turn::<Folder, SubmitError>(|turn| {
            turn.submit(&new_task(100 + number))?;
            copy_files(&folder, &copy);
            Err(SubmitError::UnknownNeed(task_id(0)))
        });
        assert!(mid_turn.is_err());
        let survivor = Writer::open(&Checked::unchecked(copy.place.clone()), Alone, OPENING).unwrap();
        assert_eq!(count(&survivor), number);
        assert!(survivor.view().load_task(task_id(100 + number)).unwrap().is_none());
    }
}

/// Reading the files by hand drops SQLite's locks on them: sound here only because nobody else uses them.
fn copy_files(from: &Folder, to: &Folder) {
    for name in ["m.db", "m.db-wal"] {
        fs::copy(from.path(name), to.path(name)).unwrap();
    }
}

#[test]
fn foreign_commits_show_and_own_ones_do_not() {
    let folder = Folder::new();
    let mut writer = folder.writer();
    let before = writer.foreign_commits().unwrap();
    submit(&mut writer, &new_task(1));
    assert_eq!(writer.foreign_commits().unwrap(), before);
    let other = Connection::open(folder.path("m.db")).unwrap();
    other.execute("INSERT INTO lane (key) VALUES ('agent:other')", []).unwrap();
    assert_ne!(writer.foreign_commits().unwrap(), before);
}

#[test]
fn recovery_sees_what_was_active_with_its_processes() {
    let mut writer = memory();
    let id = submit(&mut writer, &new_task(1)).id;
    submit(&mut writer, &new_task(2));
    step(&mut writer, id, claimed(1), NOW);
    let active = writer.view().load_active().unwrap();
    assert_eq!(active.len(), 1);
    assert_eq!((active[0].task.id, active[0].processes.clone()), (id, None));
    assert!(!active[0].side_effects);
}

/// What a kill in the middle of a commit leaves: the log up to any byte. Whatever was acknowledged before that
/// byte is there, nothing of what came after is, and it is no damage.
#[test]
fn a_log_cut_anywhere_holds_the_commits_before_the_cut() {
    let folder = Folder::new();
    let mut writer = folder.writer();
    let mut ends = Vec::new();
    for number in 1..=6 {
        submit(&mut writer, &new_task(number));
        ends.push(fs::metadata(folder.path("m.db-wal")).unwrap().len());
    }
    let log = fs::read(folder.path("m.db-wal")).unwrap();
    let copy = Folder::new();
    fs::copy(folder.path("m.db"), copy.path("m.db")).unwrap();
    let cuts = (0..log.len()).step_by(1_999).chain([log.len()]);
    for cut in cuts {
        fs::write(copy.path("m.db-wal"), &log[..cut]).unwrap();
        let _ = fs::remove_file(copy.path("m.db-shm"));
        let reader = Reader::open(&Checked::unchecked(copy.place.clone())).unwrap();
        let acknowledged = ends.iter().filter(|end| **end <= cut as u64).count();
        let snapshot = reader.snapshot().unwrap();
        assert_eq!(usize::try_from(snapshot.last_seq().unwrap()), Ok(acknowledged), "cut at {cut}");
        let tasks = snapshot.counts(&[TaskState::Ready]).unwrap().of(TaskState::Ready);
        assert_eq!(usize::try_from(tasks), Ok(acknowledged), "cut at {cut}");
    }
}
