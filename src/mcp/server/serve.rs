//! Serves one connection from its first byte to its last.

use std::sync::Arc;

use rmcp::service::serve_directly;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use super::catalog::Catalog;
use super::connection::Connection;
use super::front::Front;
use super::guarded::Guarded;
use super::handler::Handler;
use super::tools::{BrokenTool, Tools};
use crate::limits::FLUSH_TIME;

/// A catalog with its tools, ready for any number of connections.
pub struct Server<C> {
    catalog: Arc<C>,
    tools: Arc<Tools>,
}

impl<C> Clone for Server<C> {
    fn clone(&self) -> Self {
        Self { catalog: Arc::clone(&self.catalog), tools: Arc::clone(&self.tools) }
    }
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// All that was owed was said.
    Said,
    /// The other side was gone, or did not read, before all was said.
    Unheard,
}

impl<C: Catalog> Server<C> {
    /// Returns a server over a catalog.
    ///
    /// # Errors
    /// When a tool's schema cannot be read, which is a fault of the build.
    pub fn new(catalog: Arc<C>) -> Result<Self, BrokenTool> {
        Ok(Self { catalog, tools: Arc::new(Tools::new()?) })
    }

    /// Returns the same server over another catalog. Costs nothing, where [`new`](Self::new)
    /// reads the schemas of all tools.
    #[must_use]
    pub fn over(&self, catalog: Arc<C>) -> Self {
        Self { catalog, tools: Arc::clone(&self.tools) }
    }

    /// Serves one connection. It ends by itself when the other side has closed its half and what
    /// was owed is said: waits answer at once, the rest within 5 s. When `closing` is cancelled,
    /// it ends in the same way without reading further. Dropping the future ends everything.
    pub async fn serve<R, W>(&self, reader: R, writer: W, closing: &CancellationToken) -> Closed
    where
        R: AsyncRead + Unpin + Send + 'static,
        W: AsyncWrite + Unpin + Send,
    {
        let connection = Arc::new(Connection::new(closing.child_token()));
        // Handlers belong to the library's own tasks; whatever happens here, they end.
        let _over = connection.over.clone().drop_guard();
        let handler =
            Handler::new(Arc::clone(&self.catalog), Arc::clone(&self.tools), Arc::clone(&connection));
        let guarded = Guarded::new(handler, Arc::clone(&connection));
        let front = Front::new(reader, Arc::clone(&connection));
        let running = serve_directly(guarded, front, None);
        let mut library = std::pin::pin!(running.waiting());
        let mut writing = std::pin::pin!(connection.write_to(writer));
        tokio::select! {
            written = &mut writing => {
                if let Err(error) = &written {
                    tracing::debug!(%error, "the client is gone");
                    connection.abandon();
                }
                Self::joined(library.await.map(|_| ()));
                if written.is_ok() { Closed::Said } else { Closed::Unheard }
            }
            ended = &mut library => {
                Self::joined(ended.map(|_| ()));
                connection.close();
                match tokio::time::timeout(FLUSH_TIME, writing).await {
                    Ok(Ok(())) => Closed::Said,
                    Ok(Err(_)) | Err(_) => Closed::Unheard,
                }
            }
        }
    }

    fn joined(ended: Result<(), tokio::task::JoinError>) {
        if let Err(error) = ended {
            tracing::error!(%error, "the protocol library's loop failed");
        }
    }
}
