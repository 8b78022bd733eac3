//! The driver with the agent that misbehaves on purpose, `tests/support/agents/hostile.py`.

#![expect(clippy::unwrap_used, reason = "what cannot be set up fails its test loudly")]

mod support;

use modelscan_agent::{AgentError, Answered, NoiseKind, StopReason, stderr_text};
use serde_json::json;
use std::path::Path;
use support::{Case, Ran};

const HOSTILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/support/agents/hostile.py");

async fn hostile(mode: &str, stop_at: &str) -> Ran {
    #[expect(clippy::disallowed_methods, reason = "Python lies where the tests' PATH says")]
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into());
    let env = vec![("PATH".into(), path)];
    Case { program: "python3", args: &[HOSTILE, mode], env, cwd: Path::new("/"), stop_at }.run().await
}

/// The turn ends well with these words.
async fn says(mode: &str, words: &str) -> Ran {
    let ran = hostile(mode, "").await;
    let outcome = ran.result.as_ref().unwrap_or_else(|error| panic!("{mode}: {error}"));
    assert_eq!((outcome.stop_reason, outcome.text.as_str()), (StopReason::EndTurn, words), "{mode}");
    ran
}

fn kinds(ran: &Ran) -> Vec<NoiseKind> {
    ran.noise.iter().map(|(kind, _)| *kind).collect()
}

#[tokio::test]
async fn a_well_behaved_one_is_told_in_full() {
    let ran = says("plain", "hello").await;
    let expected =
        ["spawned", "ready", "prompted", "read in_progress", "read completed", "0.5 half", "hello"];
    assert_eq!(ran.told, expected);
    assert!(ran.noise.is_empty());
}

#[tokio::test]
async fn what_is_no_protocol_is_put_aside() {
    let ran = says("banner", "hello").await;
    assert_eq!(kinds(&ran), [NoiseKind::NotJson; 3]);
    assert_eq!(ran.noise[0].1, "Welcome to \\u{1b}[1mHostile\\u{1b}[0m 1.0");

    let ran = says("garbage", "hello").await;
    assert_eq!(ran.noise.len(), 9);
    assert_eq!(kinds(&ran)[..3], [NoiseKind::NotUtf8, NoiseKind::NotJson, NoiseKind::NotAMessage]);
    assert_eq!(kinds(&ran)[7..], [NoiseKind::NotAMessage, NoiseKind::TooLong]);

    let ran = says("unknown-update", "hello").await;
    assert_eq!(kinds(&ran), [NoiseKind::Unknown]);
    says("unknown-request", "-32601").await;
}

#[tokio::test]
async fn permissions_are_rejected() {
    let ran = says("permission", r#"{"outcome": {"optionId": "o2", "outcome": "selected"}}"#).await;
    assert_eq!(ran.permissions, [Answered::Rejected { option: "o2".into(), name: "reject_once".into() }]);
    let ran = says("permission-allow", r#"{"outcome": {"outcome": "cancelled"}}"#).await;
    assert_eq!(ran.permissions, [Answered::Cancelled]);
}

#[tokio::test]
async fn results_are_taken_once_and_for_this_session() {
    let ran = says("result", "words beside it").await;
    assert_eq!(ran.results, [(json!({"answer": 42}), false)]);
    let ran = says("result-twice", "-32600words beside it").await;
    assert_eq!(ran.results, [(json!({"answer": 42}), false)]);
    let ran = says("result-foreign", "words beside it").await;
    assert!(ran.results.is_empty());
    assert!(!ran.result.unwrap().reported);
    says("silent", "").await;
    let ran = says("tool-started", "{}").await;
    assert!(ran.told.contains(&"started writer".to_owned()));
    let ran = says("write-tool", "written").await;
    assert!(ran.told.contains(&"execute in_progress".to_owned()));
}

#[tokio::test]
async fn what_it_dies_of_is_told() {
    let error = hostile("exit-at-once", "").await.result.unwrap_err();
    assert!(matches!(error, AgentError::ExitedAtStart { .. }), "{error:?}");
    assert_eq!(stderr_text(error.ended().unwrap(), 5), "no licence found");
    let error = hostile("exit-in-turn", "").await.result.unwrap_err();
    assert!(matches!(error, AgentError::Exited { .. }), "{error:?}");
    assert_eq!(error.ended().unwrap().code, Some(4));
    let error = hostile("refuse-session", "").await.result.unwrap_err();
    assert!(
        matches!(error, AgentError::Protocol { method: "session/new", code: Some(-32000), .. }),
        "{error:?}"
    );
    let error = hostile("wrong-version", "").await.result.unwrap_err();
    assert!(error.to_string().contains("protocol version 2 instead of 1"), "{error}");
}

#[tokio::test]
async fn a_cancel_in_mid_stream() {
    let ran = hostile("slow", "still here").await;
    assert_eq!(ran.result.unwrap().stop_reason, StopReason::Cancelled);
    let ran = hostile("result-late", "still here").await;
    assert_eq!(ran.results, [(json!({"late": true}), true)]);
    let error = hostile("ignore-cancel", "still here").await.result.unwrap_err();
    assert!(matches!(error, AgentError::Stopped { ended: Some(_) }), "{error:?}");
    assert!(error.ended().unwrap().killed_total > 0);
}

#[tokio::test]
async fn never_answering_ends_when_it_is_stopped() {
    let error = hostile("never-initialize", "spawned").await.result.unwrap_err();
    assert!(matches!(error, AgentError::Stopped { .. }), "{error:?}");
}
