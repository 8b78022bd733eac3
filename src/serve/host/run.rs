//! The life of a host: lock, socket, store, work; then the faces close, what runs ends, the store closes.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use domain::Clock as _;
use process::detach::Detached;
use process::lock::DatabaseLock;
use process::signals::{Request, Requests};
use runtime::host::{HostHandle, StopMode};
use tokio::net::UnixListener;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use super::shared::Shared;
use super::{DRAIN_LIMIT, accept, idle, place};
use crate::config::{Environment, Loaded, Places};
use crate::error::{Error, Kind};
use crate::system::{SystemClock, UuidSource};

/// How long a new host waits for one that is ending.
const LOCK_LIMIT: Duration = Duration::from_secs(30);

/// How often the socket is looked for in its place.
const SOCKET_LOOK: Duration = Duration::from_secs(2);

/// How long connections get to say their last words.
const LAST_WORDS_LIMIT: Duration = Duration::from_secs(6);

/// Threads for connections and agents: they wait more than they work.
const WORKERS: usize = 2;

/// How a host was started.
pub enum Manner {
    /// By a person, who watches it.
    Foreground,
    /// By a command, which waits until it answers and then goes.
    Detached(Detached),
}

/// The lock, for as long as the store may be written.
pub(in crate::serve) struct Held(#[expect(dead_code, reason = "held, not read")] pub(in crate::serve) DatabaseLock);

impl store::ExclusiveAccess for Held {}

/// Runs a host until it is told to end, or has been idle for long.
///
/// # Errors
/// If another one lives, or it cannot start. Nothing is left running.
pub fn run(env: &Environment, loaded: &Loaded, manner: Manner) -> Result<(), Error> {
    let places = &loaded.places;
    place::make_folders(places)?;
    let mut lock = take_lock(places)?;
    let socket = place::socket(places);
    let listener = place::listen(&socket)?;
    lock.publish(&socket.to_string_lossy())
        .map_err(|error| Error::new(Kind::StoreFull, format!("write the lock file `{}`: {error}", places.lock.display())))?;
    // Fewer files than hoped for is no reason not to start.
    let _ = process::limits::raise_open_files();
    let writer = open_store(places, Held(lock))?;
    let threads = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .map_err(|error| Error::internal(format!("start the threads of the host: {error}")))?;
    let lived = threads.block_on(live(env, loaded, writer, listener, socket, manner));
    threads.shutdown_timeout(LAST_WORDS_LIMIT);
    lived
}

/// Takes the lock; a host that is ending is waited for.
fn take_lock(places: &Places) -> Result<DatabaseLock, Error> {
    let broken = |error: process::lock::LockError| {
        let why = std::error::Error::source(&error).map_or_else(String::new, |source| format!(": {source}"));
        Error::new(Kind::StoreReadOnly, format!("{error}{why}")).hint("look at the rights of that folder")
    };
    DatabaseLock::acquire(&places.lock, LOCK_LIMIT).map_err(broken)?.ok_or_else(|| {
        Error::new(Kind::HostUnreachable, format!("another process holds `{}`", places.lock.display()))
            .hint("a host runs already: look with `modelscan host status`")
    })
}

async fn live(
    env: &Environment,
    loaded: &Loaded,
    writer: store::Writer,
    listener: std::os::unix::net::UnixListener,
    socket: PathBuf,
    manner: Manner,
) -> Result<(), Error> {
    let fault = |what: &str, error: std::io::Error| Error::internal(format!("{what}: {error}"));
    let mut requests = Requests::new().map_err(|error| fault("listen to signals", error))?;
    let listener = UnixListener::from_std(listener).map_err(|error| fault("serve the socket", error))?;
    let handle = start_work(loaded, writer).await?;
    let (stops, mut stop_asked) = mpsc::channel(4);
    let shared = Arc::new(Shared::new(handle.clone(), loaded.clone(), env.clone(), SystemClock.now(), stops));
    ready(manner, &loaded.places, &socket)?;

    let connections = TaskTracker::new();
    let mode = {
        let mut faces = std::pin::pin!(serve_faces(listener, &socket, &shared, &connections));
        let mut idle = std::pin::pin!(idle::idle(
            handle.busy(),
            shared.clients_changed.subscribe(),
            loaded.config.host.idle_timeout
        ));
        loop {
            tokio::select! {
                biased;
                asked = stop_asked.recv() => break asked.unwrap_or(StopMode::Now),
                request = requests.next() => match request {
                    Request::Shutdown => break StopMode::Drain,
                    Request::Reload => shared.keep_up("").await,
                },
                () = handle.closed() => break StopMode::Now,
                () = &mut idle => break StopMode::Drain,
                () = &mut faces => {}
            }
        }
    };
    tracing::info!("the host ends");
    // The listener is closed: whoever comes now starts the next host, which waits for the lock.
    shared.closing.cancel();
    connections.close();
    end_work(&handle, mode, &mut stop_asked, &mut requests).await;
    let _ = tokio::time::timeout(LAST_WORDS_LIMIT, connections.wait()).await;
    Ok(())
}

/// Takes connections; the socket is made anew when somebody deleted it.
async fn serve_faces(first: UnixListener, socket: &std::path::Path, shared: &Arc<Shared>, connections: &TaskTracker) {
    let mut listener = first;
    loop {
        let bound = place::identity(socket);
        let moved = async {
            loop {
                tokio::time::sleep(SOCKET_LOOK).await;
                if place::identity(socket) != bound {
                    return;
                }
            }
        };
        tokio::select! {
            () = accept::accept(&listener, shared, connections) => return,
            () = moved => {}
        }
        match place::listen(socket).and_then(|again| {
            UnixListener::from_std(again).map_err(|error| Error::internal(format!("serve the socket: {error}")))
        }) {
            Ok(again) => {
                tracing::warn!(socket = %socket.display(), "the socket was gone from its place, and is back");
                listener = again;
            }
            Err(error) => tracing::error!(%error, "the socket is gone from its place"),
        }
    }
}

/// Lets what runs come to its end for a while, or ends it at once; a second request to stop hurries.
async fn end_work(handle: &HostHandle, mode: StopMode, again: &mut mpsc::Receiver<StopMode>, requests: &mut Requests) {
    if mode == StopMode::Drain {
        tokio::select! {
            () = handle.stop(StopMode::Drain) => return,
            () = tokio::time::sleep(DRAIN_LIMIT) => {}
            _ = again.recv() => {}
            _ = requests.next() => {}
        }
    }
    handle.stop(StopMode::Now).await;
}

/// Tells the starter that the host answers; from here on the log takes what is written.
fn ready(manner: Manner, places: &Places, socket: &std::path::Path) -> Result<(), Error> {
    match manner {
        Manner::Detached(detached) => detached
            .ready(&socket.to_string_lossy(), &place::open_log(places)?)
            .map_err(|error| Error::internal(format!("write to the log: {error}"))),
        Manner::Foreground => {
            let line = format!("host is ready on {}\n", socket.display());
            let _ = process::stdio::write(&mut std::io::stderr(), line.as_bytes());
            Ok(())
        }
    }
}

/// Opens the store for writing.
pub(in crate::serve) fn open_store(places: &Places, access: Held) -> Result<store::Writer, Error> {
    let place = store::Place { database: places.database.clone(), outputs: places.outputs.clone() };
    let checked = store::preflight(place).map_err(Error::from)?;
    let opening = store::Opening { binary: env!("CARGO_PKG_VERSION"), now: SystemClock.now() };
    store::Writer::open(checked, access, opening).map_err(Error::from)
}

async fn start_work(loaded: &Loaded, writer: store::Writer) -> Result<HostHandle, Error> {
    let _ = (loaded, writer, UuidSource);
    todo!("runtime's start")
}
