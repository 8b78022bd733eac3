//! The driver with real children under real guards.

#![expect(clippy::unwrap_used, reason = "what cannot be set up fails its test loudly")]

mod support;

use modelscan_agent::{AgentError, Proof, StopReason, stderr_text};
use serde_json::Value;
use std::path::Path;
use support::{Case, FIXTURE, Ran};

async fn run(program: &str, mode: &str, cwd: &Path, stop_at: &str) -> Ran {
    let env = vec![("GREETING".into(), "hello".into()), ("MODELSCAN_TASK".into(), "of another".into())];
    Case { program, args: &[mode], env, cwd, stop_at }.run().await
}

async fn plain(mode: &str, stop_at: &str) -> Ran {
    run(FIXTURE, mode, Path::new("/"), stop_at).await
}

#[tokio::test]
async fn a_child_gets_what_its_launch_says_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let cwd = folder.path().canonicalize().unwrap();
    let ran = run(FIXTURE, "show", &cwd, "").await;
    assert_eq!(ran.told[..3], ["spawned", "ready", "prompted"]);
    let outcome = ran.result.unwrap();
    assert_eq!((outcome.stop_reason, outcome.noise), (StopReason::EndTurn, 0));
    let shown: Value = serde_json::from_str(&outcome.text).unwrap();
    assert_eq!(shown["cwd"], cwd.to_str().unwrap());
    let env = shown["env"].as_object().unwrap();
    let mut names: Vec<&str> = env.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["GREETING", "MODELSCAN_AGENT", "MODELSCAN_INSTANCE", "MODELSCAN_TASK"]);
    assert_eq!(env["MODELSCAN_TASK"], "task_1");
    assert_eq!((outcome.ended.code, &outcome.ended.proof), (Some(0), &Proof::Proven));
}

#[tokio::test]
async fn a_program_that_is_not_there_cannot_be_started() {
    let ran = run("/nonexistent/agent", "show", Path::new("/"), "").await;
    let error = ran.result.unwrap_err();
    assert!(
        matches!(&error, AgentError::CouldNotStart { program, .. } if program == "/nonexistent/agent"),
        "{error:?}"
    );
    assert!(error.to_string().contains("No such file"), "{error}");
    assert!(error.hint().is_some() && error.ended().is_none());
    assert!(ran.told.is_empty());
}

#[tokio::test]
async fn an_agent_that_ends_at_once_leaves_code_and_stderr() {
    let ran = plain("exit", "").await;
    let error = ran.result.unwrap_err();
    assert!(matches!(error, AgentError::ExitedAtStart { .. }), "{error:?}");
    assert!(error.to_string().ends_with("ended before it was ready (exit code 3)"), "{error}");
    assert_eq!(stderr_text(error.ended().unwrap(), 10), "no licence found");

    let error = plain("leave", "").await.result.unwrap_err();
    assert!(matches!(error, AgentError::ExitedAtStart { .. }), "{error:?}");
}

#[tokio::test]
async fn an_agent_that_ends_in_its_turn_leaves_code_and_stderr() {
    let error = plain("breaks", "").await.result.unwrap_err();
    assert!(matches!(error, AgentError::Exited { .. }), "{error:?}");
    let ended = error.ended().unwrap();
    assert_eq!((ended.code, stderr_text(ended, 10).as_str()), (Some(5), "the bottom fell out"));
}

#[tokio::test]
async fn a_stop_is_asked_for_first() {
    let ran = plain("polite", "working").await;
    let outcome = ran.result.unwrap();
    assert_eq!(outcome.stop_reason, StopReason::Cancelled);
    assert_eq!((outcome.ended.code, outcome.ended.killed_total), (Some(0), 0));
    assert!(ran.told.contains(&"stopping".to_owned()));
}

#[tokio::test]
async fn an_agent_that_takes_no_notice_is_ended_all_the_same() {
    let ran = plain("deaf", "deaf").await;
    let error = ran.result.unwrap_err();
    assert!(matches!(error, AgentError::Stopped { ended: Some(_) }), "{error:?}");
    let ended = error.ended().unwrap();
    assert!(ended.signal.is_some(), "{ended:?}");
    assert_eq!(ended.proof, Proof::Proven);
}

#[tokio::test]
async fn an_agent_that_stays_after_its_turn_is_ended_and_its_turn_counts() {
    let outcome = plain("stays", "").await.result.unwrap();
    assert_eq!(outcome.stop_reason, StopReason::EndTurn);
    assert!(outcome.ended.signal.is_some());
}

#[tokio::test]
async fn nothing_is_said_to_an_instance_that_is_not_on_record() {
    let ran = plain("show", "refused").await;
    assert_eq!(ran.told, ["spawned"]);
    assert!(matches!(ran.result, Err(AgentError::Stopped { ended: Some(_) })));
}
