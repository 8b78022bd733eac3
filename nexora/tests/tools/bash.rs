use std::fs::File;
use std::path::Path;
use std::time::Duration;

use nexora::tools::ToolError;
use serde_json::{Value, json};
use tokio::net::unix::pipe;

use crate::support::{Bench, PATIENCE, fifo};

/// Ways to get away from a script. Each runs `$body`, which ignores what can be ignored, says that it
/// runs and stays.
const ESCAPES: [(&str, &str); 9] = [
    ("background", r#"bash -c "$body" &"#),
    ("nohup", r#"nohup bash -c "$body" >/dev/null 2>&1 &"#),
    ("double fork", r#"( ( bash -c "$body" ) & )"#),
    ("session", r#"setsid bash -c "$body" &"#),
    ("session, double fork, no streams", r#"( setsid bash -c "$body" <&- >&- 2>&- & )"#),
    ("no environment", r#"env -i /bin/bash -c "$body" &"#),
    ("no environment, session", r#"( env -i /usr/bin/setsid /bin/bash -c "$body" & )"#),
    ("holds the output", r#"bash -c "$body" & disown"#),
    ("stopped", r#"setsid bash -c "$stopped" &"#),
];

/// What comes before the escape: descriptor 9 holds the lock in every process from here on, 7 is
/// where each says that it runs.
const BEGIN: &str = r#"
exec 9>>lock; flock 9 || exit 99
mkfifo ready; exec 7<>ready
body='trap "" TERM HUP INT QUIT; echo >&7; exec sleep 1000'
stopped='trap "" TERM HUP INT QUIT; echo >&7; kill -STOP $$; exec sleep 1000'
"#;

/// Nothing of a call is left: the lock that every process of it held is free.
#[track_caller]
fn assert_gone(folder: &Path, what: &str) {
    let lock = File::options().append(true).create(true).open(folder.join("lock")).unwrap();
    assert!(lock.try_lock().is_ok(), "{what}: something still holds the lock");
}

async fn run(bench: &Bench, command: &str) -> Value {
    bench.output("bash", json!({ "command": command, "timeout_ms": 60_000 })).await
}

#[tokio::test]
async fn a_script_gives_its_streams_and_its_exit_code() {
    let bench = Bench::new().with_children();
    let output = run(&bench, "echo out; echo err >&2; pwd; cat; exit 3").await;
    assert_eq!(output["stdout"], format!("out\n{}\n", bench.path().display()));
    assert_eq!((&output["stderr"], &output["exit_code"]), (&json!("err\n"), &json!(3)));
    assert_eq!(
        (&output["timed_out"], &output["truncated"], &output["killed"]),
        (&json!(false), &json!(false), &json!(0))
    );
    assert_eq!(output["proven"], true);
    let failed = bench.call("bash", json!({ "command": "false" })).await.unwrap();
    assert!(failed.is_error);
    let good = bench.call("bash", json!({ "command": "true" })).await.unwrap();
    assert!(!good.is_error);
    let signal = run(&bench, "kill -KILL $$").await;
    assert_eq!((&signal["exit_code"], &signal["signal"]), (&Value::Null, &json!(9)));
}

#[tokio::test]
async fn values_reach_a_script_through_its_environment_and_nowhere_else() {
    let mut bench = Bench::new().with_children();
    bench.context.env.insert("FROM_TASK".to_owned(), "task".to_owned());
    bench.context.env.insert("BOTH".to_owned(), "task".to_owned());
    let value = "$(touch made) `id` \"';\n rm -rf / ü";
    let command = r#"printf '%s|%s|%s|%s' "$VALUE" "$FROM_TASK" "$BOTH" "${HOME-no home}""#;
    let arguments = json!({ "command": command, "env": { "VALUE": value, "BOTH": "step" } });
    let output = bench.output("bash", arguments).await;
    assert_eq!(output["stdout"], format!("{value}|task|step|no home"));
    assert!(!bench.path().join("made").exists());
    for (arguments, place) in [
        (json!({ "command": "true", "env": { "A=B": "x" } }), "/env"),
        (json!({ "command": "true", "env": { "A": 1 } }), "/env/A"),
        (json!({ "command": "true", "env": { "A": "\u{0}" } }), "/env/A"),
        (json!({ "command": "" }), "/command"),
        (json!({ "command": "true", "timeout_ms": 0 }), "/timeout_ms"),
    ] {
        let (path, message) = bench.refusal("bash", arguments.clone()).await;
        assert_eq!(path, place, "{arguments}: {message}");
    }
}

#[tokio::test]
async fn output_is_kept_up_to_its_cap_and_read_to_its_end() {
    let bench = Bench::new().with_children();
    let command = "head -c 3000000 /dev/zero | tr '\\0' x; echo end >&2";
    let output = bench.output("bash", json!({ "command": command, "output_bytes_max": 1000 })).await;
    assert_eq!((&output["stdout_bytes"], &output["truncated"]), (&json!(3_000_000), &json!(true)));
    assert_eq!(output["stdout"], "x".repeat(1000));
    assert_eq!((&output["stderr"], &output["exit_code"]), (&json!("end\n"), &json!(0)));
    let half = bench.output("bash", json!({ "command": "printf ooü", "output_bytes_max": 3 })).await;
    assert_eq!((&half["stdout"], &half["stdout_lossy"]), (&json!("oo"), &json!(false)));
    let odd = run(&bench, "printf 'caf\\351\\033[0m'").await;
    assert_eq!((&odd["stdout"], &odd["stdout_lossy"]), (&json!("caf\u{fffd}\u{1b}[0m"), &json!(true)));
}

#[tokio::test]
async fn nothing_is_left_of_a_script_that_has_ended() {
    for (what, escape) in ESCAPES {
        let bench = Bench::new().with_children();
        let output = run(&bench, &format!("{BEGIN}\n{escape}\nread -u 7; echo done; exit 5")).await;
        assert_gone(bench.path(), what);
        assert_eq!(
            (&output["stdout"], &output["exit_code"]),
            (&json!("done\n"), &json!(5)),
            "{what}: {output}"
        );
        assert!(output["killed"].as_u64().unwrap() > 0, "{what}: {output}");
        assert_eq!(output["proven"], true, "{what}");
    }
}

#[tokio::test]
async fn nothing_is_left_of_a_script_whose_time_is_up() {
    let bench = Bench::new().with_children();
    let escapes: String = ESCAPES.iter().map(|(_, escape)| format!("{escape}\n")).collect();
    let command = format!("trap '' TERM\n{BEGIN}\n{escapes}\nwhile :; do sleep 1000; done");
    let called = bench.call("bash", json!({ "command": command, "timeout_ms": 1000 })).await.unwrap();
    assert_gone(bench.path(), "time limit");
    assert!(called.is_error);
    assert_eq!(called.output["timed_out"], true);
    assert_eq!(called.output["proven"], true);
}

#[tokio::test]
async fn the_limit_of_the_step_is_an_error_and_leaves_nothing() {
    let mut bench = Bench::new().with_children();
    bench.context.time_limit = Some(Duration::from_millis(500));
    let command = format!("trap '' TERM\n{BEGIN}\nwhile :; do sleep 1000; done");
    let called = bench.call("bash", json!({ "command": command })).await;
    assert!(matches!(called, Err(ToolError::TimedOut { .. })), "{called:?}");
    assert_gone(bench.path(), "step limit");
}

#[tokio::test]
async fn nothing_is_left_of_a_cancelled_script() {
    let bench = Bench::new().with_children();
    fifo(&bench.path().join("up"));
    let mut up = pipe::OpenOptions::new().read_write(true).open_receiver(bench.path().join("up")).unwrap();
    let escapes: String = ESCAPES.iter().map(|(_, escape)| format!("{escape}\nread -u 7\n")).collect();
    let command = format!("trap '' TERM\n{BEGIN}\n{escapes}\necho >up\nwhile :; do sleep 1000; done");
    let cancel = async {
        let mut byte = [0];
        let read = tokio::io::AsyncReadExt::read_exact(&mut up, &mut byte);
        tokio::time::timeout(PATIENCE, read).await.expect("the script comes up").unwrap();
        bench.context.cancel.cancel();
    };
    let (called, ()) = tokio::join!(bench.call("bash", json!({ "command": command })), cancel);
    assert!(matches!(called, Err(ToolError::Cancelled)), "{called:?}");
    assert_gone(bench.path(), "cancel");
}

#[tokio::test]
async fn without_children_a_script_is_refused() {
    let bench = Bench::new();
    let called = bench.call("bash", json!({ "command": "true" })).await;
    assert!(matches!(called, Err(ToolError::NoProcesses { tool: "bash" })), "{called:?}");
    let bench = Bench::new().with_children();
    bench.context.cancel.cancel();
    let called = bench.call("bash", json!({ "command": "touch made" })).await;
    assert!(matches!(called, Err(ToolError::Cancelled)), "{called:?}");
    assert!(!bench.path().join("made").exists());
}

#[tokio::test]
async fn a_folder_that_is_gone_is_told() {
    let mut bench = Bench::new().with_children();
    bench.context.cwd = bench.path().join("gone");
    match bench.call("bash", json!({ "command": "true" })).await {
        Err(error @ ToolError::Process { .. }) => {
            let source = std::error::Error::source(&error).unwrap().to_string();
            assert!(source.contains("gone"), "{error}: {source}");
        }
        other => panic!("{other:?}"),
    }
}
