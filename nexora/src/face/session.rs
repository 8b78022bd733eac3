//! The sessions of one client: where each works, what skills it has, and the one turn that may run in it.

use super::turn::Turn;
use super::{Options, no_directory};
use crate::skills;
use acp::{AgentUpdate, ClientInfo, ClientPeer, Command, Refusal};
use skill::Library;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::task::Id;
use tokio_util::sync::CancellationToken;
use wire::extension::ClientExtensions;

/// How many sessions may be open at once. A host of ours has one; an editor has one for each conversation.
const SESSIONS_MAX: usize = 64;

/// How many skills are offered as commands.
const COMMANDS_MAX: usize = 100;

/// All sessions of one client.
pub(super) struct Sessions {
    client: ClientPeer,
    options: Arc<Options>,
    extensions: ClientExtensions,
    sessions: BTreeMap<String, Session>,
    /// Which session each turn's future is for.
    turns: HashMap<Id, String>,
    opened: u64,
}

struct Session {
    cwd: PathBuf,
    library: Arc<Library>,
    turn: Option<CancellationToken>,
}

impl Sessions {
    pub(super) fn new(client: ClientPeer, options: Arc<Options>) -> Self {
        Self {
            client,
            options,
            extensions: ClientExtensions::default(),
            sessions: BTreeMap::new(),
            turns: HashMap::new(),
            opened: 0,
        }
    }

    pub(super) fn options(&self) -> &Options {
        &self.options
    }

    /// Remembers what the client offers.
    pub(super) fn greet(&mut self, client: ClientInfo) {
        self.extensions = client.extensions;
    }

    /// Opens a session and returns its id. The skills are read here: what a user writes later is in the next session.
    pub(super) async fn open(&mut self, cwd: PathBuf) -> Result<String, Refusal> {
        if self.sessions.len() >= SESSIONS_MAX {
            return Err(Refusal::not_now(format!("{SESSIONS_MAX} sessions are open; close one first")));
        }
        let options = Arc::clone(&self.options);
        let read = tokio::task::spawn_blocking(move || {
            if !cwd.is_absolute() || !cwd.is_dir() {
                return Err(no_directory(&cwd));
            }
            let library = skills::library(options.skills.as_deref(), &options.toolbox);
            Ok((cwd, library))
        });
        let (cwd, library) = read.await.map_err(|_| Refusal::not_taken("reading the skills failed"))??;
        self.opened += 1;
        let id = format!("nexora-{}", self.opened);
        self.sessions.insert(id.clone(), Session { cwd, library: Arc::new(library), turn: None });
        Ok(id)
    }

    /// Tells the client which commands a prompt of this session may begin with.
    pub(super) async fn tell_commands(&self, id: &str) {
        let Some(session) = self.sessions.get(id) else { return };
        let skills = session.library.usable().filter(|skill| skill.plan.is_some());
        let commands = skills.take(COMMANDS_MAX).map(|skill| Command {
            name: skill.front_matter.name.clone(),
            description: skill.front_matter.description.clone(),
            hint: Some("its input as a JSON object, or nothing".to_owned()),
        });
        let update = AgentUpdate::Commands(commands.collect());
        // A client that has gone is noticed by its closed stream.
        let _ = self.client.update(id, update, None).await;
    }

    /// Begins a turn.
    pub(super) fn begin(&mut self, id: &str) -> Result<Turn, Refusal> {
        let session = self.sessions.get_mut(id).ok_or_else(|| Refusal::no_session(id))?;
        if session.turn.is_some() {
            return Err(Refusal::not_now("a turn of this session is running; wait for its end or cancel it"));
        }
        let cancel = CancellationToken::new();
        session.turn = Some(cancel.clone());
        Ok(Turn {
            client: self.client.clone(),
            extensions: self.extensions.clone(),
            options: Arc::clone(&self.options),
            session: id.to_owned(),
            cwd: session.cwd.clone(),
            library: Arc::clone(&session.library),
            cancel,
        })
    }

    /// Notes which future runs the turn of a session.
    pub(super) fn turn_runs(&mut self, turn: Id, session: String) {
        self.turns.insert(turn, session);
    }

    /// Notes that a turn has ended. One that panicked has answered its client by that.
    pub(super) fn turn_ended(&mut self, turn: Id) {
        if let Some(session) = self.turns.remove(&turn).and_then(|id| self.sessions.get_mut(&id)) {
            session.turn = None;
        }
    }

    /// Cancels the session's turn; none runs: nothing.
    pub(super) fn cancel(&self, id: &str) {
        if let Some(turn) = self.sessions.get(id).and_then(|session| session.turn.as_ref()) {
            turn.cancel();
        }
    }

    /// Cancels every turn.
    pub(super) fn cancel_all(&self) {
        for id in self.sessions.keys() {
            self.cancel(id);
        }
    }

    /// Closes a session; a turn that runs in it is cancelled and still answers.
    pub(super) fn close(&mut self, id: &str) -> Result<(), Refusal> {
        self.cancel(id);
        self.sessions.remove(id).map(drop).ok_or_else(|| Refusal::no_session(id))
    }
}
