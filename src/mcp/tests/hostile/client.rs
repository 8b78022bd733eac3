//! A client over pipes in memory, and the server at their other end.

use std::sync::Arc;
use std::time::Duration;

use mcp::server::{Closed, Server};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::fake::{Fake, Seen};
use crate::rows;

/// Nothing in these tests takes this long unless it hangs.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// What a pipe holds.
const PIPE_BYTES: usize = 64 << 10;

/// A connection to a server.
pub struct Client {
    pub to: Option<DuplexStream>,
    from: Lines<BufReader<DuplexStream>>,
    pub seen: Arc<Seen>,
    pub closing: CancellationToken,
    server: JoinSet<Closed>,
    probes: usize,
}

impl Client {
    /// Connects to a server of its own.
    pub fn connect() -> Self {
        let catalog = Arc::new(Fake::default());
        let seen = Arc::clone(&catalog.seen);
        Self::connect_to(Server::new(catalog).unwrap(), seen)
    }

    fn connect_to(front: Server<Fake>, seen: Arc<Seen>) -> Self {
        let (to, server_reads) = tokio::io::duplex(PIPE_BYTES);
        let (server_writes, from) = tokio::io::duplex(PIPE_BYTES);
        let closing = CancellationToken::new();
        let mut server = JoinSet::new();
        let token = closing.clone();
        server.spawn(async move { front.serve(server_reads, server_writes, &token).await });
        Self { to: Some(to), from: BufReader::new(from).lines(), seen, closing, server, probes: 0 }
    }

    /// Connects and sends `initialize`, unless the connection is not to be opened.
    pub async fn open(open: rows::Open) -> Self {
        Self::connect().opened(open).await
    }

    /// Connects to a server that serves others too, and opens like [`open`](Self::open).
    pub async fn open_at(front: &Server<Fake>, open: rows::Open) -> Self {
        Self::connect_to(front.clone(), Arc::default()).opened(open).await
    }

    async fn opened(self, open: rows::Open) -> Self {
        let mut client = self;
        if let rows::Open::With(version) = open {
            client.say(&rows::initialize("\"init\"", version)).await;
            client.say(&rows::notify("notifications/initialized", "{}")).await;
            let answer = client.hear().await;
            assert!(answer.contains(version), "{answer}");
        }
        client
    }

    /// Sends bytes.
    pub async fn send(&mut self, bytes: &[u8]) {
        let to = self.to.as_mut().expect("the client has not closed its side");
        tokio::time::timeout(PATIENCE, to.write_all(bytes)).await.expect("the server reads").unwrap();
    }

    /// Sends a line.
    pub async fn say(&mut self, line: &str) {
        self.send(format!("{line}\n").as_bytes()).await;
    }

    /// Returns the next message, or nothing at the end.
    pub async fn next(&mut self) -> Option<String> {
        tokio::time::timeout(PATIENCE, self.from.next_line()).await.expect("the server answers").unwrap()
    }

    /// Returns the next message, or nothing at the end or when none comes.
    pub async fn heard(&mut self) -> Option<String> {
        tokio::time::timeout(PATIENCE, self.from.next_line()).await.ok()?.unwrap()
    }

    /// Returns the next message.
    pub async fn hear(&mut self) -> String {
        self.next().await.expect("the server does not close")
    }

    /// Returns the next message as a value.
    pub async fn hear_value(&mut self) -> Value {
        serde_json::from_str(&self.hear().await).unwrap()
    }

    /// Asserts that the connection lives, and returns what came before the answer that says so.
    pub async fn lives(&mut self) -> Vec<String> {
        self.probes += 1;
        let id = format!("\"probe {}\"", self.probes);
        self.say(&rows::stateless_call(&id)).await;
        let mut before = Vec::new();
        loop {
            let message = self.hear().await;
            if rows::done(&id).mismatch(&message).is_none() {
                return before;
            }
            before.push(message);
        }
    }

    /// Closes the client's side.
    pub fn close(&mut self) {
        self.to = None;
    }

    /// Stops reading, for good.
    pub fn deafen(self) -> (JoinSet<Closed>, Arc<Seen>) {
        (self.server, self.seen)
    }

    /// Returns how the server ended.
    pub async fn ended(&mut self) -> Closed {
        tokio::time::timeout(PATIENCE, self.server.join_next())
            .await
            .expect("the server ends")
            .expect("the server was not joined before")
            .expect("the server does not panic")
    }
}
