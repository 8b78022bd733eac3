//! The survey of trees that nobody wants to meet, through the product, against a count of the test's own.

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::{Value, json};
use support::{TestEnv, expect_shape, product_test};

/// Files, lines, blank lines and bytes, counted in the plainest way.
#[derive(Debug, Default, PartialEq, Eq)]
struct Count {
    files: u64,
    lines: u64,
    blank: u64,
    bytes: u64,
}

impl Count {
    fn of(value: &Value) -> Self {
        let number = |key: &str| value[key].as_u64().unwrap_or_else(|| panic!("no {key}: {value}"));
        Self {
            files: number("files"),
            lines: number("lines"),
            blank: number("blank"),
            bytes: number("bytes"),
        }
    }

    fn add(&mut self, content: &[u8]) {
        self.files += 1;
        self.bytes += content.len() as u64;
        let mut lines: Vec<&[u8]> = content.split(|byte| *byte == b'\n').collect();
        if lines.last().is_some_and(|last| last.is_empty()) {
            lines.pop();
        }
        self.lines += lines.len() as u64;
        self.blank += lines.iter().filter(|line| line.iter().all(u8::is_ascii_whitespace)).count() as u64;
    }
}

/// Counts the files of these endings below a folder, links, pipes and huge files apart.
fn count(folder: &Path, endings: &[&str], total: &mut Count) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            count(&entry.path(), endings, total);
            continue;
        }
        let name = entry.file_name();
        let counts = endings.iter().any(|ending| name.as_bytes().ends_with(ending.as_bytes()));
        if kind.is_file() && counts && entry.metadata().unwrap().len() < 100_000_000 {
            total.add(&std::fs::read(entry.path()).unwrap());
        }
    }
}

/// Surveys the project folder and returns the result.
#[track_caller]
fn survey(env: &TestEnv, input: &Value) -> Value {
    let submit = env.modelscan(["task", "submit", "--skill", "survey", "--wait", "--json"]);
    let task = submit.args(["--input", &input.to_string()]).run().expect_code(0).json();
    let shown = env.modelscan(["task", "result", task["id"].as_str().unwrap()]).run().expect_clean();
    assert!(!shown.stdout.chars().any(|c| c.is_control() && c != '\n' && c != '\t'), "{:?}", shown.stdout);
    let whole = env.modelscan(["task", "result", task["id"].as_str().unwrap()]).json();
    expect_shape("result", &whole);
    expect_shape("survey", &whole["result"]);
    whole["result"].clone()
}

product_test! {
    fn an_empty_folder_has_nothing(env) {
        let result = survey(env, &json!({}));
        assert_eq!(Count::of(&result["totals"]), Count::default());
        assert_eq!(result["languages"], json!({}));
        for key in ["largest", "markers", "licences", "build_systems", "layout"] {
            assert_eq!(result[key], json!([]), "{key}");
        }
        assert_eq!(result["git"], Value::Null);
    }
}

/// A tree with everything that makes tools stumble.
fn ugly_tree(env: &TestEnv) {
    let project = env.project();
    let raw = |name: &[u8], content: &[u8]| {
        let path = project.join(OsStr::from_bytes(name));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    };
    raw(b"plain.rs", b"fn main() {}\n\n// TODO here\n");
    raw(b"caf\xe9.rs", b"// FIXME latin\nfn a() {}");
    raw(b"\xff\xfe/\x80.py", b"x = 1\n\n\n");
    raw(b"esc\x1b[31mred\x1b[0m.py", b"y = 2\n");
    raw(b"new\nline.py", b"# TODO newline\n");
    raw(b"tab\tand\rreturn.rs", b"\r\n\t\r\n  x\r\n");
    raw(b"-rf.rs", b"// dash\n");
    raw(b"spa ce/'quo\"te$(touch pwned)`touch pwned`.py", b"z = 3\n");
    raw("deep/r\u{202e}sr.rs".as_bytes(), b"fn b() {}\n");
    raw(&[b"long/".as_slice(), &b"n".repeat(250), b".rs"].concat(), b"fn c() {}\n");
    raw(b"one-line.py", &[b"a = '".as_slice(), &b"x".repeat(3_000_000), b"'\n"].concat());
    raw(b"empty.rs", b"");
    for name in ["pipe.rs", "pipe"] {
        env.program(Path::new("/usr/bin/mkfifo")).args([project.join(name)]).run().expect_clean();
    }
    File::create(project.join("sparse.py")).unwrap().set_len(1 << 30).unwrap();
    File::create(project.join("sparse.bin")).unwrap().set_len(1 << 30).unwrap();
    symlink(".", project.join("loop")).unwrap();
    symlink("../deep", project.join("deep/up")).unwrap();
    symlink("two", project.join("one")).unwrap();
    symlink("one", project.join("two")).unwrap();
    symlink("plain.rs", project.join("alias.rs")).unwrap();
    symlink("/etc", project.join("outside")).unwrap();
    let mut below = project.join("down");
    for _ in 0..60 {
        below = below.join("d");
    }
    std::fs::create_dir_all(&below).unwrap();
    std::fs::write(below.join("bottom.py"), "last = True\n").unwrap();
}

product_test! {
    fn totals_are_those_of_a_plain_count(env) {
        ugly_tree(env);
        let result = survey(env, &json!({}));
        for (language, endings) in [("Rust", [".rs"]), ("Python", [".py"])] {
            let mut expected = Count::default();
            count(&env.project(), &endings, &mut expected);
            assert_eq!(Count::of(&result["languages"][language]), expected, "{language}: {:#}", result["skipped"]);
        }
        let mut all = Count::default();
        count(&env.project(), &[".rs", ".py"], &mut all);
        assert_eq!(Count::of(&result["totals"]), all);
        assert_eq!(result["markers_total"], json!({ "TODO": 2, "FIXME": 1 }));
        let markers = result["markers"].as_array().unwrap();
        assert!(markers.iter().any(|place| place["path"].as_str().unwrap().contains("new\nline.py")), "{markers:#?}");
        assert!(markers.iter().any(|place| place["path_lossy"] == true), "{markers:#?}");
        assert!(!env.project().join("pwned").exists());
    }
}

product_test! {
    fn a_part_of_the_tree_is_counted_alone(env) {
        ugly_tree(env);
        let result = survey(env, &json!({ "path": "deep" }));
        let mut expected = Count::default();
        count(&env.project().join("deep"), &[".rs"], &mut expected);
        assert_eq!(Count::of(&result["totals"]), expected);
        let one = survey(env, &json!({ "path": "plain.rs" }));
        assert_eq!(Count::of(&one["totals"]), Count { files: 1, lines: 3, blank: 1, bytes: 27 });
    }
}

product_test! {
    fn a_place_that_is_not_there_fails_with_words(env) {
        let submit = env.modelscan(["task", "submit", "--skill", "survey", "--wait", "--input", "{\"path\": \"missing\"}"]);
        let outcome = submit.run().expect_code(1);
        assert!(outcome.stderr.contains("agent_error") && outcome.stderr.contains("missing"), "{}", outcome.stderr);
    }
}
