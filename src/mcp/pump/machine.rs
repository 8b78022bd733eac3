//! What the pump does with each line, and when its host comes, fails or goes.

use std::collections::VecDeque;

use serde_json::Value;
use serde_json::value::RawValue;

use super::owed::Owed;
use crate::envelope::{Envelope, IdKey, Malformed, RawId};
use crate::fault::Fault;
use crate::limits::{BATCH_MAX, LINE_BYTES_MAX};
use crate::lines::{Line, Lines};
use crate::server::{VERSION_WITH_BATCHES, discover_result, is_well_formed_discover};

/// Bytes of the client that are held while a host is looked for; above it, nothing is read.
const HELD_BYTES_MAX: usize = 1 << 20;

/// How often a host may go away before it has answered the replay, without one that stays.
const ATTEMPTS_MAX: u32 = 3;

const UNKNOWN: &str = "outcome_unknown";
const UNKNOWN_HINT: &str = "see `task_list` for what was done; a `task_submit` with `key` may be repeated";

/// What is to be done, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Write this to the client; it is whole lines.
    ToClient(Vec<u8>),
    /// Write this to the host that is connected.
    ToHost(Vec<u8>),
    /// Find or start a host, and tell what came of it.
    Connect,
    /// Say to the host that nothing more will come, and go on reading from it.
    CloseHost,
    /// End.
    End(End),
}

/// Why the pump ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The client closed its side, and all that was owed is said.
    Done,
    /// The next host does not speak the version that the client was promised.
    OtherVersion {
        /// What was promised.
        promised: String,
        /// What the host says instead.
        found: String,
    },
}

/// Why there is no host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoHost {
    /// A stable word for programs.
    pub kind: String,
    /// What was tried and what happened.
    pub message: String,
    /// What to do next.
    pub hint: String,
}

/// The pump.
#[derive(Debug)]
pub struct Machine {
    preamble: Vec<u8>,
    from_client: Lines,
    from_host: Lines,
    link: Link,
    /// Lines of the client that wait for a host.
    held: VecDeque<Held>,
    held_bytes: usize,
    owed: Owed,
    opening: Opening,
    /// `notifications/initialized` as the client sent it.
    initialized: Option<Vec<u8>>,
    client_ended: bool,
    attempts: u32,
    replays: u64,
    /// What a host said that does not want this pump.
    refusal: Option<NoHost>,
    ended: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Link {
    None,
    Connecting,
    /// A legacy `initialize` is being replayed under this id.
    Replaying(IdKey),
    Up,
}

/// How the client opened the connection; the stateless generation does not.
#[derive(Debug)]
enum Opening {
    Not,
    Asked { id: IdKey, params: Vec<u8> },
    Agreed { version: String, params: Vec<u8> },
}

#[derive(Debug)]
struct Held {
    line: Vec<u8>,
    message: Message,
}

/// What a line of the client is to the pump.
#[derive(Debug)]
enum Message {
    Request {
        id: RawId,
        opens: Option<Vec<u8>>,
    },
    Batch(Vec<RawId>),
    Initialized,
    Cancel(IdKey),
    /// No answer belongs to it.
    Told,
    /// The host says what is wrong with it; without a host, this does.
    Wrong {
        id: Option<RawId>,
        fault: Fault,
    },
}

impl Machine {
    /// Returns a pump that greets each host with this line; an empty one is not sent.
    pub fn new(preamble: &[u8]) -> Self {
        let preamble = if preamble.is_empty() { Vec::new() } else { [preamble, b"\n"].concat() };
        Self {
            preamble,
            from_client: Lines::new(LINE_BYTES_MAX),
            from_host: Lines::new(LINE_BYTES_MAX),
            link: Link::None,
            held: VecDeque::new(),
            held_bytes: 0,
            owed: Owed::default(),
            opening: Opening::Not,
            initialized: None,
            client_ended: false,
            attempts: 0,
            replays: 0,
            refusal: None,
            ended: false,
        }
    }

    /// Returns whether more bytes of the client are welcome.
    pub fn wants_client(&self) -> bool {
        self.held_bytes < HELD_BYTES_MAX && !self.ended
    }

    /// Returns whether the pump has ended.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Bytes came from the client.
    pub fn client_bytes(&mut self, bytes: &[u8]) -> Vec<Action> {
        let mut actions = Vec::new();
        self.from_client.push(bytes);
        while let Some(line) = self.from_client.next_line() {
            match line {
                Line::TooLong => {
                    let fault = Fault::request(format!(
                        "the line is longer than the limit of {LINE_BYTES_MAX} bytes"
                    ));
                    say(&mut actions, &fault.answer(None));
                }
                Line::Whole(line) => self.client_line(line, &mut actions),
            }
        }
        actions
    }

    /// The client closed its side. What was read still counts.
    pub fn client_end(&mut self) -> Vec<Action> {
        let mut actions = Vec::new();
        if self.from_client.finish() {
            say(&mut actions, &Fault::parse("the last line has no line feed").answer(None));
        }
        self.client_ended = true;
        match self.link {
            Link::Up => actions.push(Action::CloseHost),
            Link::None => self.end(End::Done, &mut actions),
            Link::Connecting | Link::Replaying(_) => {}
        }
        actions
    }

    /// A host is there.
    pub fn host_connected(&mut self) -> Vec<Action> {
        let mut actions = Vec::new();
        if !self.preamble.is_empty() {
            actions.push(Action::ToHost(self.preamble.clone()));
        }
        self.from_host = Lines::new(LINE_BYTES_MAX);
        if let Opening::Agreed { params, .. } = &self.opening {
            self.replays += 1;
            let id = format!("modelscan pump {}", self.replays);
            let mut line =
                format!(r#"{{"jsonrpc":"2.0","id":"{id}","method":"initialize","params":"#).into_bytes();
            line.extend_from_slice(params);
            line.extend_from_slice(b"}\n");
            actions.push(Action::ToHost(line));
            self.link = Link::Replaying(IdKey::Text(id.into()));
        } else {
            self.up(&mut actions);
        }
        actions
    }

    /// No host can be had. What waited for one is answered; the next request tries again.
    pub fn host_failed(&mut self, why: &NoHost) -> Vec<Action> {
        let mut actions = Vec::new();
        self.link = Link::None;
        self.attempts = 0;
        self.forget_unanswered_opening();
        let unreachable =
            Fault::internal(format!("no host: {}", why.message)).with_kind(&why.kind, &why.hint);
        self.held_bytes = 0;
        for held in std::mem::take(&mut self.held) {
            match held.message {
                Message::Request { id, .. } => say(&mut actions, &unreachable.answer(Some(&id))),
                Message::Batch(ids) => {
                    let answers: Vec<Vec<u8>> = ids.iter().map(|id| unreachable.answer(Some(id))).collect();
                    if !answers.is_empty() {
                        say(&mut actions, &[b"[", answers.join(&b',').as_slice(), b"]"].concat());
                    }
                }
                Message::Wrong { id, fault } => say(&mut actions, &fault.answer(id.as_ref())),
                Message::Initialized => self.initialized = Some(held.line),
                Message::Cancel(_) | Message::Told => {}
            }
        }
        if self.client_ended {
            self.end(End::Done, &mut actions);
        }
        actions
    }

    /// Bytes came from the host.
    pub fn host_bytes(&mut self, bytes: &[u8]) -> Vec<Action> {
        let mut actions = Vec::new();
        self.from_host.push(bytes);
        while let Some(line) = self.from_host.next_line() {
            // Our own host keeps answers far below the limit.
            if let Line::Whole(line) = line {
                self.host_line(line, &mut actions);
            }
        }
        actions
    }

    /// The host is gone.
    pub fn host_end(&mut self) -> Vec<Action> {
        let mut actions = Vec::new();
        let was = std::mem::replace(&mut self.link, Link::None);
        let refusal = self.refusal.take();
        let fault = match &refusal {
            Some(why) => unreachable(why),
            None if self.client_ended => {
                Fault::internal("the connection is closing").with_kind(UNKNOWN, UNKNOWN_HINT)
            }
            None => Fault::internal("outcome unknown: the host went away before it answered")
                .with_kind(UNKNOWN, UNKNOWN_HINT),
        };
        self.fail_owed(&fault, &mut actions);
        if was == Link::Up {
            self.forget_unanswered_opening();
        }
        if matches!(was, Link::Replaying(_)) {
            self.attempts += 1;
            if refusal.is_none() && self.attempts < ATTEMPTS_MAX && !self.held.is_empty() {
                self.link = Link::Connecting;
                actions.push(Action::Connect);
                return actions;
            }
            let why = refusal.unwrap_or_else(|| NoHost {
                kind: "host_unreachable".to_owned(),
                message: "each host that was reached went away at once".to_owned(),
                hint: "see `modelscan host logs`".to_owned(),
            });
            actions.extend(self.host_failed(&why));
            return actions;
        }
        if self.client_ended {
            self.end(End::Done, &mut actions);
        }
        actions
    }

    /// The client has waited long enough since it closed its side: what is owed is answered.
    pub fn time_up(&mut self) -> Vec<Action> {
        let mut actions = Vec::new();
        let fault = Fault::internal("the connection is closing");
        self.fail_owed(&fault, &mut actions);
        for held in std::mem::take(&mut self.held) {
            if let Message::Request { id, .. } = held.message {
                say(&mut actions, &fault.answer(Some(&id)));
            }
        }
        self.end(End::Done, &mut actions);
        actions
    }

    fn end(&mut self, end: End, actions: &mut Vec<Action>) {
        if !self.ended {
            self.ended = true;
            actions.push(Action::End(end));
        }
    }

    fn client_line(&mut self, line: Vec<u8>, actions: &mut Vec<Action>) {
        if line.trim_ascii().is_empty() {
            return;
        }
        let message = self.read(&line);
        if let (Message::Request { id, opens: Some(params) }, Opening::Not) = (&message, &self.opening) {
            self.opening = Opening::Asked { id: id.key().clone(), params: params.clone() };
        }
        if self.link == Link::Up {
            self.forward(line, message, actions);
            return;
        }
        match message {
            Message::Request { ref id, .. } if is_discover(&line) => {
                // A client that only probes starts no host.
                let result = discover_result();
                say(
                    actions,
                    format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, id.as_written()).as_bytes(),
                );
            }
            // Without a host there is nothing to tell, and nothing that runs.
            Message::Told | Message::Cancel(_) if self.link == Link::None => {}
            Message::Initialized if self.link == Link::None => self.initialized = Some(line),
            message => {
                self.held_bytes += line.len();
                self.held.push_back(Held { line, message });
                if self.link == Link::None {
                    self.link = Link::Connecting;
                    actions.push(Action::Connect);
                }
            }
        }
    }

    fn forward(&mut self, line: Vec<u8>, message: Message, actions: &mut Vec<Action>) {
        match message {
            Message::Request { id, opens } => {
                self.owed.add(id, None, opens.is_none());
            }
            Message::Batch(ids) => {
                let batch = self.owed.begin_batch();
                for id in ids {
                    self.owed.add(id, Some(batch), true);
                }
            }
            Message::Cancel(id) => self.owed.cancelled(&id),
            Message::Initialized => self.initialized = Some(line.clone()),
            // The host answers what is wrong; with an id, that answer is owed.
            Message::Wrong { id: Some(id), .. } => self.owed.add(id, None, true),
            Message::Wrong { id: None, .. } | Message::Told => {}
        }
        actions.push(Action::ToHost(with_line_feed(line)));
    }

    fn up(&mut self, actions: &mut Vec<Action>) {
        self.link = Link::Up;
        self.attempts = 0;
        self.held_bytes = 0;
        for held in std::mem::take(&mut self.held) {
            self.forward(held.line, held.message, actions);
        }
        if self.client_ended {
            actions.push(Action::CloseHost);
        }
    }

    fn host_line(&mut self, line: Vec<u8>, actions: &mut Vec<Action>) {
        let text = std::str::from_utf8(&line).unwrap_or_default();
        if text.starts_with('[') {
            let members: Vec<&RawValue> = serde_json::from_str(text).unwrap_or_default();
            for member in members {
                if let Ok(envelope) = Envelope::parse(member.get()) {
                    self.answer_came(&envelope);
                }
            }
        } else if let Ok(envelope) = Envelope::parse(text) {
            if !envelope.is_version_two() {
                // Not the protocol: a host that refuses the pump says why, and closes.
                self.refusal = refusal_of(&envelope);
                return;
            }
            let id = envelope.usable_id();
            if let (Link::Replaying(awaited), Some(id)) = (&self.link, &id)
                && id.key() == awaited
            {
                return self.replayed(&envelope, actions);
            }
            self.answer_came(&envelope);
        }
        actions.push(Action::ToClient(with_line_feed(line)));
    }

    fn answer_came(&mut self, envelope: &Envelope<'_>) {
        if envelope.method.is_some() {
            return;
        }
        let Some(id) = envelope.usable_id() else { return };
        self.owed.answered(id.key());
        if let Opening::Asked { id: asked, params } = &mut self.opening
            && asked == id.key()
        {
            self.opening = match version_of(envelope) {
                Some(version) => Opening::Agreed { version, params: std::mem::take(params) },
                None => Opening::Not,
            };
        }
    }

    /// The replayed `initialize` was answered. The client has its answer already.
    fn replayed(&mut self, envelope: &Envelope<'_>, actions: &mut Vec<Action>) {
        let Opening::Agreed { version: promised, .. } = &self.opening else { return };
        let found = version_of(envelope).unwrap_or_else(|| "an error".to_owned());
        if found != *promised {
            let end = End::OtherVersion { promised: promised.clone(), found };
            let fault = Fault::internal("the next host does not speak the version that was agreed upon");
            for held in std::mem::take(&mut self.held) {
                if let Message::Request { id, .. } = held.message {
                    say(actions, &fault.answer(Some(&id)));
                }
            }
            return self.end(end, actions);
        }
        if let Some(initialized) = &self.initialized {
            actions.push(Action::ToHost(with_line_feed(initialized.clone())));
        }
        self.up(actions);
    }

    /// The client is told that its `initialize` failed, so it may send another.
    fn forget_unanswered_opening(&mut self) {
        if matches!(self.opening, Opening::Asked { .. }) {
            self.opening = Opening::Not;
        }
    }

    fn fail_owed(&mut self, fault: &Fault, actions: &mut Vec<Action>) {
        for answer in self.owed.fail_all(fault) {
            say(actions, &answer);
        }
    }

    /// Reads a line as far as the pump needs to.
    fn read(&self, line: &[u8]) -> Message {
        let line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line).trim_ascii();
        let Ok(text) = std::str::from_utf8(line) else {
            let lossy = String::from_utf8_lossy(line);
            let id = Envelope::parse(&lossy).ok().and_then(|envelope| envelope.usable_id());
            return Message::Wrong { id, fault: Fault::parse("not UTF-8") };
        };
        if text.starts_with('[') {
            return self.read_batch(text);
        }
        match Envelope::parse(text) {
            Err(Malformed::Syntax(why)) => Message::Wrong { id: None, fault: Fault::parse(why) },
            Err(Malformed::Shape(why)) => Message::Wrong { id: None, fault: Fault::request(why) },
            Ok(envelope) => read_message(&envelope),
        }
    }

    /// A batch is owed one array; what is no batch to the host is refused by it without an id.
    fn read_batch(&self, text: &str) -> Message {
        let refused = |why: &str| Message::Wrong { id: None, fault: Fault::request(why) };
        let members: Vec<&RawValue> = match serde_json::from_str(text) {
            Ok(members) => members,
            Err(error) => return Message::Wrong { id: None, fault: Fault::parse(error.to_string()) },
        };
        if !self.has_batches() || members.is_empty() || members.len() > BATCH_MAX {
            return refused("no batch is allowed here");
        }
        let mut ids = Vec::new();
        for member in members {
            let Ok(envelope) = Envelope::parse(member.get()) else { continue };
            match read_message(&envelope) {
                Message::Request { opens: Some(_), .. } => {
                    return refused("`initialize` cannot be part of a batch");
                }
                Message::Request { id, opens: None } => ids.push(id),
                Message::Wrong { id: Some(id), .. } => ids.push(id),
                _ => {}
            }
        }
        Message::Batch(ids)
    }

    fn has_batches(&self) -> bool {
        match &self.opening {
            Opening::Not => false,
            Opening::Agreed { version, .. } => version == VERSION_WITH_BATCHES,
            Opening::Asked { params, .. } => serde_json::from_slice::<Value>(params)
                .is_ok_and(|params| params["protocolVersion"] == VERSION_WITH_BATCHES),
        }
    }

    /// Returns how many answers are owed by the host and how many lines wait for one.
    pub fn in_flight(&self) -> (usize, usize) {
        (self.owed.len(), self.held.len())
    }
}

fn read_message(envelope: &Envelope<'_>) -> Message {
    let id = envelope.usable_id();
    let answers = envelope.result.is_some() || envelope.error.is_some();
    if envelope.method.is_none() && answers {
        return Message::Told;
    }
    let wrong = |id| Message::Wrong { id, fault: Fault::request("not a request") };
    let method = envelope.method_name();
    match (envelope.id.is_some(), id) {
        (_, id) if answers || method.is_none() || !envelope.is_version_two() => wrong(id),
        (true, None) => wrong(None),
        (true, Some(id)) => {
            let opens = (method.as_deref() == Some("initialize"))
                .then(|| envelope.params.map_or_else(|| b"{}".to_vec(), |params| params.get().into()));
            Message::Request { id, opens }
        }
        (false, _) => match method.as_deref() {
            Some("notifications/initialized") => Message::Initialized,
            Some("notifications/cancelled") => cancelled(envelope).map_or(Message::Told, Message::Cancel),
            _ => Message::Told,
        },
    }
}

fn cancelled(envelope: &Envelope<'_>) -> Option<IdKey> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Cancelled<'a> {
        #[serde(borrow)]
        request_id: &'a RawValue,
    }
    let params = envelope.params.filter(|params| params.get().starts_with('{'))?;
    let cancelled: Cancelled<'_> = serde_json::from_str(params.get()).ok()?;
    RawId::parse(cancelled.request_id).map(|id| id.key().clone())
}

fn is_discover(line: &[u8]) -> bool {
    std::str::from_utf8(line)
        .ok()
        .and_then(|text| Envelope::parse(text).ok())
        .is_some_and(|envelope| is_well_formed_discover(&envelope))
}

fn unreachable(why: &NoHost) -> Fault {
    Fault::internal(format!("no host: {}", why.message)).with_kind(&why.kind, &why.hint)
}

fn refusal_of(envelope: &Envelope<'_>) -> Option<NoHost> {
    let error: Value = serde_json::from_str(envelope.error?.get()).ok()?;
    let text = |key: &str| error.get(key).and_then(Value::as_str).map(str::to_owned);
    Some(NoHost { kind: text("kind")?, message: text("message")?, hint: text("hint").unwrap_or_default() })
}

fn version_of(envelope: &Envelope<'_>) -> Option<String> {
    let result: Value = serde_json::from_str(envelope.result?.get()).ok()?;
    result.get("protocolVersion")?.as_str().map(str::to_owned)
}

fn say(actions: &mut Vec<Action>, message: &[u8]) {
    actions.push(Action::ToClient([message, b"\n"].concat()));
}

fn with_line_feed(mut line: Vec<u8>) -> Vec<u8> {
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests;
