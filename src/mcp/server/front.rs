//! The transport that the protocol library reads from and writes to. It stands in front: it cuts
//! lines, judges each message by itself, answers what is wrong, and lets through only what is
//! right, under a number of our own.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;

use rmcp::RoleServer;
use rmcp::model::{
    ClientJsonRpcMessage, ClientRequest, JsonRpcError, JsonRpcMessage, RequestId, ServerJsonRpcMessage,
};
use rmcp::transport::Transport;
use serde_json::value::RawValue;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::Instant;

use super::answer;
use super::calls::{BatchNumber, Request};
use super::connection::Connection;
use super::params::{self, Opened};
use super::protocol::VERSION_WITH_BATCHES;
use crate::envelope::{Envelope, Malformed, RawId};
use crate::fault::Fault;
use crate::limits::{BATCH_MAX, CLOSING_TIME, LINE_BYTES_MAX};
use crate::lines::{Line, Lines};

/// Bytes read at once.
const CHUNK_BYTES: usize = 64 << 10;

pub(super) struct Front<R> {
    reader: R,
    chunk: Vec<u8>,
    lines: Lines,
    connection: Arc<Connection>,
    opened: Opened,
    /// Members of a batch that were read and not handed on yet.
    ready: VecDeque<ClientJsonRpcMessage>,
    phase: Phase,
}

enum Phase {
    Reading,
    /// The client has closed its side, or we close: what is in flight has until then.
    Closing(Instant),
    Over,
}

impl<R: AsyncRead + Unpin + Send> Front<R> {
    pub(super) fn new(reader: R, connection: Arc<Connection>) -> Self {
        Self {
            reader,
            chunk: vec![0; CHUNK_BYTES],
            lines: Lines::new(LINE_BYTES_MAX),
            connection,
            opened: Opened::No,
            ready: VecDeque::new(),
            phase: Phase::Reading,
        }
    }

    /// Returns the next message, or nothing once there is none. It may be dropped at any await:
    /// what was read is kept in `self`.
    async fn next_message(&mut self) -> Option<ClientJsonRpcMessage> {
        let connection = Arc::clone(&self.connection);
        loop {
            match self.phase {
                Phase::Reading => {
                    tokio::select! {
                        biased;
                        () = connection.over.cancelled() => self.phase = Phase::Over,
                        () = connection.closing.cancelled() => self.close(),
                        message = self.read_message() => match message {
                            Some(message) => return Some(message),
                            None => self.close(),
                        },
                    }
                }
                Phase::Closing(until) => {
                    if let Some(message) = self.ready.pop_front() {
                        return Some(message);
                    }
                    tokio::select! {
                        biased;
                        () = connection.over.cancelled() => {}
                        () = connection.settled() => {}
                        () = tokio::time::sleep_until(until) => {
                            let fault = Fault::internal("the connection is closing");
                            connection.with(|state| state.calls.answer_all(&fault, &mut state.outbox));
                        }
                    }
                    connection.over.cancel();
                    self.phase = Phase::Over;
                }
                Phase::Over => return None,
            }
        }
    }

    fn close(&mut self) {
        self.connection.closing.cancel();
        self.phase = Phase::Closing(Instant::now() + CLOSING_TIME);
    }

    /// Returns the next message of the stream, or nothing at its end.
    async fn read_message(&mut self) -> Option<ClientJsonRpcMessage> {
        loop {
            self.connection.room().await;
            if let Some(message) = self.ready.pop_front() {
                return Some(message);
            }
            match self.lines.next_line() {
                Some(Line::Whole(line)) => self.line(&line),
                Some(Line::TooLong) => {
                    self.refuse(
                        None,
                        None,
                        &Fault::request(format!(
                            "the line is longer than the limit of {LINE_BYTES_MAX} bytes"
                        )),
                    );
                }
                None => match self.reader.read(&mut self.chunk).await {
                    Ok(0) | Err(_) => {
                        if self.lines.finish() {
                            self.refuse(None, None, &Fault::parse("the last line has no line feed"));
                        }
                        return None;
                    }
                    Ok(length) => self.lines.push(&self.chunk[..length]),
                },
            }
        }
    }

    /// Takes one line; what is to be handed on is then in `self.ready`.
    fn line(&mut self, line: &[u8]) {
        let line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line).trim_ascii();
        if line.is_empty() {
            return;
        }
        let text = match std::str::from_utf8(line) {
            Ok(text) => text,
            Err(error) => {
                let lossy = String::from_utf8_lossy(line);
                let id = Envelope::parse(&lossy).ok().and_then(|envelope| envelope.usable_id());
                let fault = Fault::parse(format!("not UTF-8 from byte {} on", error.valid_up_to()));
                return self.refuse(id.as_ref(), None, &fault);
            }
        };
        if text.starts_with('[') {
            return self.batch(text);
        }
        match Envelope::parse(text) {
            Ok(envelope) => self.message(&envelope, text.len(), None),
            Err(malformed) => self.refuse(None, None, &fault_of(malformed)),
        }
    }

    fn batch(&mut self, text: &str) {
        let members: Vec<&RawValue> = match serde_json::from_str(text) {
            Ok(members) => members,
            Err(error) => return self.refuse(None, None, &Fault::parse(error.to_string())),
        };
        let opens = |member: &&RawValue| {
            Envelope::parse(member.get())
                .is_ok_and(|envelope| envelope.method_name().as_deref() == Some("initialize"))
        };
        let fault = if self.opened != Opened::With(VERSION_WITH_BATCHES) {
            "batches exist only in version 2025-03-26, once `initialize` has agreed upon it".to_owned()
        } else if members.is_empty() || members.len() > BATCH_MAX {
            format!("a batch holds 1 to {BATCH_MAX} messages, not {}", members.len())
        } else if members.iter().any(opens) {
            "`initialize` cannot be part of a batch".to_owned()
        } else {
            let batch = self.connection.with(|state| state.calls.begin_batch());
            for member in members {
                match Envelope::parse(member.get()) {
                    Ok(envelope) => self.message(&envelope, member.get().len(), Some(batch)),
                    Err(malformed) => self.refuse(None, Some(batch), &fault_of(malformed)),
                }
            }
            return self.connection.with(|state| state.calls.close_batch(batch, &mut state.outbox));
        };
        self.refuse(None, None, &Fault::request(fault));
    }

    fn message(&mut self, envelope: &Envelope<'_>, bytes: usize, batch: Option<BatchNumber>) {
        let id = envelope.usable_id();
        let answers = envelope.result.is_some() || envelope.error.is_some();
        if envelope.method.is_none() && answers {
            // Nothing is ever asked of the client, so its answers answer nothing.
            return;
        }
        let fault = match (envelope.method.is_some(), envelope.method_name()) {
            (false, _) => Fault::request("a message needs `method`"),
            (true, _) if answers => Fault::request("`result` and `error` do not go with `method`"),
            (true, _) if !envelope.is_version_two() => Fault::request("`jsonrpc` must be \"2.0\""),
            (true, None) => Fault::request("`method` must be a string"),
            (true, Some(method)) => {
                return match (envelope.id, id) {
                    (None, _) => self.notification(&method, envelope.params),
                    (Some(_), None) => self.refuse(
                        None,
                        batch,
                        &Fault::request(
                            "`id` must be an integer of 64 bits or a string of at most 256 bytes",
                        ),
                    ),
                    (Some(_), Some(id)) => self.request(&method, id, envelope.params, bytes, batch),
                };
            }
        };
        self.refuse(id.as_ref(), batch, &fault);
    }

    /// Notifications are never answered; the only one that means anything here is a cancel.
    fn notification(&self, method: &str, params: Option<&RawValue>) {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Cancelled<'a> {
            #[serde(borrow)]
            request_id: &'a RawValue,
        }
        if method != "notifications/cancelled" {
            return;
        }
        let id = params
            .filter(|params| params.get().starts_with('{'))
            .and_then(|params| serde_json::from_str::<Cancelled<'_>>(params.get()).ok())
            .and_then(|cancelled| RawId::parse(cancelled.request_id));
        if let Some(id) = id {
            self.connection.with(|state| state.calls.cancel(id.key(), &mut state.outbox));
        }
    }

    fn request(
        &mut self,
        method: &str,
        id: RawId,
        params: Option<&RawValue>,
        bytes: usize,
        batch: Option<BatchNumber>,
    ) {
        let fitting = match params::read(method, params, self.opened) {
            Ok(fitting) => fitting,
            Err(fault) => return self.refuse(Some(&id), batch, &fault),
        };
        let request = Request {
            id: id.clone(),
            bytes,
            progress_token: fitting.progress_token,
            batch,
            cancellable: !matches!(fitting.request, ClientRequest::InitializeRequest(_)),
        };
        let closing = &self.connection.closing;
        match self.connection.with(|state| state.calls.enter(request, closing)) {
            Err(fault) => self.refuse(Some(&id), batch, &fault),
            Ok(number) => {
                if let Some(version) = fitting.opens {
                    self.opened = Opened::With(version);
                }
                self.ready.push_back(JsonRpcMessage::request(fitting.request, RequestId::Number(number)));
            }
        }
    }

    fn refuse(&self, id: Option<&RawId>, batch: Option<BatchNumber>, fault: &Fault) {
        let answer = fault.answer(id);
        self.connection.with(|state| match batch {
            None => state.outbox.push(&answer),
            Some(batch) => state.calls.refuse_in_batch(batch, answer),
        });
    }

    /// Says what the library answers by itself; what a handler answered was said by its guard.
    fn answer(&self, message: ServerJsonRpcMessage) {
        let (number, answer) = match message {
            JsonRpcMessage::Response(response) => (response.id, Ok(response.result)),
            JsonRpcMessage::Error(JsonRpcError { id: Some(id), error, .. }) => (id, Err(error)),
            // Nothing is asked of the client, and progress does not come this way.
            JsonRpcMessage::Error(_) | JsonRpcMessage::Request(_) | JsonRpcMessage::Notification(_) => return,
        };
        if let RequestId::Number(number) = number {
            answer::say(&self.connection, number, &answer);
        }
    }
}

impl<R: AsyncRead + Unpin + Send> Transport<RoleServer> for Front<R> {
    type Error = Infallible;

    fn send(
        &mut self,
        message: ServerJsonRpcMessage,
    ) -> impl Future<Output = Result<(), Infallible>> + Send + 'static {
        // The order of what is said is fixed here, before the future is ever polled.
        self.answer(message);
        ready(Ok(()))
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        self.next_message().await
    }

    async fn close(&mut self) -> Result<(), Infallible> {
        self.connection.close();
        Ok(())
    }
}

fn fault_of(malformed: Malformed) -> Fault {
    match malformed {
        Malformed::Syntax(message) => Fault::parse(message),
        Malformed::Shape(message) => Fault::request(message),
    }
}
