//! One short command: its output, its limits, nothing left behind.

use std::time::Duration;

use modelscan_process::capture::{CaptureError, Limits, Stop, run};
use modelscan_process::spawn::Stderr;
use modelscan_process::{Launch, Proof, SpawnError};
use tokio_util::sync::CancellationToken;

use crate::support::{DEADLINE, Held, launch, spawner, within};

fn limits() -> Limits {
    Limits { time: DEADLINE, output_bytes_max: 1000, stdin: Vec::new() }
}

#[tokio::test]
async fn both_streams_are_kept_apart_and_cut_at_the_cap() {
    let (spawner, cancel) = (spawner(), CancellationToken::new());
    let launch = launch(&["say", "out:one", "err:two", "err*200000", "out:three", "exit:4"]);
    let captured = within(run(&spawner, launch, limits(), &cancel)).await.unwrap();
    assert_eq!(captured.stdout.bytes, b"one\nthree\n");
    assert!(!captured.stdout.is_truncated());
    assert_eq!((captured.stderr.bytes.len(), captured.stderr.total), (1000, 200_004));
    assert!(captured.stderr.is_truncated() && captured.stderr.bytes.starts_with(b"two\neee"));
    assert_eq!((captured.stop, captured.ended.code), (Stop::No, Some(4)));
}

#[tokio::test]
async fn merged_streams_keep_their_order() {
    let (spawner, cancel) = (spawner(), CancellationToken::new());
    let mut launch = launch(&["say", "out:one", "err:two", "out:three", "err:four"]);
    launch.stderr = Stderr::Merged;
    let captured = within(run(&spawner, launch, limits(), &cancel)).await.unwrap();
    assert_eq!(captured.stdout.bytes, b"one\ntwo\nthree\nfour\n");
    assert_eq!(captured.stderr.total, 0);
}

#[tokio::test]
async fn stdin_is_fed_and_closed() {
    let (spawner, cancel) = (spawner(), CancellationToken::new());
    let fed = Limits { stdin: vec![b'x'; 300_000], output_bytes_max: 400_000, ..limits() };
    let captured = within(run(&spawner, launch(&["say", "cat"]), fed.clone(), &cancel)).await.unwrap();
    assert_eq!(captured.stdout.total, 300_000);
    // One that reads nothing ends as well.
    let captured = within(run(&spawner, launch(&["say", "out:done"]), fed, &cancel)).await.unwrap();
    assert_eq!(captured.stdout.bytes, b"done\n");
}

#[tokio::test]
async fn a_time_limit_ends_all_of_it() {
    let (spawner, cancel) = (spawner(), CancellationToken::new());
    let held = Held::new();
    let limits = Limits { time: Duration::from_millis(200), ..limits() };
    let launch = launch(&["escape", "deaf-child", held.text()]);
    let captured = within(run(&spawner, launch, limits, &cancel)).await.unwrap();
    assert_eq!((captured.stop, captured.ended.signal), (Stop::TimeLimit, Some(9)));
    assert_eq!(captured.ended.proof, Proof::Proven);
    assert!(!held.is_held());
}

#[tokio::test]
async fn a_command_that_ends_leaves_nothing_behind() {
    for kind in ["background", "setsid", "daemon-env-i", "stopped", "racer-session"] {
        let (spawner, cancel) = (spawner(), CancellationToken::new());
        let held = Held::new();
        // The child leaves at the end of its empty stdin, whatever it started goes on.
        let launch = launch(&["escape", kind, held.text()]);
        let captured = within(run(&spawner, launch, limits(), &cancel)).await.unwrap();
        assert_eq!((captured.stop, captured.ended.code), (Stop::No, Some(0)), "{kind}");
        assert_eq!(captured.ended.proof, Proof::Proven);
        assert!(!held.is_held(), "{kind}");
    }
}

#[tokio::test]
async fn a_cancel_is_waited_for_and_a_drop_is_not() {
    let spawner = spawner();
    let held = Held::new();
    let cancel = CancellationToken::new();
    cancel.cancel();
    let launched = launch(&["escape", "deaf-child", held.text()]);
    let captured = within(run(&spawner, launched, limits(), &cancel)).await.unwrap();
    assert_eq!(captured.stop, Stop::Cancelled);
    assert!(!held.is_held());

    let cancel = CancellationToken::new();
    let running = run(&spawner, launch(&["escape", "deaf-child", held.text()]), limits(), &cancel);
    assert!(tokio::time::timeout(Duration::from_millis(100), running).await.is_err());
    within(spawner.wait_all()).await;
    assert!(!held.is_held());
}

#[tokio::test]
async fn a_command_that_is_not_there_is_an_error() {
    let (spawner, cancel) = (spawner(), CancellationToken::new());
    let result = within(run(&spawner, Launch::new("a", "/nowhere", "/"), limits(), &cancel)).await;
    assert!(matches!(result, Err(CaptureError::Spawn(SpawnError::Execute { .. }))), "{result:?}");
}
