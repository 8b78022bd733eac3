//! Runs one instance for one turn, from spawn to the proof that nothing of it is left.

use crate::error::AgentError;
use crate::event::{AgentEvent, Reply};
use crate::launch::{Launch, TurnRequest};
use crate::outcome::TurnOutcome;
use crate::turn::{Conversation, Conversed, Ending};
use acp::ClientConnection;
use process::{Ended, Instance, SpawnError, Spawner};
use std::error::Error;
use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

/// How long an agent has to go by itself once its stdin is closed.
const LEAVE_LIMIT: Duration = Duration::from_millis(500);

/// How long it may take to close its session before that.
const CLOSE_LIMIT: Duration = Duration::from_millis(500);

/// The variable that names the task to a child.
const TASK_VARIABLE: &str = "MODELSCAN_TASK";

/// The variable that names the agent to a child.
const AGENT_VARIABLE: &str = "MODELSCAN_AGENT";

/// Starts agents and talks to them. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Driver {
    spawner: Spawner,
}

impl Driver {
    /// Returns a driver that starts its children by `spawner`.
    #[must_use]
    pub fn new(spawner: Spawner) -> Self {
        Self { spawner }
    }

    /// Runs `turn` by a fresh instance of `launch` and returns when nothing of it is left.
    ///
    /// The caller owns the future and reads `events` meanwhile; should it stop reading, the turn is stopped. When `stop`
    /// is cancelled the agent is told so, has 1.5 s to answer, then its stdin is closed, and after another 0.5 s its
    /// guard ends it. Dropping the future ends the instance too, but without a word to the agent, and in the background.
    ///
    /// # Errors
    ///
    /// See [`AgentError`]. A turn that was stopped and that the agent answered is an outcome with
    /// [`StopReason::Cancelled`](crate::StopReason::Cancelled), or whatever it answered.
    pub async fn run(
        &self,
        launch: Launch,
        turn: TurnRequest,
        events: mpsc::Sender<AgentEvent>,
        stop: CancellationToken,
    ) -> Result<TurnOutcome, AgentError> {
        let ready_by = Instant::now() + launch.start_timeout;
        if stop.is_cancelled() {
            return Err(AgentError::Stopped { ended: None });
        }
        // A spawn is not given up for a stop: what it has begun must be seen to its end.
        let spawned = self.spawner.spawn(process_launch(&launch, &turn)).await;
        let mut instance = spawned.map_err(|error| could_not_start(&launch, &error))?;
        let (Some(stdin), Some(stdout)) = (instance.take_stdin(), instance.take_stdout()) else {
            let ended = end(&instance, &events).await;
            return Err(AgentError::ExitedAtStart { program: launch.program.to_string(), ended });
        };
        if !is_recorded(&instance, &events).await {
            return Err(AgentError::Stopped { ended: Some(end(&instance, &events).await) });
        }
        let connection = acp::connect_agent(stdout, stdin);
        let (conversed, ended) = talk(connection, &instance, &turn, ready_by, &events, &stop).await;
        conclude(&launch, conversed, ended)
    }
}

fn process_launch(launch: &Launch, turn: &TurnRequest) -> process::Launch {
    let own = [(TASK_VARIABLE, &turn.task), (AGENT_VARIABLE, &launch.agent)];
    let mut env = launch.env.clone();
    env.retain(|(name, _)| !own.iter().any(|(own, _)| name == own));
    env.extend(own.map(|(name, value)| (OsString::from(name), OsString::from(value))));
    let mut process = process::Launch::new(turn.instance.clone(), launch.program.path(), turn.cwd.clone());
    process.args.clone_from(&launch.args);
    process.env = env;
    process.stderr_log.clone_from(&launch.stderr_log);
    process.end_record.clone_from(&launch.end_record);
    process.start_timeout = launch.start_timeout;
    process
}

fn could_not_start(launch: &Launch, error: &SpawnError) -> AgentError {
    let program = launch.program.to_string();
    let mut why = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        why = format!("{why}: {cause}");
        source = cause.source();
    }
    match error {
        SpawnError::Execute { .. } | SpawnError::Directory { .. } | SpawnError::Invalid { .. } => {
            AgentError::CouldNotStart { program, why }
        }
        _ => AgentError::NotNow { program, why },
    }
}

/// Tells that the processes live and waits until that is on disk.
async fn is_recorded(instance: &Instance, events: &mpsc::Sender<AgentEvent>) -> bool {
    let (recorded, answered) = Reply::new();
    let event = AgentEvent::Spawned { record: instance.record().clone(), recorded };
    events.send(event).await.is_ok() && matches!(answered.await, Ok(Ok(())))
}

/// Holds the conversation and sees the instance to its end.
async fn talk(
    connection: ClientConnection,
    instance: &Instance,
    turn: &TurnRequest,
    ready_by: Instant,
    events: &mpsc::Sender<AgentEvent>,
    stop: &CancellationToken,
) -> (Conversed, Arc<Ended>) {
    let ClientConnection { agent, incoming, finish, mut driver } = connection;
    let conversation = Conversation::new(agent.clone(), incoming, events.clone(), stop.clone());
    let conversed = beside(&mut driver, conversation.run(turn, ready_by)).await;
    if let (Ending::Turn(_), Some(session)) = (&conversed.ending, &conversed.closes) {
        // It ends in any case; an agent that does not answer this loses nothing.
        let _ =
            timeout_at(Instant::now() + CLOSE_LIMIT, beside(&mut driver, agent.close_session(session))).await;
    }
    finish.finish();
    let leaving = async {
        // This closes its stdin and reads what it still has to say.
        driver.await;
        instance.wait().await
    };
    let ended = match timeout_at(Instant::now() + LEAVE_LIMIT, leaving).await {
        Ok(ended) => ended,
        Err(_) => end(instance, events).await,
    };
    (conversed, ended)
}

/// Polls the connection as long as `future` runs.
async fn beside<T>(driver: &mut acp::Driver, future: impl Future<Output = T>) -> T {
    tokio::pin!(future);
    let mut connected = true;
    loop {
        tokio::select! {
            biased;
            () = &mut *driver, if connected => connected = false,
            result = &mut future => return result,
        }
    }
}

/// Ends an instance; what does not end is told, and waited for.
async fn end(instance: &Instance, events: &mpsc::Sender<AgentEvent>) -> Arc<Ended> {
    match instance.end().await {
        Ok(ended) => ended,
        Err(stuck) => {
            let left = stuck.left.iter().map(|left| format!("{left:?}")).collect();
            // If nobody listens any more there is nobody to tell.
            let _ = events.send(AgentEvent::Stuck { left }).await;
            instance.wait().await
        }
    }
}

fn conclude(launch: &Launch, conversed: Conversed, ended: Arc<Ended>) -> Result<TurnOutcome, AgentError> {
    let program = launch.program.to_string();
    match conversed.ending {
        Ending::Turn(end) => Ok(TurnOutcome {
            stop_reason: end.stop_reason,
            text: conversed.text,
            failure: end.failure,
            reported: conversed.reported,
            noise: conversed.noise,
            ended,
        }),
        Ending::Protocol { method, code, message } => {
            Err(AgentError::Protocol { program, method, code, message, ended })
        }
        Ending::Gone { ready: false } => Err(AgentError::ExitedAtStart { program, ended }),
        Ending::Gone { ready: true } => Err(AgentError::Exited { program, ended }),
        Ending::Late { method } => {
            let limit_ms = launch.start_timeout.as_millis();
            Err(AgentError::StartTimeout { program, method, limit_ms, ended })
        }
        Ending::Stopped => Err(AgentError::Stopped { ended: Some(ended) }),
    }
}
