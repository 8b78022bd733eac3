//! What a submission may say, and what is refused with which words.

use super::*;
use serde_json::json;

fn request() -> SubmitRequest {
    SubmitRequest {
        id: TaskId::from_bytes([7; 16]).to_string(),
        prompt: Some("look around".to_owned()),
        cwd: "/".to_owned(),
        ..SubmitRequest::default()
    }
}

fn config() -> Config {
    let mut config = Config::default();
    let other = AgentConfig { skills: vec!["paint".to_owned()], ..AgentConfig::new("x".to_owned()) };
    config.agents.insert("other".parse().unwrap(), other);
    config
}

fn try_prepare(request: SubmitRequest) -> Result<NewTask, OperationError> {
    let skills = Library::load(&[], None, &[]);
    prepare(request, &config(), || &skills, Timestamp::from_millis(5)).map(|submission| submission.task)
}

#[track_caller]
fn refused(request: SubmitRequest, kind: &str, word: &str) {
    let error = try_prepare(request).unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(word), "`{error}` does not say `{word}`");
    assert!(error.hint().is_some(), "`{error}` says nothing of what to do");
}

#[test]
fn what_is_not_said_follows_the_configuration() {
    let task = try_prepare(request()).unwrap();
    assert_eq!(task.lane, LaneKey::Agent("nexora".parse().unwrap()));
    assert_eq!((task.timeout, task.recovery), (Duration::from_secs(3_600), Recovery::Resume));
    assert_eq!((task.retry.max, task.priority), (2, Priority::NORMAL));
    assert_eq!(task.title, "look around");
}

#[test]
fn only_the_listed_variables_go_with_a_task() {
    let env =
        ["PATH", "LC_ALL", "AWS_SECRET", "LD_PRELOAD", "HOME"].map(|name| (name.to_owned(), "x".to_owned()));
    let task = try_prepare(SubmitRequest { env: BTreeMap::from(env), ..request() }).unwrap();
    let names: Vec<&str> = task.environment.0.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["HOME", "LC_ALL", "PATH"]);
}

#[test]
fn a_title_is_short_and_clean() {
    assert_eq!(title("  \n first\u{7} line\nsecond", None), "first  line");
    assert_eq!(title("", Some("survey")), "survey");
    assert_eq!(title("x", Some("survey")), "survey: x");
    let long = title(&"ä".repeat(200), None);
    assert_eq!((long.chars().count(), long.ends_with('…')), (120, true));
    assert_eq!(title(&"a".repeat(120), None), "a".repeat(120));
}

#[test]
fn bad_input_says_what_and_what_to_do() {
    refused(SubmitRequest { id: "task_1".into(), ..request() }, "bad_input", "task_1");
    refused(SubmitRequest { prompt: Some(" \n".into()), ..request() }, "bad_input", "neither");
    refused(
        SubmitRequest { prompt: Some("x".repeat(4 * 1024 * 1024 + 1)), ..request() },
        "too_large",
        "prompt",
    );
    refused(SubmitRequest { agent: Some("nobody".into()), ..request() }, "agent_not_found", "nobody");
    refused(SubmitRequest { agent: Some("No Body".into()), ..request() }, "agent_not_found", "No Body");
    refused(SubmitRequest { skill: Some("fly".into()), ..request() }, "skill_not_found", "fly");
    let other = SubmitRequest { agent: Some("other".into()), skill: Some("fly".into()), ..request() };
    refused(other, "skill_not_found", "fly");
    refused(SubmitRequest { input: Some(json!({})), ..request() }, "bad_input", "no skill");
    let list = SubmitRequest { skill: Some("fly".into()), input: Some(json!([1])), ..request() };
    refused(list, "bad_input", "not an object");
    let nested = |levels: usize| {
        let inner = (1..levels).fold(json!(1), |inner, _| json!([inner]));
        SubmitRequest { skill: Some("fly".into()), input: Some(json!({ "a": inner })), ..request() }
    };
    refused(nested(100), "skill_not_found", "fly");
    refused(nested(101), "bad_input", "100 levels");
    refused(SubmitRequest { cwd: "here".into(), ..request() }, "bad_input", "absolute");
    refused(SubmitRequest { cwd: "/nowhere/at/all".into(), ..request() }, "bad_input", "/nowhere/at/all");
    refused(SubmitRequest { cwd: "/dev/null".into(), ..request() }, "bad_input", "not a directory");
    refused(SubmitRequest { priority: Some(101), ..request() }, "bad_input", "101");
    refused(SubmitRequest { timeout_ms: Some(0), ..request() }, "bad_input", "0s");
    refused(SubmitRequest { retries: Some(101), ..request() }, "bad_input", "101");
    refused(SubmitRequest { key: Some(String::new()), ..request() }, "bad_input", "key");
    refused(SubmitRequest { labels: Some(json!({"a": 1})), ..request() }, "bad_input", "labels");
    let recovery = try_prepare(SubmitRequest { recovery: Some("hope".into()), ..request() }).unwrap_err();
    assert!(recovery.to_string().contains("resume"), "{recovery}");
}

#[test]
fn an_agent_has_the_skills_that_its_definition_lists() {
    let listed = SubmitRequest { agent: Some("other".into()), skill: Some("paint".into()), ..request() };
    assert_eq!(try_prepare(listed).unwrap().skill.as_deref(), Some("paint"));
}
