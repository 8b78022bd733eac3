//! Exit codes: what a wait says of how a task ended.

use serde_json::json;
use support::{TestEnv, expect_shape, product_test, until};

/// Submits with `--wait` and checks code, state and reason.
#[track_caller]
fn ends(env: &TestEnv, args: &[&str], code: i32, state: &str, reason: Option<&str>) -> String {
    let submit = env.modelscan(["task", "submit", "--wait", "--json"]).args(args).run().expect_code(code);
    let task = submit.json();
    expect_shape("task_summary", &task);
    assert_eq!((task["state"].as_str(), task["reason"].as_str()), (Some(state), reason), "{task:#}");
    let id = task["id"].as_str().unwrap().to_owned();
    // Whoever asks later is told the same.
    env.modelscan(["task", "wait", &id, "--quiet"]).run().expect_code(code);
    env.modelscan(["task", "result", &id, "--quiet"]).run().expect_code(code);
    id
}

product_test! {
    fn every_ending_has_its_code(env) {
        env.bash_skill("well", "true", &[]);
        env.bash_skill("slow", "touch runs; sleep 1000", &[]);
        env.skill("many", &json!({
            "plan": 1, "description": "Too many calls", "effects": "read", "limits": { "steps": 1 },
            "steps": [{ "id": "each", "foreach": "{{ range(3) }}", "as": "n", "tool": "ls", "arguments": {} }],
            "result": {}, "result_schema": { "type": "object" },
        }));
        let well = ends(env, &["--skill", "well"], 0, "succeeded", None);
        let words = ends(env, &["words alone"], 1, "failed", Some("not_configured"));
        ends(env, &["--skill", "slow", "--timeout", "500ms"], 3, "failed", Some("timed_out"));
        let many = ends(env, &["--skill", "many"], 6, "failed", Some("limit_reached"));
        // A wait that ends before the task, and a cancel.
        std::fs::remove_file(env.project().join("runs")).ok();
        let waited = env.modelscan(["task", "submit", "--skill", "slow", "--wait", "--wait-limit", "200ms", "--json"]);
        let task = waited.run().expect_code(124).json();
        expect_shape("task_summary", &task);
        let slow = task["id"].as_str().unwrap();
        env.modelscan(["task", "wait", slow, "--wait-limit", "1ms", "--quiet"]).run().expect_code(124);
        env.modelscan(["task", "result", slow, "--quiet"]).run().expect_code(124);
        let cancelled = env.modelscan(["task", "cancel", slow, "--wait", "--json"]).run().expect_code(0).json();
        assert_eq!(cancelled["items"][0]["state"], "cancelled", "{cancelled:#}");
        env.modelscan(["task", "wait", slow, "--quiet"]).run().expect_code(7);
        env.modelscan(["task", "result", slow, "--quiet"]).run().expect_code(7);
        // Of several the first that is not 0, in the order asked.
        for (ids, code) in [([&well, &well], 0), ([&well, &many], 6), ([&many, &words], 6), ([&words, &many], 1)] {
            env.modelscan(["task", "wait", "--quiet"]).args(ids).run().expect_code(code);
        }
        let view = env.modelscan(["task", "wait", &well, slow, "--any", "--json"]).run().expect_code(7).json();
        expect_shape("task_wait", &view);
    }
}

product_test! {
    fn a_paused_task_has_its_code(env) {
        env.bash_skill("slow", "touch runs; sleep 1000", &[]);
        let id = env.submit("slow", &["--recovery", "ask"]);
        until("the step to run", || env.project().join("runs").exists());
        env.kill_host();
        let outcome = env.modelscan(["task", "wait", &id, "--json"]).run().expect_code(10);
        let task = &outcome.json()["tasks"][0];
        assert_eq!((&task["state"], &task["question"]["kind"]), (&"paused".into(), &"recovery".into()), "{task:#}");
        env.modelscan(["task", "result", &id, "--quiet"]).run().expect_code(10);
        env.modelscan(["task", "cancel", &id]).run().expect_code(0);
        env.modelscan(["task", "wait", &id, "--quiet"]).run().expect_code(7);
    }
}

product_test! {
    fn an_interrupted_wait_is_told_and_the_task_goes_on(env) {
        env.bash_skill("slow", "touch runs; sleep 1000", &[]);
        let id = env.submit("slow", &[]);
        until("the step to run", || env.project().join("runs").exists());
        for command in [vec!["task", "wait", &id], vec!["event", "list", "--follow", "--task", &id]] {
            let waiting = env.modelscan([]).args(&command).spawn();
            let process = process::Identity::of(waiting.pid()).unwrap();
            // It listens once it has the signal caught: bit 1 of its mask, for number 2.
            let catches = || {
                let status = std::fs::read_to_string(format!("/proc/{}/status", process.pid)).unwrap_or_default();
                let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or("0").trim();
                u64::from_str_radix(mask, 16).is_ok_and(|mask| mask & 2 != 0)
            };
            until("the command to listen", catches);
            process.signal(process::Signal::Interrupt).unwrap();
            let outcome = waiting.wait();
            let expected = if command[0] == "task" { 130 } else { 0 };
            assert_eq!(outcome.code, Some(expected), "{command:?}: {}", outcome.stderr);
            assert_eq!(env.status(&id)["state"], "running");
        }
    }
}
