//! The hostile table of `modelscan mcp`, over the real program's stdio: the same rows that the crate's
//! own tests drive in memory.

#[path = "../../src/mcp/tests/hostile/rows.rs"]
#[allow(dead_code, reason = "shared with the tests of the crate, which use more of it")]
mod rows;

use support::{TestEnv, nested};

use rows::{Case, Expect, Open, done};

/// Sends a case to a pump of its own and compares all that comes back.
fn run(env: &TestEnv, case: &Case, running: &str) -> Result<(), String> {
    let mut pump = env.modelscan(["mcp"]).spawn();
    if let Open::With(version) = case.open {
        pump.line(rows::initialize("\"init\"", version));
        pump.line(rows::notify("notifications/initialized", "{}"));
        let answer = pump.next_line().unwrap_or_default();
        if !answer.contains(version) {
            return Err(format!("initialize: {answer}"));
        }
    }
    match std::str::from_utf8(&case.send) {
        Ok(text) if text.len() < 1 << 20 => pump.write(text.replace(rows::RUNNING, running)),
        _ => pump.write(&case.send),
    }
    let mut missing: Vec<Expect> = case.expect.clone();
    let mut strays = Vec::new();
    // Each probe is answered, so the connection lives; what else comes is the case's.
    for probe in ["\"probe 1\"", "\"probe 2\""] {
        pump.line(rows::stateless_call(probe));
        let mut lives = false;
        while !lives || !missing.is_empty() {
            let Some(message) = pump.next_line() else {
                return Err(format!("closed; {} answers are missing; strays: {strays:.300?}", missing.len()));
            };
            if done(probe).mismatch(&message).is_none() {
                lives = true;
                continue;
            }
            match missing.iter().position(|expect| expect.mismatch(&message).is_none()) {
                Some(at) => drop(missing.remove(at)),
                None => strays.push(message),
            }
            if !strays.is_empty() {
                let why = missing.first().and_then(|expect| expect.mismatch(&strays[0]));
                return Err(format!("{why:?}; strays: {strays:.300?}"));
            }
        }
    }
    pump.close_stdin();
    while let Some(message) = pump.next_line() {
        strays.push(message);
    }
    let outcome = pump.wait();
    outcome.expect_code(0);
    if strays.is_empty() { Ok(()) } else { Err(format!("strays: {strays:.300?}")) }
}

#[test]
fn every_row_gets_its_answer_and_the_connection_lives() {
    nested(concat!(module_path!(), "::every_row_gets_its_answer_and_the_connection_lives"), |env| {
        env.skill(
            "sleeps",
            &serde_json::json!({
                "plan": 1,
                "description": "Runs on",
                "effects": "write",
                "steps": [{ "id": "run", "tool": "bash", "arguments": { "command": "sleep 1000" } }],
                "result": { "code": 0 },
                "result_schema": { "type": "object" },
            }),
        );
        let running = env.submit("sleeps", &[]);
        let mut wrong = Vec::new();
        for case in &rows::cases() {
            if let Err(why) = run(env, case, &running) {
                wrong.push(format!("row {} ({:.80}): {why}", case.row, case.name));
            }
        }
        env.modelscan(["task", "cancel", &running]).run().expect_code(0);
        assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
    });
}

#[test]
fn the_end_of_input_is_a_good_end() {
    nested(concat!(module_path!(), "::the_end_of_input_is_a_good_end"), |env| {
        // At once, with nothing said and no host started.
        let mut pump = env.modelscan(["mcp"]).spawn();
        pump.close_stdin();
        assert_eq!(pump.next_line(), None);
        pump.wait().expect_code(0);

        // In the middle of a line, which does not run.
        let mut pump = env.modelscan(["mcp"]).spawn();
        pump.write(rows::stateless_call("1"));
        pump.close_stdin();
        let answer = pump.next_line().unwrap_or_default();
        assert_eq!(rows::anonymous(-32700, &["line feed"]).mismatch(&answer), None, "{answer}");
        assert_eq!(pump.next_line(), None);
        pump.wait().expect_code(0);

        // With an endless line.
        let mut pump = env.modelscan(["mcp"]).spawn();
        pump.write(vec![b'x'; 17 << 20]);
        pump.close_stdin();
        let answer = pump.next_line().unwrap_or_default();
        assert_eq!(rows::anonymous(-32600, &["16777216"]).mismatch(&answer), None, "{answer}");
        assert_eq!(pump.next_line(), None);
        pump.wait().expect_code(0);
    });
}
