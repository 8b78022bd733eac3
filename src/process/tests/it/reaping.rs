//! Orphans that come to a host, and the parent of tests.

use modelscan_process::Signal;
use modelscan_process::lines::LineReader;

use crate::support::{Held, all_lines, direct, line, within};

#[tokio::test]
async fn orphans_are_reaped_and_no_wait_is_robbed() {
    let mut host = direct(&["reaping", "40"]);
    let mut lines = LineReader::new(host.stdout.take().unwrap());
    assert_eq!(all_lines(&mut lines).await, ["right 40", "none left"]);
    assert_eq!(within(host.wait()).await.unwrap().code, Some(0));
}

#[tokio::test]
async fn signals_are_requests() {
    let mut host = direct(&["signals"]);
    let mut lines = LineReader::new(host.stdout.take().unwrap());
    assert_eq!(line(&mut lines).await, "listening");
    for (signal, request) in [(Signal::Hangup, "Reload"), (Signal::Terminate, "Shutdown")] {
        host.identity.signal(signal).unwrap();
        assert_eq!(line(&mut lines).await, request);
    }
    assert_eq!(within(host.wait()).await.unwrap().code, Some(0));
}

#[tokio::test]
async fn a_nest_names_and_ends_what_a_command_left() {
    for (kind, expected) in [("none", 0), ("daemon-env-i", 1), ("racer-session", 1)] {
        let held = Held::new();
        let mut nest = direct(&["nest", "escape", kind, held.text()]);
        let mut lines = LineReader::new(nest.stdout.take().unwrap());
        let up = line(&mut lines).await;
        assert!(up.starts_with("up "));
        drop(nest.stdin.take());
        let lines = all_lines(&mut lines).await;
        let survivors = lines.iter().filter(|line| line.starts_with("survivor ")).count();
        assert!(survivors >= expected && (expected > 0 || survivors == 0), "{kind}: {lines:?}");
        assert_eq!(lines.last().unwrap(), "code Some(0)");
        assert!(!held.is_held());
        within(nest.wait()).await.unwrap();
    }
}
