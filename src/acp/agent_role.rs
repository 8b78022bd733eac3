//! The agent's end: what a client says to us, and what we say to it.

use crate::answer::{Answer, Request};
use crate::connection::{Caller, Connection, Driver, Finish, Receive, connect};
use crate::convert::{call_to, change_to, plan_to, text_of};
use crate::error::CallError;
use crate::gate::Held;
use crate::noise::{Noise, NoiseKind};
use crate::types::{Command, PlanEntry, StopReason, ToolCall, ToolCallChange};
use agent_client_protocol::schema::ProtocolVersion;
use agent_client_protocol::v1::schema as v1;
use agent_client_protocol::{Agent, Client};
use serde::Serialize;
use serde_json::{Value, json};
use std::path::PathBuf;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use wire::extension::{
    AgentExtensions, ClientExtensions, Progress, PromptMeta, PromptResponseMeta, RESULT_METHOD,
    ResultRequest, TOOL_STARTED_METHOD, ToolStartedRequest, TurnFailure, UpdateMeta, read_meta, write_meta,
};

/// The agent's end of a connection.
#[derive(Debug)]
pub struct AgentConnection {
    /// Calls the client.
    pub client: ClientPeer,
    /// What the client says, in order.
    pub incoming: mpsc::Receiver<Held<FromClient>>,
    /// Ends the connection.
    pub finish: Finish,
    /// Moves the connection; to be polled until it ends.
    pub driver: Driver,
}

/// What a client says.
#[derive(Debug)]
pub enum FromClient {
    /// Who it is; it is answered with who we are.
    Initialize {
        /// Who it is.
        client: ClientInfo,
        /// The way back; name and version of the agent.
        answer: Answer<(String, String)>,
    },
    /// It wants a session.
    NewSession {
        /// The session's directory, as the client gave it.
        cwd: PathBuf,
        /// The way back; the session's id.
        answer: Answer<String>,
    },
    /// It wants a turn of work.
    Prompt {
        /// The session.
        session: String,
        /// The words, the blocks of the prompt joined by line ends.
        text: String,
        /// What a host of ours says beside them.
        meta: PromptMeta,
        /// The way back.
        answer: Answer<TurnEnd>,
    },
    /// It wants the session's turn to end.
    Cancel {
        /// The session.
        session: String,
    },
    /// It wants the session to be closed.
    CloseSession {
        /// The session.
        session: String,
        /// The way back.
        answer: Answer<()>,
    },
    /// Something that is no message, or none that we know.
    Noise(Noise),
}

/// What a client says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClientInfo {
    /// Its name, where it says so.
    pub name: Option<String>,
    /// Its version, where it says so.
    pub version: Option<String>,
    /// What it offers of our extensions.
    pub extensions: ClientExtensions,
}

/// How a turn ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnEnd {
    /// Why the agent stopped.
    pub stop_reason: StopReason,
    /// Why there is no result, where the agent says so.
    pub failure: Option<TurnFailure>,
}

/// What an agent tells about a turn.
#[derive(Debug, Clone, PartialEq)]
pub enum AgentUpdate {
    /// Words for people.
    Text(String),
    /// A new tool call.
    ToolCall(ToolCall),
    /// A change of a tool call.
    ToolCallChange(ToolCallChange),
    /// What it is going to do, whole.
    Plan(Vec<PlanEntry>),
    /// The commands that a prompt may begin with.
    Commands(Vec<Command>),
    /// Nothing but progress.
    Progress,
}

/// Calls a client; cheap to clone.
#[derive(Debug, Clone)]
pub struct ClientPeer(Caller<Client>);

/// Connects to a client that reads `writer` and writes `reader`.
pub fn connect_client<R, W>(reader: R, writer: W) -> AgentConnection
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    let Connection { caller, incoming, finish, driver } = connect(Agent, reader, writer, FromClientReceiver);
    AgentConnection { client: ClientPeer(caller), incoming, finish, driver }
}

impl ClientPeer {
    /// Tells the client something about the turn, and how far it is.
    ///
    /// # Errors
    ///
    /// [`CallError`]; waits while the client does not read.
    pub async fn update(
        &self,
        session: &str,
        update: AgentUpdate,
        progress: Option<Progress>,
    ) -> Result<(), CallError> {
        let mut notification = v1::SessionNotification::new(session.to_owned(), update_to(update));
        if progress.is_some() {
            notification = notification.meta(write_meta(&UpdateMeta { progress }));
        }
        self.0.notify("session/update", notification).await
    }

    /// Asks the client to record a tool call, and waits until it has.
    ///
    /// # Errors
    ///
    /// [`CallError`]: then the call must not run.
    pub async fn tool_started(&self, request: &ToolStartedRequest) -> Result<(), CallError> {
        self.0.request(TOOL_STARTED_METHOD, request).await.map(drop)
    }

    /// Reports the turn's result, and waits until the client has it.
    ///
    /// # Errors
    ///
    /// [`CallError`].
    pub async fn result(&self, request: &ResultRequest) -> Result<(), CallError> {
        self.0.request(RESULT_METHOD, request).await.map(drop)
    }
}

fn update_to(update: AgentUpdate) -> v1::SessionUpdate {
    match update {
        AgentUpdate::Text(text) => {
            v1::SessionUpdate::AgentMessageChunk(v1::ContentChunk::new(v1::ContentBlock::from(text)))
        }
        AgentUpdate::ToolCall(call) => v1::SessionUpdate::ToolCall(call_to(call)),
        AgentUpdate::ToolCallChange(change) => v1::SessionUpdate::ToolCallUpdate(change_to(change)),
        AgentUpdate::Plan(entries) => v1::SessionUpdate::Plan(plan_to(entries)),
        AgentUpdate::Commands(commands) => {
            let commands = commands.into_iter().map(|command| {
                let hint = command.hint.map(|hint| {
                    v1::AvailableCommandInput::Unstructured(v1::UnstructuredCommandInput::new(hint))
                });
                v1::AvailableCommand::new(command.name, command.description).input(hint)
            });
            v1::SessionUpdate::AvailableCommandsUpdate(v1::AvailableCommandsUpdate::new(commands.collect()))
        }
        // It changes nothing of the session, so that a client which does not read `_meta` has nothing to show.
        AgentUpdate::Progress => v1::SessionUpdate::SessionInfoUpdate(v1::SessionInfoUpdate::new()),
    }
}

struct FromClientReceiver;

impl Receive for FromClientReceiver {
    type Message = FromClient;

    fn request(&self, request: Request) -> Result<FromClient, Noise> {
        Ok(match request.method.as_str() {
            "initialize" => {
                let (request, answer): (v1::InitializeRequest, _) = request.read(initialize_value)?;
                let (name, version) = request.client_info.map(|info| (info.name, info.version)).unzip();
                let extensions = read_meta(request.client_capabilities.meta.as_ref()).unwrap_or_default();
                FromClient::Initialize { client: ClientInfo { name, version, extensions }, answer }
            }
            "session/new" => {
                let (request, answer): (v1::NewSessionRequest, _) =
                    request.read(|id: String| value(&v1::NewSessionResponse::new(id)))?;
                FromClient::NewSession { cwd: request.cwd, answer }
            }
            "session/prompt" => {
                let (request, answer): (v1::PromptRequest, _) = request.read(turn_end_value)?;
                let texts: Vec<String> = request.prompt.iter().filter_map(text_of).collect();
                FromClient::Prompt {
                    session: request.session_id.0.to_string(),
                    text: texts.join("\n"),
                    meta: read_meta(request.meta.as_ref()).unwrap_or_default(),
                    answer,
                }
            }
            "session/close" => {
                let (request, answer): (v1::CloseSessionRequest, _) = request.read(|()| json!({}))?;
                FromClient::CloseSession { session: request.session_id.0.to_string(), answer }
            }
            _ => return Err(request.unknown()),
        })
    }

    fn notification(&self, method: &str, params: Value) -> Result<Option<FromClient>, Noise> {
        match method {
            "session/cancel" => {
                let notification: v1::CancelNotification =
                    serde_json::from_value(params).map_err(|error| {
                        Noise::new(NoiseKind::Unknown, &format!("notification {method}: {error}"))
                    })?;
                Ok(Some(FromClient::Cancel { session: notification.session_id.0.to_string() }))
            }
            _ if method.starts_with("$/") => Ok(None),
            _ => Err(Noise::new(NoiseKind::Unknown, &format!("notification {method}"))),
        }
    }

    fn noise(&self, noise: Noise) -> FromClient {
        FromClient::Noise(noise)
    }
}

fn initialize_value((name, version): (String, String)) -> Value {
    let sessions = v1::SessionCapabilities::new().close(v1::SessionCloseCapabilities::new());
    let capabilities = v1::AgentCapabilities::new()
        .session_capabilities(sessions)
        .meta(write_meta(&AgentExtensions::ours()));
    let answer = v1::InitializeResponse::new(ProtocolVersion::V1)
        .agent_capabilities(capabilities)
        .agent_info(v1::Implementation::new(name, version));
    value(&answer)
}

fn turn_end_value(end: TurnEnd) -> Value {
    let mut answer = json!({ "stopReason": end.stop_reason.as_str() });
    if end.failure.is_some()
        && let Some(answer) = answer.as_object_mut()
    {
        let meta = write_meta(&PromptResponseMeta { failure: end.failure });
        answer.insert("_meta".to_owned(), Value::Object(meta));
    }
    answer
}

/// The protocol's own types always serialize.
fn value(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}
