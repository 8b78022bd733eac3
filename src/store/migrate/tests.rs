//! Steps are append-only and gapless, each is done once however many race, and the docs name what is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use rusqlite::Connection;

use super::{STEPS, Step, migrate};
use crate::Error;
use crate::testing::{Alone, Folder, NOW, OPENING, memory};
use crate::{Writer, preflight};

/// The SHA-256 of each released step: a step that changes is a new step.
const RELEASED: &[&str] = &["e27fe5f0e91e185b15b3c82fa5a5da855bec93c27c959dc0b8ccdee4a9a30353"];

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

#[test]
fn steps_are_gapless_unedited_and_all_there_are() {
    let mut names = Vec::new();
    for (index, step) in STEPS.iter().enumerate() {
        assert_eq!(step.version as usize, index + 1);
        let digest: String = step.sha256().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(Some(&digest.as_str()), RELEASED.get(index), "migration {}", step.version);
        names.push(format!("{:04}_{}.sql", step.version, step.name));
    }
    let mut files: Vec<String> = fs::read_dir(root().join("migrations"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    assert_eq!(files, names);
}

#[test]
fn a_database_whose_steps_are_others_is_damaged() {
    let folder = Folder::new();
    folder.writer().close().unwrap();
    let checked = preflight(folder.place.clone()).unwrap();
    let other = Connection::open(folder.path("m.db")).unwrap();
    other.execute("UPDATE migration SET sha256 = zeroblob(32)", []).unwrap();
    other.close().unwrap();
    assert!(matches!(Writer::open(&checked, Alone, OPENING).err(), Some(Error::Damaged { .. })));
}

#[test]
fn racers_do_each_step_once() {
    let folder = Folder::new();
    let path = folder.path("race.db");
    let racers: Vec<_> = (0..4)
        .map(|_| {
            let path = path.clone();
            std::thread::spawn(move || {
                let mut connection = Connection::open(path).unwrap();
                connection.busy_timeout(std::time::Duration::from_secs(30)).unwrap();
                migrate(&mut connection, NOW, "test").unwrap();
            })
        })
        .collect();
    racers.into_iter().for_each(|racer| racer.join().unwrap());
    let connection = Connection::open(path).unwrap();
    let steps: i64 = connection.query_row("SELECT count(*) FROM migration", [], |row| row.get(0)).unwrap();
    assert_eq!(usize::try_from(steps), Ok(STEPS.len()));
}

#[test]
fn a_step_that_fails_leaves_nothing() {
    let mut connection = Connection::open_in_memory().unwrap();
    let bad = Step { version: 1, name: "bad", sql: "CREATE TABLE a (x INTEGER) STRICT; CREATE TABLE a (x);" };
    let transaction = connection.transaction().unwrap();
    assert!(transaction.execute_batch(bad.sql).is_err());
    drop(transaction);
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
    assert_eq!(tables, 0);
}

/// Names in backticks in the first column of the tables of docs/DATABASE.md, as `object` or `object.column`.
fn documented() -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("docs/DATABASE.md")).unwrap();
    let mut names = BTreeSet::new();
    let mut object = None;
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("### `") {
            let name = heading.split('`').next().unwrap().to_owned();
            names.insert(name.clone());
            object = Some(name);
        } else if line.starts_with("## ") {
            object = None;
        } else if let (Some(object), Some(cell)) = (&object, line.strip_prefix("| `")) {
            names.insert(format!("{object}.{}", cell.split('`').next().unwrap()));
        }
    }
    names
}

#[test]
fn the_docs_name_every_table_view_and_column_and_no_other() {
    let writer = memory();
    let mut statement = writer
        .connection()
        .prepare(
            "SELECT object.name, field.name
               FROM sqlite_schema AS object, pragma_table_info(object.name) AS field
              WHERE object.type IN ('table', 'view') AND object.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
        )
        .unwrap();
    let mut real = BTreeSet::new();
    let mut rows = statement.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let (object, column): (String, String) = (row.get(0).unwrap(), row.get(1).unwrap());
        real.insert(format!("{object}.{column}"));
        real.insert(object);
    }
    let documented = documented();
    let missing: Vec<_> = real.difference(&documented).collect();
    let invented: Vec<_> = documented.difference(&real).collect();
    assert!(missing.is_empty() && invented.is_empty(), "missing {missing:?}, invented {invented:?}");
}

#[test]
fn tables_are_strict_and_foreign_keys_have_an_index() {
    let writer = memory();
    let loose: i64 = writer
        .connection()
        .query_row(
            "SELECT count(*) FROM pragma_table_list
              WHERE schema = 'main' AND type = 'table' AND strict = 0 AND name NOT LIKE 'sqlite%'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(loose, 0);
    let mut statement = writer
        .connection()
        .prepare(
            "SELECT object.name || '.' || key.\"from\"
               FROM sqlite_schema AS object, pragma_foreign_key_list(object.name) AS key
              WHERE object.type = 'table'
                AND NOT EXISTS (SELECT 1 FROM pragma_index_list(object.name) AS list, pragma_index_info(list.name) AS info
                                 WHERE list.partial = 0 AND info.seqno = 0 AND info.name = key.\"from\")
                AND NOT EXISTS (SELECT 1 FROM pragma_table_info(object.name) AS field
                                 WHERE field.name = key.\"from\" AND field.pk = 1)",
        )
        .unwrap();
    let bare: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    // Lanes are never deleted, so nobody ever looks for their tasks that way.
    assert_eq!(bare, ["task.lane_id"]);
}

#[test]
fn every_word_of_the_rules_passes_its_check() {
    let writer = memory();
    let schema = include_str!("../../../migrations/0001_initial.sql");
    let has = |word: &str| schema.contains(&format!("'{word}'"));
    let words = domain::TaskState::ALL.iter().map(|word| word.as_str());
    let words = words.chain(domain::Reason::ALL.iter().map(|word| word.as_str()));
    let words = words.chain(domain::AttemptState::ALL.iter().map(|word| word.as_str()));
    let words = words.chain(domain::StopWhy::ALL.iter().map(|word| word.as_str()));
    let words = words.chain(domain::Recovery::ALL.iter().map(|word| word.as_str()));
    let words = words.chain(domain::ToolCallStatus::ALL.iter().map(|word| word.as_str()));
    let words = words.chain(domain::MessageKind::ALL.iter().map(|word| word.as_str()));
    let words = words.chain(domain::QuestionKind::ALL.iter().map(|word| word.as_str()));
    let words = words.chain(domain::QuestionFor::ALL.iter().map(|word| word.as_str()));
    let mut words = words.chain(domain::Actor::ALL.iter().map(|word| word.as_str()));
    assert_eq!(words.find(|word| !has(word)), None);
    for event in domain::EventType::ALL {
        writer
            .connection()
            .execute(
                "INSERT INTO event (attempt, type, actor, at, data) VALUES (0, ?1, 'host', 0, '{}')",
                [event.as_str()],
            )
            .unwrap();
    }
    for bad in ["", "task", "Task.x", "task.X", "task.x y", ".x", "task."] {
        let refused = writer.connection().execute(
            "INSERT INTO event (attempt, type, actor, at, data) VALUES (0, ?1, 'host', 0, '{}')",
            [bad],
        );
        assert!(refused.is_err(), "{bad}");
    }
}
