//! Every known escape against every end: asked for, by itself, by the host's death. Nothing lives.

use modelscan_process::guard::{Cause, EndRecord};
use modelscan_process::{Proof, Signal};

use crate::support::{end_record, escaped, hosted, spawner, within};

async fn cancelled(kind: &str) {
    let spawner = spawner();
    let escaped = escaped(&spawner, kind).await;
    let ended = within(escaped.instance.end()).await.unwrap();
    assert_eq!(ended.proof, Proof::Proven);
    assert!(!escaped.held.is_held(), "{kind}: {ended:?}");
    assert!(ended.code.is_some() || ended.signal.is_some());
}

async fn ended_by_itself(kind: &str) {
    let spawner = spawner();
    let mut escaped = escaped(&spawner, kind).await;
    drop(escaped.instance.take_stdin());
    let ended = within(escaped.instance.wait()).await;
    assert_eq!((ended.proof.clone(), ended.code, ended.cause), (Proof::Proven, Some(0), Some(Cause::Exited)));
    assert!(!escaped.held.is_held(), "{kind}: {ended:?}");
    if kind != "none" {
        assert!(!ended.killed.is_empty(), "what outlived the child is named");
    }
    assert!(!ended.killed_from_outside);
}

async fn host_killed(kind: &str) {
    let mut hosted = hosted("plain", kind).await;
    hosted.host.identity.signal(Signal::Kill).unwrap();
    within(hosted.host.wait()).await.unwrap();
    hosted.held.wait_free();
    // The guard writes after its last child is gone: its own end says that it has written.
    assert!(within(hosted.record.guard.unwrap().wait_gone(crate::support::DEADLINE)).await.unwrap());
    let record = EndRecord::read(&end_record(&hosted.held)).expect("the record survives the host");
    assert_eq!(Some(record.child), hosted.record.child);
    assert!(record.code.is_some() || record.signal.is_some());
}

macro_rules! rows {
    ($($name:ident $kind:literal)*) => { $(
        mod $name {
            #[tokio::test]
            async fn cancelled() {
                super::cancelled($kind).await;
            }

            #[tokio::test]
            async fn ended_by_itself() {
                super::ended_by_itself($kind).await;
            }

            #[tokio::test]
            async fn host_killed() {
                super::host_killed($kind).await;
            }
        }
    )* };
}

rows! {
    none "none"
    ignores_term "deaf"
    background "background"
    nohup "nohup"
    double_fork "double-fork"
    clears_its_environment "env-i"
    keeps_stdout "keeps-stdout"
    own_session "setsid"
    renamed_in_own_session "renamed"
    stops_itself "stopped"
    stops_itself_in_own_session "stopped-session"
    daemon_with_closed_descriptors "daemon-closed"
    daemon_that_executes "daemon-exec"
    daemon_with_cleared_environment "daemon-env-i"
    daemon_that_cannot_be_looked_at "undumpable"
    daemon_below_its_own_subreaper "subreaper"
    racer_in_the_group "racer"
    racer_in_new_sessions "racer-session"
    four_racers_in_new_sessions "racers-session"
}

#[tokio::test]
async fn a_deaf_child_is_killed_and_named() {
    let spawner = spawner();
    let escaped = escaped(&spawner, "deaf-child").await;
    let ended = within(escaped.instance.end()).await.unwrap();
    assert_eq!((ended.signal, ended.code, ended.cause), (Some(9), None, Some(Cause::Asked)));
    assert!(!ended.killed_from_outside);
    assert_eq!(ended.killed.iter().map(|one| one.pid).collect::<Vec<_>>(), [escaped.pid]);
    assert_eq!(ended.killed[0].name, "process-fixture");
    assert!(!escaped.held.is_held());
}

#[tokio::test]
async fn a_deaf_child_ends_with_its_host() {
    super::matrix::host_killed("deaf-child").await;
}
