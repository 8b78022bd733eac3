//! One conversation with an agent: session, prompt, what it tells, the end. It knows byte streams, no processes.

use crate::calls::Calls;
use crate::event::{AgentEvent, AgentName, Answered, MessageKind, Reply};
use crate::joiner::Joiner;
use crate::launch::TurnRequest;
use acp::{
    AgentPeer, CallError, FromAgent, Held, Noise, NoiseKind, PermissionAnswer, PermissionKind,
    PermissionOption, Refusal, TurnEnd, Update,
};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wire::extension::{Progress, PromptMeta};

/// How long an agent has to end its turn after it was asked to.
const CANCEL_LIMIT: Duration = Duration::from_millis(1500);

/// How many pieces of noise are told.
const NOISE_TOLD_MAX: u64 = 10;

/// How much of the turn's text is kept.
const TEXT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How a conversation ended.
#[derive(Debug, PartialEq)]
pub(crate) enum Ending {
    /// The agent ended its turn.
    Turn(TurnEnd),
    /// It answered a call with an error, or with what is no answer.
    Protocol { method: &'static str, code: Option<i64>, message: String },
    /// It closed its stream, before it was ready or after.
    Gone { ready: bool },
    /// It did not answer in time.
    Late { method: &'static str },
    /// It was told to stop and did not say how it ended.
    Stopped,
}

/// What is left of a conversation.
#[derive(Debug)]
pub(crate) struct Conversed {
    pub(crate) ending: Ending,
    pub(crate) text: String,
    pub(crate) noise: u64,
    pub(crate) reported: bool,
    /// Whether the agent offers to close its session, which is still open.
    pub(crate) closes: Option<String>,
}

/// A conversation under way.
pub(crate) struct Conversation {
    agent: AgentPeer,
    incoming: mpsc::Receiver<Held<FromAgent>>,
    /// Whether the agent can still say something.
    listening: bool,
    events: mpsc::Sender<AgentEvent>,
    stop: CancellationToken,
    stopping: bool,
    session: Option<String>,
    joiner: Joiner,
    calls: Calls,
    text: String,
    noise: u64,
    progress: f64,
    reported: bool,
}

/// Why a call was not waited for any longer.
enum Interrupted {
    Stop,
    Deadline,
}

impl Conversation {
    pub(crate) fn new(
        agent: AgentPeer,
        incoming: mpsc::Receiver<Held<FromAgent>>,
        events: mpsc::Sender<AgentEvent>,
        stop: CancellationToken,
    ) -> Self {
        Self {
            agent,
            incoming,
            listening: true,
            events,
            stop,
            stopping: false,
            session: None,
            joiner: Joiner::default(),
            calls: Calls::default(),
            text: String::new(),
            noise: 0,
            // So that the first fraction, also 0, is told.
            progress: -1.0,
            reported: false,
        }
    }

    /// Runs the turn. `ready_by` is when the session has to be there.
    pub(crate) async fn run(mut self, turn: &TurnRequest, ready_by: Instant) -> Conversed {
        let mut closes = None;
        let ending = self.converse(turn, ready_by, &mut closes).await;
        self.drain().await;
        self.flush().await;
        Conversed { ending, text: self.text, noise: self.noise, reported: self.reported, closes }
    }

    async fn converse(
        &mut self,
        turn: &TurnRequest,
        ready_by: Instant,
        closes: &mut Option<String>,
    ) -> Ending {
        let agent = self.agent.clone();
        let call = agent.initialize("modelscan", env!("CARGO_PKG_VERSION"));
        let info = match self.during(call, Some(ready_by)).await {
            Ok(Ok(info)) => info,
            Ok(Err(error)) => return failed("initialize", error, false),
            Err(interrupted) => return self.not_ready("initialize", interrupted).await,
        };
        let session = match self.during(agent.new_session(&turn.cwd), Some(ready_by)).await {
            Ok(Ok(session)) => session,
            Ok(Err(error)) => return failed("session/new", error, false),
            Err(interrupted) => return self.not_ready("session/new", interrupted).await,
        };
        self.session = Some(session.clone());
        *closes = info.closes_sessions.then(|| session.clone());
        let name = info.name.map(|name| AgentName { name, version: info.version.unwrap_or_default() });
        self.tell(AgentEvent::Ready { agent: name, session: session.clone() }).await;
        self.tell(AgentEvent::Prompted).await;
        if self.stop.is_cancelled() {
            self.tell(AgentEvent::Stopping).await;
            return Ending::Stopped;
        }
        let meta = PromptMeta {
            task: Some(turn.task.clone()),
            skill: turn.skill.clone(),
            input: turn.input.clone(),
        };
        let prompt = agent.prompt(&session, &turn.prompt, &meta);
        tokio::pin!(prompt);
        match self.during(prompt.as_mut(), None).await {
            Ok(Ok(end)) => Ending::Turn(end),
            Ok(Err(error)) => failed("session/prompt", error, true),
            Err(_) => {
                self.stopping = true;
                self.tell(AgentEvent::Stopping).await;
                let give_up = Instant::now() + CANCEL_LIMIT;
                let last = async {
                    agent.cancel(&session).await?;
                    prompt.await
                };
                match self.during(last, Some(give_up)).await {
                    Ok(Ok(end)) => Ending::Turn(end),
                    Ok(Err(_)) | Err(_) => Ending::Stopped,
                }
            }
        }
    }

    async fn not_ready(&mut self, method: &'static str, interrupted: Interrupted) -> Ending {
        match interrupted {
            Interrupted::Deadline => Ending::Late { method },
            Interrupted::Stop => {
                self.stopping = true;
                self.tell(AgentEvent::Stopping).await;
                Ending::Stopped
            }
        }
    }

    /// Waits for a call and takes what the agent says meanwhile. Whatever it said before its answer is taken first.
    async fn during<T>(
        &mut self,
        call: impl Future<Output = T>,
        deadline: Option<Instant>,
    ) -> Result<T, Interrupted> {
        tokio::pin!(call);
        loop {
            let due = self.joiner.due();
            tokio::select! {
                biased;
                () = self.stop.cancelled(), if !self.stopping => return Err(Interrupted::Stop),
                () = at(deadline), if deadline.is_some() => return Err(Interrupted::Deadline),
                () = at(due), if due.is_some() => self.flush().await,
                // Before the messages, of which an agent may send more and more; those before its answer are there.
                result = &mut call => {
                    self.drain().await;
                    return Ok(result);
                }
                held = self.incoming.recv(), if self.listening => match held {
                    Some(held) => self.take(held).await,
                    None => self.listening = false,
                },
            }
        }
    }

    /// Takes what is there already. What comes meanwhile is too late: an agent that never stops talking would
    /// keep the turn from its end.
    async fn drain(&mut self) {
        for _ in 0..self.incoming.len() {
            let Ok(held) = self.incoming.try_recv() else { return };
            self.take(held).await;
        }
    }

    /// Takes one message; what it holds of the gate is given back when it has been told.
    async fn take(&mut self, held: Held<FromAgent>) {
        match held.message {
            FromAgent::Noise(noise) => self.noise(noise).await,
            FromAgent::Update { session, update, progress } => {
                if !self.is_ours(&session) {
                    return self.noise(stray("an update", &session)).await;
                }
                self.update(update).await;
                if let Some(progress) = progress {
                    self.progress(progress).await;
                }
            }
            FromAgent::Permission { session, call, options, answer } => {
                let choice = choose(&options).filter(|_| !self.stopping && self.is_ours(&session));
                let answered = match choice {
                    Some(option) => {
                        answer.ok(PermissionAnswer::Option(option.id.clone()));
                        Answered::Rejected { option: option.id.clone(), name: option.name.clone() }
                    }
                    None => {
                        answer.ok(PermissionAnswer::Cancelled);
                        Answered::Cancelled
                    }
                };
                self.flush().await;
                let (call, _) = self.calls.apply(call);
                self.tell(AgentEvent::Permission { call, answered }).await;
            }
            FromAgent::ToolStarted { request, answer } => {
                if !self.is_ours(&request.session_id) {
                    answer.refuse(Refusal::no_session(&request.session_id));
                    return self.noise(stray("a tool call", &request.session_id)).await;
                }
                if self.stopping || self.stop.is_cancelled() {
                    return answer.refuse(Refusal::not_now("the turn is being stopped"));
                }
                self.flush().await;
                let (reply, answered) = Reply::new();
                self.tell(AgentEvent::ToolStarted {
                    call: request.tool_call_id,
                    tool: request.tool,
                    input: request.input,
                    side_effects: request.side_effects,
                    reply,
                })
                .await;
                pass_on(answered, answer).await;
            }
            FromAgent::Result { request, answer } => {
                if !self.is_ours(&request.session_id) {
                    answer.refuse(Refusal::no_session(&request.session_id));
                    return self.noise(stray("a result", &request.session_id)).await;
                }
                if self.reported {
                    return answer.refuse(Refusal::not_now("the turn has its result already"));
                }
                self.reported = true;
                self.flush().await;
                let (reply, answered) = Reply::new();
                let late = self.stopping || self.stop.is_cancelled();
                let wire::extension::ResultRequest { result, report, .. } = request;
                self.tell(AgentEvent::Result { result, report, late, reply }).await;
                pass_on(answered, answer).await;
            }
        }
    }

    async fn update(&mut self, update: Update) {
        match update {
            Update::Text(words) => {
                let mut kept = TEXT_BYTES_MAX.saturating_sub(self.text.len()).min(words.len());
                while !words.is_char_boundary(kept) {
                    kept -= 1;
                }
                self.text.push_str(&words[..kept]);
                self.words(MessageKind::Text, &words).await;
            }
            Update::Thought(words) => self.words(MessageKind::Thought, &words).await,
            Update::ToolCall(change) => {
                self.flush().await;
                let (call, first) = self.calls.apply(change);
                self.tell(AgentEvent::ToolCall { call, first }).await;
            }
            Update::Plan(entries) => {
                self.flush().await;
                self.tell(AgentEvent::Plan { entries }).await;
            }
            Update::Usage(usage) => self.tell(AgentEvent::Usage(usage)).await,
            Update::Other => {}
        }
    }

    async fn words(&mut self, kind: MessageKind, words: &str) {
        for (kind, text) in self.joiner.push(kind, words, Instant::now()) {
            self.tell(AgentEvent::Message { kind, text }).await;
        }
    }

    /// Tells a fraction only when it has risen.
    async fn progress(&mut self, progress: Progress) {
        let Progress { fraction, text } = progress;
        // What is no number is not greater than anything.
        let fraction = fraction.clamp(0.0, 1.0);
        if fraction > self.progress {
            self.progress = fraction;
            self.tell(AgentEvent::Progress { fraction, text }).await;
        }
    }

    async fn noise(&mut self, noise: Noise) {
        self.noise += 1;
        if self.noise <= NOISE_TOLD_MAX {
            self.tell(AgentEvent::Noise { kind: noise.kind, text: noise.text }).await;
        }
    }

    async fn flush(&mut self) {
        if let Some((kind, text)) = self.joiner.take() {
            self.tell(AgentEvent::Message { kind, text }).await;
        }
    }

    async fn tell(&mut self, event: AgentEvent) {
        if self.events.send(event).await.is_err() {
            // Nobody wants to know any more.
            self.stop.cancel();
        }
    }

    /// An agent may speak of its session before it has answered `session/new`.
    fn is_ours(&self, session: &str) -> bool {
        self.session.as_ref().is_none_or(|ours| ours == session)
    }
}

/// Waits for our own side's answer and hands it to the agent.
async fn pass_on<T: Default>(
    answered: oneshot::Receiver<Result<(), crate::event::Refused>>,
    answer: acp::Answer<T>,
) {
    match answered.await {
        Ok(Ok(())) => answer.ok(T::default()),
        Ok(Err(refused)) => answer.refuse(Refusal::not_taken(refused.message)),
        Err(_) => answer.refuse(Refusal::not_taken("it could not be recorded")),
    }
}

/// An agent does not approve itself, and nobody is asked here: the first option that rejects once is taken.
fn choose(options: &[PermissionOption]) -> Option<&PermissionOption> {
    options.iter().find(|option| option.kind == PermissionKind::RejectOnce)
}

fn stray(what: &str, session: &str) -> Noise {
    Noise::new(NoiseKind::Stray, &format!("{what} for the session `{session}`, which is not ours"))
}

fn failed(method: &'static str, error: CallError, ready: bool) -> Ending {
    match error {
        CallError::Closed => Ending::Gone { ready },
        CallError::Refused { code, message } => {
            Ending::Protocol { method, code: Some(i64::from(code)), message }
        }
        CallError::Malformed { why, .. } => Ending::Protocol { method, code: None, message: why },
        CallError::TooDeep { .. } => {
            let message = "what was to be sent is nested too deep to be read".to_owned();
            Ending::Protocol { method, code: None, message }
        }
        CallError::TooLong { bytes, .. } => {
            let message =
                format!("what was to be sent has {bytes} bytes, which is more than a line may have");
            Ending::Protocol { method, code: None, message }
        }
    }
}

async fn at(when: Option<Instant>) {
    match when {
        Some(when) => tokio::time::sleep_until(when).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
