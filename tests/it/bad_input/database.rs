//! Database files that are none, are damaged, or belong to others: told by path, and left as they are.

use std::path::{Path, PathBuf};

use support::{TestEnv, check_rows, product_test, refused};

/// A way to spoil the file, the kind of the error, and what it says.
struct Damage {
    name: &'static str,
    kind: &'static str,
    says: &'static str,
    /// Changes the bytes of a sound database.
    spoil: fn(&mut Vec<u8>),
}

const PAGE: usize = 4096;

/// The same bytes each time, that look like none of a database.
fn scribble(bytes: &mut [u8]) {
    let mut state = 0x9e37_79b9_u32;
    for byte in bytes {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *byte = (state >> 24) as u8;
    }
}

#[rustfmt::skip]
const DAMAGES: [Damage; 9] = [
    Damage { name: "text", kind: "store_damaged", says: "header", spoil: |bytes| *bytes = b"this is a text\n".to_vec() },
    Damage { name: "a long text", kind: "store_damaged", says: "header", spoil: |bytes| *bytes = b"this is a text\n".repeat(10_000) },
    Damage { name: "an overwritten header", kind: "store_damaged", says: "header", spoil: |bytes| bytes[..16].fill(0) },
    Damage { name: "no bytes", kind: "store_damaged", says: "empty", spoil: Vec::clear },
    Damage { name: "cut to a page", kind: "store_damaged", says: "", spoil: |bytes| bytes.truncate(PAGE) },
    Damage { name: "cut in a page", kind: "store_damaged", says: "", spoil: |bytes| bytes.truncate(bytes.len() - 100) },
    Damage { name: "a broken first page", kind: "store_damaged", says: "", spoil: |bytes| scribble(&mut bytes[100..PAGE]) },
    Damage { name: "pages of noise", kind: "store_damaged", says: "", spoil: |bytes| scribble(&mut bytes[PAGE..]) },
    Damage { name: "another program's", kind: "store_damaged", says: "not a ModelScan database", spoil: |bytes| bytes[68..72].copy_from_slice(&7_u32.to_be_bytes()) },
];

/// A database with a task in it, whole in its one file.
fn sound(env: &TestEnv) -> (PathBuf, Vec<u8>) {
    env.modelscan(["task", "submit", "hello", "--set", "host.autostart=false"]).run().expect_clean();
    let path = env.home().join("modelscan.db");
    let bytes = std::fs::read(&path).unwrap();
    (path, bytes)
}

/// Puts these bytes in the place of the database, without what SQLite keeps beside it.
fn put(path: &Path, bytes: &[u8]) {
    for end in ["-wal", "-shm"] {
        let beside = PathBuf::from(format!("{}{end}", path.display()));
        if beside.exists() {
            std::fs::remove_file(beside).unwrap();
        }
    }
    std::fs::write(path, bytes).unwrap();
}

const COMMANDS: [&str; 7] = [
    "task list --all",
    "task show ffffffff",
    "task submit hello",
    "task submit hello --set host.autostart=false",
    "event list",
    "host start",
    "host run",
];

/// One that reads, one that writes through a host, and the host itself.
const FEW: [&str; 3] = ["task list --all", "task submit hello", "host run"];

#[track_caller]
fn refuse(commands: &[&str], env: &TestEnv, path: &Path, kind: &str, says: &str) {
    check_rows(commands, |line| {
        let make = || env.modelscan([]).args(line.split(' '));
        refused(9, kind, make).says(says).says(path.to_str().unwrap());
    });
}

product_test! {
    fn a_damaged_file_is_told_and_left_as_it_is(env) {
        let (path, bytes) = sound(env);
        for damage in &DAMAGES {
            let mut spoilt = bytes.clone();
            (damage.spoil)(&mut spoilt);
            put(&path, &spoilt);
            refuse(&FEW, env, &path, damage.kind, damage.says);
            assert!(std::fs::read(&path).unwrap() == spoilt, "{}: the file was changed", damage.name);
        }
        put(&path, &bytes);
        assert_eq!(env.rows().map(|rows| rows.tasks), Some(1), "the sound file reads as before");
    }
}

product_test! {
    fn a_newer_database_is_left_to_the_newer_program(env) {
        let (path, mut bytes) = sound(env);
        bytes[60..64].copy_from_slice(&999_u32.to_be_bytes());
        put(&path, &bytes);
        refuse(&COMMANDS, env, &path, "store_newer", "999");
        assert!(std::fs::read(&path).unwrap() == bytes, "the file was changed");
        std::fs::remove_file(&path).unwrap();
    }
}

product_test! {
    fn a_place_that_holds_no_file_is_told(env) {
        let path = env.home().join("modelscan.db");
        std::fs::create_dir(&path).unwrap();
        refuse(&COMMANDS, env, &path, "store_damaged", "regular file");
        std::fs::remove_dir(&path).unwrap();
        env.program(Path::new("/usr/bin/mkfifo")).args([&path]).run().expect_clean();
        refuse(&FEW, env, &path, "store_damaged", "regular file");
        std::fs::remove_file(&path).unwrap();
    }
}

product_test! {
    fn a_folder_that_is_no_folder_is_told(env) {
        let file = env.file("file", "x");
        let path = format!("store.path={}", file.join("modelscan.db").display());
        let make = || env.modelscan(["task", "submit", "hello", "--set", &path]);
        refused(2, "bad_input", make).says(file.to_str().unwrap()).hints("another folder");
    }
}
