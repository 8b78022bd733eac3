//! What an instance says, as records: messages, tool calls, progress, and what was no protocol.

use agent::{AgentEvent, Answered, MessageKind as Words, NoiseKind, PlanStatus, ToolCall, ToolStatus};
use domain::{
    Actor, AgentName, EventType, Facts, IdSource, JsonText, MessageId, MessageKind, MessageRecord, Record,
    TaskId, Timestamp, ToolCallId, ToolCallRecord, ToolCallStatus,
};
use serde_json::{Value, json};

/// The largest message, and the largest input or output of a tool call that is kept whole.
const KEPT_BYTES_MAX: usize = 64 * 1024;

/// The longest text of a progress line, in characters.
const PROGRESS_CHARS_MAX: usize = 200;

/// Whose records are made.
pub(super) struct Writer<'a> {
    pub task: TaskId,
    pub attempt: u32,
    pub agent: &'a AgentName,
    pub ids: &'a dyn IdSource,
    /// Whether the agent tells of each side effect before it happens, so that nothing has to be guessed.
    pub tells_side_effects: bool,
}

impl Writer<'_> {
    /// Returns the record of an event that waits for no answer; nothing if there is nothing to record.
    pub(super) fn record(&self, event: &AgentEvent, at: Timestamp) -> Option<Record> {
        match event {
            AgentEvent::Message { kind, text } => {
                let topic = match kind {
                    Words::Text => "task",
                    Words::Thought => "thought",
                };
                Some(self.message(MessageKind::Text, topic, cut(text, KEPT_BYTES_MAX), at))
            }
            AgentEvent::ToolCall { call, .. } => Some(self.tool_call(call, at)),
            AgentEvent::Permission { call, answered } => Some(self.permission(call, answered, at)),
            AgentEvent::Plan { entries } => {
                let lines: Vec<String> = entries
                    .iter()
                    .map(|entry| format!("[{}] {}", plan_word(entry.status), entry.text))
                    .collect();
                let text = cut(&lines.join("\n"), KEPT_BYTES_MAX);
                Some(self.message(MessageKind::Status, "plan", text, at))
            }
            AgentEvent::Progress { fraction, text } => Some(Record::Progress {
                task: self.task,
                attempt: self.attempt,
                millionths: millionths(*fraction),
                text: text.chars().take(PROGRESS_CHARS_MAX).collect(),
                at,
            }),
            AgentEvent::Noise { kind, text } => {
                let facts = Facts::none().text("kind", noise_word(*kind)).text("text", text.clone());
                Some(self.event(EventType::ProtocolNoise, facts, at))
            }
            _ => None,
        }
    }

    pub(super) fn message(&self, kind: MessageKind, topic: &str, content: String, at: Timestamp) -> Record {
        Record::Message(MessageRecord {
            id: MessageId::new(self.ids),
            task: self.task,
            attempt: self.attempt,
            from: format!("agent:{}", self.agent),
            to: "caller".to_owned(),
            topic: topic.to_owned(),
            kind,
            content,
            at,
        })
    }

    /// Returns the record that says that nothing more is recorded.
    pub(super) fn left_out(&self, at: Timestamp) -> Record {
        let text = "the agent says too much: of the rest only what it does is recorded";
        let facts = Facts::none().text("kind", "too_much").text("text", text);
        self.event(EventType::ProtocolNoise, facts, at)
    }

    fn event(&self, event: EventType, facts: Facts, at: Timestamp) -> Record {
        Record::Event { task: Some(self.task), attempt: self.attempt, event, actor: Actor::Agent, facts, at }
    }

    fn permission(&self, call: &ToolCall, answered: &Answered, at: Timestamp) -> Record {
        let facts = Facts::none().text("call", call.id.clone()).text("title", call.title.clone());
        let facts = match answered {
            Answered::Rejected { option, name } => {
                facts.text("answer", "rejected").text("option", option.clone()).text("name", name.clone())
            }
            Answered::Cancelled => facts.text("answer", "cancelled"),
        };
        self.event(EventType::PermissionAnswered, facts, at)
    }

    fn tool_call(&self, call: &ToolCall, at: Timestamp) -> Record {
        let side_effects = !self.tells_side_effects && !call.kind.only_looks();
        let status = match call.status {
            // Nobody knows when an agent that tells nothing begins: once seen, it may have acted.
            ToolStatus::Pending if side_effects => ToolCallStatus::Running,
            ToolStatus::Pending => ToolCallStatus::Pending,
            ToolStatus::Running => ToolCallStatus::Running,
            ToolStatus::Completed => ToolCallStatus::Completed,
            ToolStatus::Failed => ToolCallStatus::Failed,
        };
        let tool = call.name.clone().or_else(|| Some(call.title.clone()).filter(|title| !title.is_empty()));
        Record::ToolCall(ToolCallRecord {
            id: ToolCallId::new(self.ids),
            task: self.task,
            attempt: self.attempt,
            call: call.id.clone(),
            tool,
            input: call.input.as_ref().map(kept_json),
            output: call.output.as_ref().map(kept_json),
            status,
            side_effects,
            at,
        })
    }

    /// Returns the record of a tool call that waits until it is on disk.
    pub(super) fn tool_started(
        &self,
        call: String,
        tool: String,
        input: &Value,
        side_effects: bool,
        at: Timestamp,
    ) -> Record {
        Record::ToolCall(ToolCallRecord {
            id: ToolCallId::new(self.ids),
            task: self.task,
            attempt: self.attempt,
            call,
            tool: Some(tool),
            input: Some(kept_json(input)),
            output: None,
            status: ToolCallStatus::Running,
            side_effects,
            at,
        })
    }
}

fn plan_word(status: PlanStatus) -> &'static str {
    match status {
        PlanStatus::Pending => "pending",
        PlanStatus::Running => "running",
        PlanStatus::Completed => "completed",
    }
}

fn noise_word(kind: NoiseKind) -> &'static str {
    match kind {
        NoiseKind::NotJson => "not_json",
        NoiseKind::NotUtf8 => "not_utf8",
        NoiseKind::TooLong => "too_long",
        NoiseKind::NotAMessage => "not_a_message",
        NoiseKind::Unknown => "unknown",
        NoiseKind::Stray => "stray",
    }
}

/// Returns a fraction in millionths, if it is one.
fn millionths(fraction: f64) -> Option<u32> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it has been brought between zero and a million"
    )]
    let whole = (fraction.clamp(0.0, 1.0) * 1_000_000.0).round() as u32;
    fraction.is_finite().then_some(whole)
}

/// Returns the beginning of a text, at most so many bytes, cut between characters.
pub(super) fn cut(text: &str, bytes_max: usize) -> String {
    text[..crate::result::boundary_before(text, bytes_max)].to_owned()
}

/// Returns a value as it is kept: whole, or if it is too large its size and its beginning.
fn kept_json(value: &Value) -> JsonText {
    let text = value.to_string();
    if text.len() <= KEPT_BYTES_MAX {
        return JsonText::from_json(text);
    }
    let shortened = json!({"truncated": true, "bytes": text.len(), "beginning": cut(&text, 4096)});
    JsonText::from_json(shortened.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_values_keep_their_size_and_their_beginning() {
        let long = Value::String("ä".repeat(KEPT_BYTES_MAX));
        let kept: Value = serde_json::from_str(kept_json(&long).as_str()).unwrap();
        assert_eq!(kept["bytes"], 2 * KEPT_BYTES_MAX + 2);
        assert!(kept["beginning"].as_str().unwrap().starts_with("\"ää"));
        assert_eq!(kept_json(&json!({"a": 1})).as_str(), r#"{"a":1}"#);
    }

    #[test]
    fn a_fraction_is_kept_in_millionths() {
        assert_eq!(
            [0.0, 0.25, 1.0, 7.0, -1.0].map(millionths),
            [Some(0), Some(250_000), Some(1_000_000), Some(1_000_000), Some(0)]
        );
        assert_eq!(millionths(f64::NAN), None);
    }
}
