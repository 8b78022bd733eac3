//! Watching for new events: the host says the newest number, what is new is read from the store. When
//! the host goes away the next one is asked, and started if need be.

use std::time::{Duration, Instant};

use wire::control::Ask;

use super::connection::Connection;
use super::session::Session;
use crate::error::{Error, Kind};

/// How many hosts may go away from a watch within `LOSSES_WITHIN`.
const LOSSES_MAX: u32 = 50;

/// The time in which losses of hosts are counted together.
const LOSSES_WITHIN: Duration = Duration::from_secs(60);

/// A watch over the events of the store.
pub struct Watch<'a> {
    session: Session<'a>,
    connection: Option<Connection>,
    /// Hosts that went away since that time.
    losses: (u32, Instant),
}

impl<'a> Watch<'a> {
    pub(super) fn begin(session: Session<'a>) -> Result<Self, Error> {
        let mut watch = Self { session, connection: None, losses: (0, Instant::now()) };
        watch.subscribe()?;
        Ok(watch)
    }

    /// Returns the number of the newest event whenever there may be newer ones, the first time at once;
    /// nothing if the deadline passed before.
    ///
    /// # Errors
    /// `HostUnreachable` if the host went away and no other can be had.
    pub fn next(&mut self, deadline: Option<Instant>) -> Result<Option<i64>, Error> {
        loop {
            if let Some(connection) = &mut self.connection {
                match connection.next_answer(deadline) {
                    Ok(None) => return Ok(None),
                    Ok(Some(answer)) => {
                        if let Some(body) = answer.error {
                            return Err(Error::from(body));
                        }
                        let seq = answer
                            .result
                            .as_ref()
                            .and_then(|told| told.get("seq"))
                            .and_then(serde_json::Value::as_i64);
                        return seq
                            .map(Some)
                            .ok_or_else(|| Error::internal("the host told of events without a number"));
                    }
                    Err(_) => self.connection = None,
                }
                self.count_loss()?;
            }
            self.subscribe()?;
        }
    }

    /// Hosts that keep going away are a fault that no other host mends.
    fn count_loss(&mut self) -> Result<(), Error> {
        if self.losses.1.elapsed() > LOSSES_WITHIN {
            self.losses = (0, Instant::now());
        }
        self.losses.0 += 1;
        if self.losses.0 <= LOSSES_MAX {
            return Ok(());
        }
        let what = format!("{LOSSES_MAX} hosts went away within {} s", LOSSES_WITHIN.as_secs());
        Err(Error::new(Kind::HostUnreachable, what)
            .hint("look at the host's log, or run `modelscan host run` to see what it says"))
    }

    fn subscribe(&mut self) -> Result<(), Error> {
        let Some(mut connection) = self.session.connect_or_start()? else {
            return Err(Error::new(
                Kind::HostUnreachable,
                "no host lives that could work on it, and none may be started here",
            )
            .hint("start one with `modelscan host start`"));
        };
        match connection.begin(Ask::Watch {}) {
            Ok(_) => self.connection = Some(connection),
            // It has gone since it said welcome.
            Err(_) => self.count_loss()?,
        }
        Ok(())
    }
}
