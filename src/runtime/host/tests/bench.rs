//! What the tests of a host share: scripted agents, a clock, a folder, and waiting for what is to come.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use agent::{AgentError, AgentEvent, Launch, Reply, StopReason, TurnOutcome, TurnRequest};
use domain::{Clock, IdSource, ProcessIdentity, TaskId, Timestamp};
use process::sweep::{Findings, Recovered, Verdict};
use process::{Ended, Identity, InstanceRecord, Proof};
use serde_json::Value;
use skill::Library;
use store::{ExclusiveAccess, Opening, Place, Writer, preflight};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use wire::config::{AgentConfig, Config};
use wire::control::SubmitRequest;
use wire::views::{TaskShowView, TaskSummary};

use crate::attempt::AttemptDriver;
use crate::host::{Host, HostHandle, HostParts, Readers};
use crate::operations::{self, OperationError, Submission};
use crate::recovery::{Settled, Sweeper};
use crate::registry::Folders;

/// Far more than anything here takes, on however busy a machine.
pub(super) const LONG: Duration = Duration::from_secs(30);

/// A clock that is moved by hand.
pub(super) struct HandClock(AtomicI64);

impl HandClock {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(1_000_000_000_000)))
    }

    pub(super) fn forward(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// Ids in a row.
pub(super) struct Counted(AtomicU64);

impl Counted {
    pub(super) fn from(first: u64) -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(first)))
    }
}

impl IdSource for Counted {
    fn next_bytes(&self) -> [u8; 16] {
        let number = u128::from(self.0.fetch_add(1, Ordering::SeqCst));
        (0x0190_0000_0000_7000_8000_0000_0000_0000 + number).to_be_bytes()
    }
}

/// One turn, as a script plays it.
pub(super) struct Scene {
    pub launch: Launch,
    pub turn: TurnRequest,
    pub events: mpsc::Sender<AgentEvent>,
    pub stop: CancellationToken,
}

pub(super) type Played = Result<TurnOutcome, AgentError>;

impl Scene {
    pub(super) async fn say(&self, event: AgentEvent) {
        // The host may have ended meanwhile.
        let _ = self.events.send(event).await;
    }

    /// Says something that is answered, and whether it was accepted.
    pub(super) async fn ask(&self, event: impl FnOnce(Reply) -> AgentEvent) -> bool {
        let (reply, answered) = Reply::new();
        self.say(event(reply)).await;
        matches!(answered.await, Ok(Ok(())))
    }

    pub(super) async fn spawn(&self) -> bool {
        let identity = |pid| Some(Identity { pid, start: 7 });
        let record = InstanceRecord {
            instance: self.turn.instance.clone(),
            boot_id: "boot".to_owned(),
            guard: identity(101),
            child: identity(102),
            end_record: self.launch.end_record.clone(),
        };
        self.ask(|recorded| AgentEvent::Spawned { record, recorded }).await
    }

    /// Spawns and takes the prompt.
    pub(super) async fn begin(&self) {
        assert!(self.spawn().await);
        self.say(AgentEvent::Prompted).await;
    }

    pub(super) async fn report(&self, result: Value) -> bool {
        self.ask(|reply| AgentEvent::Result { result, report: Some("done".into()), late: false, reply }).await
    }

    pub(super) async fn tool(&self, call: &str, side_effects: bool) -> bool {
        let (call, tool) = (call.to_owned(), "bash".to_owned());
        let input = serde_json::json!({"command": "true"});
        self.ask(|reply| AgentEvent::ToolStarted { call, tool, input, side_effects, reply }).await
    }

    /// The turn ends by itself, then its instance.
    pub(super) async fn finish(&self, text: &str) -> Played {
        self.say(AgentEvent::Stopping).await;
        outcome(StopReason::EndTurn, text)
    }

    /// Works until it is stopped.
    pub(super) async fn until_stopped(&self) -> Played {
        self.stop.cancelled().await;
        Err(AgentError::Stopped { ended: Some(ended(None, Some(15))) })
    }
}

pub(super) fn outcome(stop_reason: StopReason, text: &str) -> Played {
    Ok(TurnOutcome {
        stop_reason,
        text: text.to_owned(),
        failure: None,
        reported: false,
        noise: 0,
        ended: ended(Some(0), None),
    })
}

pub(super) fn ended(code: Option<i32>, signal: Option<i32>) -> Arc<Ended> {
    Arc::new(Ended {
        code,
        signal,
        cause: None,
        killed_from_outside: false,
        killed: Vec::new(),
        killed_total: 0,
        stderr_tail: b"last words\n".to_vec(),
        proof: Proof::Proven,
    })
}

pub(super) fn protocol_error() -> Played {
    Err(AgentError::StartTimeout {
        program: "x".to_owned(),
        method: "initialize",
        limit_ms: 1,
        ended: ended(None, Some(9)),
    })
}

type Script = Arc<dyn Fn(Scene) -> crate::attempt::Driven + Send + Sync>;

struct Scripted(Script);

impl AttemptDriver for Scripted {
    fn run(
        &self,
        launch: Launch,
        turn: TurnRequest,
        events: mpsc::Sender<AgentEvent>,
        stop: CancellationToken,
    ) -> crate::attempt::Driven {
        (self.0)(Scene { launch, turn, events, stop })
    }
}

/// Finds nothing and says so.
pub(super) struct NothingLeft;

impl Sweeper for NothingLeft {
    fn settle(&self, records: Vec<InstanceRecord>) -> Settled {
        let verdict = || Verdict::Unproven(Findings::default());
        let settled =
            records.into_iter().map(|record| Recovered { instance: record.instance, verdict: verdict() });
        let settled: Vec<Recovered> = settled.collect();
        Box::pin(async move { Ok(settled) })
    }
}

pub(super) struct Nobody;

impl ExclusiveAccess for Nobody {}

/// A folder with a store, and what stays when a host ends and another begins.
pub(super) struct Bench {
    pub folder: tempfile::TempDir,
    pub clock: Arc<HandClock>,
    pub ids: Arc<Counted>,
    pub config: Config,
    script: Script,
}

impl Bench {
    pub(super) fn new<F>(script: impl Fn(Scene) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Played> + Send + 'static,
    {
        let mut config = Config::default();
        let agent = AgentConfig { max_running: 2, ..AgentConfig::new("x".to_owned()) };
        config.agents.insert("other".parse().unwrap(), agent);
        config.defaults.agent = "other".parse().unwrap();
        Self {
            folder: tempfile::tempdir().unwrap(),
            clock: HandClock::new(),
            ids: Counted::from(1),
            config,
            script: Arc::new(move |scene| Box::pin(script(scene))),
        }
    }

    pub(super) fn place(&self) -> Place {
        let path = |name| self.folder.path().join(name);
        Place { database: path("modelscan.db"), outputs: path("outputs") }
    }

    pub(super) fn folders(&self) -> Folders {
        let ends = self.folder.path().join("ends");
        std::fs::create_dir_all(&ends).unwrap();
        Folders { ends, logs: None }
    }

    pub(super) fn open(&self) -> (Writer, Readers) {
        let checked = preflight(self.place()).unwrap();
        let opening = Opening { now: self.clock.now(), binary: "test" };
        (Writer::open(&checked, Nobody, opening).unwrap(), Readers::new(checked))
    }

    pub(super) fn start(&self) -> HostHandle {
        let (writer, readers) = self.open();
        Host::start(HostParts {
            writer,
            readers,
            config: self.config.clone(),
            driver: Arc::new(Scripted(Arc::clone(&self.script))),
            sweeper: Arc::new(NothingLeft),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            folders: self.folders(),
            own_env: Vec::new(),
            process: ProcessIdentity { pid: 1, start_ticks: 1 },
            boot_id: "boot".to_owned(),
            version: "0".to_owned(),
        })
        .unwrap()
    }

    pub(super) fn request(&self, prompt: &str) -> SubmitRequest {
        SubmitRequest {
            id: TaskId::new(&*self.ids).to_string(),
            prompt: Some(prompt.to_owned()),
            cwd: self.folder.path().to_string_lossy().into_owned(),
            env: BTreeMap::from([
                ("PATH".to_owned(), "/bin".to_owned()),
                ("SECRET".to_owned(), "x".to_owned()),
            ]),
            ..SubmitRequest::default()
        }
    }

    pub(super) fn prepare(&self, request: SubmitRequest) -> Submission {
        let skills = Library::load(&[], None, &[]);
        operations::prepare(request, &self.config, || &skills, self.clock.now()).unwrap()
    }

    pub(super) async fn submit(&self, host: &HostHandle, prompt: &str) -> TaskSummary {
        host.task_submit(self.prepare(self.request(prompt))).await.unwrap()
    }
}

/// Waits until a task stands where it is expected.
pub(super) async fn until(host: &HostHandle, id: &str, state: &str) -> TaskSummary {
    let mut newer = host.watch();
    let look = async {
        loop {
            newer.borrow_and_update();
            let task = status(host, id).await;
            if task.state == state {
                return task;
            }
            newer.changed().await.unwrap();
        }
    };
    match timeout(LONG, look).await {
        Ok(task) => task,
        Err(_) => panic!("not `{state}` in time: {:?}", show(host, id).await),
    }
}

pub(super) async fn status(host: &HostHandle, id: &str) -> TaskSummary {
    let id: TaskId = id.parse().unwrap();
    host.read(move |reading| operations::task_status(reading, id)).await.unwrap()
}

pub(super) async fn show(host: &HostHandle, id: &str) -> TaskShowView {
    let id: TaskId = id.parse().unwrap();
    host.read(move |reading| operations::task_show(reading, id)).await.unwrap()
}

/// The kinds of events of a task, in order.
pub(super) async fn events(host: &HostHandle, id: &str) -> Vec<String> {
    let task: TaskId = id.parse().unwrap();
    let filter = operations::StreamFilter { task: Some(task), ..Default::default() };
    let list = host.read(move |reading| operations::event_list(reading, filter)).await.unwrap();
    list.items.into_iter().map(|event| event.event_type).collect()
}

/// Waits for something that must come.
pub(super) async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(LONG, what).await.expect("it did not come in time")
}

pub(super) async fn stop(host: HostHandle, mode: crate::host::StopMode) {
    let ended: Result<(), OperationError> = soon(async {
        host.begin_stop(mode).await;
        host.ended().await
    })
    .await;
    ended.unwrap();
}
