//! One connection over a pair of byte streams: lines in and out, the gate, and the SDK between them.

use crate::answer::Request;
use crate::error::CallError;
use crate::gate::{Gate, Held, Units};
use crate::lines::{LINE_BYTES_MAX, Line, Lines};
use crate::noise::{Noise, NoiseKind};
use agent_client_protocol::{
    Builder, Channel, ConnectionTo, Dispatch, RawJsonRpcId, RawJsonRpcMessage, Role, TransportFrame,
    UntypedMessage, is_connection_terminated, is_incoming_transport_closed, on_receive_dispatch,
    role::HasPeer,
};
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender};
use futures::{FutureExt, StreamExt, future::BoxFuture};
use serde::Serialize;
use serde_json::Value;
use std::collections::HashSet;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// How deep parameters may be nested: JSON is read to 128 levels by most, and the envelope has one.
const DEPTH_MAX: usize = 126;

/// How long the peer may take to read what is left and to close its stream after the end was asked for.
const DRAIN_LIMIT: Duration = Duration::from_secs(2);

/// How many messages may wait for the reader: as many as there can be, so that the gate alone makes the peer wait.
pub(crate) const INCOMING_CAPACITY: usize = crate::gate::GATE_UNITS;

/// The future that moves a connection. It ends when the peer has closed its stream and nothing is left to say. After
/// the end was asked for, what is to be written is written, our stream is closed, and the peer has two seconds to close
/// its own.
pub struct Driver(Option<BoxFuture<'static, ()>>);

impl Future for Driver {
    type Output = ();

    /// Once ended, it stays ended.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(future) = &mut self.0 else { return Poll::Ready(()) };
        ready!(future.poll_unpin(context));
        self.0 = None;
        Poll::Ready(())
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Driver").finish_non_exhaustive()
    }
}

/// Asks a connection to end.
#[derive(Debug, Clone)]
pub struct Finish(CancellationToken);

impl Finish {
    /// Asks for the end: what has been said is still written, then the driver ends and our half is closed.
    pub fn finish(&self) {
        self.0.cancel();
    }
}

/// What a role makes of a message. It returns at once: whatever takes time happens with the receiver.
pub(crate) trait Receive: Send + Sync + 'static {
    /// What the receiver gets.
    type Message: Send + fmt::Debug + 'static;

    /// A request.
    fn request(&self, request: Request) -> Result<Self::Message, Noise>;

    /// A notification.
    fn notification(&self, method: &str, params: Value) -> Result<Option<Self::Message>, Noise>;

    /// Noise.
    fn noise(&self, noise: Noise) -> Self::Message;
}

/// The calling half of a connection; cheap to clone.
#[derive(Debug)]
pub(crate) struct Caller<P: Role> {
    connection: watch::Receiver<Option<ConnectionTo<P>>>,
    gate: Arc<Gate>,
}

impl<P: Role> Clone for Caller<P> {
    fn clone(&self) -> Self {
        Self { connection: self.connection.clone(), gate: Arc::clone(&self.gate) }
    }
}

impl<P: Role + HasPeer<P>> Caller<P> {
    /// Calls a method of the peer and waits for its answer.
    pub(crate) async fn request(
        &self,
        method: &'static str,
        params: impl Serialize,
    ) -> Result<Value, CallError> {
        let (connection, message, units) = self.prepare(method, params).await?;
        self.gate.push_unwritten(units);
        connection.send_request(message).block_task().await.map_err(call_error)
    }

    /// Tells the peer something.
    pub(crate) async fn notify(&self, method: &'static str, params: impl Serialize) -> Result<(), CallError> {
        let (connection, message, units) = self.prepare(method, params).await?;
        self.gate.push_unwritten(units);
        connection.send_notification(message).map_err(call_error)
    }

    async fn prepare(
        &self,
        method: &'static str,
        params: impl Serialize,
    ) -> Result<(ConnectionTo<P>, UntypedMessage, Units), CallError> {
        let message = UntypedMessage::new(method, params).map_err(call_error)?;
        if !nested_within(&message.params, DEPTH_MAX) {
            return Err(CallError::TooDeep { method });
        }
        let bytes = serialized_bytes(&message.params);
        // The envelope is small; what is left of the cap is for it.
        if bytes > LINE_BYTES_MAX - 1024 {
            return Err(CallError::TooLong { method, bytes });
        }
        let mut connection = self.connection.clone();
        let connection = connection.wait_for(Option::is_some).await.map_err(|_| CallError::Closed)?.clone();
        let connection = connection.ok_or(CallError::Closed)?;
        let units = self.gate.leave(bytes).await.ok_or(CallError::Closed)?;
        Ok((connection, message, units))
    }
}

/// The ends of a connection.
pub(crate) struct Connection<P: Role, M> {
    pub(crate) caller: Caller<P>,
    pub(crate) incoming: mpsc::Receiver<Held<M>>,
    pub(crate) finish: Finish,
    pub(crate) driver: Driver,
}

/// Connects a role to a pair of byte streams.
pub(crate) fn connect<Host, R, W, X>(
    host: Host,
    reader: R,
    writer: W,
    receiver: X,
) -> Connection<Host::Counterpart, X::Message>
where
    Host: Role + HasPeer<Host> + 'static,
    Host::Counterpart: HasPeer<Host::Counterpart>,
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
    X: Receive,
{
    let gate = Arc::new(Gate::new());
    let (messages, incoming) = mpsc::channel(INCOMING_CAPACITY);
    let (published, connection) = watch::channel(None);
    let finish = CancellationToken::new();
    let asked = Arc::new(Mutex::new(HashSet::new()));
    let (sdk_end, our_end) = Channel::duplex();
    let (outgoing, to_sdk) = our_end.into_parts();
    let receiver = Arc::new(receiver);

    let inlet = Inlet {
        to_sdk,
        gate: Arc::clone(&gate),
        asked: Arc::clone(&asked),
        messages: messages.clone(),
        receiver: Arc::clone(&receiver),
    };
    let writing = write(writer, outgoing, Arc::clone(&gate), asked);
    let handling = handle(host, sdk_end, published, Arc::clone(&gate), messages, receiver, finish.clone());
    let reading = read(inlet, Lines::new(reader, LINE_BYTES_MAX), finish.clone());
    let driver = drive(reading, writing, handling, Arc::clone(&gate), finish.clone());
    Connection {
        caller: Caller { connection, gate },
        incoming,
        finish: Finish(finish),
        driver: Driver(Some(driver.boxed())),
    }
}

async fn drive(
    reading: impl Future<Output = ()>,
    writing: impl Future<Output = ()>,
    handling: impl Future<Output = ()>,
    gate: Arc<Gate>,
    finish: CancellationToken,
) {
    let ending = async {
        finish.cancelled().await;
        tokio::time::sleep(DRAIN_LIMIT).await;
    };
    tokio::select! {
        ((), (), ()) = async { tokio::join!(reading, handling, writing) } => {}
        () = ending => {}
    }
    gate.close();
}

/// The SDK's part: it runs until the end was asked for or the peer has closed.
async fn handle<Host, X>(
    host: Host,
    sdk_end: Channel,
    published: watch::Sender<Option<ConnectionTo<Host::Counterpart>>>,
    gate: Arc<Gate>,
    messages: mpsc::Sender<Held<X::Message>>,
    receiver: Arc<X>,
    finish: CancellationToken,
) where
    Host: Role + HasPeer<Host> + 'static,
    Host::Counterpart: HasPeer<Host::Counterpart>,
    X: Receive,
{
    let handler = Builder::new(host).on_receive_dispatch(
        async move |dispatch: Dispatch, _connection: ConnectionTo<Host::Counterpart>| {
            deliver(dispatch, &gate, &messages, &*receiver)
        },
        on_receive_dispatch!(),
    );
    let ended = handler
        .connect_with(sdk_end, async move |connection: ConnectionTo<Host::Counterpart>| {
            let closed = connection.clone();
            // Kept until the end: a caller that waits for the connection hears of its end by the sender's.
            published.send_replace(Some(connection));
            tokio::select! {
                () = finish.cancelled() => {}
                () = closed.incoming_closed() => {}
            }
            Ok(())
        })
        .await;
    if let Err(error) = ended {
        tracing::warn!(code = error.code.value(), "the protocol's connection ended with an error");
    }
}

fn deliver<X: Receive>(
    dispatch: Dispatch,
    gate: &Arc<Gate>,
    messages: &mpsc::Sender<Held<X::Message>>,
    receiver: &X,
) -> Result<(), agent_client_protocol::Error> {
    let message = match dispatch {
        Dispatch::Response(result, router) => return router.route_with_result(result),
        Dispatch::Request(request, responder) => {
            let units = gate.pop_undelivered();
            let (method, params) = request.into_parts();
            let request = Request { method, params, responder, gate: Arc::clone(gate), units };
            // The units are with the answer now.
            let message = receiver.request(request).unwrap_or_else(|noise| receiver.noise(noise));
            Some(Held::new(message, None))
        }
        Dispatch::Notification(notification) => {
            let units = gate.pop_undelivered();
            let (method, params) = notification.into_parts();
            let message = match receiver.notification(&method, params) {
                Ok(message) => message,
                Err(noise) => Some(receiver.noise(noise)),
            };
            message.map(|message| Held::new(message, units))
        }
    };
    if let Some(message) = message {
        // It has room for all that the gate lets in; a refusal's noise beyond that is not worth waiting for. A receiver
        // that is gone does not want to hear more.
        let _ = messages.try_send(message);
    }
    Ok(())
}

/// Takes lines and hands messages to the SDK.
struct Inlet<X: Receive> {
    to_sdk: UnboundedSender<TransportFrame>,
    gate: Arc<Gate>,
    asked: Arc<Mutex<HashSet<RawJsonRpcId>>>,
    messages: mpsc::Sender<Held<X::Message>>,
    receiver: Arc<X>,
}

/// Reads to the end. After the end was asked for, what still comes is thrown away: a peer that says goodbye need not
/// find its stream broken.
async fn read<R: AsyncRead + Unpin, X: Receive>(
    inlet: Inlet<X>,
    mut lines: Lines<R>,
    finish: CancellationToken,
) {
    tokio::select! {
        biased;
        () = finish.cancelled() => {}
        () = inlet.run(&mut lines) => {}
    }
    // The sender to the SDK is gone now: it fails what waits for an answer, and then ends.
    while let Ok(Some(_)) = lines.next().await {}
}

impl<X: Receive> Inlet<X> {
    async fn run<R: AsyncRead + Unpin>(self, lines: &mut Lines<R>) {
        loop {
            // A stream that breaks has ended: how its process ended says more than the error here.
            let Ok(Some(line)) = lines.next().await else { return };
            let goes_on = match line {
                Line::Text(text) => self.text(text).await,
                other => self.noise(Noise::of_line(&other)).await,
            };
            if !goes_on {
                return;
            }
        }
    }

    /// Returns whether to go on.
    async fn text(&self, text: String) -> bool {
        match TransportFrame::parse_json(&text) {
            TransportFrame::Single(message @ RawJsonRpcMessage::Response(_)) => {
                let id = message.response_id().cloned();
                let waited_for = id
                    .is_some_and(|id| self.asked.lock().unwrap_or_else(PoisonError::into_inner).remove(&id));
                if waited_for {
                    return self.to_sdk.unbounded_send(TransportFrame::Single(message)).is_ok();
                }
                self.noise(Some(Noise::new(NoiseKind::Stray, &text))).await
            }
            TransportFrame::Single(message) => {
                let Some(units) = self.gate.enter(text.len()).await else { return false };
                drop(text);
                self.gate.push_undelivered(units);
                self.to_sdk.unbounded_send(TransportFrame::Single(message)).is_ok()
            }
            malformed => self.malformed(malformed, &text).await,
        }
    }

    /// JSON that looks like a call is answered with an error, as JSON-RPC wants it; anything else only told.
    async fn malformed(&self, frame: TransportFrame, text: &str) -> bool {
        let value = serde_json::from_str::<Value>(text);
        let kind = if value.is_ok() { NoiseKind::NotAMessage } else { NoiseKind::NotJson };
        let is_call = match &value {
            Ok(Value::Array(_)) => true,
            Ok(Value::Object(object)) => object.contains_key("method"),
            _ => false,
        };
        if is_call {
            let Some(units) = self.gate.enter(text.len()).await else { return false };
            self.gate.push_unwritten_answer(units);
            if self.to_sdk.unbounded_send(frame).is_err() {
                return false;
            }
        }
        self.noise(Some(Noise::new(kind, text))).await
    }

    async fn noise(&self, noise: Option<Noise>) -> bool {
        let Some(noise) = noise else { return true };
        let Some(units) = self.gate.enter(0).await else { return false };
        let _ = self.messages.try_send(Held::new(self.receiver.noise(noise), Some(units)));
        true
    }
}

/// Writes what the SDK wants to say. When the peer does not take it any more, the rest is thrown away: what it had
/// said before is still read to its end.
async fn write<W: AsyncWrite + Unpin>(
    mut writer: W,
    mut outgoing: UnboundedReceiver<TransportFrame>,
    gate: Arc<Gate>,
    asked: Arc<Mutex<HashSet<RawJsonRpcId>>>,
) {
    let mut broken = false;
    while let Some(frame) = outgoing.next().await {
        if let TransportFrame::Single(RawJsonRpcMessage::Request(request)) = &frame {
            asked.lock().unwrap_or_else(PoisonError::into_inner).insert(request.id.clone());
        }
        if !broken && let Ok(mut line) = frame.to_json() {
            line.push('\n');
            broken = writer.write_all(line.as_bytes()).await.is_err() || writer.flush().await.is_err();
        }
        match &frame {
            TransportFrame::Single(RawJsonRpcMessage::Response(_)) => gate.answer_written(),
            _ => gate.written(),
        }
    }
    // The other side may be gone; then there is nothing to close.
    let _ = writer.shutdown().await;
}

fn serialized_bytes(value: &Value) -> usize {
    struct Counter(usize);
    impl std::io::Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut counter = Counter(0);
    // Counting cannot fail.
    let _ = serde_json::to_writer(&mut counter, value);
    counter.0
}

/// Says whether a value has at most this many levels of arrays and objects.
fn nested_within(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(items) => levels > 0 && items.iter().all(|item| nested_within(item, levels - 1)),
        Value::Object(entries) => levels > 0 && entries.values().all(|item| nested_within(item, levels - 1)),
        _ => true,
    }
}

fn call_error(error: agent_client_protocol::Error) -> CallError {
    if is_incoming_transport_closed(&error) || is_connection_terminated(&error) {
        return CallError::Closed;
    }
    let said = error.data.as_ref().map(|data| match data {
        Value::String(text) => format!(": {text}"),
        other => format!(": {other}"),
    });
    let message = format!("{}{}", error.message, said.unwrap_or_default());
    CallError::Refused { code: error.code.value(), message }
}
