//! What a command does with a host: ask it, start it, end it, or write without one.

use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use wire::control::{Ask, CONTROL_VERSION, ConnectionKind, Preamble};
use wire::views::HostView;

use super::connection::{Connection, OpenError};
use super::watch::Watch;
use super::{direct, start};
use crate::config::{Environment, Loaded};
use crate::error::{Error, Kind};
use crate::serve::host::place::published_socket;

/// How often a question is asked again whose answer was lost: each time of another host.
const ASK_AGAIN_MAX: u32 = 3;

/// How long a host may take to end, beyond the time that it gives to what runs.
const END_LIMIT: Duration = Duration::from_secs(60);

/// The way of one command to the host of its database.
#[derive(Clone, Copy)]
pub struct Session<'a> {
    env: &'a Environment,
    loaded: &'a Loaded,
}

impl<'a> Session<'a> {
    /// Returns the way; nothing is opened or started yet.
    pub fn new(env: &'a Environment, loaded: &'a Loaded) -> Self {
        Self { env, loaded }
    }

    /// Asks the host, which is started if none lives; where none may start, does it without one.
    ///
    /// # Errors
    /// What was refused; `HostUnreachable` if no host can be had, `OutcomeUnknown` if each host went away
    /// before it answered.
    pub fn call(&self, ask: Ask) -> Result<Value, Error> {
        self.call_from(self.connect()?, ask)
    }

    /// Asks the host, as `call` does; where none lives yet, `check` may refuse first, so that what is wrong
    /// starts no host. A living host checks by itself.
    ///
    /// # Errors
    /// As `call`, and what `check` refused.
    pub fn call_checked(&self, ask: Ask, check: impl FnOnce() -> Result<(), Error>) -> Result<Value, Error> {
        let living = self.connect()?;
        if living.is_none() {
            check()?;
        }
        self.call_from(living, ask)
    }

    fn call_from(&self, living: Option<Connection>, ask: Ask) -> Result<Value, Error> {
        self.call_again(living, ask).map_err(|error| error.about(&self.loaded.places.database))
    }

    fn call_again(&self, mut living: Option<Connection>, ask: Ask) -> Result<Value, Error> {
        let mut again = 0;
        loop {
            let connection = match living.take() {
                Some(connection) => Some(connection),
                None => self.connect_or_start()?,
            };
            let Some(mut connection) = connection else {
                match direct::call(self, ask.clone())? {
                    direct::Done::Answer(value) => return Ok(value),
                    // Somebody took the lock meanwhile: it will answer soon.
                    direct::Done::HostAppeared => continue,
                }
            };
            match connection.ask(ask.clone()) {
                // The submitter made the id, and a cancel is one however often it is asked for. A host that
                // is ending is followed by another.
                Err(error)
                    if matches!(error.kind, Kind::OutcomeUnknown | Kind::HostUnreachable)
                        && may_repeat(&ask)
                        && again < ASK_AGAIN_MAX =>
                {
                    again += 1
                }
                answer => return answer,
            }
        }
    }

    /// Returns where the host stands; starts none.
    ///
    /// # Errors
    /// If a host is there that does not answer, or the store cannot be read.
    pub fn status(&self) -> Result<HostView, Error> {
        match self.living_status()? {
            Some(view) => serde_json::from_value(view)
                .map_err(|error| Error::internal(format!("the host's status cannot be read: {error}"))),
            None => direct::stopped(self.loaded).map_err(|error| error.about(&self.loaded.places.database)),
        }
    }

    /// Asks a living host where it stands; one that ends meanwhile is looked for again.
    fn living_status(&self) -> Result<Option<Value>, Error> {
        let mut again = 0;
        loop {
            let Some(mut connection) = self.connect()? else { return Ok(None) };
            match connection.ask(Ask::Status {}) {
                Err(error) if error.kind == Kind::OutcomeUnknown && again < ASK_AGAIN_MAX => again += 1,
                answer => return answer.map(Some),
            }
        }
    }

    /// Begins to watch for new events.
    ///
    /// # Errors
    /// `HostUnreachable` if no host lives and none may start.
    pub fn watch(&self) -> Result<Watch<'a>, Error> {
        Watch::begin(*self)
    }

    /// Ends the host and waits until it has ended; false if none lived.
    ///
    /// # Errors
    /// If it does not answer, or does not end.
    pub fn stop(&self, now: bool) -> Result<bool, Error> {
        let Some(mut connection) = self.connect()? else { return Ok(false) };
        let pid = connection.host().pid;
        let host = process::Identity::of(pid);
        match connection.ask(Ask::Stop { now }) {
            // It was on its way out already: what is asked for comes by itself.
            Err(error) if error.kind != Kind::OutcomeUnknown => return Err(error),
            Ok(_) | Err(_) => {}
        }
        // The connection closes first; the host has ended when its process is gone.
        if host.is_none_or(|host| gone_within(host, END_LIMIT + crate::serve::host::DRAIN_LIMIT)) {
            return Ok(true);
        }
        Err(Error::new(
            Kind::HostUnreachable,
            format!("the host (process {pid}) was told to end, but has not"),
        )
        .hint(format!("look at its log in `{}`", self.loaded.places.logs.display())))
    }

    /// Starts a host; false if one lived.
    ///
    /// # Errors
    /// If it cannot start.
    pub fn start(&self) -> Result<bool, Error> {
        if self.connect()?.is_some() {
            return Ok(false);
        }
        self.refuse_below_guard()?;
        start::start(self).map_err(|error| error.about(&self.loaded.places.database))?;
        Ok(true)
    }

    /// Runs a host in this process until it is told to end.
    ///
    /// # Errors
    /// If another one lives, or it cannot start.
    pub fn run_foreground(&self) -> Result<(), Error> {
        if let Some(living) = self.connect()? {
            let message = format!("a host runs already (process {})", living.host().pid);
            return Err(Error::new(Kind::HostUnreachable, message)
                .hint("end it with `modelscan host stop`, or look with `modelscan host status`"));
        }
        // Nothing runs beside this yet, and children must not inherit what a shell or `nohup` ignores.
        process::signals::reset_inherited()
            .map_err(|error| Error::internal(format!("listen to signals: {error}")))?;
        crate::serve::host::run(self.env, self.loaded, crate::serve::host::Manner::Foreground)
            .map_err(|error| error.about(&self.loaded.places.database))
    }

    /// Starts a host if none lives and one may: for a reader that found work in progress.
    ///
    /// # Errors
    /// If it cannot start.
    pub fn look_after(&self) -> Result<(), Error> {
        self.connect_or_start().map(drop).map_err(|error| error.about(&self.loaded.places.database))
    }

    /// Connects to a living host.
    pub(super) fn connect(&self) -> Result<Option<Connection>, Error> {
        match Connection::open(&self.socket(), &self.preamble(ConnectionKind::Control)?) {
            Ok(connection) => Ok(Some(connection)),
            Err(OpenError::Absent) => Ok(None),
            Err(OpenError::Strange(error)) => Err(error),
            Err(OpenError::Silent { pid }) => Err(silent(pid)),
        }
    }

    /// Connects to a living host, or to one that is started; nothing if none may start.
    pub(super) fn connect_or_start(&self) -> Result<Option<Connection>, Error> {
        if let Some(connection) = self.connect()? {
            return Ok(Some(connection));
        }
        if !self.may_start() {
            return Ok(None);
        }
        start::start(self).map(Some)
    }

    pub(super) fn may_start(&self) -> bool {
        self.loaded.config.host.autostart && self.loaded.problem.is_none() && !process::peer::is_below_guard()
    }

    pub(super) fn loaded(&self) -> &'a Loaded {
        self.loaded
    }

    pub(super) fn env(&self) -> &'a Environment {
        self.env
    }

    /// Returns the socket's path: the one that the lock file names, else the usual one.
    pub(super) fn socket(&self) -> PathBuf {
        published_socket(&self.loaded.places)
    }

    pub(super) fn preamble(&self, kind: ConnectionKind) -> Result<Preamble, Error> {
        let cwd = self.env.cwd().and_then(|cwd| cwd.to_str()).unwrap_or("/").to_owned();
        Ok(Preamble {
            v: CONTROL_VERSION,
            kind,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            cwd,
            env: self.env.submitted(),
            config_hash: self.loaded.hash.clone(),
        })
    }

    fn refuse_below_guard(&self) -> Result<(), Error> {
        if process::peer::is_below_guard() {
            return Err(Error::new(Kind::Denied, "a host that is started by an agent would end with it")
                .hint("start the host from a terminal of your own"));
        }
        Ok(())
    }
}

/// Connects for the pump: the preamble is said, the protocol's own bytes follow.
///
/// # Errors
/// `HostUnreachable` if no host lives and none may start or can.
pub fn connect_pump(session: &Session<'_>, cwd: Option<&str>) -> Result<UnixStream, Error> {
    use std::io::Write as _;
    let gone =
        |error: std::io::Error| Error::new(Kind::HostUnreachable, format!("connect to the host: {error}"));
    let mut preamble = session.preamble(ConnectionKind::Mcp)?;
    if let Some(cwd) = cwd {
        cwd.clone_into(&mut preamble.cwd);
    }
    let mut line = serde_json::to_vec(&preamble).map_err(|error| Error::internal(error.to_string()))?;
    line.push(b'\n');
    let mut again = 0;
    loop {
        // The control protocol's welcome proves that somebody answers; the pump's own connection says nothing.
        if session.connect_or_start()?.is_none() {
            return Err(Error::new(Kind::HostUnreachable, "no host lives, and none may be started here")
                .hint("start one with `modelscan host start`"));
        }
        let said = UnixStream::connect(session.socket())
            .and_then(|mut stream| stream.write_all(&line).map(|()| stream));
        match said {
            Ok(stream) => return Ok(stream),
            // The host that answered has gone meanwhile: the next one.
            Err(_) if again < ASK_AGAIN_MAX => again += 1,
            Err(error) => return Err(gone(error)),
        }
    }
}

fn gone_within(host: process::Identity, limit: Duration) -> bool {
    let Ok(waiting) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return !host.is_alive();
    };
    waiting.block_on(host.wait_gone(limit)).unwrap_or_else(|_| !host.is_alive())
}

fn may_repeat(ask: &Ask) -> bool {
    !matches!(ask, Ask::Stop { .. })
}

fn silent(pid: Option<i32>) -> Error {
    let stopped = pid.and_then(process::Identity::of).is_some_and(|host| host.is_stopped());
    let who = pid.map_or_else(String::new, |pid| format!(" (process {pid})"));
    if stopped {
        let pid = pid.unwrap_or_default();
        return Error::new(Kind::HostUnreachable, format!("the host{who} is stopped, so it does not answer"))
            .hint(format!("let it go on with `kill -CONT {pid}`"));
    }
    Error::new(Kind::HostUnreachable, format!("the host{who} does not answer"))
        .hint("run the command again; look at the host's log if it stays like this")
}
