//! What people see of tasks, agents and records.

use serde_json::{Value, json};
use wire::views::{HostView, MessageView, OverviewView, SkillView, TaskShowView, TaskSummary};

use super::{agent, host, record, task};
use crate::cli::output::Palette;

/// A summary with these values in place of the usual ones; its times lie far back, so that no age moves.
fn summary(extra: Value) -> TaskSummary {
    let mut value = json!({
        "id": "task_019a0304050677080900aabbdeadbeef", "state": "succeeded", "reason": null, "title": "survey",
        "prompt_bytes": 0, "skill": "survey", "agent": "nexora", "priority": 0, "labels": {}, "cwd": "/work",
        "result_bytes": 10, "error": null, "question": null, "attempt": 1,
        "created_at": "2026-11-24T09:05:00.000Z", "ready_at": "2026-11-24T09:05:00.000Z",
        "started_at": "2026-11-24T09:05:00.000Z", "ended_at": "2026-11-24T09:05:01.500Z", "deadline": null,
        "progress": {"fraction": 1.0, "text": "Done"},
        "usage": {"input_tokens": null, "output_tokens": null, "cost": null, "tool_calls": 0, "turns": 1, "wall_ms": 1500},
        "parent": null, "rerun_of": null, "worktree": null, "cached": false,
    });
    for (key, inner) in extra.as_object().unwrap() {
        value[key] = inner.clone();
    }
    serde_json::from_value(value).unwrap()
}

fn error(message: &str, code: Option<i32>, tail: &str) -> Value {
    json!({"kind": "agent_error", "message": message, "hint": "look at its log", "exit_code": code, "signal": null,
        "stderr_tail": tail})
}

fn question() -> Value {
    json!({"id": "question_1", "kind": "recovery", "for": "person", "text": "Again?",
        "options": [{"id": "resume", "label": "Run it again"}], "asked_at": "2026-11-24T09:05:00.000Z", "answer_by": null})
}

#[test]
fn where_a_task_stands() {
    let tasks = [
        summary(json!({})),
        summary(json!({"state": "failed", "reason": "agent_error", "attempt": 3, "error":
            error("it \u{1b}[31mbroke\nhere", Some(3), "one\n\u{1b}]0;x\u{7}two\n")})),
        summary(
            json!({"state": "failed", "reason": "not_configured", "error": error("no model", Some(0), "")}),
        ),
        summary(json!({"state": "paused", "question": question()})),
        summary(json!({"state": "ready", "attempt": 0, "started_at": null, "ended_at": null,
            "progress": {"fraction": null, "text": null}})),
        summary(json!({"state": "reticulating", "title": "a state of a later program"})),
    ];
    let text: Vec<String> = tasks.iter().map(|one| task::status(one, Palette::PLAIN)).collect();
    insta::assert_snapshot!("status", text.join("----\n"));
    let text: Vec<String> = tasks.iter().map(|one| task::ending(one, Palette::PLAIN)).collect();
    insta::assert_snapshot!("ending", text.join("\n----\n"));
}

#[test]
fn a_list_has_a_line_for_each_task() {
    let running = summary(
        json!({"state": "running", "title": "x\u{202e}y\n", "progress": {"fraction": 0.426, "text": "z"}}),
    );
    let text = task::list(&[summary(json!({})), running], true, Palette::PLAIN);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(lines[0].starts_with("ID        STATE        AGENT   AGE"), "{text}");
    assert!(lines[1].starts_with("deadbeef  succeeded    nexora"), "{text}");
    assert!(lines[2].starts_with("deadbeef  running 43%  nexora"), "{text}");
    assert!(lines[2].ends_with("x\\u{202e}y\\n  /work"), "{text}");
    assert_eq!(task::list(&[], false, Palette::PLAIN), "");
}

#[test]
fn a_task_in_full() {
    let mut task = serde_json::to_value(summary(json!({"state": "failed", "reason": "lost"}))).unwrap();
    for (key, value) in [
        ("prompt", json!("Do\nit")),
        ("input", json!({"path": "."})),
        ("result", Value::Null),
        ("report", json!("# Report\n\n\u{1b}[2Jall\n")),
        (
            "outputs",
            json!([{"name": "result", "path": "/o/1", "bytes": 7, "media_type": "application/json"}]),
        ),
    ] {
        task[key] = value;
    }
    let instance = |extra: Value| {
        let mut value = json!({"id": "instance_1", "pid": 11, "guard_pid": 10, "started_at": "2026-11-24T09:05:00.000Z",
            "ended_at": null, "exit_code": null, "signal": null, "killed": [], "proven": null, "note": null,
            "stderr_tail": null});
        extra.as_object().unwrap().iter().for_each(|(key, inner)| value[key] = inner.clone());
        value
    };
    let attempt = |number: u32, instance: Value| {
        json!({"attempt": number, "state": "ended", "agent": "nexora", "outcome": "lost", "error": null,
            "started_at": "2026-11-24T09:05:00.000Z", "ended_at": "2026-11-24T09:05:01.000Z", "instance": instance})
    };
    let call = json!({"id": "call_1", "ts": "2026-11-24T09:05:00.250Z", "task": "t", "attempt": 1, "agent": "nexora",
        "tool": "bash", "input": {"command": "ls"}, "output": null, "output_bytes": null, "is_error": false,
        "side_effects": true, "duration_ms": 40, "status": "completed"});
    let view: TaskShowView = serde_json::from_value(json!({
        "task": task,
        "attempts": [
            attempt(1, instance(json!({"signal": 9, "proven": false}))),
            attempt(2, instance(json!({"exit_code": 0, "proven": true, "killed": ["12 sleep", "13 sh"]}))),
            attempt(3, instance(json!({}))),
            attempt(4, Value::Null),
        ],
        "tool_calls": [call],
    }))
    .unwrap();
    insta::assert_snapshot!("full", task::full(&view, Palette::PLAIN));
}

#[test]
fn messages_events_agents_and_skills() {
    let message = |content: &str| -> MessageView {
        serde_json::from_value(json!({"id": "message_1", "seq": 7, "ts": "2026-11-24T09:05:00.250Z",
            "task": "task_019a0304050677080900aabbdeadbeef", "from": "agent:nexora", "to": "caller", "topic": "task",
            "kind": "text", "content": content}))
        .unwrap()
    };
    assert_eq!(
        record::message(&message("one \u{1b}[2J"), Palette::PLAIN),
        "     7 09:05:00.250 deadbeef agent:nexora → caller text: one \\u{1b}[2J\n"
    );
    assert_eq!(
        record::message(&message("one\ntwo\n"), Palette::PLAIN),
        "     7 09:05:00.250 deadbeef agent:nexora → caller text:\n         one\n         two\n"
    );
    let event = serde_json::from_value(
        json!({"v": 1, "seq": 8, "ts": "2026-11-24T09:05:00.250Z", "task": null,
        "attempt": null, "type": "host.started", "actor": "host", "data": {"pid": 5, "why": "a\nb", "none": null}}),
    );
    assert_eq!(
        record::event(&event.unwrap(), Palette::PLAIN),
        "     8 09:05:00.250 -            host.started         pid=5 why=a\\nb\n"
    );
    let skill: SkillView = serde_json::from_value(json!({"name": "x", "description": "", "source": "user",
        "effects": null, "plan": false, "input": null, "problem": "plan.json:\u{7} no"}))
    .unwrap();
    assert_eq!(
        agent::skills(&[skill], Palette::PLAIN),
        "SKILL  FROM  EFFECTS  PLAN  DESCRIPTION\nx      user  -        no    broken: plan.json:\\u{7} no\n"
    );
}

#[test]
fn the_overview_says_what_to_try() {
    let stopped: HostView = serde_json::from_value(json!({"state": "stopped", "pid": null, "version": null,
        "started_at": null, "data_dir": "/d", "tasks": {"running": 0, "ready": 0, "waiting": 0, "paused": 1},
        "instances": 0, "clients": 0}))
    .unwrap();
    assert_eq!(
        host::status(&stopped, Palette::PLAIN),
        "host stopped; it starts by itself when work is submitted\n  tasks: 0 running, 0 ready, 0 waiting, 1 paused\n  \
         data in /d\n"
    );
    let mut view = OverviewView { host: stopped, running: vec![], next: vec![], asking: vec![] };
    let text = host::overview(&view, Palette::PLAIN);
    assert!(text.contains("nothing runs and nothing waits"), "{text}");
    view.asking.push(summary(json!({"state": "paused", "question": question()})));
    let text = host::overview(&view, Palette::PLAIN);
    assert!(text.contains("Waiting for you\nID"), "{text}");
    assert_eq!(text.split("\nTry\n").nth(1).map(|tries| tries.lines().count()), Some(3), "{text}");
}
