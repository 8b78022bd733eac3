//! The face against a client that is scripted as raw lines, with tools that do what a test says.

use super::*;
use crate::tools::{BoxFuture, Effects, Tool, ToolContext, ToolError, ToolOutput};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, ReadHalf, WriteHalf};

/// A tool that gives back its arguments, counts its calls, and hangs until it is cancelled when told to.
struct Echo {
    name: &'static str,
    effects: Effects,
    schema: Value,
    calls: Arc<AtomicUsize>,
}

impl Tool for Echo {
    fn name(&self) -> &'static str {
        self.name
    }
    fn title(&self) -> &'static str {
        "An echo"
    }
    fn description(&self) -> &'static str {
        "An echo"
    }
    fn effects(&self) -> Effects {
        self.effects
    }
    fn input_schema(&self) -> &Value {
        &self.schema
    }
    fn output_schema(&self) -> &Value {
        &self.schema
    }
    fn check(&self, _: &Value) -> Result<(), ToolError> {
        Ok(())
    }
    fn call<'a>(
        &'a self,
        arguments: Value,
        _: &'a ToolContext,
    ) -> BoxFuture<'a, Result<ToolOutput, ToolError>> {
        Box::pin(async move {
            self.calls.fetch_add(1, Ordering::SeqCst);
            if arguments["hang"] == true {
                std::future::pending::<()>().await;
            }
            let text = arguments["say"].as_str().unwrap_or("nothing").to_owned();
            Ok(ToolOutput { output: arguments, text, is_error: false })
        })
    }
}

/// A client and the face that serves it.
struct Client {
    reader: BufReader<ReadHalf<DuplexStream>>,
    writer: Option<WriteHalf<DuplexStream>>,
    face: JoinSet<()>,
    folder: TempDir,
    written: Arc<AtomicUsize>,
    next: u64,
}

impl Client {
    fn start(skills: &[(&str, Value)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, plan) in skills {
            let skill = folder.path().join("skills").join(name);
            std::fs::create_dir_all(&skill).unwrap();
            std::fs::write(skill.join("SKILL.md"), format!("---\nname: {name}\ndescription: A test.\n---\n"))
                .unwrap();
            std::fs::write(skill.join("plan.json"), plan.to_string()).unwrap();
        }
        let written = Arc::new(AtomicUsize::new(0));
        let tool = |name, effects, calls: &Arc<AtomicUsize>| -> Box<dyn Tool> {
            Box::new(Echo { name, effects, schema: json!({"type": "object"}), calls: Arc::clone(calls) })
        };
        let toolbox = Toolbox::new(vec![
            tool("look", Effects::Read, &Arc::default()),
            tool("write", Effects::Write, &written),
        ]);
        let options = Options {
            toolbox,
            skills: Some(folder.path().join("skills")),
            env: BTreeMap::new(),
            spawner: None,
            version: "0.0.0".to_owned(),
        };
        let (ours, theirs) = tokio::io::duplex(256 * 1024);
        let (reader, writer) = tokio::io::split(ours);
        let mut face = JoinSet::new();
        face.spawn(run(reader, writer, options));
        let (reader, writer) = tokio::io::split(theirs);
        Self { reader: BufReader::new(reader), writer: Some(writer), face, folder, written, next: 0 }
    }

    async fn read(&mut self) -> Value {
        let mut line = String::new();
        let read = self.reader.read_line(&mut line);
        tokio::time::timeout(DEADLINE, read).await.expect("a line in time").unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("`{line}`: {error}"))
    }

    async fn write(&mut self, message: Value) {
        let line = format!("{message}\n");
        self.writer.as_mut().unwrap().write_all(line.as_bytes()).await.unwrap();
    }

    async fn ask(&mut self, method: &str, params: Value) -> u64 {
        self.next += 1;
        let id = self.next;
        self.write(json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})).await;
        id
    }

    /// Asks and takes the answer, which must be the next message.
    async fn call(&mut self, method: &str, params: Value) -> Value {
        let id = self.ask(method, params).await;
        let answer = self.read().await;
        assert_eq!(answer["id"], id, "{answer}");
        answer
    }

    /// Opens a session, as a client that offers these extension methods.
    async fn session(&mut self, methods: &[&str]) -> String {
        let meta = match methods {
            [] => json!({}),
            methods => json!({"modelscan": {"version": 1, "methods": methods}}),
        };
        let params = json!({"protocolVersion": 1, "clientCapabilities": {"_meta": meta}});
        let hello = self.call("initialize", params).await;
        assert_eq!(hello["result"]["agentInfo"]["name"], "nexora");
        let cwd = self.folder.path().to_owned();
        let answer = self.call("session/new", json!({"cwd": cwd, "mcpServers": []})).await;
        let session = answer["result"]["sessionId"].as_str().unwrap().to_owned();
        let commands = self.read().await;
        assert_eq!(commands["params"]["update"]["sessionUpdate"], "available_commands_update");
        session
    }

    async fn prompt(&mut self, session: &str, text: &str, meta: Value) -> u64 {
        let params = json!({
            "sessionId": session,
            "prompt": [{"type": "text", "text": text}],
            "_meta": {"modelscan": meta}
        });
        self.ask("session/prompt", params).await
    }

    /// Reads to the answer of `id`; requests are accepted. Returns what came before it, and the answer.
    async fn turn(&mut self, id: u64) -> (Vec<Value>, Value) {
        let mut before = Vec::new();
        loop {
            let message = self.read().await;
            if message.get("method").is_none() {
                assert_eq!(message["id"], id, "{message}");
                return (before, message["result"].clone());
            }
            if let Some(number) = message.get("id") {
                self.write(json!({"jsonrpc": "2.0", "id": number, "result": {}})).await;
            }
            before.push(message);
        }
    }

    /// Closes the stream and waits until the face has ended.
    async fn end(mut self) {
        self.writer.take().unwrap().shutdown().await.unwrap();
        let ended = tokio::time::timeout(DEADLINE, self.face.join_next()).await.expect("an end in time");
        ended.expect("one face").unwrap();
    }
}

/// How long a test waits for what must come.
const DEADLINE: Duration = Duration::from_secs(30);

const RESULT: &str = "_modelscan/result";
const STARTED: &str = "_modelscan/tool_started";

fn plan(effects: &str, steps: Value) -> Value {
    json!({"plan": 1, "description": "d", "effects": effects, "steps": steps, "result": {"done": true}})
}

fn kinds(messages: &[Value]) -> Vec<&str> {
    messages.iter().filter_map(|message| message["params"]["update"]["sessionUpdate"].as_str()).collect()
}

fn words(messages: &[Value]) -> String {
    let texts = messages
        .iter()
        .filter(|message| message["params"]["update"]["sessionUpdate"] == "agent_message_chunk");
    texts.filter_map(|message| message["params"]["update"]["content"]["text"].as_str()).collect()
}

#[tokio::test]
async fn a_host_of_ours_gets_everything() {
    let steps = json!([
        {"id": "one", "tool": "look", "arguments": {"say": "hi"}, "title": "Looking"},
        {"id": "two", "tool": "write", "arguments": {"say": "there"}}
    ]);
    let mut client = Client::start(&[("greet", plan("write", steps))]);
    let session = client.session(&[RESULT, STARTED]).await;
    let meta = json!({"task": "task_1", "skill": "greet", "input": {}});
    let id = client.prompt(&session, "whatever the words are", meta).await;
    let (before, answer) = client.turn(id).await;
    assert_eq!(answer, json!({"stopReason": "end_turn"}));
    assert_eq!(client.written.load(Ordering::SeqCst), 1);

    let calls: Vec<_> = before
        .iter()
        .map(|message| &message["params"]["update"])
        .filter(|update| update["toolCallId"].is_string())
        .map(|update| (update["toolCallId"].as_str().unwrap(), update["status"].as_str().unwrap()))
        .collect();
    assert_eq!(
        calls,
        [("one", "in_progress"), ("one", "completed"), ("two", "in_progress"), ("two", "completed")]
    );
    let asked: Vec<&Value> = before.iter().filter(|message| message.get("id").is_some()).collect();
    assert_eq!(asked.len(), 2, "one call with side effects, one result");
    assert_eq!(asked[0]["method"], STARTED);
    assert_eq!(asked[0]["params"]["tool"], "write");
    assert_eq!(asked[0]["params"]["toolCallId"], "two");
    assert_eq!(asked[1]["method"], RESULT);
    assert_eq!(asked[1]["params"]["result"], json!({"done": true}));
    let fractions: Vec<f64> = before
        .iter()
        .filter_map(|message| message["params"]["_meta"]["modelscan"]["progress"]["fraction"].as_f64())
        .collect();
    assert!(
        fractions.windows(2).all(|pair| pair[0] < pair[1]) && fractions.last() == Some(&1.0),
        "{fractions:?}"
    );
    assert!(kinds(&before).contains(&"plan"));
    client.end().await;
}

#[tokio::test]
async fn a_foreign_client_reads_words_and_needs_no_extension() {
    let steps = json!([{"id": "one", "tool": "write", "arguments": {"say": "{{ input.name }}"}}]);
    let mut with_input = plan("write", steps);
    with_input["input"] = json!({"type": "object", "properties": {"name": {"type": "string"}}});
    let mut client = Client::start(&[("greet", with_input)]);
    let session = client.session(&[]).await;
    let id = client.prompt(&session, "/greet {\"name\": \"you\"}", json!({})).await;
    let (before, answer) = client.turn(id).await;
    assert_eq!(answer, json!({"stopReason": "end_turn"}));
    assert_eq!(client.written.load(Ordering::SeqCst), 1);
    assert!(before.iter().all(|message| message.get("id").is_none()), "nothing is asked");
    assert!(before.iter().all(|message| message["params"].get("_meta").is_none()), "no progress");
    assert!(words(&before).contains("\"done\": true"), "{before:?}");
    client.end().await;
}

#[tokio::test]
async fn a_call_that_the_client_refuses_to_record_does_not_run() {
    let steps = json!([{"id": "one", "tool": "write"}]);
    let mut client = Client::start(&[("greet", plan("write", steps))]);
    let session = client.session(&[RESULT, STARTED]).await;
    let id = client.prompt(&session, "greet", json!({})).await;
    loop {
        let message = client.read().await;
        if message["method"] == STARTED {
            let error = json!({"code": -32603, "message": "the disk is full"});
            client.write(json!({"jsonrpc": "2.0", "id": message["id"], "error": error})).await;
            break;
        }
    }
    let (before, answer) = client.turn(id).await;
    assert_eq!(client.written.load(Ordering::SeqCst), 0);
    let failure = &answer["_meta"]["modelscan"]["failure"];
    assert_eq!(failure["reason"], "denied");
    assert!(failure["message"].as_str().unwrap().contains("the disk is full"), "{failure}");
    assert!(words(&before).contains("the disk is full"));
    client.end().await;
}

#[tokio::test]
async fn without_a_model_words_are_not_configured_and_the_hint_lists_the_skills() {
    let mut client = Client::start(&[("greet", plan("read", json!([{"id": "one", "tool": "look"}])))]);
    let session = client.session(&[RESULT, STARTED]).await;
    for prompt in ["please write a poem", "/nothing-of-this-name", "greet [1]", ""] {
        let id = client.prompt(&session, prompt, json!({})).await;
        let (before, answer) = client.turn(id).await;
        assert_eq!(answer["stopReason"], "end_turn");
        let failure = &answer["_meta"]["modelscan"]["failure"];
        assert_eq!(failure["reason"], "not_configured", "{prompt}: {failure}");
        assert!(failure["hint"].as_str().unwrap().contains("greet"), "{failure}");
        assert!(words(&before).contains("Hint: "));
    }
    client.end().await;
}

#[tokio::test]
async fn a_cancel_ends_the_turn_and_the_session_lives() {
    let hang = plan("write", json!([{"id": "one", "tool": "write", "arguments": {"hang": true}}]));
    let quick = plan("read", json!([{"id": "one", "tool": "look"}]));
    let mut client = Client::start(&[("hang", hang), ("quick", quick)]);
    let session = client.session(&[]).await;
    let id = client.prompt(&session, "/hang", json!({})).await;
    while client.read().await["params"]["update"]["sessionUpdate"] != "tool_call" {}
    let busy = client.call("session/prompt", json!({"sessionId": session, "prompt": []})).await;
    assert!(busy["error"]["message"].as_str().unwrap().contains("is running"), "{busy}");
    client
        .write(json!({"jsonrpc": "2.0", "method": "session/cancel", "params": {"sessionId": "another"}}))
        .await;
    client
        .write(json!({"jsonrpc": "2.0", "method": "session/cancel", "params": {"sessionId": session}}))
        .await;
    let (_, answer) = client.turn(id).await;
    assert_eq!(answer, json!({"stopReason": "cancelled"}));

    let id = client.prompt(&session, "/quick", json!({})).await;
    let (_, answer) = client.turn(id).await;
    assert_eq!(answer, json!({"stopReason": "end_turn"}));
    client.end().await;
}

#[tokio::test]
async fn a_client_that_goes_ends_what_runs() {
    let hang = plan("write", json!([{"id": "one", "tool": "write", "arguments": {"hang": true}}]));
    let mut client = Client::start(&[("hang", hang)]);
    let session = client.session(&[]).await;
    client.prompt(&session, "/hang", json!({})).await;
    while client.read().await["params"]["update"]["sessionUpdate"] != "tool_call" {}
    client.end().await;
}

#[tokio::test]
async fn sessions_are_checked_and_closed() {
    let mut client = Client::start(&[("quick", plan("read", json!([{"id": "one", "tool": "look"}])))]);
    let session = client.session(&[]).await;
    for cwd in ["relative", "/nonexistent/folder"] {
        let answer = client.call("session/new", json!({"cwd": cwd, "mcpServers": []})).await;
        assert_eq!(answer["error"]["code"], -32602);
        assert!(answer["error"]["message"].as_str().unwrap().contains(cwd), "{answer}");
    }
    let answer = client.call("session/prompt", json!({"sessionId": "another", "prompt": []})).await;
    assert_eq!(answer["error"]["code"], -32002);
    assert_eq!(client.call("session/close", json!({"sessionId": session})).await["result"], json!({}));
    assert_eq!(client.call("session/close", json!({"sessionId": session})).await["error"]["code"], -32002);
    assert_eq!(client.call("session/load", json!({"sessionId": session})).await["error"]["code"], -32601);
    client.writer.as_mut().unwrap().write_all(b"not a message\n").await.unwrap();
    let cwd = client.folder.path().to_owned();
    let answer = client.call("session/new", json!({"cwd": cwd, "mcpServers": []})).await;
    assert!(answer["result"]["sessionId"].is_string());
    client.end().await;
}
