//! What is given on the command line and on stdin: names, ids, JSON, folders, prompts.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use support::{Run, TestEnv, check_rows, product_test, refused};

/// The largest prompt, and the largest input.
const BYTES_MAX: usize = 4 * 1024 * 1024;

/// One thing done wrong.
struct Row {
    args: Vec<String>,
    stdin: Vec<u8>,
    code: i32,
    kind: &'static str,
    /// What the message says.
    says: String,
    /// What the hint says.
    hints: &'static str,
}

#[derive(Default)]
struct Table(Vec<Row>);

impl Table {
    fn add(&mut self, line: &str, code: i32, kind: &'static str, says: &str, hints: &'static str) {
        self.given(line.split_whitespace(), code, kind, says, hints);
    }

    fn given<'a>(
        &mut self,
        args: impl IntoIterator<Item = &'a str>,
        code: i32,
        kind: &'static str,
        says: &str,
        hints: &'static str,
    ) {
        let args = args.into_iter().map(str::to_owned).collect();
        self.0.push(Row { args, stdin: Vec::new(), code, kind, says: says.to_owned(), hints });
    }

    fn piped(
        &mut self,
        line: &str,
        stdin: impl Into<Vec<u8>>,
        code: i32,
        kind: &'static str,
        says: &str,
        hints: &'static str,
    ) {
        self.add(line, code, kind, says, hints);
        if let Some(row) = self.0.last_mut() {
            row.stdin = stdin.into();
        }
    }
}

fn nested(levels: usize) -> String {
    format!("{{\"path\":{}{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1))
}

#[rustfmt::skip]
fn names() -> Vec<Row> {
    let mut t = Table::default();
    t.add("task submit hello --agent nobody", 4, "unknown_agent", "`nobody`", "nexora");
    t.add("agent show nobody", 4, "unknown_agent", "`nobody`", "nexora");
    t.add("task submit --skill fly", 4, "unknown_skill", "`fly`", "survey");
    // Ids.
    for verb in ["task show", "task status", "task wait", "task result", "task cancel", "task resume", "event list --task", "message list --task"] {
        t.add(&format!("{verb} ffffffff"), 4, "task_not_found", "`ffffffff`", "task list --all");
    }
    for id in ["nonsense", "attempt_1234", "task_", "@first"] {
        t.add(&format!("task show {id}"), 2, "bad_input", &format!("`{id}`"), "task list");
    }
    t.0
}

#[rustfmt::skip]
fn content(env: &TestEnv) -> Vec<Row> {
    let mut t = Table::default();
    // JSON.
    let submit = ["task", "submit", "--skill", "survey", "--input"];
    let mut json = |input: &str, says: &str, hints: &'static str| {
        t.given(submit.into_iter().chain([input]), 2, "bad_input", says, hints);
    };
    json("{\"path\":", "line 1, column 8", "JSON object");
    json("{\"path\": \"a\"} x", "line 1, column 15", "JSON object");
    json("", "the input", "JSON object");
    json("[1]", "not an object", "JSON object");
    json("{\"path\": 1}", "`/path`", "skill list");
    json("{\"path\": \"\"}", "`/path`", "skill list");
    json("{\"paht\": \".\"}", "`paht`", "skill list");
    json(&nested(129), "levels deep", "100 deep");
    json(&nested(128), "levels deep", "100 deep");
    json(&nested(101), "100 levels deep", "100 deep");
    json(&nested(100), "`/path`", "skill list");
    json("@missing.json", "missing.json", "can be read");
    json("@.", "read the input file", "a file");
    env.file("broken.json", "{\n  \"path\": tru\n}\n");
    json("@broken.json", "broken.json` is not JSON that can be read: expected ident at line 2, column 13", "JSON object");
    t.piped("task submit --skill survey --input -", "{]", 2, "bad_input", "the input on stdin", "JSON object");
    t.piped("task submit --skill survey --input -", vec![b' '; BYTES_MAX + 1], 2, "too_large", "the input on stdin", "file");
    t.add("task submit hello --input {}", 2, "bad_input", "no skill", "--skill");
    // Folders.
    let file = env.file("file.txt", "x").display().to_string();
    t.add("task submit hello --cwd /nowhere/at/all", 2, "bad_input", "`/nowhere/at/all`", "directory that is there");
    t.add(&format!("task submit hello --cwd {file}"), 2, "bad_input", &format!("`{file}`"), "directory");
    // Prompts.
    t.piped("task submit -", vec![b'a'; 20_000_000], 2, "too_large", "larger than 4 MiB", "file");
    t.piped("task submit -", vec![b'a'; BYTES_MAX + 1], 2, "too_large", "larger than 4 MiB", "file");
    t.piped("task submit -", "", 2, "bad_input", "empty", "pipe");
    t.piped("task submit -", " \n\t\n", 2, "bad_input", "empty", "pipe");
    t.piped("task submit -", b"caf\xe9".to_vec(), 2, "bad_input", "byte 3", "UTF-8");
    t.piped("task submit - --input - --skill survey", "x", 2, "usage", "stdin", "@FILE");
    t.given(["task", "submit", ""], 2, "bad_input", "neither", "--skill");
    t.add("task submit", 2, "usage", "neither", "task submit");
    t.0
}

#[rustfmt::skip]
fn command_line() -> Vec<Row> {
    let mut t = Table::default();
    t.add("task", 2, "usage", "`modelscan task`", "task --help");
    t.add("tsk list", 2, "usage", "'tsk'", "'task'");
    t.add("task lst", 2, "usage", "'lst'", "'list'");
    t.add("task list --limt 3", 2, "usage", "'--limt'", "'--limit'");
    t.add("task list --limit 0", 2, "usage", "'0'", "");
    t.add("task list --state done", 2, "usage", "'done'", "");
    t.add("task list --cursor x", 2, "bad_input", "`x`", "next_cursor");
    t.add("task list --agent NO/PE", 2, "bad_input", "NO/PE", "agent list");
    t.add("task submit hello --timeout 5x", 2, "usage", "'5x'", "");
    t.add("task submit hello --timeout 0s", 2, "usage", "'0s'", "");
    t.add("task submit hello --retries 101", 2, "usage", "'101'", "");
    t.add("task submit hello --priority 101", 2, "usage", "'101'", "");
    t.add("task submit hello --recovery hope", 2, "usage", "'hope'", "");
    t.add("task submit hello --wait-limit 1s", 2, "usage", "--wait", "");
    t.add(&format!("task submit hello --key {}", "k".repeat(201)), 2, "bad_input", "201 bytes", "200");
    t.add("task show", 2, "usage", "TASK", "modelscan task show");
    t.add("event list --after-seq x", 2, "usage", "'x'", "");
    t.add("demo /nowhere/at/all", 2, "bad_input", "/nowhere/at/all", "");
    // The configuration by flags.
    t.add("task submit hello --set host.max_runing=3", 2, "config_error", "`host.max_runing`", "`host.max_running`");
    t.add("task submit hello --set host.max_running=many", 2, "config_error", "host.max_running", "");
    t.add("task submit hello --set nonsense", 2, "usage", "nonsense", "KEY=VALUE");
    t.add("task submit hello --set defaults.agent=nexra", 2, "config_error", "nexra", "`nexora`");
    t.add("task submit hello --config missing.toml", 2, "config_error", "missing.toml", "");
    t.0
}

#[track_caller]
fn check(env: &TestEnv, row: &Row) {
    let make = || env.modelscan([]).args(&row.args).stdin(row.stdin.clone());
    refused(row.code, row.kind, make).says(&row.says).hints(row.hints);
}

/// Where nothing is there yet nothing is made, and no host is started.
fn leaves_nothing(env: &TestEnv, rows: Vec<Row>) {
    check_rows(rows, |row| check(env, row));
    assert_eq!(env.rows(), None, "a refused command made a database");
    assert_eq!(env.host_pid(), None, "a refused command started a host");
}

/// Where a host works it works on, and has no row more.
fn changes_nothing(env: &TestEnv, rows: Vec<Row>) {
    env.modelscan(["task", "submit", "hello", "--wait", "--quiet"]).run().expect_code(1);
    let before = (env.rows(), env.host_pid());
    assert!(before.0.is_some_and(|rows| rows.tasks == 1) && before.1.is_some(), "{before:?}");
    check_rows(rows, |row| check(env, row));
    assert_eq!((env.rows(), env.host_pid()), before, "a refused command left something");
}

product_test! {
    fn names_that_name_nothing_leave_nothing(env) {
        leaves_nothing(env, names());
    }
}

product_test! {
    fn names_that_name_nothing_change_nothing(env) {
        changes_nothing(env, names());
    }
}

product_test! {
    fn content_that_does_not_fit_leaves_nothing(env) {
        leaves_nothing(env, content(env));
    }
}

product_test! {
    fn content_that_does_not_fit_changes_nothing(env) {
        changes_nothing(env, content(env));
    }
}

product_test! {
    fn a_command_line_that_cannot_be_read_leaves_nothing(env) {
        leaves_nothing(env, command_line());
    }
}

product_test! {
    fn an_id_that_fits_two_names_both(env) {
        env.config("[host]\nautostart = false\n");
        let submit = || {
            let told = env.modelscan(["task", "submit", "hello"]).run().expect_clean();
            told.stdout.trim().to_owned()
        };
        let (one, other) = (submit(), submit());
        let same = one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
        assert!(same > "task_".len() + 2, "{one} {other}");
        let rows = env.rows();
        for verb in [
            "task show", "task status", "task wait", "task result", "task cancel", "task resume",
            "event list --task", "message list --task",
        ] {
            let make = || env.modelscan([]).args(verb.split(' ')).args([&one[..same]]);
            refused(2, "ambiguous_id", make).says(&one[..same]).hints(&one).hints(&other);
        }
        assert_eq!(env.rows(), rows);
        // One digit more, and the short form of lists, name one.
        for name in [&one[..=same], &one[one.len() - 8..], &one] {
            let task = env.modelscan(["task", "status", name]).json();
            assert_eq!(task["id"], one.as_str());
        }
    }
}

/// A command without the rights that root has over every folder.
fn without_the_rights_of_root(env: &TestEnv, folder: &Path) -> Run {
    if std::fs::read_dir(folder).is_err() {
        return env.modelscan([]);
    }
    let setpriv = env.program(Path::new("/usr/bin/setpriv"));
    setpriv
        .args(["--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"])
        .args([support::product()])
}

product_test! {
    fn a_folder_that_may_not_be_read_is_refused(env) {
        let folder = env.project().join("closed");
        std::fs::create_dir(&folder).unwrap();
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o000)).unwrap();
        let make = || {
            let args = ["task", "submit", "--skill", "survey", "--cwd", folder.to_str().unwrap()];
            without_the_rights_of_root(env, &folder).args(args)
        };
        refused(2, "bad_input", make).says("closed").says("denied").hints("may read");
        assert_eq!(env.rows(), None);
        assert_eq!(env.host_pid(), None);
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).unwrap();
    }
}

product_test! {
    fn a_prompt_of_a_megabyte_is_fine(env) {
        for bytes in [1_000_000, BYTES_MAX] {
            let prompt = vec![b'a'; bytes];
            let submit = env.modelscan(["task", "submit", "-", "--set", "host.autostart=false"]).stdin(prompt);
            let id = submit.run().expect_clean().stdout.trim().to_owned();
            let task = env.modelscan(["task", "status", &id, "--set", "host.autostart=false"]).json();
            assert_eq!((&task["prompt_bytes"], &task["state"]), (&bytes.into(), &"ready".into()));
        }
    }
}
