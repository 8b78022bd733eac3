//! Between the protocol's shapes and our types. The protocol's own types read leniently: a field of another shape is as
//! if it were not there.

use crate::types::{PlanEntry, PlanStatus, ToolCall, ToolCallChange, ToolKind, ToolStatus};
use agent_client_protocol::v1::schema as v1;

pub(crate) fn kind_from(kind: v1::ToolKind) -> ToolKind {
    match kind {
        v1::ToolKind::Read => ToolKind::Read,
        v1::ToolKind::Edit => ToolKind::Edit,
        v1::ToolKind::Delete => ToolKind::Delete,
        v1::ToolKind::Move => ToolKind::Move,
        v1::ToolKind::Search => ToolKind::Search,
        v1::ToolKind::Execute => ToolKind::Execute,
        v1::ToolKind::Think => ToolKind::Think,
        v1::ToolKind::Fetch => ToolKind::Fetch,
        _ => ToolKind::Other,
    }
}

pub(crate) fn kind_to(kind: ToolKind) -> v1::ToolKind {
    match kind {
        ToolKind::Read => v1::ToolKind::Read,
        ToolKind::Edit => v1::ToolKind::Edit,
        ToolKind::Delete => v1::ToolKind::Delete,
        ToolKind::Move => v1::ToolKind::Move,
        ToolKind::Search => v1::ToolKind::Search,
        ToolKind::Execute => v1::ToolKind::Execute,
        ToolKind::Think => v1::ToolKind::Think,
        ToolKind::Fetch => v1::ToolKind::Fetch,
        ToolKind::Other => v1::ToolKind::Other,
    }
}

/// A state that we do not know is one in which the call runs.
pub(crate) fn status_from(status: v1::ToolCallStatus) -> ToolStatus {
    match status {
        v1::ToolCallStatus::Pending => ToolStatus::Pending,
        v1::ToolCallStatus::Completed => ToolStatus::Completed,
        v1::ToolCallStatus::Failed => ToolStatus::Failed,
        _ => ToolStatus::Running,
    }
}

pub(crate) fn status_to(status: ToolStatus) -> v1::ToolCallStatus {
    match status {
        ToolStatus::Pending => v1::ToolCallStatus::Pending,
        ToolStatus::Running => v1::ToolCallStatus::InProgress,
        ToolStatus::Completed => v1::ToolCallStatus::Completed,
        ToolStatus::Failed => v1::ToolCallStatus::Failed,
    }
}

pub(crate) fn change_from_call(call: v1::ToolCall) -> ToolCallChange {
    ToolCallChange {
        id: call.tool_call_id.0.to_string(),
        title: Some(call.title),
        name: call.name,
        kind: Some(kind_from(call.kind)),
        status: Some(status_from(call.status)),
        input: call.raw_input,
        output: call.raw_output,
        text: text_in(&call.content),
    }
}

pub(crate) fn change_from_update(update: v1::ToolCallUpdate) -> ToolCallChange {
    let fields = update.fields;
    ToolCallChange {
        id: update.tool_call_id.0.to_string(),
        title: fields.title,
        name: fields.name,
        kind: fields.kind.map(kind_from),
        status: fields.status.map(status_from),
        input: fields.raw_input,
        output: fields.raw_output,
        text: fields.content.as_deref().and_then(text_in),
    }
}

pub(crate) fn call_to(call: ToolCall) -> v1::ToolCall {
    v1::ToolCall::new(call.id, call.title)
        .name(call.name)
        .kind(kind_to(call.kind))
        .status(status_to(call.status))
        .content(call.text.map(content_to).unwrap_or_default())
        .raw_input(call.input)
        .raw_output(call.output)
}

pub(crate) fn change_to(change: ToolCallChange) -> v1::ToolCallUpdate {
    let fields = v1::ToolCallUpdateFields::new()
        .title(change.title)
        .name(change.name)
        .kind(change.kind.map(kind_to))
        .status(change.status.map(status_to))
        .content(change.text.map(content_to))
        .raw_input(change.input)
        .raw_output(change.output);
    v1::ToolCallUpdate::new(change.id, fields)
}

fn content_to(text: String) -> Vec<v1::ToolCallContent> {
    vec![v1::ToolCallContent::from(text)]
}

/// Returns the text of a call's content, where it has any.
fn text_in(content: &[v1::ToolCallContent]) -> Option<String> {
    let texts: Vec<&str> = content
        .iter()
        .filter_map(|content| match content {
            v1::ToolCallContent::Content(content) => match &content.content {
                v1::ContentBlock::Text(text) => Some(text.text.as_str()),
                _ => None,
            },
            _ => None,
        })
        .collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}

pub(crate) fn plan_from(plan: v1::Plan) -> Vec<PlanEntry> {
    let entries = plan.entries.into_iter();
    entries
        .map(|entry| PlanEntry {
            text: entry.content,
            status: match entry.status {
                v1::PlanEntryStatus::Completed => PlanStatus::Completed,
                v1::PlanEntryStatus::InProgress => PlanStatus::Running,
                _ => PlanStatus::Pending,
            },
        })
        .collect()
}

pub(crate) fn plan_to(entries: Vec<PlanEntry>) -> v1::Plan {
    let entries = entries.into_iter();
    v1::Plan::new(
        entries
            .map(|entry| {
                let status = match entry.status {
                    PlanStatus::Completed => v1::PlanEntryStatus::Completed,
                    PlanStatus::Running => v1::PlanEntryStatus::InProgress,
                    PlanStatus::Pending => v1::PlanEntryStatus::Pending,
                };
                v1::PlanEntry::new(entry.text, v1::PlanEntryPriority::Medium, status)
            })
            .collect(),
    )
}

/// Returns the words of a block: text itself, an embedded text, or where a link leads.
pub(crate) fn text_of(block: &v1::ContentBlock) -> Option<String> {
    match block {
        v1::ContentBlock::Text(text) => Some(text.text.clone()),
        v1::ContentBlock::ResourceLink(link) => Some(link.uri.clone()),
        v1::ContentBlock::Resource(resource) => match &resource.resource {
            v1::EmbeddedResourceResource::TextResourceContents(text) => Some(text.text.clone()),
            _ => None,
        },
        _ => None,
    }
}
