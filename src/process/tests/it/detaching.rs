//! Hosts that live on their own: one of many starters wins, and it leaves its starter behind.

use std::collections::HashSet;
use std::time::Duration;

use modelscan_process::detach::{HostStart, StartError};
use modelscan_process::lines::LineReader;
use modelscan_process::lock::DatabaseLock;
use modelscan_process::{Identity, Signal};
use tokio::io::AsyncWriteExt as _;

use crate::support::{DEADLINE, FIXTURE, direct, line, read, within};

/// Ends a detached host even if the test fails.
struct EndsHost(Identity);

impl Drop for EndsHost {
    fn drop(&mut self) {
        let _gone = self.0.signal(Signal::Kill);
    }
}

fn start(words: &[&str], timeout: Duration) -> HostStart {
    let args = words.iter().map(Into::into).collect();
    HostStart { program: FIXTURE.into(), args, env: Vec::new(), timeout }
}

#[tokio::test]
async fn fifty_starters_make_one_host() {
    let folder = tempfile::tempdir().unwrap();
    let mut starters: Vec<_> =
        (0..50).map(|_| direct(&["starter", folder.path().to_str().unwrap()])).collect();
    for starter in &mut starters {
        within(starter.stdin.as_mut().unwrap().write_all(b"\n")).await.unwrap();
    }
    let mut hosts = HashSet::new();
    let mut ends = Vec::new();
    for starter in &mut starters {
        let mut lines = LineReader::new(starter.stdout.take().unwrap());
        let pid = line(&mut lines).await.parse().unwrap();
        if hosts.insert(pid) {
            ends.extend(Identity::of(pid).map(EndsHost));
        }
        assert_eq!(within(starter.wait()).await.unwrap().code, Some(0));
    }
    assert_eq!(hosts.len(), 1);
    let host = ends[0].0;
    assert!(host.is_alive());
    host.signal(Signal::Terminate).unwrap();
    assert!(within(host.wait_gone(DEADLINE)).await.unwrap());
    assert!(DatabaseLock::try_acquire(&folder.path().join("lock")).unwrap().is_some());
    assert_eq!(read(&folder.path().join("log")), "this goes to the log\n");
}

#[tokio::test]
async fn a_host_leaves_its_starter_behind() {
    let folder = tempfile::tempdir().unwrap();
    let started = start(&["daemon", folder.path().to_str().unwrap()], DEADLINE).start();
    let mut host = started.unwrap();
    let _ends = EndsHost(host.identity);
    assert_eq!(host.text, "listening");
    let pid = host.identity.pid;
    let field = |number: usize| {
        let stat = read(format!("/proc/{pid}/stat").as_ref());
        let rest = stat.rsplit_once(')').unwrap().1.to_owned();
        rest.split_ascii_whitespace().nth(number).unwrap().parse::<i32>().unwrap()
    };
    assert_eq!((field(2), field(3)), (pid, pid), "it leads its own group and session");
    assert_eq!(std::fs::read_link(format!("/proc/{pid}/cwd")).unwrap().to_str(), Some("/"));
    assert_eq!(std::fs::read_link(format!("/proc/{pid}/fd/0")).unwrap().to_str(), Some("/dev/null"));
    for number in [1, 2] {
        let target = std::fs::read_link(format!("/proc/{pid}/fd/{number}")).unwrap();
        assert_eq!(target, folder.path().canonicalize().unwrap().join("log"));
    }
    assert!(!host.reap());
    host.identity.signal(Signal::Terminate).unwrap();
    assert!(within(host.identity.wait_gone(DEADLINE)).await.unwrap());
    assert!(host.reap());
}

#[test]
fn a_host_that_dies_says_why() {
    match start(&["daemon-dies"], DEADLINE).start() {
        Err(error @ StartError::Died { .. }) => {
            assert_eq!(error.to_string(), "the host ended before it answered: there is no room");
            assert!(matches!(error, StartError::Died { code: Some(9), .. }));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_host_that_says_nothing_is_given_up() {
    match start(&["say", "forever"], Duration::from_millis(50)).start() {
        Err(StartError::TimedOut { pid, limit_ms: 50 }) => {
            let pid = i32::try_from(pid).unwrap();
            Identity::of(pid).unwrap().signal(Signal::Kill).unwrap();
        }
        other => panic!("{other:?}"),
    }
    let missing = HostStart { program: "/nowhere".into(), ..start(&[], DEADLINE) };
    assert!(matches!(missing.start(), Err(StartError::Execute(_))));
}
