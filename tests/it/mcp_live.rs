//! Rows of the hostile table of `modelscan mcp` that need a task that runs: many calls at once, cancelled
//! calls, progress, and the end of input or output while a call waits.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};
use support::{Running, TestEnv, product, product_test};

/// Opens a connection of a client of 2025-06-18.
fn open(env: &TestEnv) -> Running {
    let mut pump = env.modelscan(["mcp"]).spawn();
    pump.line(initialize());
    assert_eq!(pump.next_json()["id"], "init");
    pump.line(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
    pump
}

fn initialize() -> String {
    json!({"jsonrpc": "2.0", "id": "init", "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "it", "version": "1"}
    }})
    .to_string()
}

fn call(id: u64, tool: &str, arguments: &Value, meta: &Value) -> String {
    let params = json!({"name": tool, "arguments": arguments, "_meta": meta});
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params}).to_string()
}

fn ping(id: u64) -> String {
    json!({"jsonrpc": "2.0", "id": id, "method": "ping"}).to_string()
}

/// A task of steps that each wait until its gate is opened.
fn gated(env: &TestEnv, gates: &[&str]) -> String {
    for gate in gates {
        env.program(Path::new("/usr/bin/mkfifo")).args([env.project().join(gate)]).run().expect_clean();
    }
    let steps: Vec<Value> = gates
        .iter()
        .map(|gate| json!({"id": gate, "tool": "bash", "arguments": {"command": format!("read line <{gate}")}}))
        .collect();
    env.skill(
        "gated",
        &json!({
            "plan": 1, "description": "Waits at gates", "effects": "write", "steps": steps,
            "result": {"done": true}, "result_schema": {"type": "object"},
        }),
    );
    env.submit("gated", &[])
}

/// Opens a gate; returns when its step has come to it.
fn open_gate(env: &TestEnv, gate: &str) {
    std::fs::write(env.project().join(gate), "go\n").unwrap();
}

product_test! {
    fn ten_thousand_calls_at_once_are_all_answered(env) {
        let mut pump = open(env);
        let calls: String = (0..10_000)
            .map(|id| match id % 10 {
                0 => call(id, "agent_list", &json!({}), &json!({})) + "\n",
                _ => ping(id) + "\n",
            })
            .collect();
        pump.write(calls);
        let mut answers = BTreeMap::new();
        while answers.len() < 10_000 {
            let answer = pump.next_json();
            assert!(answer["error"].is_null(), "{answer}");
            let id = answer["id"].as_u64().unwrap();
            assert!(answers.insert(id, ()).is_none(), "{id} is answered twice");
        }
        pump.line(ping(10_000));
        assert_eq!(pump.next_json()["id"], 10_000);
        pump.wait().expect_code(0);
    }
}

product_test! {
    fn a_cancelled_wait_is_not_answered_and_its_id_is_free(env) {
        let task = gated(env, &["gate"]);
        let mut pump = open(env);
        pump.line(call(5, "task_wait", &json!({"ids": [task], "wait_ms": 50_000}), &json!({})));
        // The id is taken as long as the wait runs.
        pump.line(ping(5));
        let refused = pump.next_json();
        assert_eq!((&refused["id"], &refused["error"]["code"]), (&json!(5), &json!(-32600)), "{refused}");
        let cancelled = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 5}});
        pump.line(cancelled.to_string());
        pump.line(ping(5));
        let answer = pump.next_json();
        assert_eq!((&answer["id"], &answer["result"]), (&json!(5), &json!({})), "the ping's own answer: {answer}");
        pump.line(ping(6));
        assert_eq!(pump.next_json()["id"], 6, "nothing else is said of the wait");
        assert_eq!(env.status(&task)["state"], "running", "the task goes on");
        open_gate(env, "gate");
        env.wait_state(&task, "succeeded");
        pump.wait().expect_code(0);
    }
}

product_test! {
    fn progress_rises_and_comes_before_the_answer_to_one_call_of_a_token(env) {
        let task = gated(env, &["first", "second"]);
        let mut pump = open(env);
        let wait = json!({"ids": [task], "wait_ms": 50_000});
        pump.line(call(1, "task_wait", &wait, &json!({"progressToken": "t"})));
        pump.line(call(2, "task_wait", &wait, &json!({"progressToken": "t"})));
        open_gate(env, "first");
        let mut values = Vec::new();
        // The first step's end is told while the second one is blocked.
        while values.last().is_none_or(|last| *last <= 0.0) {
            let told = pump.next_json();
            assert_eq!(told["method"], "notifications/progress", "{told}");
            assert_eq!(told["params"]["progressToken"], "t");
            values.push(told["params"]["progress"].as_f64().unwrap());
        }
        open_gate(env, "second");
        let mut answered = Vec::new();
        while answered.len() < 2 {
            let told = pump.next_json();
            match told["id"].as_u64() {
                Some(id) => answered.push(id),
                None => {
                    assert!(!answered.contains(&1), "progress after the answer: {told}");
                    values.push(told["params"]["progress"].as_f64().unwrap());
                }
            }
        }
        answered.sort_unstable();
        assert_eq!(answered, [1, 2]);
        assert!(values.is_sorted_by(|earlier, later| earlier < later), "progress only rises, and once: {values:?}");
        pump.line(ping(3));
        assert_eq!(pump.next_json()["id"], 3);
        pump.wait().expect_code(0);
    }
}

product_test! {
    fn a_wait_answers_with_what_there_is_when_the_input_ends(env) {
        let task = gated(env, &["gate"]);
        let mut pump = open(env);
        pump.line(call(7, "task_wait", &json!({"ids": [task], "wait_ms": 50_000}), &json!({})));
        pump.close_stdin();
        let answer = pump.next_json();
        assert_eq!(answer["id"], 7);
        assert_eq!(answer["result"]["structuredContent"]["pending"], json!([task]), "{answer}");
        assert_eq!(pump.next_line(), None);
        pump.wait().expect_code(0);
        assert_eq!(env.status(&task)["state"], "running", "the task goes on");
        open_gate(env, "gate");
        env.wait_state(&task, "succeeded");
    }
}

product_test! {
    fn a_client_that_closes_its_side_of_the_output_ends_the_pump_well(env) {
        let script = format!("'{}' mcp | head -1; echo \"code ${{PIPESTATUS[0]}}\"", product().display());
        let lines = format!("{}\n{}\n{}\n", initialize(), ping(1), ping(2));
        let ran = env.program(Path::new("/bin/bash")).args(["-c", &script]).stdin(lines).run().expect_clean();
        let said: Vec<&str> = ran.stdout.lines().collect();
        assert_eq!(said.len(), 2, "{said:?}");
        // Whichever answer was ready first.
        let first: Value = serde_json::from_str(said[0]).unwrap();
        assert!([json!("init"), json!(1), json!(2)].contains(&first["id"]) && first["error"].is_null(), "{first}");
        assert_eq!(said[1], "code 0");
    }
}
