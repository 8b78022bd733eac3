//! The life of a host: lock, socket, store, work; then the faces close, what runs ends, the store closes.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use domain::{Clock as _, ProcessIdentity};
use process::Spawner;
use process::detach::Detached;
use process::lock::DatabaseLock;
use process::reaper::{Reaper, Registry};
use process::signals::{Request, Requests};
use runtime::host::{Host, HostHandle, HostParts, Readers, StopMode};
use runtime::operations::OperationError;
use runtime::recovery::MachineSweeper;
use runtime::registry::Folders;
use tokio::net::UnixListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::shared::Shared;
use super::{DRAIN_LIMIT, accept, idle, place};
use crate::config::{Environment, Loaded, Places};
use crate::error::{Error, Kind};
use crate::system::{SystemClock, UuidSource};
use crate::telemetry;

/// How long a new host waits for one that is ending.
const LOCK_LIMIT: Duration = Duration::from_secs(30);

/// How often the socket is looked for in its place.
const SOCKET_LOOK: Duration = Duration::from_secs(2);

/// How long connections get to say their last words.
const LAST_WORDS_LIMIT: Duration = Duration::from_secs(6);

/// How long a host that stops what runs waits for its end, beyond what the heart allows for it.
const STOP_LIMIT: Duration = Duration::from_secs(25);

/// Threads for connections and agents: they wait more than they work.
const WORKERS: usize = 2;

/// How a host was started.
pub enum Manner {
    /// By a person, who watches it.
    Foreground,
    /// By a command, which waits until it answers and then goes.
    Detached(Detached),
}

/// A store that is open for writing, and what was found out before.
struct Opened {
    writer: store::Writer,
    checked: store::Checked,
    /// How many files this process might open before it raised that: what its children get.
    open_files: Option<u64>,
    /// The file mask that the starter had: what its children get back, where this host took another.
    file_mask: Option<u32>,
}

/// The lock, for as long as the store may be written.
pub(in crate::serve) struct Held(
    #[expect(dead_code, reason = "held, not read")] pub(in crate::serve) DatabaseLock,
);

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
    lock.publish(&socket.to_string_lossy()).map_err(|error| {
        Error::new(Kind::StoreFull, format!("write the lock file `{}`: {error}", places.lock.display()))
    })?;
    // Fewer files than hoped for is no reason not to start.
    let open_files = process::limits::raise_open_files().ok().and_then(|files| files.before);
    let checked = checked(places)?;
    let writer = open_store(&checked, Held(lock))?;
    let file_mask = match &manner {
        Manner::Detached(detached) => Some(detached.starter_file_mask()),
        Manner::Foreground => None,
    };
    let store = Opened { writer, checked, open_files, file_mask };
    let threads = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .map_err(|error| Error::internal(format!("start the threads of the host: {error}")))?;
    let lived = threads.block_on(live(env, loaded, store, listener, socket, manner));
    threads.shutdown_timeout(LAST_WORDS_LIMIT);
    lived
}

/// Takes the lock; a host that is ending is waited for.
fn take_lock(places: &Places) -> Result<DatabaseLock, Error> {
    let broken = |error: process::lock::LockError| place::lock_error(&error);
    DatabaseLock::acquire(&places.lock, LOCK_LIMIT).map_err(broken)?.ok_or_else(|| {
        Error::new(Kind::HostUnreachable, format!("another process holds `{}`", places.lock.display()))
            .hint("a host runs already: look with `modelscan host status`")
    })
}

async fn live(
    env: &Environment,
    loaded: &Loaded,
    store: Opened,
    listener: std::os::unix::net::UnixListener,
    socket: PathBuf,
    manner: Manner,
) -> Result<(), Error> {
    let fault = |what: &str, error: std::io::Error| Error::internal(format!("{what}: {error}"));
    let mut requests = Requests::new().map_err(|error| fault("listen to signals", error))?;
    let listener = UnixListener::from_std(listener).map_err(|error| fault("serve the socket", error))?;
    let (reaping, children) = (CancellationToken::new(), TaskTracker::new());
    let _reaping = reaping.clone().drop_guard();
    let handle = start_work(env, loaded, store, &reaping, &children)?;
    let (stops, mut stop_asked) = mpsc::channel(4);
    let shared = Arc::new(Shared::new(handle.clone(), loaded.clone(), env.clone(), stops));
    ready(manner, loaded, &socket)?;

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
                _ = handle.ended() => break StopMode::Now,
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
    match tokio::time::timeout(Duration::ZERO, handle.ended()).await {
        Ok(ended) => ended.map_err(Error::from),
        Err(_) => Err(Error::new(Kind::HostUnreachable, "what ran did not end in good time")
            .hint("the next host settles what is left: start it with `modelscan host start`")),
    }
}

/// Takes connections; the socket is made anew when somebody deleted it.
async fn serve_faces(
    first: UnixListener,
    socket: &std::path::Path,
    shared: &Arc<Shared>,
    connections: &TaskTracker,
) {
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
            UnixListener::from_std(again)
                .map_err(|error| Error::internal(format!("serve the socket: {error}")))
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
async fn end_work(
    handle: &HostHandle,
    mode: StopMode,
    again: &mut mpsc::Receiver<StopMode>,
    requests: &mut Requests,
) {
    if mode == StopMode::Drain {
        tokio::select! {
            () = handle.stop(StopMode::Drain) => return,
            () = tokio::time::sleep(DRAIN_LIMIT) => {}
            _ = again.recv() => {}
            _ = requests.next() => {}
        }
    }
    // A disk that takes nothing more must not keep the host from its end: the next one finds what is left.
    let _ = tokio::time::timeout(STOP_LIMIT, handle.stop(StopMode::Now)).await;
}

/// Tells the starter that the host answers; from here on the log takes what is written.
fn ready(manner: Manner, loaded: &Loaded, socket: &std::path::Path) -> Result<(), Error> {
    let level = loaded.choices.log.unwrap_or_default();
    match manner {
        Manner::Detached(detached) => {
            detached
                .ready(&socket.to_string_lossy(), &place::open_log(&loaded.places)?)
                .map_err(|error| Error::internal(format!("write to the log: {error}")))?;
            telemetry::to_file(&loaded.places.logs, place::LOG, level)
        }
        Manner::Foreground => {
            let line = format!("host is ready on {}\n", socket.display());
            let _ = process::stdio::write(&mut std::io::stderr(), line.as_bytes());
            telemetry::to_stderr(level)
        }
    }
}

/// Looks at the bytes of the database, before the first connection of this process.
pub(in crate::serve) fn checked(places: &Places) -> Result<store::Checked, Error> {
    let place = store::Place { database: places.database.clone(), outputs: places.outputs.clone() };
    store::preflight(place).map_err(|error| Error::from(OperationError::from(error)))
}

/// Opens the store for writing, and brings it to the newest version.
pub(in crate::serve) fn open_store(checked: &store::Checked, access: Held) -> Result<store::Writer, Error> {
    let opening = store::Opening { binary: env!("CARGO_PKG_VERSION"), now: SystemClock.now() };
    store::Writer::open(checked, access, opening).map_err(|error| Error::from(OperationError::from(error)))
}

/// Returns the folders that instances leave things in, which are made if need be.
pub(in crate::serve) fn folders(places: &Places) -> Result<Folders, Error> {
    let folders = Folders { ends: places.logs.join("ends"), logs: Some(places.logs.join("instances")) };
    place::make_folder(&folders.ends)?;
    place::make_folder(&places.logs.join("instances"))?;
    Ok(folders)
}

/// Starts the work of a host: what drives agents, what ends those of a dead host, and the turn.
fn start_work(
    env: &Environment,
    loaded: &Loaded,
    store: Opened,
    reaping: &CancellationToken,
    tasks: &TaskTracker,
) -> Result<HostHandle, Error> {
    let fault = |what: &str, error: std::io::Error| Error::internal(format!("{what}: {error}"));
    let registry = Registry::new();
    let reaper =
        Reaper::new(registry.clone()).map_err(|error| fault("become the parent of orphans", error))?;
    tasks.spawn(reaper.run(reaping.clone()));
    let spawner = Spawner::new(registry)
        .map_err(|error| fault("prepare the start of children", error))?
        .with_open_files(store.open_files)
        .with_file_mask(store.file_mask);
    let boot_id = spawner.boot_id().to_owned();
    let this = process::Identity::current().ok_or_else(|| Error::internal("this process is not in /proc"))?;
    let parts = HostParts {
        writer: store.writer,
        readers: Readers::new(store.checked),
        config: loaded.config.clone(),
        driver: Arc::new(agent::Driver::new(spawner)),
        sweeper: Arc::new(MachineSweeper),
        clock: Arc::new(SystemClock),
        ids: Arc::new(UuidSource),
        folders: folders(&loaded.places)?,
        own_env: own_env(env, loaded),
        process: ProcessIdentity { pid: this.pid, start_ticks: this.start },
        boot_id,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    Host::start(parts).map_err(Error::from)
}

/// Returns the variables by which our own executable, as a child, finds the same places.
fn own_env(env: &Environment, loaded: &Loaded) -> Vec<(OsString, OsString)> {
    let mut passed: Vec<(OsString, OsString)> = ["XDG_CONFIG_HOME"]
        .iter()
        .filter_map(|name| Some(((*name).into(), env.get(name)?.to_owned())))
        .collect();
    if let Some(home) = &loaded.places.home {
        passed.push(("MODELSCAN_HOME".into(), home.clone().into_os_string()));
    }
    passed
}
