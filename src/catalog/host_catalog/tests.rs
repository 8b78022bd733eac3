//! The catalog over a host that drives scripts.

use serde_json::json;

use super::*;

fn task(state: &str, extra: serde_json::Value) -> TaskSummary {
    let mut value = json!({
        "id": "task_0190", "state": state, "reason": null, "title": "t", "prompt_bytes": 0, "skill": null,
        "agent": null, "priority": 0, "labels": {}, "cwd": "/", "result_bytes": null, "error": null,
        "question": null, "attempt": 1, "created_at": "2026-11-24T09:05:00.123Z", "ready_at": null,
        "started_at": null, "ended_at": null, "deadline": null, "progress": {"fraction": null, "text": null},
        "usage": {"input_tokens": null, "output_tokens": null, "cost": null, "tool_calls": 0, "turns": 0, "wall_ms": null},
        "parent": null, "rerun_of": null, "worktree": null, "cached": false,
    });
    for (key, inner) in extra.as_object().unwrap() {
        value[key] = inner.clone();
    }
    serde_json::from_value(value).unwrap()
}

#[test]
fn a_task_without_a_result_says_why() {
    let error = json!({"kind": "timed_out", "message": "it took too long", "hint": "give it more time",
        "exit_code": null, "signal": null, "stderr_tail": null});
    let question = json!({"id": "question_1", "kind": "recovery", "for": "person", "text": "again?", "options": [],
        "asked_at": "2026-11-24T09:05:00.123Z", "answer_by": null});
    for (task, kind, words) in [
        (task("failed", json!({"reason": "timed_out", "error": error})), "timed_out", "it took too long"),
        (task("failed", json!({})), "agent_error", "task task_0190 failed"),
        (task("cancelled", json!({})), "cancelled", "task task_0190 was cancelled, so it has no result"),
        (
            task("paused", json!({"question": question})),
            "paused",
            "task task_0190 waits for a person: again?",
        ),
        (task("running", json!({})), "not_done", "task task_0190 is running: it has no result yet"),
    ] {
        let refusal = no_result(&task).unwrap();
        assert_eq!((refusal.kind.as_str(), refusal.message.as_str()), (kind, words));
    }
    assert_eq!(no_result(&task("succeeded", json!({}))), None);
}
