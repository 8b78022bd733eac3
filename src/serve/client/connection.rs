//! One connection of the control protocol: preamble, welcome, then requests and answers, one JSON
//! object a line.

use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use wire::control::{Answer, Ask, CONTROL_LINE_BYTES_MAX, CONTROL_VERSION, Preamble, Request, Welcome};

use crate::error::{Error, Kind};

/// How long a live host may take to say welcome. It answers within a millisecond; a machine under load
/// takes longer, a stopped process for ever.
const WELCOME_LIMIT: Duration = Duration::from_secs(10);

/// How long a host may take to answer a request: it may have to wait for a disk.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// Why there is no connection.
#[derive(Debug)]
pub enum OpenError {
    /// Nobody listens: no host lives.
    Absent,
    /// Somebody listens but does not answer.
    Silent {
        /// Who, as far as it is known.
        pid: Option<i32>,
    },
    /// Somebody answered, but the two cannot speak with each other.
    Strange(Error),
}

/// A connection to a live host.
pub struct Connection {
    stream: UnixStream,
    /// What was read and is not yet a whole line.
    pending: Vec<u8>,
    next_id: u64,
    welcome: Welcome,
}

impl Connection {
    /// Connects, says the preamble and waits for the welcome.
    ///
    /// # Errors
    /// If nobody listens, or whoever does is silent or speaks otherwise.
    pub fn open(socket: &Path, preamble: &Preamble) -> Result<Self, OpenError> {
        let stream = connect(socket)?;
        let connection = Self {
            stream,
            pending: Vec::new(),
            next_id: 1,
            welcome: Welcome { v: 0, pid: 0, version: String::new() },
        };
        connection.welcome(preamble)
    }

    fn welcome(mut self, preamble: &Preamble) -> Result<Self, OpenError> {
        let gone = |_: Error| OpenError::Absent;
        self.send(preamble).map_err(gone)?;
        let line = match self.line(Some(Instant::now() + WELCOME_LIMIT)) {
            Ok(Some(line)) => line,
            Ok(None) => return Err(OpenError::Silent { pid: self.peer() }),
            Err(error) => return Err(gone(error)),
        };
        self.welcome = serde_json::from_slice(&line).map_err(|_| {
            let refused = serde_json::from_slice::<Answer>(&line).ok().and_then(|answer| answer.error);
            OpenError::Strange(
                refused.map_or_else(|| Error::internal("the host's welcome cannot be read"), Error::from),
            )
        })?;
        if self.welcome.v != CONTROL_VERSION {
            let message = format!(
                "the host speaks version {} of the control protocol, this program {CONTROL_VERSION}",
                self.welcome.v
            );
            let hint = "stop the other host with the program that started it, or use its version";
            return Err(OpenError::Strange(Error::new(Kind::HostUnreachable, message).hint(hint)));
        }
        Ok(self)
    }

    /// Returns what the host said of itself.
    pub fn host(&self) -> &Welcome {
        &self.welcome
    }

    /// Asks one thing and waits for its answer.
    ///
    /// # Errors
    /// What the host refused, or `OutcomeUnknown` if it went away or stayed silent.
    pub fn ask(&mut self, ask: Ask) -> Result<Value, Error> {
        let id = self.begin(ask)?;
        let deadline = Instant::now() + ANSWER_LIMIT;
        loop {
            let Some(answer) = self.next_answer(Some(deadline))? else {
                return Err(unknown("the host did not answer within a minute"));
            };
            // What could not be read as a request is refused under no number.
            if let (0, Some(body)) = (answer.id, &answer.error) {
                return Err(Error::from(body.clone()));
            }
            if answer.id == id {
                return match answer.error {
                    Some(body) => Err(Error::from(body)),
                    None => Ok(answer.result.unwrap_or(Value::Null)),
                };
            }
        }
    }

    /// Sends a request and returns its number.
    ///
    /// # Errors
    /// `OutcomeUnknown` if the host went away.
    pub fn begin(&mut self, ask: Ask) -> Result<u64, Error> {
        let id = self.next_id;
        self.next_id += 1;
        self.send(&Request { id, ask })?;
        Ok(id)
    }

    /// Returns the next answer; nothing if the deadline passed before.
    ///
    /// # Errors
    /// `OutcomeUnknown` if the host went away.
    pub fn next_answer(&mut self, deadline: Option<Instant>) -> Result<Option<Answer>, Error> {
        let Some(line) = self.line(deadline)? else { return Ok(None) };
        serde_json::from_slice(&line)
            .map(Some)
            .map_err(|error| unknown(&format!("the host's answer cannot be read: {error}")))
    }

    fn send(&mut self, value: &impl serde::Serialize) -> Result<(), Error> {
        let mut line = serde_json::to_vec(value)
            .map_err(|error| Error::internal(format!("a request cannot be written as JSON: {error}")))?;
        line.push(b'\n');
        self.stream.set_write_timeout(Some(ANSWER_LIMIT)).map_err(|error| unknown(&error.to_string()))?;
        self.stream.write_all(&line).map_err(|error| unknown(&format!("the host went away: {error}")))
    }

    /// Returns the next line without its end; nothing if the deadline passed before.
    fn line(&mut self, deadline: Option<Instant>) -> Result<Option<Vec<u8>>, Error> {
        let mut searched = 0;
        loop {
            if let Some(at) = self.pending[searched..].iter().position(|byte| *byte == b'\n') {
                let mut line: Vec<u8> = self.pending.drain(..=searched + at).collect();
                line.pop();
                return Ok(Some(line));
            }
            searched = self.pending.len();
            if searched > CONTROL_LINE_BYTES_MAX {
                return Err(unknown("the host's answer is longer than any that is known"));
            }
            let left = match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
                Some(left) if left.is_zero() => return Ok(None),
                left => left,
            };
            self.stream.set_read_timeout(left).map_err(|error| unknown(&error.to_string()))?;
            let mut part = [0_u8; 16 * 1024];
            match self.stream.read(&mut part) {
                Ok(0) => return Err(unknown("the host closed the connection")),
                Ok(count) => self.pending.extend_from_slice(&part[..count]),
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                    ) => {}
                Err(error) => return Err(unknown(&format!("the host went away: {error}"))),
            }
        }
    }

    fn peer(&self) -> Option<i32> {
        process::peer::of_blocking(&self.stream).ok().and_then(|peer| peer.pid)
    }
}

/// Connects; a full queue of a busy host is waited for.
fn connect(socket: &Path) -> Result<UnixStream, OpenError> {
    match UnixStream::connect(socket) {
        Ok(stream) => Ok(stream),
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::NotFound | ErrorKind::ConnectionRefused | ErrorKind::NotADirectory
            ) =>
        {
            Err(OpenError::Absent)
        }
        Err(error) => Err(OpenError::Strange(
            Error::new(
                Kind::HostUnreachable,
                format!("connect to the host at `{}`: {error}", socket.display()),
            )
            .hint("look at the rights of that folder, and run the command again"),
        )),
    }
}

fn unknown(what: &str) -> Error {
    Error::new(Kind::OutcomeUnknown, what.to_owned())
        .hint("whether it was done is not known: look with `modelscan task list --all`, or repeat it with the same `--key`")
}
