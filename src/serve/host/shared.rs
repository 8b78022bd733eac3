//! What the connections of a host share.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use runtime::host::{HostHandle, StopMode};
use tokio::sync::{Mutex, mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::catalog::{HostCatalog, Shelf};
use crate::config::{Environment, Loaded, load};

/// What the connections of a host share.
pub(super) struct Shared {
    /// Orders to the tasks.
    pub(super) handle: HostHandle,
    /// The configuration in force.
    pub(super) loaded: watch::Sender<Arc<Loaded>>,
    /// The skills at hand, read anew when the user's have changed.
    pub(super) shelf: Arc<Shelf>,
    /// The server of the first client of the Model Context Protocol: others share its tools.
    pub(super) server: OnceLock<mcp::server::Server<HostCatalog>>,
    /// The environment that the configuration is read with.
    pub(super) env: Environment,
    /// How many clients are connected.
    pub(super) clients: AtomicU64,
    /// Told whenever a client came or went.
    pub(super) clients_changed: watch::Sender<u64>,
    /// The folder of the database.
    pub(super) data_dir: PathBuf,
    /// Ends every connection.
    pub(super) closing: CancellationToken,
    /// Where a stop is asked for. Four fit: the first counts, the second hurries.
    pub(super) stops: mpsc::Sender<StopMode>,
    /// The hash of a configuration that a client last told; one reading at a time.
    told_hash: Mutex<String>,
}

impl Shared {
    pub(super) fn new(
        handle: HostHandle,
        loaded: Loaded,
        env: Environment,
        stops: mpsc::Sender<StopMode>,
    ) -> Self {
        Self {
            handle,
            data_dir: loaded.places.data_dir().to_owned(),
            shelf: Arc::new(Shelf::new(&loaded.places.skills)),
            told_hash: Mutex::new(loaded.hash.clone()),
            loaded: watch::Sender::new(Arc::new(loaded)),
            server: OnceLock::new(),
            env,
            clients: AtomicU64::new(0),
            clients_changed: watch::Sender::new(0),
            closing: CancellationToken::new(),
            stops,
        }
    }

    /// Reads the configuration anew if a client read another one than was told last. A configuration that
    /// cannot be read leaves the old one in force.
    pub(super) async fn keep_up(&self, hash: &str) {
        let mut told = self.told_hash.lock().await;
        if *told == hash {
            return;
        }
        hash.clone_into(&mut told);
        let (env, choices) = (self.env.clone(), self.loaded.borrow().choices.clone());
        let read = tokio::task::spawn_blocking(move || load(&env, &choices)).await;
        match read {
            Ok(Ok(loaded)) => {
                if loaded.hash == self.loaded.borrow().hash {
                    return;
                }
                match self.handle.reload(loaded.config.clone()).await {
                    Ok(()) => {
                        tracing::info!(hash = loaded.hash, "the configuration was read anew");
                        self.loaded.send_replace(Arc::new(loaded));
                    }
                    Err(error) => tracing::warn!(%error, "the new configuration was not taken"),
                }
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "the configuration cannot be read: the old one stays in force")
            }
            Err(error) => tracing::error!(%error, "reading the configuration failed"),
        }
    }

    /// Counts a client in; it is counted out when what is returned goes.
    pub(super) fn client(self: &Arc<Self>) -> Client {
        let count = self.clients.fetch_add(1, Ordering::Relaxed) + 1;
        self.clients_changed.send_replace(count);
        Client(Arc::clone(self))
    }
}

/// One client that is connected.
pub(super) struct Client(Arc<Shared>);

impl Drop for Client {
    fn drop(&mut self) {
        let before = self.0.clients.fetch_sub(1, Ordering::Relaxed);
        self.0.clients_changed.send_replace(before.saturating_sub(1));
    }
}
