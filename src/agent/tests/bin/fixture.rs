//! The program that the tests drive: a guard, and agents of every temper.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a fixture that cannot go on fails its test loudly"
)]

use serde_json::{Value, json};
use std::io::{BufRead as _, Write as _};
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().collect();
    if process::guard::requested(args.iter().cloned()) {
        return process::guard::run();
    }
    let mode = args.get(1).expect("a mode").to_string_lossy().into_owned();
    match mode.as_str() {
        "exit" => {
            eprintln!("no licence found");
            return ExitCode::from(3);
        }
        "hold" => hold(),
        _ => {}
    }
    let mut prompt = Value::Null;
    for line in std::io::stdin().lock().lines() {
        let message: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let answer = |result: Value| send(&json!({"jsonrpc": "2.0", "id": message["id"], "result": result}));
        match message["method"].as_str().unwrap_or_default() {
            "initialize" => answer(json!({"protocolVersion": 1})),
            "session/new" if mode == "leave" => return ExitCode::from(4),
            "session/new" => answer(json!({"sessionId": "s", "cwd": message["params"]["cwd"]})),
            "session/prompt" => match mode.as_str() {
                "deaf" => say("deaf"),
                "polite" => {
                    prompt = message["id"].clone();
                    say("working");
                }
                "show" => {
                    say(&shown());
                    answer(json!({"stopReason": "end_turn"}));
                }
                "stays" => {
                    answer(json!({"stopReason": "end_turn"}));
                    hold();
                }
                "breaks" => {
                    eprintln!("the bottom fell out");
                    return ExitCode::from(5);
                }
                other => panic!("unknown mode {other}"),
            },
            "session/cancel" if mode == "polite" => {
                send(&json!({"jsonrpc": "2.0", "id": prompt, "result": {"stopReason": "cancelled"}}));
            }
            _ => {}
        }
    }
    if mode == "deaf" {
        hold();
    }
    ExitCode::SUCCESS
}

/// Where and how this process runs.
fn shown() -> String {
    #[expect(clippy::disallowed_methods, reason = "the fixture shows the environment that it was given")]
    let env: serde_json::Map<String, Value> =
        std::env::vars().map(|(name, value)| (name, Value::String(value))).collect();
    json!({"cwd": std::env::current_dir().unwrap(), "env": env}).to_string()
}

fn say(text: &str) {
    let update = json!({"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": text}});
    let params = json!({"sessionId": "s", "update": update});
    send(&json!({"jsonrpc": "2.0", "method": "session/update", "params": params}));
}

fn send(message: &Value) {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{message}").unwrap();
    stdout.flush().unwrap();
}

fn hold() -> ! {
    loop {
        std::thread::park();
    }
}
