//! The look at a file's bytes: each row is a state that SQLite alone takes for healthy or finds late.

use std::fs;

use crate::testing::{Alone, Folder, OPENING, new_task, submit};
use crate::{Error, Found, Reader, Writer, preflight};

/// A closed database of some pages.
fn closed() -> Folder {
    let folder = Folder::new();
    let mut writer = folder.writer();
    for number in 0..20 {
        submit(&mut writer, &new_task(number));
    }
    writer.close().unwrap();
    assert!(!folder.path("m.db-wal").exists());
    folder
}

fn look(folder: &Folder) -> Result<Found, Error> {
    preflight(folder.place.clone()).map(|checked| checked.found())
}

fn edit(folder: &Folder, change: impl FnOnce(&mut Vec<u8>)) {
    let path = folder.path("m.db");
    let mut bytes = fs::read(&path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_healthy_database_and_none_are_told_apart() {
    assert_eq!(look(&Folder::new()).unwrap(), Found::Nothing);
    assert_eq!(look(&closed()).unwrap(), Found::Database);
    // While it is open elsewhere, its log is beside it.
    let folder = Folder::new();
    let mut writer = folder.writer();
    submit(&mut writer, &new_task(1));
    assert_eq!(look(&folder).unwrap(), Found::Database);
}

#[test]
fn damage_that_shows_in_the_bytes_is_found() {
    type Damage = fn(&mut Vec<u8>);
    let damages: [(&str, Damage); 7] = [
        ("emptied", Vec::clear),
        ("cut by some pages", |bytes| bytes.truncate(bytes.len() - 3 * 4096)),
        ("cut by a hundred bytes", |bytes| bytes.truncate(bytes.len() - 100)),
        ("cut to a header's half", |bytes| bytes.truncate(50)),
        ("text", |bytes| *bytes = b"not a database\n".repeat(1_000)),
        ("header overwritten", |bytes| bytes[..16].fill(b'x')),
        ("impossible page size", |bytes| bytes[16..18].copy_from_slice(&[0x11, 0x11])),
    ];
    for (what, damage) in damages {
        let folder = closed();
        edit(&folder, damage);
        let error = look(&folder).unwrap_err();
        assert!(error.is_damage(), "{what}: {error}");
    }
}

#[test]
fn what_is_not_ours_is_left_alone() {
    let folder = closed();
    edit(&folder, |bytes| bytes[68..72].fill(0));
    assert!(matches!(look(&folder), Err(Error::NotOurs { .. })));
    let folder = Folder::new();
    fs::create_dir(folder.path("m.db")).unwrap();
    assert!(matches!(look(&folder), Err(Error::NotOurs { .. })));
}

#[test]
fn damage_inside_the_pages_is_an_error_at_the_first_read_and_no_panic() {
    for page in 0..3 {
        let folder = closed();
        let checked = preflight(folder.place.clone()).unwrap();
        edit(&folder, |bytes| {
            let begin = page * 4096 + usize::from(page == 0) * 100;
            bytes[begin..(page + 1) * 4096].fill(0xa5);
        });
        let opened = Writer::open(&checked, Alone, OPENING).map(drop);
        let read = Reader::open(&checked)
            .and_then(|reader| reader.snapshot()?.tasks(&crate::TaskFilter::default(), 100, None));
        assert!(
            opened.is_err() || read.is_ok() || read.as_ref().is_err_and(Error::is_damage),
            "{page}: {read:?}"
        );
        if page == 0 {
            assert!(opened.is_err_and(|error| error.is_damage()));
        }
    }
}

#[test]
fn a_torn_log_is_what_a_kill_leaves_and_no_damage() {
    let folder = Folder::new();
    let copy = Folder::new();
    let mut writer = folder.writer();
    submit(&mut writer, &new_task(1));
    let whole = fs::metadata(folder.path("m.db-wal")).unwrap().len();
    submit(&mut writer, &new_task(2));
    fs::copy(folder.path("m.db"), copy.path("m.db")).unwrap();
    let log = fs::read(folder.path("m.db-wal")).unwrap();
    let torn = usize::try_from(whole).unwrap() + 1_000;
    fs::write(copy.path("m.db-wal"), &log[..torn]).unwrap();
    let writer = copy.writer();
    let page = writer.view().tasks(&crate::TaskFilter::default(), 10, None).unwrap();
    assert_eq!(page.items.len(), 1);
}
