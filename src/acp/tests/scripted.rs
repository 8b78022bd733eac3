//! Both roles against peers that are scripted as raw lines.

#![expect(clippy::unwrap_used, reason = "a script that fails is a test that fails")]

use acp::{
    AgentUpdate, CallError, FromAgent, FromClient, GATE_UNITS, Held, LINE_BYTES_MAX, NoiseKind,
    PermissionAnswer, PermissionKind, StopReason, ToolCall, ToolStatus, TurnEnd, Update, connect_agent,
    connect_client,
};
use modelscan_acp as acp;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream, ReadHalf, WriteHalf};
use tokio::task::JoinSet;
use wire::extension::{Progress, PromptMeta, ResultRequest, ToolStartedRequest};

/// The other side, as raw lines.
struct Script {
    reader: BufReader<ReadHalf<DuplexStream>>,
    writer: WriteHalf<DuplexStream>,
}

impl Script {
    async fn read(&mut self) -> Value {
        let mut line = String::new();
        let read = self.reader.read_line(&mut line);
        tokio::time::timeout(Duration::from_secs(30), read).await.unwrap().unwrap();
        assert!(line.ends_with('\n'), "a whole line, not `{line}`");
        serde_json::from_str(&line).unwrap()
    }

    async fn write(&mut self, message: Value) {
        self.bytes(format!("{message}\n").as_bytes()).await;
    }

    async fn bytes(&mut self, bytes: &[u8]) {
        self.writer.write_all(bytes).await.unwrap();
        self.writer.flush().await.unwrap();
    }

    async fn answer(&mut self, result: Value) -> Value {
        let request = self.read().await;
        self.write(json!({"jsonrpc": "2.0", "id": request["id"], "result": result})).await;
        request
    }

    async fn update(&mut self, session: &str, update: Value) {
        let params = json!({"sessionId": session, "update": update});
        self.write(json!({"jsonrpc": "2.0", "method": "session/update", "params": params})).await;
    }
}

fn script(stream: DuplexStream) -> Script {
    let (reader, writer) = tokio::io::split(stream);
    Script { reader: BufReader::new(reader), writer }
}

/// A client's end and the scripted agent at the other.
fn with_agent() -> (acp::ClientConnection, Script) {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let (reader, writer) = tokio::io::split(ours);
    (connect_agent(reader, writer), script(theirs))
}

/// An agent's end and the scripted client at the other.
fn with_client() -> (acp::AgentConnection, Script) {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let (reader, writer) = tokio::io::split(ours);
    (connect_client(reader, writer), script(theirs))
}

fn text_chunk(text: &str) -> Value {
    json!({"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": text}})
}

async fn noise(incoming: &mut tokio::sync::mpsc::Receiver<Held<FromAgent>>) -> (NoiseKind, String) {
    match incoming.recv().await.unwrap().release() {
        FromAgent::Noise(noise) => (noise.kind, noise.text),
        other => panic!("noise, not {other:?}"),
    }
}

#[tokio::test]
async fn a_turn_is_told_in_order_and_its_end_comes_last() {
    let (mut ours, mut agent) = with_agent();
    let mut owner = JoinSet::new();
    owner.spawn(ours.driver);
    let peer = ours.agent.clone();
    owner.spawn(async move {
        let request = agent
            .answer(json!({
                "protocolVersion": 1,
                "agentInfo": {"name": "scripted", "version": "7"},
                "agentCapabilities": {
                    "sessionCapabilities": {"close": {}},
                    "_meta": {"modelscan": {"version": 1, "prompt": true}}
                }
            }))
            .await;
        assert_eq!(request["params"]["protocolVersion"], 1);
        let offered = &request["params"]["clientCapabilities"]["_meta"]["modelscan"]["methods"];
        assert_eq!(*offered, json!(["_modelscan/result", "_modelscan/tool_started"]));
        let request = agent.answer(json!({"sessionId": "s1", "models": {"odd": true}})).await;
        assert_eq!(request["params"], json!({"cwd": "/work", "mcpServers": []}));
        let prompt = agent.read().await;
        assert_eq!(prompt["params"]["prompt"], json!([{"type": "text", "text": "do it"}]));
        assert_eq!(prompt["params"]["_meta"]["modelscan"]["skill"], "survey");
        for number in 0..100 {
            agent.update("s1", text_chunk(&format!("{number} "))).await;
        }
        agent
            .update(
                "s1",
                json!({"sessionUpdate": "tool_call_update", "toolCallId": "t", "status": "completed",
                "content": [{"type": "content", "content": {"type": "text", "text": "out"}}]}),
            )
            .await;
        let failure = json!({"reason": "not_configured", "message": "no model", "hint": "configure one"});
        let result = json!({"stopReason": "end_turn", "_meta": {"modelscan": {"failure": failure}}});
        agent.write(json!({"jsonrpc": "2.0", "id": prompt["id"], "result": result})).await;
    });

    let info = peer.initialize("test", "0").await.unwrap();
    assert_eq!(info.name.as_deref(), Some("scripted"));
    assert!(info.closes_sessions);
    assert!(info.extensions.unwrap().prompt);
    let session = peer.new_session(Path::new("/work")).await.unwrap();
    let meta = PromptMeta { skill: Some("survey".into()), ..PromptMeta::default() };
    let end = peer.prompt(&session, "do it", &meta).await.unwrap();
    assert_eq!(end.stop_reason, StopReason::EndTurn);
    assert_eq!(end.failure.unwrap().hint.as_deref(), Some("configure one"));

    // Everything is here already, though nobody had read any of it.
    let mut text = String::new();
    let mut calls = Vec::new();
    while let Ok(held) = ours.incoming.try_recv() {
        match held.release() {
            FromAgent::Update { update: Update::Text(words), .. } => text.push_str(&words),
            FromAgent::Update { update: Update::ToolCall(change), .. } => calls.push(change),
            other => panic!("unexpected {other:?}"),
        }
    }
    assert_eq!(text.split_whitespace().count(), 100);
    assert_eq!(calls.len(), 1);
    let mut call = ToolCall::unknown("t");
    call.apply(calls.remove(0));
    assert_eq!((call.status, call.text.as_deref()), (ToolStatus::Completed, Some("out")));
}

#[tokio::test]
async fn what_is_no_message_is_told_and_the_connection_lives() {
    let (mut ours, mut agent) = with_agent();
    let mut owner = JoinSet::new();
    owner.spawn(ours.driver);
    let peer = ours.agent.clone();
    owner.spawn(async move {
        agent.bytes(b"Welcome to \x1b[1mAgent\x1b[0m\n\n{\"half\": \n\xff\xfe\n").await;
        agent.bytes(&vec![b'x'; LINE_BYTES_MAX + 1_000_000]).await;
        agent.bytes(b"\n7\n").await;
        agent.write(json!({"jsonrpc": "2.0", "id": 99, "result": {}})).await;
        agent.write(json!({"jsonrpc": "2.0", "method": "session/party", "params": {}})).await;
        agent.update("s1", json!({"sessionUpdate": "confetti", "colour": "red"})).await;
        agent.write(json!({"jsonrpc": "2.0", "method": "$/cancel_request", "params": {"id": 5}})).await;
        agent
            .write(json!({"jsonrpc": "2.0", "id": 1, "method": "fs/read_text_file", "params": {"path": "/"}}))
            .await;
        let refused = agent.read().await;
        assert_eq!((&refused["id"], &refused["error"]["code"]), (&json!(1), &json!(-32601)));
        agent
            .write(json!({"jsonrpc": "2.0", "id": 2, "method": "_modelscan/result", "params": {"result": 1}}))
            .await;
        let refused = agent.read().await;
        assert_eq!((&refused["id"], &refused["error"]["code"]), (&json!(2), &json!(-32602)));
        agent.write(json!([{"jsonrpc": "2.0", "id": 3, "method": "initialize"}])).await;
        assert_eq!(agent.read().await["error"]["code"], -32600);
        agent.answer(json!({"sessionId": "still here"})).await;
        std::future::pending::<()>().await;
    });
    let expected = [
        (NoiseKind::NotJson, "Welcome to"),
        (NoiseKind::NotJson, "{\"half\""),
        (NoiseKind::NotUtf8, ""),
        (NoiseKind::TooLong, "xxx"),
        (NoiseKind::NotAMessage, "7"),
        (NoiseKind::Stray, "{\"jsonrpc\""),
        (NoiseKind::Unknown, "notification session/party"),
        (NoiseKind::Unknown, "update confetti"),
        (NoiseKind::Unknown, "request fs/read_text_file"),
        (NoiseKind::Unknown, "request _modelscan/result"),
        (NoiseKind::NotAMessage, "["),
    ];
    for (kind, beginning) in expected {
        let (told, text) = noise(&mut ours.incoming).await;
        assert_eq!(told, kind, "{text}");
        assert!(text.starts_with(beginning), "{text}");
        assert!(!text.contains('\u{1b}'));
    }
    assert_eq!(peer.new_session(Path::new("/")).await.unwrap(), "still here");
}

#[tokio::test]
async fn an_agent_that_goes_away_fails_the_call_and_what_it_said_before_is_there() {
    let (mut ours, mut agent) = with_agent();
    let mut owner = JoinSet::new();
    owner.spawn(ours.driver);
    let peer = ours.agent.clone();
    owner.spawn(async move {
        agent.read().await;
        agent.update("s1", text_chunk("last words")).await;
    });
    let end = peer.prompt("s1", "x", &PromptMeta::default()).await;
    assert_eq!(end.unwrap_err(), CallError::Closed);
    let last = ours.incoming.recv().await.unwrap().release();
    assert!(matches!(last, FromAgent::Update { update: Update::Text(text), .. } if text == "last words"));
    assert!(ours.incoming.recv().await.is_none());
    assert_eq!(peer.cancel("s1").await.unwrap_err(), CallError::Closed);
    while owner.join_next().await.is_some() {}
}

#[tokio::test]
async fn answers_that_are_none_and_refusals_are_told_apart() {
    let (ours, mut agent) = with_agent();
    let mut owner = JoinSet::new();
    owner.spawn(ours.driver);
    owner.spawn(async move {
        agent.answer(json!({"protocolVersion": 2})).await;
        agent.answer(json!({"stopReason": "bored"})).await;
        let request = agent.read().await;
        let error = json!({"code": -32000, "message": "log in", "data": "first"});
        agent.write(json!({"jsonrpc": "2.0", "id": request["id"], "error": error})).await;
        std::future::pending::<()>().await;
    });
    let peer = ours.agent.clone();
    let error = peer.initialize("test", "0").await.unwrap_err();
    assert!(matches!(error, CallError::Malformed { method: "initialize", .. }), "{error}");
    let error = peer.prompt("s", "x", &PromptMeta::default()).await.unwrap_err();
    assert!(error.to_string().contains("`bored`"), "{error}");
    let error = peer.new_session(Path::new("/")).await.unwrap_err();
    assert_eq!(error, CallError::Refused { code: -32000, message: "log in: first".to_owned() });
}

#[tokio::test]
async fn requests_of_the_agent_are_answered() {
    let (mut ours, mut agent) = with_agent();
    let mut owner = JoinSet::new();
    owner.spawn(ours.driver);
    let options = json!([
        {"optionId": "y", "name": "Yes", "kind": "allow_once"},
        {"optionId": "n", "name": "No", "kind": "reject_once"}
    ]);
    let params =
        json!({"sessionId": "s", "toolCall": {"toolCallId": "t", "title": "rm"}, "options": options});
    agent
        .write(json!({"jsonrpc": "2.0", "id": "a", "method": "session/request_permission", "params": params}))
        .await;
    let params = json!({"sessionId": "s", "toolCallId": "t", "tool": "bash", "input": {"command": "true"}});
    agent
        .write(json!({"jsonrpc": "2.0", "id": "b", "method": "_modelscan/tool_started", "params": params}))
        .await;
    let params = json!({"sessionId": "s", "result": {"n": 1}, "report": "one"});
    agent.write(json!({"jsonrpc": "2.0", "id": "c", "method": "_modelscan/result", "params": params})).await;

    match ours.incoming.recv().await.unwrap().release() {
        FromAgent::Permission { session, call, options, answer } => {
            assert_eq!((session.as_str(), call.title.as_deref()), ("s", Some("rm")));
            assert_eq!(options[1].kind, PermissionKind::RejectOnce);
            answer.ok(PermissionAnswer::Option(options[1].id.clone()));
        }
        other => panic!("unexpected {other:?}"),
    }
    assert_eq!(agent.read().await["result"]["outcome"], json!({"outcome": "selected", "optionId": "n"}));
    match ours.incoming.recv().await.unwrap().release() {
        FromAgent::ToolStarted { request, answer } => {
            assert_eq!((request.tool.as_str(), request.side_effects), ("bash", true));
            answer.refuse(acp::Refusal::not_taken("not now"));
        }
        other => panic!("unexpected {other:?}"),
    }
    let refused = agent.read().await;
    assert_eq!((&refused["id"], &refused["error"]["message"]), (&json!("b"), &json!("not now")));
    // An answer that is dropped is a refusal: the agent does not wait for ever.
    drop(ours.incoming.recv().await.unwrap());
    let refused = agent.read().await;
    assert_eq!((&refused["id"], &refused["error"]["code"]), (&json!("c"), &json!(-32603)));
}

/// Time stands still and passes only when nothing else can happen: a write that does not end is blocked for good.
async fn blocked<T>(future: impl Future<Output = T>) -> bool {
    tokio::time::timeout(Duration::from_secs(3600), future).await.is_err()
}

#[tokio::test(start_paused = true)]
async fn a_flood_is_read_only_as_far_as_the_gate_lets_it_in() {
    let (mut ours, mut agent) = with_agent();
    let mut owner = JoinSet::new();
    owner.spawn(ours.driver);
    let mut sent = 0_usize;
    let line = json!({"jsonrpc": "2.0", "method": "session/update",
        "params": {"sessionId": "s", "update": text_chunk(&"x".repeat(200))}});
    while !blocked(agent.write(line.clone())).await {
        sent += 1;
        assert!(sent < 10_000, "the agent is never made to wait");
    }
    // What is in pipes and buffers comes on top of what the gate let in.
    assert!(sent >= GATE_UNITS, "{sent}");
    let mut received = 0;
    while !blocked(ours.incoming.recv()).await {
        received += 1;
        assert!(received <= sent);
        if received == GATE_UNITS {
            break;
        }
    }
    // Each that was handled lets another in.
    assert!(!blocked(ours.incoming.recv()).await);
}

#[tokio::test(start_paused = true)]
async fn long_lines_weigh_more() {
    let (ours, mut agent) = with_agent();
    let mut owner = JoinSet::new();
    owner.spawn(ours.driver);
    let line = json!({"jsonrpc": "2.0", "method": "session/update",
        "params": {"sessionId": "s", "update": text_chunk(&"x".repeat(1024 * 1024))}});
    let mut sent = 0;
    while !blocked(agent.write(line.clone())).await {
        sent += 1;
    }
    assert!((14..=17).contains(&sent), "16 MiB are let in, not {sent}");
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_asks_and_never_reads_is_made_to_wait() {
    let (ours, mut agent) = with_agent();
    let mut owner = JoinSet::new();
    owner.spawn(ours.driver);
    let mut sent = 0;
    loop {
        let request =
            json!({"jsonrpc": "2.0", "id": sent, "method": "nope", "params": {"pad": "x".repeat(1000)}});
        if blocked(agent.write(request)).await {
            break;
        }
        sent += 1;
        assert!(sent < 10_000, "answers pile up");
    }
    assert!(sent > GATE_UNITS);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_reads_makes_updates_wait_and_the_end_comes_all_the_same() {
    let (ours, client) = with_client();
    let mut owner = JoinSet::new();
    owner.spawn(ours.driver);
    let mut sent = 0;
    while !blocked(ours.client.update("s", AgentUpdate::Text("x".repeat(1000)), None)).await {
        sent += 1;
        assert!(sent < 10_000, "updates pile up");
    }
    assert!(sent >= GATE_UNITS);
    ours.finish.finish();
    assert!(!blocked(owner.join_next()).await);
    let error = ours.client.update("s", AgentUpdate::Progress, None).await.unwrap_err();
    assert_eq!(error, CallError::Closed);
    drop(client);
}

#[tokio::test]
async fn what_is_too_long_for_a_line_is_not_sent() {
    let (ours, mut client) = with_client();
    let mut owner = JoinSet::new();
    owner.spawn(ours.driver);
    let text = "x".repeat(LINE_BYTES_MAX);
    let error = ours.client.update("s", AgentUpdate::Text(text), None).await.unwrap_err();
    assert!(matches!(error, CallError::TooLong { method: "session/update", .. }), "{error}");
    let nested = |levels: usize| ResultRequest {
        session_id: "s".into(),
        result: (1..levels).fold(json!([]), |inner, _| json!([inner])),
        report: None,
    };
    let error = ours.client.result(&nested(126)).await.unwrap_err();
    assert!(matches!(error, CallError::TooDeep { method: "_modelscan/result" }), "{error}");
    ours.client.update("s", AgentUpdate::Text("short".into()), None).await.unwrap();
    assert_eq!(client.read().await["params"]["update"]["content"]["text"], "short");
}

#[tokio::test]
async fn an_agent_is_asked_and_answers() {
    let (mut ours, mut client) = with_client();
    let mut owner = JoinSet::new();
    owner.spawn(ours.driver);
    let meta = json!({"modelscan": {"version": 1, "methods": ["_modelscan/result"]}});
    let params = json!({"protocolVersion": 1, "clientCapabilities": {"_meta": meta}});
    client.write(json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params})).await;
    match ours.incoming.recv().await.unwrap().release() {
        FromClient::Initialize { client, answer } => {
            assert!(client.extensions.offers("_modelscan/result"));
            assert!(!client.extensions.offers("_modelscan/tool_started"));
            answer.ok(("nexora".into(), "1".into()));
        }
        other => panic!("unexpected {other:?}"),
    }
    let answer = client.read().await;
    assert_eq!(answer["result"]["protocolVersion"], 1);
    assert_eq!(answer["result"]["agentInfo"]["name"], "nexora");
    assert_eq!(answer["result"]["agentCapabilities"]["sessionCapabilities"]["close"], json!({}));
    assert_eq!(answer["result"]["agentCapabilities"]["_meta"]["modelscan"]["progress"], true);

    let params = json!({"cwd": "/work", "mcpServers": []});
    client.write(json!({"jsonrpc": "2.0", "id": 1, "method": "session/new", "params": params})).await;
    match ours.incoming.recv().await.unwrap().release() {
        FromClient::NewSession { cwd, answer } => {
            assert_eq!(cwd, Path::new("/work"));
            answer.ok("s1".into());
        }
        other => panic!("unexpected {other:?}"),
    }
    assert_eq!(client.read().await["result"]["sessionId"], "s1");

    let blocks = json!([{"type": "text", "text": "/survey"}, {"type": "resource_link", "name": "x", "uri": "file:///x"}]);
    let meta = json!({"modelscan": {"input": {"path": "."}}});
    let params = json!({"sessionId": "s1", "prompt": blocks, "_meta": meta});
    client.write(json!({"jsonrpc": "2.0", "id": 2, "method": "session/prompt", "params": params})).await;
    let params = json!({"sessionId": "s1"});
    client.write(json!({"jsonrpc": "2.0", "method": "session/cancel", "params": params})).await;
    let FromClient::Prompt { session, text, meta, answer } = ours.incoming.recv().await.unwrap().release()
    else {
        panic!("a prompt");
    };
    assert_eq!((session.as_str(), text.as_str()), ("s1", "/survey\nfile:///x"));
    assert_eq!(meta.input, Some(json!({"path": "."})));
    let cancel = ours.incoming.recv().await.unwrap().release();
    assert!(matches!(cancel, FromClient::Cancel { session } if session == "s1"));

    let progress = Progress { fraction: 0.5, text: "half".into() };
    ours.client.update("s1", AgentUpdate::Progress, Some(progress)).await.unwrap();
    let update = client.read().await;
    assert_eq!(update["params"]["_meta"]["modelscan"]["progress"], json!({"fraction": 0.5, "text": "half"}));
    answer.ok(TurnEnd { stop_reason: StopReason::Cancelled, failure: None });
    assert_eq!(
        client.read().await,
        json!({"jsonrpc": "2.0", "id": 2, "result": {"stopReason": "cancelled"}})
    );

    let tool = ToolStartedRequest {
        session_id: "s1".into(),
        tool_call_id: "t".into(),
        tool: "bash".into(),
        input: json!({}),
        side_effects: true,
    };
    let result = ResultRequest { session_id: "s1".into(), result: json!(1), report: None };
    let peer = ours.client.clone();
    owner.spawn(async move {
        let refused = client.read().await;
        assert_eq!(refused["method"], "_modelscan/tool_started");
        let error = json!({"code": -32603, "message": "disk full"});
        client.write(json!({"jsonrpc": "2.0", "id": refused["id"], "error": error})).await;
        client.answer(json!({})).await;
        client.write(json!({"jsonrpc": "2.0", "id": 9, "method": "session/load", "params": {}})).await;
        assert_eq!(client.read().await["error"]["code"], -32601);
        // The client's end of its stream is the end of the connection.
        client.writer.shutdown().await.unwrap();
        let mut rest = String::new();
        client.reader.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, "");
    });
    assert!(
        matches!(peer.tool_started(&tool).await, Err(CallError::Refused { message, .. }) if message == "disk full")
    );
    peer.result(&result).await.unwrap();
    while let Some(joined) = owner.join_next().await {
        joined.unwrap();
    }
}
