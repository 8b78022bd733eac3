//! Standard streams that are closed, full, or left by their reader.

use std::path::Path;

use support::{Outcome, TestEnv, product, product_test};

/// Runs a script of the shell, in which `"$M"` is the product.
#[track_caller]
fn shell(env: &TestEnv, script: &str) -> Outcome {
    env.program(Path::new("/bin/sh")).args(["-c", script]).env("M", product()).run()
}

/// Commands that read, and have something to say.
const COMMANDS: [&str; 9] = [
    "--help",
    "version",
    "task list --all",
    "task list --all --json",
    "task show @last",
    "event list",
    "event list --json",
    "message list",
    "event list --follow --task @last --json",
];

fn with_a_task(env: &TestEnv) {
    env.modelscan(["task", "submit", "hello", "--wait", "--quiet"]).run().expect_code(1);
    env.modelscan(["host", "stop"]).run().expect_code(0);
}

product_test! {
    fn a_reader_who_takes_one_line_is_no_error(env) {
        with_a_task(env);
        for command in COMMANDS {
            let script = format!("{{ \"$M\" {command}; echo code $? >&2; }} | head -1");
            let outcome = shell(env, &script).expect_code(0);
            assert_eq!((outcome.stderr.as_str(), outcome.stdout.lines().count()), ("code 0\n", 1), "{command}");
        }
    }
}

product_test! {
    fn a_reader_who_has_left_is_no_error(env) {
        with_a_task(env);
        env.program(Path::new("/usr/bin/mkfifo")).args([env.project().join("left")]).run().expect_clean();
        for command in COMMANDS {
            // The command begins when the reader has closed the pipe.
            let script = format!(
                "{{ read gone <left; \"$M\" {command}; echo code $? >&2; }} | {{ exec </dev/null; echo gone >left; }}"
            );
            let outcome = shell(env, &script).expect_code(0);
            assert_eq!(outcome.stderr, "code 0\n", "{command}");
        }
    }
}

product_test! {
    fn a_full_disk_behind_stdout_is_told(env) {
        with_a_task(env);
        for command in ["version", "task list --all", "event list --json"] {
            let outcome = shell(env, &format!("\"$M\" {command} >/dev/full")).expect_code(2);
            if !command.contains("--json") {
                assert!(outcome.stderr.starts_with("error: write to stdout: "), "{}", outcome.stderr);
                assert!(outcome.stderr.contains("\nhint: "), "{}", outcome.stderr);
            }
        }
    }
}

product_test! {
    fn closed_streams_end_nothing_badly(env) {
        with_a_task(env);
        let rows = env.rows();
        for (command, code) in [
            ("task list --all <&-", 0),
            ("task list --all >&-", 0),
            ("task list --all <&- >&- 2>&-", 0),
            ("version 2>&-", 0),
            ("task show ffffffff 2>&-", 4),
            ("mcp <&-", 0),
            ("nexora <&-", 0),
            ("task submit - <&-", 2),
            ("task submit --skill survey --input - <&-", 2),
            ("host status <&- 2>&-", 0),
        ] {
            let outcome = shell(env, &format!("\"$M\" {command}")).expect_code(code);
            assert!(!outcome.stderr.contains("panicked"), "{command}: {}", outcome.stderr);
        }
        assert_eq!(env.rows(), rows);
    }
}

product_test! {
    fn a_host_that_is_started_from_closed_streams_works(env) {
        let outcome = shell(env, "\"$M\" task submit --skill survey --wait --quiet <&- >out 2>&-").expect_code(0);
        assert_eq!(outcome.stderr, "");
        let id = std::fs::read_to_string(env.project().join("out")).unwrap();
        let task = env.modelscan(["task", "status", id.trim()]).json();
        assert_eq!(task["state"], "succeeded");
    }
}
