//! What an agent says that is not in the protocol, or unwelcome in it: it is recorded, and the turn goes on.

use serde_json::{Value, json};
use support::{TestEnv, hostile_table, product_test};

/// Configures an agent for each way.
fn configure(env: &TestEnv, modes: &[&str]) {
    let tables: String = modes.iter().map(|mode| hostile_table(mode, "")).collect();
    env.config(&format!("[host]\nmax_running = 32\n{tables}"));
}

/// Runs a turn of each and returns the tasks, in this order.
fn run(env: &TestEnv, modes: &[&str]) -> Vec<String> {
    configure(env, modes);
    let ids: Vec<String> = modes.iter().map(|mode| env.submit_to(mode, "do it", &[])).collect();
    let wait = env.modelscan(["task", "wait"]).args(&ids).run();
    assert!(matches!(wait.code, Some(0 | 1)), "{wait:?}");
    ids
}

fn noise(env: &TestEnv, id: &str) -> Vec<String> {
    let events = env.events_of(id, "protocol.noise");
    events.iter().map(|data| data["kind"].as_str().expect("a kind").to_owned()).collect()
}

#[track_caller]
fn text(env: &TestEnv, id: &str) -> String {
    env.result(id)["text"].as_str().expect("a text").to_owned()
}

product_test! {
    fn what_is_no_protocol_is_recorded_and_the_turn_goes_on(env) {
        let ids = run(env, &["banner", "garbage", "unknown-update", "unknown-request"]);
        let [banner, garbage, update, request] = &ids[..] else { panic!("{ids:?}") };
        assert_eq!(text(env, banner), "hello");
        assert_eq!(noise(env, banner), ["not_json"; 3]);
        let first = &env.events_of(banner, "protocol.noise")[0];
        assert_eq!(first["text"], "Welcome to \\u{1b}[1mHostile\\u{1b}[0m 1.0");

        assert_eq!(text(env, garbage), "hello");
        let kinds = noise(env, garbage);
        assert_eq!(kinds[..3], ["not_utf8", "not_json", "not_a_message"], "{kinds:?}");
        assert_eq!(kinds.last().map(String::as_str), Some("too_long"), "{kinds:?}");

        assert_eq!(text(env, update), "hello");
        assert_eq!(noise(env, update), ["unknown"]);
        assert_eq!(text(env, request), "-32601");
    }
}

product_test! {
    fn a_request_for_permission_is_rejected_and_recorded(env) {
        let ids = run(env, &["permission", "permission-allow"]);
        let [rejected, cancelled] = &ids[..] else { panic!("{ids:?}") };
        let answered = env.events_of(rejected, "permission.answered");
        assert_eq!(answered.len(), 1, "{answered:?}");
        assert_eq!(answered[0]["answer"], "rejected");
        assert_eq!(answered[0]["option"], "o2");
        assert_eq!(answered[0]["name"], "reject_once");
        assert_eq!(answered[0]["title"], "Removing everything");
        let said: Value = serde_json::from_str(&text(env, rejected)).expect("the answer");
        assert_eq!(said, json!({ "outcome": { "outcome": "selected", "optionId": "o2" } }));

        // Where every option allows, none is taken.
        let answered = env.events_of(cancelled, "permission.answered");
        assert_eq!(answered.len(), 1, "{answered:?}");
        assert_eq!(answered[0]["answer"], "cancelled");
        let said: Value = serde_json::from_str(&text(env, cancelled)).expect("the answer");
        assert_eq!(said, json!({ "outcome": { "outcome": "cancelled" } }));
    }
}

product_test! {
    fn a_result_is_taken_once_and_words_do_not_replace_it(env) {
        let ids = run(env, &["result", "result-twice", "result-foreign", "silent"]);
        let [once, twice, foreign, silent] = &ids[..] else { panic!("{ids:?}") };
        for id in [once, twice] {
            let result = env.modelscan(["task", "result", id]).json();
            assert_eq!(result["result"], json!({ "answer": 42 }), "{result:#}");
            assert_eq!(result["report"], "The answer is 42.");
            let messages = env.messages(Some(id));
            assert!(messages.iter().any(|message| message["content"].as_str().is_some_and(|content| content.contains("words beside it"))));
        }
        // A result for another session is none: the words count. Without either there is no result.
        assert_eq!(text(env, foreign), "words beside it");
        let task = env.status(silent);
        assert_eq!((&task["state"], &task["reason"]), (&json!("failed"), &json!("invalid_result")), "{task:#}");
        env.modelscan(["task", "wait", silent]).run().expect_code(1);
    }
}

product_test! {
    fn what_an_agent_did_is_told_with_its_side_effects(env) {
        let ids = run(env, &["plain", "tool-started", "write-tool"]);
        let [plain, started, write] = &ids[..] else { panic!("{ids:?}") };
        let calls = |id: &str| env.show(id)["tool_calls"].as_array().expect("calls").clone();
        let side_effects = |id: &str| calls(id).iter().map(|call| call["side_effects"] == true).collect::<Vec<_>>();
        assert_eq!(text(env, plain), "hello");
        assert_eq!(side_effects(plain), [false]);
        assert_eq!(calls(plain)[0]["status"], "completed");

        assert_eq!(text(env, started), "{}", "it may run");
        assert_eq!(side_effects(started), [true]);
        assert_eq!(env.events_of(started, "tool.started").len(), 1);

        assert_eq!(text(env, write), "written");
        assert_eq!(side_effects(write), [true]);
        let types: Vec<Value> = env.events(Some(write)).iter().map(|event| event["type"].clone()).collect();
        for kind in ["tool.started", "tool.ended", "task.succeeded", "attempt.ended"] {
            assert!(types.contains(&json!(kind)), "{kind}: {types:?}");
        }
    }
}

product_test! {
    fn two_hundred_thousand_bytes_on_stderr_block_nothing(env) {
        let ids = run(env, &["stderr-flood"]);
        assert_eq!(text(env, &ids[0]), "hello");
        let instance = env.last_attempt(&ids[0])["instance"].clone();
        let tail = instance["stderr_tail"].as_str().expect("the end of its stderr");
        assert!(tail.ends_with("line of an error"), "{tail:.200}");
        assert!(tail.len() < 80_000, "{}", tail.len());
        // All of it is in the log of the instance.
        let id = instance["id"].as_str().expect("an id");
        let log = env.home().join("logs/instances").join(format!("{id}.stderr"));
        let bytes = std::fs::metadata(&log).expect("a log of its stderr").len();
        assert_eq!(bytes, 2 * (190_001 + 600 * 17));
    }
}
