//! A client as an editor is one: it spawns `modelscan mcp` and speaks the Model Context Protocol with it,
//! one JSON object a line over its stdin and stdout.

use std::ffi::OsString;
use std::fs::File;
use std::path::Path;
use std::time::Duration;

use process::Identity;
use process::direct::{Direct, DirectChild, Stderr};
use process::lines::{Line, LineReader};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{ChildStdin, ChildStdout};

use super::stage::Stage;
use crate::error::{Error, Kind};

/// The version of the protocol that this client offers.
const VERSION: &str = "2025-06-18";

/// How long an answer may take; a wait asks for less.
const ANSWER_LIMIT: Duration = Duration::from_secs(90);

/// How long one wait is.
const WAIT_MS: u64 = 30_000;

/// How many waits a task of the demo gets before it is given up.
const WAITS_MAX: u32 = 20;

/// A connected client.
pub struct Client {
    child: DirectChild,
    stdin: ChildStdin,
    lines: LineReader<ChildStdout>,
    next_id: u64,
}

/// One call of a tool: the two lines as they went over the pipes, and what they came to.
pub struct Exchange {
    /// The line that was sent.
    pub sent: String,
    /// The line that came back.
    pub received: String,
    /// What was answered, structured.
    pub content: Value,
}

impl Client {
    /// Starts the program and shakes hands with it.
    ///
    /// # Errors
    /// If it cannot be started or does not answer.
    pub async fn start(stage: &Stage<'_>, name: &str, cwd: &Path) -> Result<Self, Error> {
        let log = stage.home().join(format!("{name}.log"));
        let log =
            File::create(&log).map_err(|error| broken(&format!("its log `{}`: {error}", log.display())))?;
        let home = stage.home();
        let mut env: Vec<(OsString, OsString)> =
            stage.env().submitted().into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        if let Some(runtime) = stage.env().get("XDG_RUNTIME_DIR") {
            env.push(("XDG_RUNTIME_DIR".into(), runtime.to_owned()));
        }
        let mut child = Direct {
            program: stage.program().to_owned(),
            args: vec!["mcp".into(), "--home".into(), home.into()],
            env,
            cwd: cwd.to_owned(),
            stderr: Stderr::File(log),
        }
        .spawn()
        .map_err(|error| broken(&format!("it cannot be started: {error}")))?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(broken("it has no pipes"));
        };
        let mut client = Self { child, stdin, lines: LineReader::new(stdout), next_id: 1 };
        let hello = json!({
            "protocolVersion": VERSION,
            "capabilities": {},
            "clientInfo": { "name": "modelscan-demo", "version": env!("CARGO_PKG_VERSION") },
        });
        client.request("initialize", &hello, |_, _| {}).await?;
        client.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }).to_string()).await?;
        Ok(client)
    }

    /// Returns which process it is.
    pub const fn identity(&self) -> Identity {
        self.child.identity
    }

    /// Calls a tool.
    ///
    /// # Errors
    /// If it refuses, or the program does not answer.
    pub async fn call(
        &mut self,
        tool: &str,
        arguments: &Value,
        on_progress: impl FnMut(f64, &str),
    ) -> Result<Exchange, Error> {
        let params = json!({
            "name": tool,
            "arguments": arguments,
            "_meta": { "progressToken": format!("progress-{}", self.next_id) },
        });
        let (sent, received, result) = self.request("tools/call", &params, on_progress).await?;
        if result["isError"] == json!(true) {
            return Err(refused(tool, result["content"][0]["text"].as_str().unwrap_or("")));
        }
        Ok(Exchange { sent, received, content: result["structuredContent"].clone() })
    }

    /// Waits until a task is done and returns its summary.
    ///
    /// # Errors
    /// If it does not come to its end, or the program does not answer.
    pub async fn wait_for(
        &mut self,
        id: &str,
        mut on_progress: impl FnMut(f64, &str),
    ) -> Result<Value, Error> {
        for _ in 0..WAITS_MAX {
            let arguments = json!({ "ids": [id], "wait_ms": WAIT_MS });
            let told = self.call("task_wait", &arguments, &mut on_progress).await?;
            if told.content["pending"].as_array().is_some_and(Vec::is_empty) {
                return Ok(told.content["tasks"][0].clone());
            }
        }
        Err(broken(&format!("the task {id} does not come to its end")))
    }

    /// Closes its stdin and waits until it has ended, as an editor does it that is closed.
    ///
    /// # Errors
    /// If it does not end.
    pub async fn close(mut self) -> Result<(), Error> {
        drop(self.stdin);
        match tokio::time::timeout(ANSWER_LIMIT, self.child.wait()).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(broken(&format!("its end cannot be seen: {error}"))),
            Err(_) => Err(broken("it does not end although its stdin is closed")),
        }
    }

    /// Kills it with SIGKILL and waits until it is gone.
    ///
    /// # Errors
    /// If it cannot be killed.
    pub async fn kill(mut self) -> Result<(), Error> {
        self.child.kill().await.map(drop).map_err(|error| broken(&format!("it cannot be killed: {error}")))
    }

    /// Sends a request and returns its line, its answer's line and its result. `on_progress` is told
    /// what is done, from 0 to 1, and a text.
    async fn request(
        &mut self,
        method: &str,
        params: &Value,
        mut on_progress: impl FnMut(f64, &str),
    ) -> Result<(String, String, Value), Error> {
        let id = self.next_id;
        self.next_id += 1;
        let sent = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string();
        self.send(&sent).await?;
        let answered = async {
            loop {
                let line = self.next_line().await?;
                let message: Value = serde_json::from_str(&line)
                    .map_err(|error| broken(&format!("it wrote no JSON: {error}")))?;
                if message["method"] == json!("notifications/progress") {
                    let done = message["params"]["progress"].as_f64().unwrap_or(0.0);
                    let total =
                        message["params"]["total"].as_f64().filter(|total| *total > 0.0).unwrap_or(1.0);
                    on_progress(done / total, message["params"]["message"].as_str().unwrap_or(""));
                } else if message["id"] == json!(id) {
                    return Ok::<_, Error>((line, message));
                }
            }
        };
        let (received, mut message) = match tokio::time::timeout(ANSWER_LIMIT, answered).await {
            Ok(answered) => answered?,
            Err(_) => return Err(broken(&format!("it did not answer `{method}`"))),
        };
        if let Some(words) = message["error"]["message"].as_str() {
            return Err(broken(&format!("`{method}` was answered with an error: {words}")));
        }
        Ok((sent, received, message["result"].take()))
    }

    async fn send(&mut self, line: &str) -> Result<(), Error> {
        let gone = |error: std::io::Error| broken(&format!("it does not read: {error}"));
        self.stdin.write_all(line.as_bytes()).await.map_err(gone)?;
        self.stdin.write_all(b"\n").await.map_err(gone)?;
        self.stdin.flush().await.map_err(gone)
    }

    async fn next_line(&mut self) -> Result<String, Error> {
        match self.lines.next().await {
            Ok(Some(Line::Whole(line))) => {
                String::from_utf8(line).map_err(|_| broken("it wrote what is not UTF-8 text"))
            }
            Ok(Some(Line::TooLong { .. } | Line::Unfinished(_)) | None) => {
                Err(broken("it ended before it answered"))
            }
            Err(error) => Err(broken(&format!("it cannot be read: {error}"))),
        }
    }
}

/// Returns the error of a tool that refused; its text begins with a kind.
fn refused(tool: &str, text: &str) -> Error {
    let known = text.split_once(": ").and_then(|(word, words)| Some((Kind::from_word(word)?, words)));
    match known {
        Some((kind, words)) if kind != Kind::Internal => Error::new(kind, words),
        _ => broken(&format!("`{tool}` was refused: {text}")),
    }
}

fn broken(what: &str) -> Error {
    Error::new(Kind::Internal, format!("the demo's `modelscan mcp`: {what}"))
        .hint("look at the logs in the demo's folder; if this stays, please report it")
}
