//! Tells the client what a plan does, as it does it.

use crate::plan::{Call, Observer, PlanEvent, StepEnd};
use crate::tools::{BoxFuture, Effects};
use acp::{
    AgentUpdate, CallError, ClientPeer, PlanEntry, PlanStatus, ToolCall, ToolCallChange, ToolKind, ToolStatus,
};
use serde_json::{Value, json};
use std::sync::{Mutex, PoisonError};
use tokio_util::sync::CancellationToken;
use wire::extension::Progress;

/// How much of a call's output is told in words.
const TEXT_CHARS_MAX: usize = 8 * 1024;

/// The longest plan that is told as a list: each step's change tells the list anew.
const LISTED_STEPS_MAX: usize = 50;

/// Tells one turn's client.
pub(super) struct Watch {
    client: ClientPeer,
    session: String,
    /// Whether the client reads progress.
    progress: bool,
    cancel: CancellationToken,
    steps: Mutex<Vec<(String, PlanEntry)>>,
}

impl Watch {
    /// `steps` are the plan's, with their titles.
    pub(super) fn new(
        client: ClientPeer,
        session: String,
        progress: bool,
        cancel: CancellationToken,
        steps: impl Iterator<Item = (String, String)>,
    ) -> Self {
        let steps = steps.map(|(id, text)| (id, PlanEntry { text, status: PlanStatus::Pending }));
        Self { client, session, progress, cancel, steps: Mutex::new(steps.collect()) }
    }

    async fn send(&self, update: AgentUpdate, progress: Option<Progress>) {
        if self.client.update(&self.session, update, progress).await == Err(CallError::Closed) {
            // Nobody is there to work for.
            self.cancel.cancel();
        }
    }

    async fn step(&self, id: &str, status: PlanStatus) {
        let entries = {
            let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, entry)) = steps.iter_mut().find(|(step, _)| step == id) {
                entry.status = status;
            }
            steps.iter().map(|(_, entry)| entry.clone()).collect::<Vec<_>>()
        };
        if (2..=LISTED_STEPS_MAX).contains(&entries.len()) {
            self.send(AgentUpdate::Plan(entries), None).await;
        }
    }

    async fn call_ended(&self, call: &Call, output: Option<&Value>, text: &str, is_error: bool) {
        let status = if is_error { ToolStatus::Failed } else { ToolStatus::Completed };
        let mut shown: String = text.chars().take(TEXT_CHARS_MAX).collect();
        if shown.len() < text.len() {
            shown.push('…');
        }
        let mut change = ToolCallChange {
            id: call.id.clone(),
            status: Some(status),
            output: output.cloned(),
            text: Some(shown),
            ..ToolCallChange::default()
        };
        let told = self.client.update(&self.session, AgentUpdate::ToolCallChange(change.clone()), None).await;
        match told {
            Err(CallError::TooLong { bytes, .. }) => {
                change.output = Some(json!({ "left_out_bytes": bytes }));
                self.send(AgentUpdate::ToolCallChange(change), None).await;
            }
            Err(CallError::TooDeep { .. }) => {
                change.output = Some(json!({ "left_out": "nested too deep" }));
                self.send(AgentUpdate::ToolCallChange(change), None).await;
            }
            Err(CallError::Closed) => self.cancel.cancel(),
            _ => {}
        }
    }
}

impl Observer for Watch {
    fn tell<'a>(&'a self, event: PlanEvent<'a>) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            match event {
                PlanEvent::StepStarted { step, .. } => self.step(step, PlanStatus::Running).await,
                PlanEvent::StepEnded { step, end } => match end {
                    StepEnd::Done | StepEnd::Skipped | StepEnd::Failed => {
                        self.step(step, PlanStatus::Completed).await
                    }
                },
                PlanEvent::CallStarted(call) => self.send(AgentUpdate::ToolCall(started(call)), None).await,
                PlanEvent::CallEnded { call, output, text, is_error } => {
                    self.call_ended(call, output, text, is_error).await;
                }
                PlanEvent::Progress { fraction, text } => {
                    if self.progress {
                        let progress = Progress { fraction, text: text.to_owned() };
                        self.send(AgentUpdate::Progress, Some(progress)).await;
                    }
                }
            }
        })
    }
}

fn started(call: &Call) -> ToolCall {
    ToolCall {
        id: call.id.clone(),
        title: call.title.clone(),
        name: Some(call.tool.clone()),
        kind: kind(call),
        status: ToolStatus::Running,
        input: Some(call.arguments.clone()),
        output: None,
        text: None,
    }
}

fn kind(call: &Call) -> ToolKind {
    match (call.effects, call.tool.as_str()) {
        (Effects::Read, "grep" | "glob") => ToolKind::Search,
        (Effects::Read, _) => ToolKind::Read,
        (Effects::Write, "bash") => ToolKind::Execute,
        (Effects::Write, _) => ToolKind::Other,
    }
}
