//! A conversation with agents that are scripted as raw lines.

use super::*;
use acp::{ClientConnection, connect_agent};
use serde_json::{Value, json};
use std::path::PathBuf;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, ReadHalf, WriteHalf};
use tokio::task::JoinSet;

/// The agent, as raw lines.
struct Script {
    reader: BufReader<ReadHalf<DuplexStream>>,
    writer: WriteHalf<DuplexStream>,
}

impl Script {
    async fn read(&mut self) -> Value {
        let mut line = String::new();
        self.reader.read_line(&mut line).await.unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("`{line}`: {error}"))
    }

    async fn expect(&mut self, method: &str) -> Value {
        let message = self.read().await;
        assert_eq!(message["method"], method, "{message}");
        message
    }

    async fn write(&mut self, message: Value) {
        self.writer.write_all(format!("{message}\n").as_bytes()).await.unwrap();
    }

    async fn answer(&mut self, request: &Value, result: Value) {
        self.write(json!({"jsonrpc": "2.0", "id": request["id"], "result": result})).await;
    }

    async fn request(&mut self, id: u32, method: &str, params: Value) -> Value {
        self.write(json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})).await;
        let answer = self.read().await;
        assert_eq!(answer["id"], id, "{answer}");
        answer
    }

    async fn update(&mut self, session: &str, update: Value) {
        let params = json!({"sessionId": session, "update": update});
        self.write(json!({"jsonrpc": "2.0", "method": "session/update", "params": params})).await;
    }

    async fn say(&mut self, text: &str) {
        let content = json!({"type": "text", "text": text});
        self.update("s", json!({"sessionUpdate": "agent_message_chunk", "content": content})).await;
    }

    /// Goes as far as the prompt and returns it.
    async fn prompted(&mut self) -> Value {
        let initialize = self.expect("initialize").await;
        self.answer(
            &initialize,
            json!({"protocolVersion": 1, "agentInfo": {"name": "scripted", "version": "1"}}),
        )
        .await;
        let new = self.expect("session/new").await;
        self.answer(&new, json!({"sessionId": "s"})).await;
        self.expect("session/prompt").await
    }

    async fn for_ever(self) {
        let _self = self;
        std::future::pending().await
    }
}

struct Run {
    owner: JoinSet<()>,
    events: mpsc::Receiver<AgentEvent>,
    stop: CancellationToken,
    conversed: oneshot::Receiver<Conversed>,
}

impl Run {
    fn start<F: Future<Output = ()> + Send + 'static>(script: impl FnOnce(Script) -> F) -> Self {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let (reader, writer) = tokio::io::split(ours);
        let ClientConnection { agent, incoming, finish, driver } = connect_agent(reader, writer);
        let (reader, writer) = tokio::io::split(theirs);
        let (sender, events) = mpsc::channel(4);
        let (done, conversed) = oneshot::channel();
        let stop = CancellationToken::new();
        let conversation = Conversation::new(agent, incoming, sender, stop.clone());
        let turn = TurnRequest {
            instance: "i".into(),
            task: "task_1".into(),
            cwd: PathBuf::from("/work"),
            prompt: "do it".into(),
            skill: None,
            input: None,
        };
        let mut owner = JoinSet::new();
        owner.spawn(driver);
        owner.spawn(script(Script { reader: BufReader::new(reader), writer }));
        owner.spawn(async move {
            let conversed = conversation.run(&turn, Instant::now() + Duration::from_secs(30)).await;
            finish.finish();
            done.send(conversed).unwrap();
        });
        Self { owner, events, stop, conversed }
    }

    async fn event(&mut self) -> AgentEvent {
        let event = tokio::time::timeout(Duration::from_secs(30), self.events.recv());
        event.await.expect("an event").expect("an event, not the end")
    }

    /// Takes the rest of the events; requests are accepted.
    async fn rest(&mut self) -> Vec<AgentEvent> {
        let mut events = Vec::new();
        while let Some(event) = self.events.recv().await {
            match event {
                AgentEvent::ToolStarted { reply, .. } => reply.accept(),
                AgentEvent::Result { reply, .. } => reply.accept(),
                other => events.push(other),
            }
        }
        events
    }

    async fn end(mut self) -> Conversed {
        let conversed =
            tokio::time::timeout(Duration::from_secs(30), self.conversed).await.expect("an end in time");
        let conversed = conversed.unwrap();
        while let Some(joined) = self.owner.try_join_next() {
            joined.unwrap();
        }
        conversed
    }
}

fn messages(events: &[AgentEvent]) -> Vec<(MessageKind, &str)> {
    let texts = events.iter().filter_map(|event| match event {
        AgentEvent::Message { kind, text } => Some((*kind, text.as_str())),
        _ => None,
    });
    texts.collect()
}

#[tokio::test]
async fn a_turn_from_the_first_word_to_the_last() {
    let mut run = Run::start(|mut agent| async move {
        let prompt = agent.prompted().await;
        assert_eq!(prompt["params"]["_meta"]["modelscan"], json!({"task": "task_1"}));
        agent.say("Hello, ").await;
        agent.say("world").await;
        let thought = json!({"type": "text", "text": "hm"});
        agent.update("s", json!({"sessionUpdate": "agent_thought_chunk", "content": thought})).await;
        agent
            .update(
                "s",
                json!({"sessionUpdate": "tool_call", "toolCallId": "t", "title": "Looking", "kind": "read",
                "rawInput": {"path": "."}}),
            )
            .await;
        agent
            .update(
                "s",
                json!({"sessionUpdate": "tool_call_update", "toolCallId": "t", "status": "completed"}),
            )
            .await;
        agent.say("!").await;
        agent.answer(&prompt, json!({"stopReason": "end_turn"})).await;
        agent.for_ever().await;
    });
    assert!(matches!(run.event().await, AgentEvent::Ready { session, agent: Some(_) } if session == "s"));
    assert!(matches!(run.event().await, AgentEvent::Prompted));
    let rest = run.rest().await;
    let expected =
        [(MessageKind::Text, "Hello, world"), (MessageKind::Thought, "hm"), (MessageKind::Text, "!")];
    assert_eq!(messages(&rest), expected);
    let calls: Vec<_> = rest
        .iter()
        .filter_map(|event| match event {
            AgentEvent::ToolCall { call, first } => Some((call.title.as_str(), call.status.as_str(), *first)),
            _ => None,
        })
        .collect();
    assert_eq!(calls, [("Looking", "pending", true), ("Looking", "completed", false)]);
    let conversed = run.end().await;
    let end = TurnEnd { stop_reason: acp::StopReason::EndTurn, failure: None };
    assert_eq!(conversed.ending, Ending::Turn(end));
    assert_eq!((conversed.text.as_str(), conversed.noise), ("Hello, world!", 0));
}

#[tokio::test]
async fn a_hostile_agent_is_answered_and_recorded() {
    let mut run = Run::start(|mut agent| async move {
        agent.writer.write_all(b"*** welcome ***\n").await.unwrap();
        let prompt = agent.prompted().await;
        for number in 0..20 {
            agent.update("s", json!({"sessionUpdate": format!("odd_{number}")})).await;
        }
        let refused = agent.request(1, "terminal/create", json!({"sessionId": "s"})).await;
        assert_eq!(refused["error"]["code"], -32601);
        let options = json!([
            {"optionId": "a", "name": "Always", "kind": "allow_always"},
            {"optionId": "r1", "name": "No", "kind": "reject_once"},
            {"optionId": "r2", "name": "Never once", "kind": "reject_once"},
        ]);
        let ask =
            json!({"sessionId": "s", "toolCall": {"toolCallId": "t", "title": "rm -rf"}, "options": options});
        let answer = agent.request(2, "session/request_permission", ask).await;
        assert_eq!(answer["result"]["outcome"], json!({"outcome": "selected", "optionId": "r1"}));
        let options = json!([{"optionId": "a", "name": "Yes", "kind": "allow_once"}]);
        let ask = json!({"sessionId": "s", "toolCall": {"toolCallId": "t"}, "options": options});
        let answer = agent.request(3, "session/request_permission", ask).await;
        assert_eq!(answer["result"]["outcome"], json!({"outcome": "cancelled"}));
        agent.update("another", json!({"sessionUpdate": "plan", "entries": []})).await;
        let refused =
            agent.request(4, "_modelscan/result", json!({"sessionId": "another", "result": 1})).await;
        assert_eq!(refused["error"]["code"], -32002);
        let started = json!({"sessionId": "another", "toolCallId": "t", "tool": "bash"});
        let refused = agent.request(5, "_modelscan/tool_started", started).await;
        assert_eq!(refused["error"]["code"], -32002);
        let answer = agent.request(6, "_modelscan/result", json!({"sessionId": "s", "result": 1})).await;
        assert_eq!(answer["result"], json!({}));
        let refused = agent.request(7, "_modelscan/result", json!({"sessionId": "s", "result": 2})).await;
        assert!(refused["error"]["message"].as_str().unwrap().contains("already"), "{refused}");
        agent.answer(&prompt, json!({"stopReason": "end_turn"})).await;
        agent.for_ever().await;
    });
    let mut told = Vec::new();
    let mut permissions = Vec::new();
    let mut results = Vec::new();
    while let Some(event) = run.events.recv().await {
        match event {
            AgentEvent::Noise { kind, text } => told.push((kind, text)),
            AgentEvent::Permission { call, answered } => permissions.push((call.title, answered)),
            AgentEvent::Result { result, late, reply, .. } => {
                results.push((result, late));
                reply.accept();
            }
            _ => {}
        }
    }
    assert_eq!(told.len(), 10);
    assert_eq!(told[0], (NoiseKind::NotJson, "*** welcome ***".to_owned()));
    let rejected = Answered::Rejected { option: "r1".into(), name: "No".into() };
    assert_eq!(permissions, [("rm -rf".into(), rejected), ("rm -rf".into(), Answered::Cancelled)]);
    assert_eq!(results, [(json!(1), false)]);
    let conversed = run.end().await;
    assert!(matches!(conversed.ending, Ending::Turn(_)), "{:?}", conversed.ending);
    assert!(conversed.reported);
    // The banner, twenty kinds, one request, three for another session.
    assert_eq!(conversed.noise, 25);
}

#[tokio::test]
async fn a_tool_call_runs_only_once_it_is_recorded() {
    let mut run = Run::start(|mut agent| async move {
        let prompt = agent.prompted().await;
        let started =
            json!({"sessionId": "s", "toolCallId": "t", "tool": "bash", "input": {"command": "true"}});
        let answer = agent.request(1, "_modelscan/tool_started", started.clone()).await;
        assert_eq!(answer["result"], json!({}));
        let answer = agent.request(2, "_modelscan/tool_started", started.clone()).await;
        assert_eq!(answer["error"]["message"], "the disk is full");
        let answer = agent.request(3, "_modelscan/tool_started", started).await;
        assert_eq!(answer["error"]["message"], "it could not be recorded");
        agent.answer(&prompt, json!({"stopReason": "refusal"})).await;
        agent.for_ever().await;
    });
    let mut seen = 0;
    while let Some(event) = run.events.recv().await {
        if let AgentEvent::ToolStarted { tool, side_effects, reply, .. } = event {
            assert_eq!((tool.as_str(), side_effects), ("bash", true));
            seen += 1;
            match seen {
                1 => reply.accept(),
                2 => reply.refuse("the disk is full"),
                _ => drop(reply),
            }
        }
    }
    assert_eq!(seen, 3);
    assert!(
        matches!(run.end().await.ending, Ending::Turn(end) if end.stop_reason == acp::StopReason::Refusal)
    );
}

#[tokio::test]
async fn progress_only_rises() {
    let mut run = Run::start(|mut agent| async move {
        let prompt = agent.prompted().await;
        for fraction in [0.0, 0.5, 0.25, 0.5, 7.0, 8.0] {
            let update = json!({"sessionUpdate": "session_info_update"});
            let meta = json!({"modelscan": {"progress": {"fraction": fraction, "text": "x"}}});
            let params = json!({"sessionId": "s", "update": update, "_meta": meta});
            agent.write(json!({"jsonrpc": "2.0", "method": "session/update", "params": params})).await;
        }
        agent.answer(&prompt, json!({"stopReason": "end_turn"})).await;
        agent.for_ever().await;
    });
    let rest = run.rest().await;
    let told: Vec<f64> = rest
        .iter()
        .filter_map(|event| match event {
            AgentEvent::Progress { fraction, .. } => Some(*fraction),
            _ => None,
        })
        .collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told.iter().zip([0.0, 0.5, 1.0]).all(|(told, expected)| (told - expected).abs() < f64::EPSILON));
}

#[tokio::test(start_paused = true)]
async fn words_are_told_after_a_second_without_more() {
    let mut run = Run::start(|mut agent| async move {
        let _prompt = agent.prompted().await;
        agent.say("still working").await;
        agent.for_ever().await;
    });
    assert!(matches!(run.event().await, AgentEvent::Ready { .. }));
    assert!(matches!(run.event().await, AgentEvent::Prompted));
    assert!(matches!(run.event().await, AgentEvent::Message { text, .. } if text == "still working"));
    run.stop.cancel();
    run.rest().await;
    assert_eq!(run.end().await.ending, Ending::Stopped);
}

#[tokio::test(start_paused = true)]
async fn a_stop_is_told_and_what_comes_then_is_late() {
    let mut run = Run::start(|mut agent| async move {
        let prompt = agent.prompted().await;
        agent.say("one ").await;
        let cancel = agent.expect("session/cancel").await;
        assert_eq!(cancel["params"], json!({"sessionId": "s"}));
        agent.say("two").await;
        let started = json!({"sessionId": "s", "toolCallId": "t", "tool": "bash"});
        assert!(agent.request(1, "_modelscan/tool_started", started).await["error"].is_object());
        let options = json!([{"optionId": "r", "name": "No", "kind": "reject_once"}]);
        let ask = json!({"sessionId": "s", "toolCall": {"toolCallId": "t"}, "options": options});
        let answer = agent.request(2, "session/request_permission", ask).await;
        assert_eq!(answer["result"]["outcome"], json!({"outcome": "cancelled"}));
        let answer = agent.request(3, "_modelscan/result", json!({"sessionId": "s", "result": 1})).await;
        assert_eq!(answer["result"], json!({}));
        agent.answer(&prompt, json!({"stopReason": "cancelled"})).await;
        agent.for_ever().await;
    });
    assert!(matches!(run.event().await, AgentEvent::Ready { .. }));
    assert!(matches!(run.event().await, AgentEvent::Prompted));
    assert!(matches!(run.event().await, AgentEvent::Message { .. }));
    run.stop.cancel();
    let mut late_results = 0;
    let mut stopping = false;
    while let Some(event) = run.events.recv().await {
        match event {
            AgentEvent::Stopping => stopping = true,
            AgentEvent::Result { late, reply, .. } => {
                assert!(late && stopping);
                late_results += 1;
                reply.accept();
            }
            AgentEvent::ToolStarted { .. } => panic!("nothing begins any more"),
            _ => {}
        }
    }
    assert_eq!(late_results, 1);
    let conversed = run.end().await;
    assert!(matches!(conversed.ending, Ending::Turn(end) if end.stop_reason == acp::StopReason::Cancelled));
    assert_eq!(conversed.text, "one two");
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_ignores_the_stop_is_not_waited_for() {
    let mut run = Run::start(|mut agent| async move {
        let _prompt = agent.prompted().await;
        agent.expect("session/cancel").await;
        agent.for_ever().await;
    });
    assert!(matches!(run.event().await, AgentEvent::Ready { .. }));
    assert!(matches!(run.event().await, AgentEvent::Prompted));
    run.stop.cancel();
    assert!(matches!(run.event().await, AgentEvent::Stopping));
    assert_eq!(run.end().await.ending, Ending::Stopped);
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_never_answers_initialize_is_late() {
    let mut run = Run::start(|mut agent| async move {
        agent.expect("initialize").await;
        agent.for_ever().await;
    });
    assert!(run.rest().await.is_empty());
    assert_eq!(run.end().await.ending, Ending::Late { method: "initialize" });
}

#[tokio::test]
async fn an_agent_that_goes_is_gone_before_or_after_it_was_ready() {
    let mut run = Run::start(|mut agent| async move {
        agent.expect("initialize").await;
    });
    assert!(run.rest().await.is_empty());
    assert_eq!(run.end().await.ending, Ending::Gone { ready: false });

    let mut run = Run::start(|mut agent| async move {
        agent.prompted().await;
        agent.say("last words").await;
    });
    assert_eq!(messages(&run.rest().await), [(MessageKind::Text, "last words")]);
    let conversed = run.end().await;
    assert_eq!((conversed.ending, conversed.text.as_str()), (Ending::Gone { ready: true }, "last words"));
}

#[tokio::test]
async fn a_refused_call_says_which_and_why() {
    let mut run = Run::start(|mut agent| async move {
        let initialize = agent.expect("initialize").await;
        let error = json!({"code": -32000, "message": "log in first"});
        agent.write(json!({"jsonrpc": "2.0", "id": initialize["id"], "error": error})).await;
        agent.for_ever().await;
    });
    run.rest().await;
    let expected =
        Ending::Protocol { method: "initialize", code: Some(-32000), message: "log in first".to_owned() };
    assert_eq!(run.end().await.ending, expected);
}

#[tokio::test]
async fn when_nobody_listens_the_turn_stops() {
    let run = Run::start(|mut agent| async move {
        let initialize = agent.expect("initialize").await;
        agent.answer(&initialize, json!({"protocolVersion": 1})).await;
        let new = agent.expect("session/new").await;
        agent.answer(&new, json!({"sessionId": "s"})).await;
        agent.for_ever().await;
    });
    let Run { owner: _owner, events, conversed, .. } = run;
    drop(events);
    assert_eq!(conversed.await.unwrap().ending, Ending::Stopped);
}

#[tokio::test]
async fn an_agent_that_never_stops_talking_comes_to_its_end_all_the_same() {
    let mut run = Run::start(|mut script| async move {
        let prompt = script.prompted().await;
        script.answer(&prompt, json!({"stopReason": "end_turn"})).await;
        let words = |kind: &str| {
            let update = json!({"sessionUpdate": kind, "content": {"type": "text", "text": "x"}});
            let params = json!({"sessionId": "s", "update": update});
            format!("{}\n", json!({"jsonrpc": "2.0", "method": "session/update", "params": params}))
        };
        // Of two kinds in turn, so that each is told by itself.
        let both = words("agent_message_chunk") + &words("agent_thought_chunk");
        // Until nobody reads it any more.
        while script.writer.write_all(both.as_bytes()).await.is_ok() {}
    });
    let all = tokio::time::timeout(Duration::from_secs(30), run.rest());
    all.await.expect("an end of what is told");
    assert!(matches!(run.end().await.ending, Ending::Turn(_)));
}
