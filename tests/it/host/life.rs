//! Start, stop, status, the foreground, and the end after idle time.

use process::Identity;
use serde_json::Value;
use support::{TestEnv, expect_shape, product_test, until, until_some};

#[track_caller]
fn host(env: &TestEnv, verb: &str) -> Value {
    let view = env.modelscan(["host", verb]).json();
    expect_shape("host", &view);
    view
}

product_test! {
    fn it_is_started_once_and_stopped_once(env) {
        assert_eq!(host(env, "status")["state"], "stopped");
        let first = host(env, "start");
        assert_eq!((&first["state"], first["pid"].is_i64()), (&"running".into(), true), "{first:#}");
        assert_eq!(first["data_dir"], env.home().display().to_string());
        let again = env.modelscan(["host", "start"]).run().expect_code(0);
        assert_eq!(again.stderr, "a host runs already\n");
        assert_eq!(host(env, "status")["pid"], first["pid"]);
        let process = Identity::of(env.host_pid().unwrap()).unwrap();
        assert_eq!(env.modelscan(["host", "stop"]).run().expect_code(0).stderr, "stopped\n");
        assert!(!process.is_alive(), "it was told to have stopped");
        let stopped = host(env, "status");
        assert_eq!((&stopped["state"], &stopped["pid"]), (&"stopped".into(), &Value::Null), "{stopped:#}");
        assert_eq!(env.modelscan(["host", "stop"]).run().expect_code(0).stderr, "no host ran\n");
    }
}

product_test! {
    fn a_status_counts_what_there_is(env) {
        env.config("[host]\nmax_running = 1\n");
        env.bash_skill("slow", "touch runs; sleep 1000", &[]);
        let first = env.submit("slow", &["--recovery", "fail"]);
        until("the step to run", || env.project().join("runs").exists());
        env.submit("slow", &[]);
        let status = host(env, "status");
        assert_eq!((&status["tasks"]["running"], &status["tasks"]["ready"], &status["instances"]), (&1.into(), &1.into(), &1.into()), "{status:#}");
        // Told to end at once, it ends what runs; the next one says what became of it.
        env.modelscan(["host", "stop", "--now", "--quiet"]).run().expect_code(0);
        let task = env.wait_state(&first, "failed");
        assert_eq!(task["reason"], "lost", "{task:#}");
    }
}

product_test! {
    fn a_stop_waits_for_what_runs(env) {
        env.program(std::path::Path::new("/usr/bin/mkfifo")).args([env.project().join("gate")]).run().expect_clean();
        env.bash_skill("gated", "touch runs; read line <gate", &[]);
        let id = env.submit("gated", &[]);
        until("the step to run", || env.project().join("runs").exists());
        let stopping = env.modelscan(["host", "stop"]).spawn();
        // While it ends, it goes on with what it has.
        std::fs::write(env.project().join("gate"), "go\n").unwrap();
        stopping.wait().expect_code(0);
        assert_eq!(env.host_pid(), None);
        let task = env.status(&id);
        assert_eq!((&task["state"], &task["attempt"]), (&"succeeded".into(), &1.into()), "{task:#}");
        assert_eq!(env.host_pid(), None, "a finished task needs no host");
    }
}

product_test! {
    fn it_ends_by_itself_when_nobody_needs_it(env) {
        env.config("[host]\nidle_timeout = \"100ms\"\n");
        env.file("a.rs", "fn main() {}\n");
        let submit = env.modelscan(["task", "submit", "--skill", "survey", "--wait", "--quiet"]).run().expect_code(0);
        env.wait_no_host();
        let events = env.modelscan(["event", "list"]).json();
        let last = events["items"].as_array().unwrap().last().unwrap()["type"].clone();
        assert_eq!(last, "host.stopped", "it ended in good order");
        // The next work starts the next one.
        assert_eq!(env.status(submit.stdout.trim())["state"], "succeeded");
        env.modelscan(["task", "submit", "--skill", "survey", "--wait", "--quiet"]).run().expect_code(0);
    }
}

product_test! {
    fn a_client_keeps_it_from_ending(env) {
        env.config("[host]\nidle_timeout = \"100ms\"\n");
        let mut pump = env.modelscan(["mcp"]).spawn();
        let hello = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{},\"clientInfo\":{\"name\":\"t\",\"version\":\"1\"}}}";
        pump.line(hello);
        assert_eq!(pump.next_json()["id"], 1);
        let pid = env.host_pid();
        assert!(pid.is_some());
        // Another client's whole visit passes; the first one is still served by the same host.
        env.file("a.rs", "fn main() {}\n");
        env.modelscan(["task", "submit", "--skill", "survey", "--wait", "--quiet"]).run().expect_code(0);
        assert_eq!(env.host_pid(), pid);
        pump.wait().expect_code(0);
        env.wait_no_host();
    }
}

product_test! {
    fn in_the_foreground_it_is_the_command_itself(env) {
        let running = env.modelscan(["host", "run"]).spawn();
        let status = until_some("the host to answer", || Some(host(env, "status")).filter(|view| view["state"] == "running"));
        assert_eq!(status["pid"], running.pid());
        support::refused(8, "host_unreachable", || env.modelscan(["host", "run"]));
        env.file("a.rs", "fn main() {}\n");
        env.modelscan(["task", "submit", "--skill", "survey", "--wait", "--quiet"]).run().expect_code(0);
        let process = Identity::of(running.pid()).unwrap();
        process.signal(process::Signal::Interrupt).unwrap();
        let outcome = running.wait();
        assert!(matches!(outcome.code, Some(0 | 130)), "{outcome:?}");
        assert_eq!(env.host_pid(), None);
    }
}

product_test! {
    fn what_it_keeps_is_its_owners_alone(env) {
        use std::os::unix::fs::PermissionsExt as _;
        env.file("a.rs", "fn main() {}\n");
        env.modelscan(["task", "submit", "--skill", "survey", "--wait", "--quiet"]).run().expect_code(0);
        let mut open = vec![env.home().join("logs"), env.home().join("outputs")];
        open.extend(std::fs::read_dir(env.home()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| !path.is_dir()));
        for path in open {
            let Ok(data) = std::fs::symlink_metadata(&path) else { continue };
            let mode = data.permissions().mode() & 0o777;
            assert_eq!(mode & 0o077, 0, "{}: {mode:o}", path.display());
        }
    }
}
