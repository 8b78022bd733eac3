//! Watching for new events: the host says the newest number, what is new is read from the store. When
//! the host goes away the next one is asked, and started if need be.

use std::time::Instant;

use wire::control::Ask;

use super::connection::Connection;
use super::session::Session;
use crate::error::{Error, Kind};

/// A watch over the events of the store.
pub struct Watch<'a> {
    session: Session<'a>,
    connection: Option<Connection>,
}

impl<'a> Watch<'a> {
    pub(super) fn begin(session: Session<'a>) -> Result<Self, Error> {
        let mut watch = Self { session, connection: None };
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
            }
            self.subscribe()?;
        }
    }

    fn subscribe(&mut self) -> Result<(), Error> {
        let Some(mut connection) = self.session.connect_or_start()? else {
            return Err(Error::new(
                Kind::HostUnreachable,
                "no host lives that could work on it, and none may be started here",
            )
            .hint("start one with `modelscan host start`"));
        };
        connection.begin(Ask::Watch {})?;
        self.connection = Some(connection);
        Ok(())
    }
}
