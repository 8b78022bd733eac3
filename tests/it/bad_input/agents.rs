//! Agents that cannot be used: no program, gone at once, garbage, silence. Each task ends with a reason that says it.

use serde_json::Value;
use support::{TestEnv, check_rows, expect_shape, product_test};

/// An agent's command, the reason of its task, and what the error says.
struct Row {
    name: &'static str,
    command: &'static str,
    args: &'static [&'static str],
    reason: &'static str,
    says: &'static [&'static str],
}

#[rustfmt::skip]
const ROWS: [Row; 9] = [
    Row { name: "missing", command: "no-such-program", args: &[], reason: "not_configured", says: &["no-such-program"] },
    Row { name: "nowhere", command: "/nowhere/at/all", args: &[], reason: "not_configured", says: &["/nowhere/at/all"] },
    Row { name: "folder", command: "/usr/bin", args: &[], reason: "not_configured", says: &["/usr/bin"] },
    Row { name: "unfit", command: "/etc/passwd", args: &[], reason: "not_configured", says: &["/etc/passwd"] },
    Row { name: "gone", command: "sh", args: &["-c", "echo no licence found >&2; exit 3"], reason: "agent_error", says: &["3"] },
    Row { name: "killed", command: "sh", args: &["-c", "kill -9 $$"], reason: "agent_error", says: &["9"] },
    Row { name: "well", command: "true", args: &[], reason: "agent_error", says: &["0"] },
    Row { name: "garbage", command: "sh", args: &["-c", "while :; do echo '<html>404 not found'; read line || exit; done"], reason: "protocol_error", says: &["initialize"] },
    Row { name: "silent", command: "sleep", args: &["1000"], reason: "protocol_error", says: &["initialize"] },
];

fn configure(env: &TestEnv) {
    let tables: Vec<String> = ROWS
        .iter()
        .map(|row| {
            format!(
                "[agents.{}]\ncommand = {}\nargs = {}\nstart_timeout = \"1s\"\n",
                row.name,
                Value::from(row.command),
                Value::from(row.args)
            )
        })
        .collect();
    env.config(&format!("{}[defaults]\nretries = {{ max = 0 }}\n", tables.concat()));
}

#[track_caller]
fn check(env: &TestEnv, row: &Row) {
    let submit =
        env.modelscan(["task", "submit", "hello", "--agent", row.name, "--wait"]).run().expect_code(1);
    let id = submit.stdout.trim();
    assert!(submit.stderr.contains(&format!("failed ({})", row.reason)), "{}: {}", row.name, submit.stderr);
    assert!(!submit.stderr.contains("panicked"), "{}", submit.stderr);
    let outcome = env.modelscan(["task", "wait", id, "--json"]).run().expect_code(1);
    assert_eq!(outcome.stderr, "", "{}", row.name);
    let view = outcome.json();
    expect_shape("task_wait", &view);
    let task = &view["tasks"][0];
    assert_eq!(
        (&task["state"], &task["reason"]),
        (&"failed".into(), &row.reason.into()),
        "{}: {task:#}",
        row.name
    );
    let error = task["error"].to_string();
    for words in row.says {
        assert!(error.contains(words), "{}: `{words}` is not said: {error}", row.name);
    }
    assert!(submit.stderr.contains("error: "), "{}: {}", row.name, submit.stderr);
    let result = env.modelscan(["task", "result", id]).run().expect_code(1);
    assert!(result.stderr.contains(row.reason), "{}: {}", row.name, result.stderr);
    // Nothing is half there: the attempt has ended, with its instance if there was one.
    let shown = env.modelscan(["task", "show", id]).json();
    expect_shape("task_show", &shown);
    let attempts = shown["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 1, "{}: {attempts:#?}", row.name);
    assert_eq!(attempts[0]["outcome"], "failed", "{}: {attempts:#?}", row.name);
    assert!(attempts[0]["ended_at"].is_string(), "{}: {attempts:#?}", row.name);
}

product_test! {
    fn a_task_of_such_an_agent_fails_with_words(env) {
        configure(env);
        check_rows(&ROWS, |row| check(env, row));
        let status = env.modelscan(["host", "status"]).json();
        assert_eq!((&status["instances"], &status["tasks"]["running"]), (&0.into(), &0.into()), "{status:#}");
        let gone = env.modelscan(["task", "list", "--agent", "gone"]).json();
        let error = &gone["items"][0]["error"];
        assert!(error.to_string().contains("no licence found"), "the last words on stderr: {error:#}");
    }
}
