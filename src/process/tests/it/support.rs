//! What the tests share: the fixture, a spawner, a lock that says who still lives.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use modelscan_process::direct::{Direct, DirectChild, Stderr};
use modelscan_process::lines::{Line, LineReader};
use modelscan_process::reaper::Registry;
use modelscan_process::{Instance, InstanceRecord, Launch, Spawner};
use tokio::io::AsyncRead;

/// What every wait gets: far more than anything takes, so that a loaded machine fails nothing.
pub const DEADLINE: Duration = Duration::from_secs(50);

pub const FIXTURE: &str = env!("CARGO_BIN_EXE_process-fixture");

pub fn spawner() -> Spawner {
    Spawner::with_guard(FIXTURE.into(), vec!["__guard".into()], Registry::new()).unwrap()
}

/// A launch of the fixture; each has a mark of its own.
pub fn launch(words: &[&str]) -> Launch {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let mut launch = Launch::new(format!("test-{}-{number}", std::process::id()), FIXTURE, "/");
    launch.args = words.iter().map(Into::into).collect();
    launch
}

/// The same program as a host or starter, which has no guard itself.
pub fn direct(words: &[&str]) -> DirectChild {
    let direct = Direct {
        program: FIXTURE.into(),
        args: words.iter().map(Into::into).collect(),
        env: Vec::new(),
        cwd: "/".into(),
        stderr: Stderr::Inherit,
    };
    direct.spawn().unwrap()
}

pub async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.expect("it comes before the deadline")
}

/// The next whole line as text.
pub async fn line<R: AsyncRead + Unpin>(lines: &mut LineReader<R>) -> String {
    match within(lines.next()).await.unwrap() {
        Some(Line::Whole(line)) => String::from_utf8(line).unwrap(),
        other => panic!("no line but {other:?}"),
    }
}

/// All lines to the end.
pub async fn all_lines<R: AsyncRead + Unpin>(lines: &mut LineReader<R>) -> Vec<String> {
    let mut found = Vec::new();
    while let Some(line) = within(lines.next()).await.unwrap() {
        let Line::Whole(line) = line else { panic!("no line but {line:?}") };
        found.push(String::from_utf8(line).unwrap());
    }
    found
}

/// A file that every process of a tree holds a shared lock on.
pub struct Held {
    pub folder: tempfile::TempDir,
    pub path: PathBuf,
}

impl Held {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("held");
        File::create(&path).unwrap();
        Self { folder, path }
    }

    pub fn text(&self) -> &str {
        self.path.to_str().unwrap()
    }

    pub fn folder_text(&self) -> &str {
        self.folder.path().to_str().unwrap()
    }

    pub fn is_held(&self) -> bool {
        match File::open(&self.path).unwrap().try_lock() {
            Ok(()) => false,
            Err(TryLockError::WouldBlock) => true,
            Err(TryLockError::Error(error)) => panic!("{error}"),
        }
    }

    /// Waits until nobody holds it.
    pub fn wait_free(&self) {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        let path = self.path.clone();
        std::thread::spawn(move || {
            File::open(&path).unwrap().lock().unwrap();
            let _late = sender.send(());
        });
        receiver.recv_timeout(DEADLINE).expect("everybody who held the lock is gone");
    }
}

/// An instance whose tree has escaped as far as it wants to.
pub struct Escaped {
    pub instance: Instance,
    pub held: Held,
    /// The last process of the chain.
    pub pid: i32,
    /// Held, so that a descendant that writes does not end by that.
    pub _lines: LineReader<modelscan_process::spawn::OutputReader>,
}

pub async fn escaped(spawner: &Spawner, kind: &str) -> Escaped {
    let held = Held::new();
    let mut launch = launch(&["escape", kind, held.text()]);
    launch.end_record = Some(end_record(&held));
    let mut instance = within(spawner.spawn(launch)).await.unwrap();
    let mut lines = LineReader::new(instance.take_stdout().unwrap());
    let mut pid = 0;
    for _ in 0..leaves(kind) {
        pid = up(&line(&mut lines).await);
    }
    assert!(held.is_held());
    Escaped { instance, held, pid, _lines: lines }
}

/// How many processes of an escape say that they are up.
fn leaves(kind: &str) -> usize {
    if kind == "racers-session" { 4 } else { 1 }
}

pub fn up(line: &str) -> i32 {
    line.strip_prefix("up ").unwrap_or_else(|| panic!("not up: {line}")).parse().unwrap()
}

pub fn end_record(held: &Held) -> PathBuf {
    held.folder.path().join("end.json")
}

/// A host of its own with one instance whose tree has escaped.
pub struct Hosted {
    pub host: DirectChild,
    pub record: InstanceRecord,
    pub held: Held,
    pub lines: LineReader<tokio::process::ChildStdout>,
}

pub async fn hosted(mode: &str, kind: &str) -> Hosted {
    let held = Held::new();
    let mut host = direct(&["host", mode, held.folder_text(), "escape", kind, held.text()]);
    let mut lines = LineReader::new(host.stdout.take().unwrap());
    let record = serde_json::from_str(&line(&mut lines).await).unwrap();
    for _ in 0..leaves(kind) {
        up(&line(&mut lines).await);
    }
    assert!(held.is_held());
    Hosted { host, record, held, lines }
}

pub fn read(path: &Path) -> String {
    String::from_utf8(std::fs::read(path).unwrap()).unwrap()
}
