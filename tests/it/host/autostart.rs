//! Who starts a host: submitted work, and a reader that finds work in progress with nobody alive. Nobody else.

use serde_json::Value;
use support::{TestEnv, product_test, until};

const READS: [&str; 12] = [
    "",
    "task list",
    "task list --all",
    "task status @last",
    "task show @last",
    "task result @last",
    "event list",
    "message list",
    "agent list",
    "skill list",
    "host status",
    "version",
];

/// Reads; what there is to say of nothing, or of a failed task, has its code.
#[track_caller]
fn read(env: &TestEnv, line: &str) {
    let outcome = env.modelscan([]).args(line.split_whitespace()).run();
    assert!(matches!(outcome.code, Some(0 | 1 | 4 | 124)), "{line}: {outcome:?}");
}

product_test! {
    fn reading_starts_none(env) {
        for line in READS {
            read(env, line);
        }
        assert_eq!(env.rows(), None, "reading made a database");
        env.modelscan(["task", "submit", "hello", "--wait", "--quiet"]).run().expect_code(1);
        env.modelscan(["host", "stop", "--quiet"]).run().expect_code(0);
        for line in READS {
            read(env, line);
            assert_eq!(env.host_pid(), None, "`{line}` started a host");
        }
    }
}

product_test! {
    fn a_reader_that_finds_work_and_nobody_alive_starts_one(env) {
        for line in ["", "task list", "task status @last", "task show @last", "task wait @last"] {
            env.file("a.rs", "fn main() {}\n");
            let submit = env.modelscan(["task", "submit", "--skill", "survey", "--set", "host.autostart=false"]);
            let id = submit.run().expect_clean().stdout.trim().to_owned();
            assert_eq!(env.host_pid(), None);
            env.modelscan([]).args(line.split_whitespace()).run().expect_code(0);
            assert!(env.host_pid().is_some(), "`{line}` left the work to nobody");
            env.wait_state(&id, "succeeded");
            env.modelscan(["host", "stop", "--quiet"]).run().expect_code(0);
        }
    }
}

product_test! {
    fn where_none_may_start_it_is_written_without_one(env) {
        env.config("[host]\nautostart = false\n");
        let submit = || env.modelscan(["task", "submit", "hello"]).run().expect_clean().stdout.trim().to_owned();
        let (one, two) = (submit(), submit());
        for line in READS {
            read(env, line);
        }
        assert_eq!(env.status(&one)["state"], "ready");
        let cancelled = env.modelscan(["task", "cancel", &one, "--why", "no need"]).json();
        assert_eq!(cancelled["items"][0]["state"], "cancelled");
        assert_eq!(env.host_pid(), None, "none may start");
        support::refused(8, "host_unreachable", || env.modelscan(["task", "wait", &two])).hints("host start");
        // One that is started by hand works on what was left.
        env.modelscan(["host", "start", "--quiet"]).run().expect_code(0);
        env.modelscan(["task", "wait", &two, "--quiet"]).run().expect_code(1);
        assert_eq!(env.status(&one)["state"], "cancelled");
        let events = env.modelscan(["event", "list", "--task", &one]).json();
        let types: Vec<&str> = events["items"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect();
        assert_eq!(types, ["task.submitted", "task.cancelled"]);
    }
}

#[track_caller]
fn hosts(env: &TestEnv) -> Vec<Value> {
    let events = env.modelscan(["event", "list", "--limit", "1000"]).json();
    let items = events["items"].as_array().unwrap().iter();
    items.filter(|event| event["type"] == "host.started").cloned().collect()
}

product_test! {
    fn twenty_who_submit_at_once_start_one(env) {
        env.file("a.rs", "fn main() {}\n");
        let all: Vec<_> = (0..20).map(|_| env.modelscan(["task", "submit", "--skill", "survey"]).spawn()).collect();
        let ids: Vec<String> =
            all.into_iter().map(|submit| submit.wait().expect_clean().stdout.trim().to_owned()).collect();
        assert_eq!(hosts(env).len(), 1, "each host has an event");
        env.modelscan(["task", "wait", "--quiet"]).args(&ids).run().expect_code(0);
        assert_eq!(hosts(env).len(), 1);
    }
}

product_test! {
    fn a_dead_host_is_found_by_the_next_reader(env) {
        env.bash_skill("slow", "touch runs; sleep 1000", &[]);
        let id = env.submit("slow", &["--recovery", "fail"]);
        until("the step to run", || env.project().join("runs").exists());
        env.kill_host();
        // The first status may still say what the dead host left; it starts the next one, which knows better.
        let task = env.wait_state(&id, "failed");
        assert_eq!(task["reason"], "lost", "{task:#}");
        assert_eq!(hosts(env).len(), 2);
    }
}
