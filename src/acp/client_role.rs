//! The client's end: what a host says to an agent, and what the agent says to it.

use crate::agent_role::TurnEnd;
use crate::answer::{Answer, Request};
use crate::connection::{Caller, Connection, Driver, Finish, Receive, connect};
use crate::convert::{change_from_call, change_from_update, plan_from, text_of};
use crate::error::CallError;
use crate::gate::Held;
use crate::noise::{Noise, NoiseKind};
use crate::types::{PlanEntry, StopReason, ToolCallChange, Usage};
use agent_client_protocol::schema::ProtocolVersion;
use agent_client_protocol::v1::schema as v1;
use agent_client_protocol::{Agent, Client};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::path::Path;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use wire::extension::{
    AgentExtensions, ClientExtensions, Progress, PromptMeta, PromptResponseMeta, RESULT_METHOD,
    ResultRequest, ResultResponse, TOOL_STARTED_METHOD, ToolStartedRequest, ToolStartedResponse, UpdateMeta,
    read_meta, write_meta,
};

/// The client's end of a connection.
#[derive(Debug)]
pub struct ClientConnection {
    /// Calls the agent.
    pub agent: AgentPeer,
    /// What the agent says, in order. Whatever it said before it answered a call is here when the answer is.
    pub incoming: mpsc::Receiver<Held<FromAgent>>,
    /// Ends the connection.
    pub finish: Finish,
    /// Moves the connection; to be polled until it ends.
    pub driver: Driver,
}

/// What an agent says.
#[derive(Debug)]
pub enum FromAgent {
    /// Something about a turn.
    Update {
        /// The session.
        session: String,
        /// What it is.
        update: Update,
        /// How far the turn is, where the agent says so.
        progress: Option<Progress>,
    },
    /// It asks for a permission.
    Permission {
        /// The session.
        session: String,
        /// The tool call that it is about; it need not have been told before.
        call: ToolCallChange,
        /// What may be answered.
        options: Vec<PermissionOption>,
        /// The way back.
        answer: Answer<PermissionAnswer>,
    },
    /// It asks to record a tool call.
    ToolStarted {
        /// What it says.
        request: ToolStartedRequest,
        /// The way back.
        answer: Answer<ToolStartedResponse>,
    },
    /// It reports the turn's result.
    Result {
        /// What it says.
        request: ResultRequest,
        /// The way back.
        answer: Answer<ResultResponse>,
    },
    /// Something that is no message, or none that we know.
    Noise(Noise),
}

/// What an agent tells about a turn.
#[derive(Debug, Clone, PartialEq)]
pub enum Update {
    /// Words for people.
    Text(String),
    /// Reasoning.
    Thought(String),
    /// A tool call, new or changed.
    ToolCall(ToolCallChange),
    /// What it is going to do, whole.
    Plan(Vec<PlanEntry>),
    /// What the session has used.
    Usage(Usage),
    /// Something that a client need not know.
    Other,
}

/// One way to answer a permission request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermissionOption {
    /// Its id.
    pub id: String,
    /// Its name, for people.
    pub name: String,
    /// What it means.
    pub kind: PermissionKind,
}

/// What an option means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PermissionKind {
    /// Allows this once.
    AllowOnce,
    /// Allows this from now on.
    AllowAlways,
    /// Rejects this once.
    RejectOnce,
    /// Rejects this from now on.
    RejectAlways,
    /// Something else.
    Other,
}

/// The answer to a permission request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PermissionAnswer {
    /// This option.
    Option(String),
    /// None: the turn is given up.
    Cancelled,
}

/// What an agent says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AgentInfo {
    /// Its name, where it says so.
    pub name: Option<String>,
    /// Its version, where it says so.
    pub version: Option<String>,
    /// Whether a session can be closed.
    pub closes_sessions: bool,
    /// What it understands of our extensions.
    pub extensions: Option<AgentExtensions>,
}

/// Calls an agent; cheap to clone.
#[derive(Debug, Clone)]
pub struct AgentPeer(Caller<Agent>);

/// Connects to an agent that reads `writer` and writes `reader`.
pub fn connect_agent<R, W>(reader: R, writer: W) -> ClientConnection
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    let Connection { caller, incoming, finish, driver } = connect(Client, reader, writer, FromAgentReceiver);
    ClientConnection { agent: AgentPeer(caller), incoming, finish, driver }
}

impl AgentPeer {
    /// Says who we are and what we offer, and learns who the agent is.
    ///
    /// # Errors
    ///
    /// [`CallError`]; an agent that speaks another version of the protocol is malformed.
    pub async fn initialize(&self, name: &str, version: &str) -> Result<AgentInfo, CallError> {
        const METHOD: &str = "initialize";
        let capabilities = v1::ClientCapabilities::new().meta(write_meta(&ClientExtensions::ours()));
        let request = v1::InitializeRequest::new(ProtocolVersion::V1)
            .client_capabilities(capabilities)
            .client_info(v1::Implementation::new(name, version));
        let answer: v1::InitializeResponse = parse(METHOD, self.0.request(METHOD, request).await?)?;
        if answer.protocol_version != ProtocolVersion::V1 {
            let why = format!("protocol version {} instead of 1", answer.protocol_version);
            return Err(CallError::Malformed { method: METHOD, why });
        }
        let capabilities = answer.agent_capabilities;
        let (name, version) = answer.agent_info.map(|info| (info.name, info.version)).unzip();
        Ok(AgentInfo {
            name,
            version,
            closes_sessions: capabilities.session_capabilities.close.is_some(),
            extensions: read_meta(capabilities.meta.as_ref()),
        })
    }

    /// Opens a session in `cwd` and returns its id.
    ///
    /// # Errors
    ///
    /// [`CallError`].
    pub async fn new_session(&self, cwd: &Path) -> Result<String, CallError> {
        const METHOD: &str = "session/new";
        let answer: v1::NewSessionResponse =
            parse(METHOD, self.0.request(METHOD, v1::NewSessionRequest::new(cwd)).await?)?;
        Ok(answer.session_id.0.to_string())
    }

    /// Hands a prompt over and waits for the end of the turn.
    ///
    /// # Errors
    ///
    /// [`CallError`].
    pub async fn prompt(&self, session: &str, text: &str, meta: &PromptMeta) -> Result<TurnEnd, CallError> {
        const METHOD: &str = "session/prompt";
        let request = v1::PromptRequest::new(session.to_owned(), vec![text.into()]).meta(write_meta(meta));
        let answer = self.0.request(METHOD, request).await?;
        turn_end(METHOD, &answer)
    }

    /// Asks the agent to end the session's turn.
    ///
    /// # Errors
    ///
    /// [`CallError`].
    pub async fn cancel(&self, session: &str) -> Result<(), CallError> {
        self.0.notify("session/cancel", v1::CancelNotification::new(session.to_owned())).await
    }

    /// Closes a session.
    ///
    /// # Errors
    ///
    /// [`CallError`].
    pub async fn close_session(&self, session: &str) -> Result<(), CallError> {
        self.0.request("session/close", v1::CloseSessionRequest::new(session.to_owned())).await.map(drop)
    }
}

/// The protocol's set of stop reasons is closed; ours is told what is missing in it by the word.
fn turn_end(method: &'static str, answer: &Value) -> Result<TurnEnd, CallError> {
    let word = answer.get("stopReason").and_then(Value::as_str);
    let stop_reason = match word {
        Some("end_turn") => StopReason::EndTurn,
        Some("max_tokens") => StopReason::MaxTokens,
        Some("max_turn_requests") => StopReason::MaxTurnRequests,
        Some("refusal") => StopReason::Refusal,
        Some("cancelled") => StopReason::Cancelled,
        Some(other) => {
            let why = format!("unknown stop reason `{}`", Noise::new(NoiseKind::Unknown, other).text);
            return Err(CallError::Malformed { method, why });
        }
        None => return Err(CallError::Malformed { method, why: "no stop reason".to_owned() }),
    };
    let meta: Option<PromptResponseMeta> = read_meta(answer.get("_meta").and_then(Value::as_object));
    Ok(TurnEnd { stop_reason, failure: meta.and_then(|meta| meta.failure) })
}

pub(crate) fn parse<T: DeserializeOwned>(method: &'static str, value: Value) -> Result<T, CallError> {
    serde_json::from_value(value).map_err(|error| CallError::Malformed { method, why: error.to_string() })
}

struct FromAgentReceiver;

impl Receive for FromAgentReceiver {
    type Message = FromAgent;

    fn request(&self, request: Request) -> Result<FromAgent, Noise> {
        Ok(match request.method.as_str() {
            "session/request_permission" => {
                let (request, answer) = request.read(permission_value)?;
                permission(request, answer)
            }
            RESULT_METHOD => {
                let (request, answer) = request.read(|_| json!({}))?;
                FromAgent::Result { request, answer }
            }
            TOOL_STARTED_METHOD => {
                let (request, answer) = request.read(|_| json!({}))?;
                FromAgent::ToolStarted { request, answer }
            }
            _ => return Err(request.unknown()),
        })
    }

    fn notification(&self, method: &str, params: Value) -> Result<Option<FromAgent>, Noise> {
        if method.starts_with("$/") {
            return Ok(None);
        }
        if method != "session/update" {
            return Err(Noise::new(NoiseKind::Unknown, &format!("notification {method}")));
        }
        let kind =
            params.pointer("/update/sessionUpdate").and_then(Value::as_str).unwrap_or_default().to_owned();
        let notification: v1::SessionNotification = serde_json::from_value(params)
            .map_err(|error| Noise::new(NoiseKind::Unknown, &format!("update {kind}: {error}")))?;
        let meta: Option<UpdateMeta> = read_meta(notification.meta.as_ref());
        Ok(Some(FromAgent::Update {
            session: notification.session_id.0.to_string(),
            update: update_from(notification.update),
            progress: meta.and_then(|meta| meta.progress),
        }))
    }

    fn noise(&self, noise: Noise) -> FromAgent {
        FromAgent::Noise(noise)
    }
}

fn update_from(update: v1::SessionUpdate) -> Update {
    match update {
        v1::SessionUpdate::AgentMessageChunk(chunk) => {
            text_of(&chunk.content).map_or(Update::Other, Update::Text)
        }
        v1::SessionUpdate::AgentThoughtChunk(chunk) => {
            text_of(&chunk.content).map_or(Update::Other, Update::Thought)
        }
        v1::SessionUpdate::ToolCall(call) => Update::ToolCall(change_from_call(call)),
        v1::SessionUpdate::ToolCallUpdate(update) => Update::ToolCall(change_from_update(update)),
        v1::SessionUpdate::Plan(plan) => Update::Plan(plan_from(plan)),
        v1::SessionUpdate::UsageUpdate(usage) => Update::Usage(Usage {
            context_used: usage.used,
            context_size: usage.size,
            cost: usage.cost.map(|cost| (cost.amount, cost.currency)),
        }),
        _ => Update::Other,
    }
}

fn permission(request: v1::RequestPermissionRequest, answer: Answer<PermissionAnswer>) -> FromAgent {
    let options = request.options.into_iter().map(|option| PermissionOption {
        id: option.option_id.0.to_string(),
        name: option.name,
        kind: match option.kind {
            v1::PermissionOptionKind::AllowOnce => PermissionKind::AllowOnce,
            v1::PermissionOptionKind::AllowAlways => PermissionKind::AllowAlways,
            v1::PermissionOptionKind::RejectOnce => PermissionKind::RejectOnce,
            v1::PermissionOptionKind::RejectAlways => PermissionKind::RejectAlways,
            _ => PermissionKind::Other,
        },
    });
    FromAgent::Permission {
        session: request.session_id.0.to_string(),
        call: change_from_update(request.tool_call),
        options: options.collect(),
        answer,
    }
}

fn permission_value(answer: PermissionAnswer) -> Value {
    let mut outcome = Map::new();
    match answer {
        PermissionAnswer::Option(id) => {
            outcome.insert("outcome".to_owned(), json!("selected"));
            outcome.insert("optionId".to_owned(), json!(id));
        }
        PermissionAnswer::Cancelled => {
            outcome.insert("outcome".to_owned(), json!("cancelled"));
        }
    }
    json!({ "outcome": outcome })
}
