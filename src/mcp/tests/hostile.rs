//! Bad input and bad times, against a server over pipes in memory.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests say so when something is not as it should be"
)]

// Named as the other crates name it, so that the modules below can be used elsewhere.
extern crate modelscan_mcp as mcp;

#[path = "hostile/client.rs"]
mod client;
#[path = "hostile/fake.rs"]
mod fake;
#[path = "hostile/rows.rs"]
mod rows;

use client::{Client, PATIENCE};
use fake::Fake;
use mcp::limits::{CALLS_MAX, UNWRITTEN_BYTES_MAX};
use mcp::server::{Closed, Server};
use rows::{Case, Expect, Open, call, done, failed, fault, notify, request, wait};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::io::AsyncWriteExt;

const LEGACY: Open = Open::With("2025-06-18");

/// Sends a case and compares all that comes back.
async fn run(front: &Server<Fake>, case: &Case) -> Result<(), String> {
    let mut client = Client::open_at(front, case.open).await;
    let bytes: Vec<u8> = match std::str::from_utf8(&case.send) {
        Ok(text) if text.len() < 1 << 20 => text.replace(rows::RUNNING, "running").into_bytes(),
        _ => case.send.clone(),
    };
    client.send(&bytes).await;
    let mut missing: Vec<Expect> = case.expect.clone();
    let mut strays = Vec::new();
    let mut take = |missing: &mut Vec<Expect>, message: String| {
        let fits = missing.iter().position(|expect| expect.mismatch(&message).is_none());
        match fits {
            Some(at) => drop(missing.remove(at)),
            None => strays.push(message),
        }
    };
    for message in client.lives().await {
        take(&mut missing, message);
    }
    while !missing.is_empty() {
        let Some(message) = client.heard().await else { break };
        take(&mut missing, message);
    }
    for message in client.lives().await {
        take(&mut missing, message);
    }
    client.close();
    while let Some(message) = client.next().await {
        take(&mut missing, message);
    }
    if client.ended().await != Closed::Said {
        return Err("the connection did not end well".to_owned());
    }
    match (missing.first(), strays.first()) {
        (None, None) => Ok(()),
        (Some(expect), stray) => {
            let why = stray.and_then(|message| expect.mismatch(message));
            Err(format!("missing an answer with id {:?}: {why:?}; strays: {strays:.300?}", expect.id))
        }
        (None, Some(_)) => Err(format!("strays: {strays:.300?}")),
    }
}

#[tokio::test]
async fn every_row_gets_its_answer_and_the_connection_lives() {
    let cases = rows::cases();
    assert!(cases.len() > 150, "{} cases", cases.len());
    let front = Server::new(Arc::new(Fake::default())).unwrap();
    let mut wrong = Vec::new();
    for case in &cases {
        if let Err(why) = run(&front, case).await {
            wrong.push(format!("row {} ({:.80}): {why}", case.row, case.name));
        }
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}

fn status(id: &str, task: &str) -> String {
    request(id, "tools/call", &format!(r#"{{"name":"task_status","arguments":{{"id":"{task}"}}}}"#))
}

fn result_of(id: &str, bytes: usize) -> String {
    request(id, "tools/call", &format!(r#"{{"name":"task_result","arguments":{{"id":"bytes:{bytes}"}}}}"#))
}

fn cancel(id: &str) -> String {
    notify("notifications/cancelled", &format!(r#"{{"requestId":{id}}}"#))
}

fn assert_is(expect: &Expect, message: &str) {
    assert_eq!(expect.mismatch(message), None, "{message:.400}");
}

/// Lets every task of this thread run until none has anything left to do. Counts, and waits for
/// no clock: all of it happens in memory on one thread.
async fn settle(seen: &fake::Seen) {
    let mut quiet = 0;
    let mut last = seen.all();
    while quiet < 2_000 {
        tokio::task::yield_now().await;
        let now = seen.all();
        quiet = if now == last { quiet + 1 } else { 0 };
        last = now;
    }
}

#[tokio::test]
async fn a_long_line_without_an_end_is_refused_once() {
    let mut client = Client::open(Open::Not).await;
    client.send(&vec![b'x'; 17 << 20]).await;
    client.close();
    assert_is(&rows::anonymous(-32600, &["16777216"]), &client.hear().await);
    assert_eq!(client.next().await, None);
    assert_eq!(client.ended().await, Closed::Said);
}

#[tokio::test]
async fn a_cancelled_call_that_goes_on_is_dropped_and_its_id_is_free_at_once() {
    let mut client = Client::open(LEGACY).await;
    client.say(&status("5", "stubborn")).await;
    client.seen.until(|seen| seen.now() == 1).await;
    client.say(&cancel("5")).await;
    client.say(&status("5", "task_7")).await;
    let answer = client.hear_value().await;
    assert_eq!((&answer["id"], &answer["result"]["structuredContent"]["id"]), (&json!(5), &json!("task_7")));
    client.seen.until(|seen| seen.now() == 0).await;
    assert_eq!(client.lives().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_cancelled_wait_ends_at_once_and_is_not_answered() {
    let mut client = Client::open(LEGACY).await;
    client.say(&wait("\"a\"", 50_000)).await;
    client.seen.until(|seen| seen.now() == 1).await;
    client.say(&cancel("\"a\"")).await;
    client.seen.until(|seen| seen.now() == 0).await;
    assert_eq!(client.lives().await, Vec::<String>::new());
}

#[tokio::test]
async fn progress_rises_and_ends_with_the_answer() {
    for token in ["\"t\"", "7"] {
        let mut client = Client::open(LEGACY).await;
        let with = |id: &str, task: &str| {
            request(
                id,
                "tools/call",
                &format!(
                    r#"{{"name":"task_wait","arguments":{{"ids":["{task}"],"wait_ms":50000}},"_meta":{{"progressToken":{token}}}}}"#
                ),
            )
        };
        client.say(&with("1", "steps")).await;
        let mut told = Vec::new();
        let answer = loop {
            let message = client.hear_value().await;
            if message["method"] != "notifications/progress" {
                break message;
            }
            assert_eq!(message["params"]["progressToken"].to_string(), token);
            assert_eq!(message["params"]["total"], 4.0);
            told.push(message["params"]["progress"].as_f64().unwrap());
        };
        assert_eq!(answer["id"], 1);
        assert_eq!(told, [1.0, 2.0, 3.0, 4.0]);

        // The token is free again; while it is in use, a second call with it runs without.
        client.say(&with("2", "running")).await;
        client.say(&with("3", "steps")).await;
        assert_is(&done("3"), &client.hear().await);
        client.say(&cancel("2")).await;
        client.say(&with("4", "steps")).await;
        assert_eq!(client.hear_value().await["method"], "notifications/progress");
    }
}

#[tokio::test]
async fn ten_thousand_calls_at_once_are_all_answered_and_never_too_many_run() {
    const CALLS: usize = 10_000;
    let mut client = Client::open(LEGACY).await;
    let mut to = client.to.take().unwrap();
    let mut sending = tokio::task::JoinSet::new();
    sending.spawn(async move {
        for number in 0..CALLS {
            let line =
                if number % 2 == 0 { wait(&number.to_string(), 20) } else { call(&number.to_string()) };
            to.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        }
        to
    });
    let mut answered = vec![false; CALLS];
    for _ in 0..CALLS {
        let answer = client.hear_value().await;
        assert_eq!(answer["result"]["isError"], false);
        let number = usize::try_from(answer["id"].as_u64().unwrap()).unwrap();
        assert!(!std::mem::replace(&mut answered[number], true), "{number} was answered twice");
    }
    let most = client.seen.most.load(std::sync::atomic::Ordering::SeqCst);
    assert!(most <= CALLS_MAX, "{most} at once");
    client.to = Some(sending.join_next().await.unwrap().unwrap());
    assert!(client.lives().await.is_empty());
}

#[tokio::test]
async fn a_client_that_does_not_read_is_not_read_from() {
    const CALLS: usize = 2_000;
    const BYTES: usize = 10_000;
    let mut client = Client::open(LEGACY).await;
    let mut to = client.to.take().unwrap();
    let mut sending = tokio::task::JoinSet::new();
    sending.spawn(async move {
        // Padded, so that the pipes do not hold them all.
        let padding = " ".repeat(1_000);
        for number in 0..CALLS {
            let line = format!("{padding}{}\n", result_of(&number.to_string(), BYTES));
            to.write_all(line.as_bytes()).await.unwrap();
        }
        to
    });
    settle(&client.seen).await;
    let begun = client.seen.all();
    // What is unwritten stops both the reading and what was read; the pipe holds some more.
    let most = UNWRITTEN_BYTES_MAX / BYTES + 16;
    assert!(begun > 0 && begun <= most, "{begun} calls were taken, at most {most} should be");
    // Beyond them only as many were read as may be in flight.
    assert!(sending.try_join_next().is_none());
    for _ in 0..CALLS {
        assert!(client.hear().await.contains(r#""isError":false"#));
    }
    client.to = Some(sending.join_next().await.unwrap().unwrap());
    assert!(client.lives().await.is_empty());
}

#[tokio::test]
async fn at_the_end_of_input_waits_answer_at_once_and_what_runs_is_let_end() {
    let mut client = Client::open(LEGACY).await;
    client.say(&wait("1", 50_000)).await;
    client.say(&status("2", "slow")).await;
    client.close();
    let first = client.hear_value().await;
    assert_eq!(
        (&first["id"], &first["result"]["structuredContent"]["pending"]),
        (&json!(1), &json!(["@running@"]))
    );
    assert_is(&done("2"), &client.hear().await);
    assert_eq!(client.next().await, None);
    assert_eq!(client.ended().await, Closed::Said);
}

/// Takes five seconds: that is what a call gets that does not end by itself.
#[tokio::test]
async fn a_call_that_does_not_end_is_answered_when_the_connection_closes() {
    let mut client = Client::open(LEGACY).await;
    client.say(&status("1", "stubborn")).await;
    client.close();
    assert_is(&fault("1", -32603, &["closing"]), &client.hear().await);
    assert_eq!(client.next().await, None);
    assert_eq!(client.ended().await, Closed::Said);
    client.seen.until(|seen| seen.now() == 0).await;
}

#[tokio::test]
async fn a_cut_last_line_is_refused_and_does_not_run() {
    let mut client = Client::open(LEGACY).await;
    client.send(status("1", "task_1").as_bytes()).await;
    client.close();
    assert_is(&rows::anonymous(-32700, &["line feed"]), &client.hear().await);
    assert_eq!(client.next().await, None);
    assert_eq!(client.seen.all(), 0);
}

#[tokio::test]
async fn nothing_at_all_is_a_good_end() {
    let mut client = Client::open(Open::Not).await;
    client.close();
    assert_eq!(client.next().await, None);
    assert_eq!(client.ended().await, Closed::Said);
}

#[tokio::test]
async fn a_client_that_is_gone_takes_its_calls_along() {
    let mut client = Client::open(LEGACY).await;
    client.say(&status("1", "stubborn")).await;
    client.seen.until(|seen| seen.now() == 1).await;
    client.say(&call("2")).await;
    let mut to = client.to.take().unwrap();
    let (mut server, seen) = client.deafen();
    // Something has to be said for the closed pipe to be noticed.
    let _ = to.write_all(format!("{}\n", call("3")).as_bytes()).await;
    let ended = tokio::time::timeout(PATIENCE, server.join_next()).await.unwrap().unwrap().unwrap();
    assert_eq!(ended, Closed::Unheard);
    seen.until(|seen| seen.now() == 0).await;
}

#[tokio::test]
async fn a_server_that_closes_answers_first() {
    let mut client = Client::open(LEGACY).await;
    client.say(&wait("1", 50_000)).await;
    client.seen.until(|seen| seen.now() == 1).await;
    client.closing.cancel();
    assert_is(&done("1"), &client.hear().await);
    assert_eq!(client.next().await, None);
    assert_eq!(client.ended().await, Closed::Said);
}

#[tokio::test]
async fn a_panic_and_a_huge_answer_are_errors_of_that_call_alone() {
    let mut client = Client::open(LEGACY).await;
    client.say(&status("1", "panic")).await;
    assert_is(&fault("1", -32603, &["fault of the server"]), &client.hear().await);
    client.say(&status("1", "task_1")).await;
    assert_is(&done("1"), &client.hear().await);
    client.say(&result_of("2", 9 << 20)).await;
    assert_is(&fault("2", -32603, &["8388608"]), &client.hear().await);
    client.say(&result_of("3", 3 << 20)).await;
    assert_is(&done("3"), &client.hear().await);
    assert!(client.lives().await.is_empty());
}

#[tokio::test]
async fn failures_are_text_alone_that_begins_with_the_kind() {
    let mut client = Client::open(LEGACY).await;
    client.say(&status("1", "unknown")).await;
    assert_is(&failed("1", &["task_not_found: ", "Hint: "]), &client.hear().await);
    client.say(&request("2", "tools/call", r#"{"name":"task_submit"}"#)).await;
    assert_is(&failed("2", &["bad_input: there is nothing to do"]), &client.hear().await);
}

#[tokio::test]
async fn every_answer_fits_the_schema_that_was_listed_and_says_it_in_words() {
    let mut client = Client::open(LEGACY).await;
    client.say(&request("1", "tools/list", "{}")).await;
    let list = client.hear_value().await;
    let tools = list["result"]["tools"].as_array().unwrap().clone();
    assert_eq!(tools.len(), 7);
    for tool in &tools {
        let name = tool["name"].as_str().unwrap();
        assert!(
            tool["title"].is_string() && tool["description"].is_string() && tool["annotations"].is_object()
        );
        let arguments: Value = match name {
            "agent_list" | "task_list" => json!({}),
            "task_submit" => json!({ "skill": "survey", "input": "{\"path\":\".\"}", "wait_ms": 10 }),
            "task_wait" => json!({ "ids": ["task_1"], "wait_ms": 1 }),
            "task_cancel" => json!({ "ids": ["task_1"] }),
            _ => json!({ "id": "task_1" }),
        };
        let params = json!({ "name": name, "arguments": arguments }).to_string();
        client.say(&request("2", "tools/call", &params)).await;
        let answer = client.hear_value().await;
        let structured = &answer["result"]["structuredContent"];
        let problems = schema::compile(&tool["outputSchema"], &[]).unwrap().check(structured);
        assert!(problems.is_empty(), "{name}: {problems:?}");
        let words = answer["result"]["content"][0]["text"].as_str().unwrap();
        assert!(words.contains(if name == "agent_list" { "nexora" } else { "task_1" }), "{words}");
        let whole = ["task_result", "task_submit"].contains(&name);
        assert!(whole || words.contains("ext: "), "{name} says what to call next: {words}");
    }
}
