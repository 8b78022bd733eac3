//! What the tests share: a turn by a real child, with everything that was told.

use modelscan_agent::{
    AgentError, AgentEvent, Answered, Driver, Launch, NoiseKind, Program, TurnOutcome, TurnRequest,
};
use process::{Identity, Spawner, reaper::Registry};
use serde_json::Value;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// The program that is the guard and most agents.
pub const FIXTURE: &str = env!("CARGO_BIN_EXE_agent-fixture");

/// What every wait gets: far more than anything takes.
pub const DEADLINE: Duration = Duration::from_secs(50);

/// What is to be run.
pub struct Case<'a> {
    pub program: &'a str,
    pub args: &'a [&'a str],
    pub env: Vec<(OsString, OsString)>,
    pub cwd: &'a Path,
    /// Stops the turn when this is told; `refused`: the instance is not recorded.
    pub stop_at: &'a str,
}

/// What came of it.
pub struct Ran {
    pub result: Result<TurnOutcome, AgentError>,
    /// The words for what was told, in order.
    pub told: Vec<String>,
    /// The structured results, and whether they were late.
    pub results: Vec<(Value, bool)>,
    pub permissions: Vec<Answered>,
    pub noise: Vec<(NoiseKind, String)>,
}

impl Case<'_> {
    /// Runs the turn; everything that asks is accepted.
    pub async fn run(self) -> Ran {
        let args = vec!["__guard".into()];
        let spawner = Spawner::with_guard(FIXTURE.into(), args, Registry::new()).unwrap();
        let launch = Launch {
            agent: "fixture".into(),
            program: Program::Other(self.program.into()),
            args: self.args.iter().map(Into::into).collect(),
            env: self.env,
            stderr_log: None,
            end_record: None,
            start_timeout: DEADLINE,
        };
        let turn = TurnRequest {
            instance: format!("test-{}-{}-{}", std::process::id(), self.args.join("-"), self.stop_at),
            task: "task_1".into(),
            cwd: PathBuf::from(self.cwd),
            prompt: "do it".into(),
            skill: None,
            input: None,
        };
        let (sender, mut events) = mpsc::channel(4);
        let stop = CancellationToken::new();
        let mut child: Option<Identity> = None;
        let mut ran = Ran {
            result: Err(AgentError::Stopped { ended: None }),
            told: Vec::new(),
            results: Vec::new(),
            permissions: Vec::new(),
            noise: Vec::new(),
        };
        let watch = async {
            while let Some(event) = events.recv().await {
                let word = match event {
                    AgentEvent::Spawned { record, recorded } => {
                        child = record.child;
                        if self.stop_at == "refused" {
                            recorded.refuse("no");
                        } else {
                            recorded.accept();
                        }
                        "spawned".to_owned()
                    }
                    AgentEvent::Ready { .. } => "ready".to_owned(),
                    AgentEvent::Prompted => "prompted".to_owned(),
                    AgentEvent::Message { text, .. } => text,
                    AgentEvent::Stopping => "stopping".to_owned(),
                    AgentEvent::ToolCall { call, .. } => {
                        format!("{} {}", call.kind.as_str(), call.status.as_str())
                    }
                    AgentEvent::ToolStarted { tool, reply, .. } => {
                        reply.accept();
                        format!("started {tool}")
                    }
                    AgentEvent::Result { result, late, reply, .. } => {
                        ran.results.push((result, late));
                        reply.accept();
                        "result".to_owned()
                    }
                    AgentEvent::Permission { answered, .. } => {
                        ran.permissions.push(answered);
                        "permission".to_owned()
                    }
                    AgentEvent::Noise { kind, text } => {
                        ran.noise.push((kind, text));
                        "noise".to_owned()
                    }
                    AgentEvent::Progress { fraction, text } => format!("{fraction} {text}"),
                    other => format!("{other:?}"),
                };
                if word.starts_with(self.stop_at) && !self.stop_at.is_empty() {
                    stop.cancel();
                }
                ran.told.push(word);
            }
        };
        let driver = Driver::new(spawner);
        let turn = driver.run(launch, turn, sender, stop.clone());
        let both = async { tokio::join!(turn, watch).0 };
        let result = tokio::time::timeout(DEADLINE, both).await;
        ran.result = result.unwrap_or_else(|_| panic!("no end in time"));
        if let Some(child) = child {
            assert!(!child.is_alive(), "nothing is left when the outcome is there");
        }
        ran
    }
}
