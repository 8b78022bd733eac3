//! Accepting connections: from our own user alone, a bounded number, and without spinning when there are
//! no descriptors left.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::connection;
use super::shared::Shared;

/// How many connections are open at once; more wait in the socket's queue.
const CONNECTIONS_MAX: usize = 256;

/// How long to wait when no connection can be taken: no descriptors are left.
const EXHAUSTED_WAIT: Duration = Duration::from_millis(50);

/// Takes connections until the host closes; each is served in `tasks`.
pub(super) async fn accept(listener: &UnixListener, shared: &Arc<Shared>, tasks: &TaskTracker) {
    let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) if is_ours(&stream) => {
                let shared = Arc::clone(shared);
                tasks.spawn(async move {
                    connection::serve(stream, shared).await;
                    drop(permit);
                });
            }
            Ok(_) => tracing::warn!("a connection of another user was refused"),
            Err(error) => {
                tracing::warn!(%error, "no connection can be taken now");
                tokio::time::sleep(EXHAUSTED_WAIT).await;
            }
        }
    }
}

/// Says whether the other side is a process of our own user.
fn is_ours(stream: &UnixStream) -> bool {
    stream.peer_cred().is_ok_and(|peer| peer.uid() == process::peer::own_uid())
}
