//! Answers in words, for clients that read only those: id, state, what to call next, and the
//! result's JSON. What agents and tasks say is quoted, so that it cannot pose as ours.

use serde::Serialize;
use wire::views::{AgentView, ListView, ResultView, TaskCancelView, TaskSummary, TaskWaitView};

use super::catalog::{Refusal, Submitted};
use crate::limits::RESULT_BYTES_DEFAULT;

/// Bytes of one quoted text.
const QUOTED_BYTES_MAX: usize = 400;

pub(super) fn agents(list: &ListView<AgentView>) -> String {
    if list.items.is_empty() {
        return "No agent can do that.".to_owned();
    }
    let lines = list.items.iter().map(|agent| {
        let free = if agent.running < agent.max_running { "free" } else { "busy" };
        format!(
            "{} ({free}, {} of {} running): {} Capabilities: {}. Skills: {}.",
            agent.name,
            agent.running,
            agent.max_running,
            quoted(&agent.description),
            listed(&agent.capabilities),
            listed(&agent.skills),
        )
    });
    lines
        .chain(["Next: task_submit with `agent` and `skill` or `prompt`.".to_owned()])
        .collect::<Vec<_>>()
        .join("\n")
}

pub(super) fn submitted(submitted: &Submitted) -> String {
    match &submitted.result {
        Some(result) => format!("{}\n{}", line(&submitted.task), self::result(result)),
        None => status(&submitted.task),
    }
}

pub(super) fn status(task: &TaskSummary) -> String {
    format!("{}\n{}", line(task), next(task))
}

pub(super) fn waited(wait: &TaskWaitView) -> String {
    let mut words: Vec<String> = wait.tasks.iter().map(line).collect();
    words.push(if wait.pending.is_empty() {
        "All have ended. Next: task_result with each id.".to_owned()
    } else {
        format!("Not done: {}. Next: task_wait again with these ids.", wait.pending.join(", "))
    });
    words.join("\n")
}

pub(super) fn result(view: &ResultView) -> String {
    let mut words = format!("{} {}.", view.id, view.state);
    if let Some(report) = &view.report {
        words.push_str("\nReport:\n");
        words.push_str(cut(report, capacity()));
    }
    if let Some(result) = &view.result {
        let text = match (view.truncated, result) {
            (true, serde_json::Value::String(part)) => part.clone(),
            _ => result.to_string(),
        };
        let limit = if view.truncated { text.len() } else { capacity() };
        words.push_str("\nResult:\n");
        words.push_str(cut(&text, limit));
        if text.len() > limit {
            words.push_str("\n(cut here; the structured answer has all of it)");
        }
    }
    if let Some(next) = view.next_offset {
        words.push_str(&format!(
            "\nThis is a part of {} bytes. Next: task_result with `offset` {next}, or with a `pointer`.",
            view.total_bytes
        ));
    }
    for output in &view.outputs {
        words.push_str(&format!(
            "\nFile {}: {} ({} bytes).",
            quoted(&output.name),
            quoted(&output.path),
            output.bytes
        ));
    }
    words
}

pub(super) fn cancelled(view: &TaskCancelView) -> String {
    let lines = view.items.iter().map(|item| match (&item.error, &item.state) {
        (Some(error), _) => format!("{}: not cancelled: {}", item.id, quoted(error)),
        (None, Some(state)) => format!("{} {state}.", item.id),
        (None, None) => item.id.clone(),
    });
    let ending = view.items.iter().any(|item| item.state.as_deref() == Some("cancelling"));
    let next = ending.then(|| "Next: task_wait until they have ended.".to_owned());
    lines.chain(next).collect::<Vec<_>>().join("\n")
}

pub(super) fn tasks(list: &ListView<TaskSummary>) -> String {
    let mut words: Vec<String> = list.items.iter().map(line).collect();
    if words.is_empty() {
        words.push(
            "No task. Next: task_submit, or task_list with `all` for those of other folders.".to_owned(),
        );
    } else {
        words.push("Next: task_wait or task_result with an id.".to_owned());
    }
    if let Some(cursor) = &list.next_cursor {
        words.push(format!("There are more. Next: task_list with `cursor` {}.", quoted(cursor)));
    }
    words.join("\n")
}

/// A failure begins with its kind.
pub(super) fn refusal(refusal: &Refusal) -> String {
    match &refusal.hint {
        None => format!("{}: {}", refusal.kind, refusal.message),
        Some(hint) => format!("{}: {}\nHint: {hint}", refusal.kind, refusal.message),
    }
}

fn line(task: &TaskSummary) -> String {
    let mut words = format!("{} {}", task.id, task.state);
    if let Some(reason) = &task.reason {
        words.push_str(&format!(" ({reason})"));
    }
    words.push_str(&format!(" {}", quoted(&task.title)));
    if let Some(fraction) = task.progress.fraction.filter(|_| task.ended_at.is_none()) {
        words.push_str(&format!(" {:.0} %", fraction * 100.0));
    }
    if let Some(error) = &task.error {
        words.push_str(&format!(" error: {}", quoted(&error.message)));
        if let Some(hint) = &error.hint {
            words.push_str(&format!(" hint: {}", quoted(hint)));
        }
    }
    if let Some(question) = &task.question {
        words.push_str(&format!(" waits for a {}: {}", question.asked_of, quoted(&question.text)));
    }
    words
}

fn next(task: &TaskSummary) -> String {
    let id = &task.id;
    match task.state.as_str() {
        "succeeded" => format!("Next: task_result with id {id}."),
        "failed" | "cancelled" => "It has ended; a new task_submit tries anew.".to_owned(),
        "paused" => {
            "It waits for a person: `modelscan task resume` or `modelscan task cancel` goes on.".to_owned()
        }
        _ => format!("Next: task_wait with ids [\"{id}\"]."),
    }
}

fn capacity() -> usize {
    usize::try_from(RESULT_BYTES_DEFAULT).unwrap_or(usize::MAX)
}

fn listed(words: &[String]) -> String {
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

fn quoted(text: &str) -> String {
    json(&cut(text, QUOTED_BYTES_MAX))
}

fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Returns the beginning of a text, at most that many bytes, cut between characters.
fn cut(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
