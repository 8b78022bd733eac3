//! One connection: its preamble, then the protocol that it names.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use wire::control::{Answer, CONTROL_VERSION, ConnectionKind, Preamble, Welcome};

use super::control;
use super::shared::Shared;
use crate::catalog::HostCatalog;
use crate::error::{Error, Kind};

/// The longest preamble: a path and a few variables.
const PREAMBLE_BYTES_MAX: u64 = 256 * 1024;

/// How long a client may take to say its preamble.
const PREAMBLE_LIMIT: Duration = Duration::from_secs(10);

/// Serves one connection to its end.
pub(super) async fn serve(stream: UnixStream, shared: Arc<Shared>) {
    let (reader, writer) = stream.into_split();
    // What is read beyond the preamble stays in the buffer, for the protocol that follows.
    let mut reader = BufReader::new(reader);
    let preamble = match tokio::time::timeout(PREAMBLE_LIMIT, read_preamble(&mut reader)).await {
        Ok(Ok(preamble)) => preamble,
        Ok(Err(Some(error))) => return refuse(writer, error).await,
        // Whoever looks whether somebody listens says nothing and goes.
        Ok(Err(None)) | Err(_) => return,
    };
    let _client = shared.client();
    shared.keep_up(&preamble.config_hash).await;
    match preamble.kind {
        ConnectionKind::Control => {
            let welcome =
                Welcome { v: CONTROL_VERSION, pid: own_pid(), version: env!("CARGO_PKG_VERSION").to_owned() };
            control::serve(reader, writer, welcome, &shared).await;
        }
        ConnectionKind::Mcp => serve_mcp(reader, writer, preamble, &shared).await,
    }
}

async fn serve_mcp(
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    preamble: Preamble,
    shared: &Arc<Shared>,
) {
    let catalog =
        HostCatalog::new(shared.handle.clone(), Arc::clone(&shared.shelf), preamble.cwd, preamble.env);
    let catalog = Arc::new(catalog);
    let server = match shared.server.get() {
        Some(server) => server.over(catalog),
        None => match mcp::server::Server::new(catalog) {
            Ok(server) => {
                // Another connection may have been as fast.
                let _ = shared.server.set(server.clone());
                server
            }
            Err(error) => return tracing::error!(%error, "the tools cannot be offered"),
        },
    };
    server.serve(reader, writer, &shared.closing).await;
}

/// Reads the first line.
async fn read_preamble(reader: &mut BufReader<OwnedReadHalf>) -> Result<Preamble, Option<Error>> {
    let mut line = Vec::new();
    match reader.take(PREAMBLE_BYTES_MAX).read_until(b'\n', &mut line).await {
        Ok(count) if count > 0 && line.last() == Some(&b'\n') => {}
        Ok(count) if u64::try_from(count).is_ok_and(|count| count >= PREAMBLE_BYTES_MAX) => {
            return Err(Some(bad(format!("the first line is longer than {PREAMBLE_BYTES_MAX} bytes"))));
        }
        Ok(_) | Err(_) => return Err(None),
    }
    let version =
        serde_json::from_slice::<Value>(&line).ok().and_then(|value| value.get("v").and_then(Value::as_u64));
    if version.is_some_and(|version| version != u64::from(CONTROL_VERSION)) {
        let message = format!(
            "this host speaks version {CONTROL_VERSION} of the control protocol, not {}",
            version.unwrap_or(0)
        );
        return Err(Some(Error::new(Kind::HostUnreachable, message).hint(
            "end this host with `modelscan host stop` of its own version, and run the command again",
        )));
    }
    serde_json::from_slice(&line)
        .map_err(|error| Some(bad(format!("the first line is no preamble: {error}"))))
}

fn bad(message: String) -> Error {
    Error::new(Kind::BadInput, message).hint("connect with `modelscan`, not by hand")
}

async fn refuse(mut writer: OwnedWriteHalf, error: Error) {
    let answer = Answer { id: 0, result: None, error: Some(error.body()) };
    if let Ok(mut line) = serde_json::to_vec(&answer) {
        line.push(b'\n');
        let _ = tokio::time::timeout(PREAMBLE_LIMIT, writer.write_all(&line)).await;
    }
}

pub(super) fn own_pid() -> i32 {
    i32::try_from(std::process::id()).unwrap_or(0)
}
