//! How agents end that do not end well: of themselves, by the host, by somebody else's hand.

use process::{Identity, Signal};
use serde_json::{Value, json};
use support::{TestEnv, agent_table, below, hostile_table, product_test, until, wait_gone};

/// Waits for the end of a task and returns its summary.
#[track_caller]
fn ended(env: &TestEnv, id: &str, code: i32) -> Value {
    env.modelscan(["task", "wait", id]).run().expect_code(code);
    env.status(id)
}

#[track_caller]
fn failed(env: &TestEnv, id: &str, reason: &str, message: &str) -> Value {
    let task = ended(env, id, 1);
    assert_eq!((&task["state"], &task["reason"]), (&json!("failed"), &json!(reason)), "{task:#}");
    let error = task["error"].clone();
    assert!(error["message"].as_str().is_some_and(|text| text.contains(message)), "{message}: {error:#}");
    assert!(error["hint"].is_string(), "{error:#}");
    error
}

/// Waits until the agent has its prompt and something of its words is on record.
#[track_caller]
fn is_talking(env: &TestEnv, id: &str) {
    until("the agent to talk", || !env.messages(Some(id)).is_empty());
}

#[track_caller]
fn identity(pid: &Value) -> Identity {
    let pid = pid.as_i64().and_then(|pid| i32::try_from(pid).ok()).expect("a pid");
    Identity::of(pid).unwrap_or_else(|| panic!("process {pid} is gone already"))
}

product_test! {
    fn what_it_died_of_is_told(env) {
        let broken = agent_table("absent", "/nowhere/agent".as_ref(), &[], "");
        let modes = ["exit-at-once", "exit-in-turn", "refuse-session", "wrong-version"];
        let tables: String = modes.iter().map(|mode| hostile_table(mode, "")).collect();
        env.config(&format!("[host]\nmax_running = 32\n{tables}{broken}"));
        let all = [&modes[..], &["absent"]].concat();
        let ids: Vec<String> = all.iter().map(|mode| env.submit_to(mode, "do it", &["--retries", "0"])).collect();
        let [at_once, in_turn, session, version, absent] = &ids[..] else { panic!("{ids:?}") };

        let error = failed(env, at_once, "agent_error", "exit code 3");
        assert_eq!((&error["exit_code"], &error["signal"]), (&json!(3), &Value::Null), "{error:#}");
        assert_eq!(error["stderr_tail"], "no licence found");
        let instance = &env.last_attempt(at_once)["instance"];
        assert_eq!(instance["exit_code"], 3, "{instance:#}");
        assert_eq!(instance["stderr_tail"], "no licence found");
        assert_eq!((&instance["proven"], &instance["killed"]), (&json!(true), &json!([])), "{instance:#}");

        let error = failed(env, in_turn, "agent_error", "in the middle of the turn");
        assert_eq!((&error["exit_code"], &error["stderr_tail"]), (&json!(4), &json!("the bottom fell out")));

        failed(env, session, "not_configured", "log in first");
        failed(env, version, "protocol_error", "version 2");
        failed(env, absent, "not_configured", "/nowhere/agent");
    }
}

product_test! {
    fn one_that_never_answers_has_its_time(env) {
        env.config(&hostile_table("never-initialize", "start_timeout = \"1500ms\""));
        let id = env.submit_to("never-initialize", "do it", &["--retries", "0"]);
        failed(env, &id, "protocol_error", "did not answer `initialize` within 1500 ms");
        let attempts = env.show(&id)["attempts"].clone();
        assert_eq!(attempts.as_array().map(Vec::len), Some(1));
        assert_eq!(attempts[0]["instance"]["proven"], true);
    }
}

product_test! {
    fn a_protocol_error_is_tried_again_as_often_as_is_wanted(env) {
        env.config(&format!(
            "[defaults]\nretries = {{ max = 2, backoff = \"10ms\" }}\n{}",
            hostile_table("wrong-version", "")
        ));
        let id = env.submit_to("wrong-version", "do it", &[]);
        failed(env, &id, "protocol_error", "version 2");
        let attempts = env.show(&id)["attempts"].clone();
        assert_eq!(attempts.as_array().map(Vec::len), Some(3));
        assert_eq!(env.events_of(&id, "task.retrying").len(), 2);
    }
}

product_test! {
    fn a_cancel_in_mid_stream(env) {
        let modes = ["slow", "ignore-cancel", "result-late"];
        let tables: String = modes.iter().map(|mode| hostile_table(mode, "")).collect();
        env.config(&format!("[host]\nmax_running = 32\n{tables}"));
        let ids = modes.map(|mode| env.submit_to(mode, "do it", &[]));
        for id in &ids {
            is_talking(env, id);
        }
        let there = below(env.host_pid().expect("a host"));
        assert!(there.len() >= 6, "three guards and three agents: {there:?}");
        // Cancelled is cancelled, though it ends the command with the code of a cancelled task.
        let _ = env.modelscan(["task", "cancel", "--wait", "--why", "enough"]).args(&ids).run();
        for (mode, id) in modes.iter().zip(&ids) {
            let task = ended(env, id, 7);
            assert_eq!(task["state"], "cancelled", "{mode}: {task:#}");
            let shown = env.show(id);
            assert_eq!(shown["task"]["result"], Value::Null, "{mode}: a late result is ignored");
            let attempt = &shown["attempts"][0];
            assert_eq!(attempt["outcome"], "cancelled", "{mode}: {attempt:#}");
            assert_eq!(attempt["instance"]["proven"], true, "{mode}: {attempt:#}");
            assert_eq!(env.events_of(id, "task.cancelling")[0]["why"], "enough");
            assert_eq!(env.events_of(id, "task.cancelled").len(), 1);
        }
        assert!(!there.iter().any(Identity::is_alive), "{there:?}");
        // It left by itself, and this one did not.
        let instance = env.last_attempt(&ids[0])["instance"].clone();
        assert_eq!((&instance["signal"], &instance["killed"]), (&Value::Null, &json!([])), "{instance:#}");
        let instance = env.last_attempt(&ids[1])["instance"].clone();
        assert_eq!(instance["signal"], 9, "{instance:#}");
        assert_eq!(instance["killed"].as_array().map(Vec::len), Some(1), "{instance:#}");
    }
}

product_test! {
    fn one_that_is_killed_from_outside_fails_with_the_signal(env) {
        env.config(&hostile_table("slow", ""));
        let id = env.submit_to("slow", "do it", &[]);
        is_talking(env, &id);
        let attempt = env.last_attempt(&id);
        identity(&attempt["instance"]["pid"]).signal(Signal::Kill).expect("kill it");
        let error = failed(env, &id, "agent_error", "signal 9");
        assert_eq!((&error["signal"], &error["exit_code"]), (&json!(9), &Value::Null), "{error:#}");
        let instance = env.last_attempt(&id)["instance"].clone();
        assert_eq!((&instance["signal"], &instance["proven"]), (&json!(9), &json!(true)), "{instance:#}");
        assert!(instance["note"].as_str().is_some_and(|note| note.contains("killed from outside")), "{instance:#}");
    }
}

product_test! {
    fn when_its_guard_is_killed_the_host_ends_it_and_says_that_nothing_is_proven(env) {
        env.config(&hostile_table("ignore-cancel", ""));
        let id = env.submit_to("ignore-cancel", "do it", &[]);
        is_talking(env, &id);
        let instance = env.last_attempt(&id)["instance"].clone();
        let (guard, child) = (identity(&instance["guard_pid"]), identity(&instance["pid"]));
        guard.signal(Signal::Kill).expect("kill the guard");
        failed(env, &id, "agent_error", "");
        wait_gone("the agent", &[guard, child]);
        let instance = env.last_attempt(&id)["instance"].clone();
        assert_eq!(instance["proven"], false, "{instance:#}");
        assert!(instance["note"].as_str().is_some_and(|note| note.contains("guard was gone")), "{instance:#}");
        let killed = instance["killed"].as_array().expect("a list");
        assert!(killed.iter().any(|one| one.as_str().is_some_and(|one| one.starts_with(&format!("{} ", child.pid)))), "{instance:#}");
    }
}
