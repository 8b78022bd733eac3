//! One turn: a prompt is resolved, its plan runs, the result is reported, the prompt is answered.

use super::ledger::Ledger;
use super::watch::Watch;
use super::{Options, settle};
use crate::plan::{self, Outcome, Setting};
use crate::tools::ToolContext;
use acp::{AgentUpdate, Answer, CallError, ClientPeer, StopReason, TurnEnd};
use process::Spawner;
use serde_json::Value;
use skill::Library;
use std::path::PathBuf;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use wire::extension::{
    ClientExtensions, FailureReason, PromptMeta, RESULT_METHOD, ResultRequest, TurnFailure,
};

/// What a turn works with.
pub(super) struct Turn {
    pub(super) client: ClientPeer,
    pub(super) extensions: ClientExtensions,
    pub(super) options: Arc<Options>,
    pub(super) session: String,
    pub(super) cwd: PathBuf,
    pub(super) library: Arc<Library>,
    /// Starts this turn's children and no others.
    pub(super) spawner: Option<Spawner>,
    pub(super) cancel: CancellationToken,
}

impl Turn {
    /// Runs to the end and answers.
    pub(super) async fn run(self, text: String, meta: PromptMeta, answer: Answer<TurnEnd>) {
        let outcome = self.outcome(&text, &meta).await;
        // What a call had started is gone before the client hears of the end.
        settle(self.spawner.as_ref()).await;
        let end = match outcome {
            Outcome::Finished { result, report } => match self.report(result, report).await {
                Ok(()) => TurnEnd { stop_reason: StopReason::EndTurn, failure: None },
                Err(failure) => self.failed(failure).await,
            },
            Outcome::Failed(failure) => self.failed(failure.into()).await,
            Outcome::Cancelled => TurnEnd { stop_reason: StopReason::Cancelled, failure: None },
        };
        answer.ok(end);
    }

    async fn outcome(&self, text: &str, meta: &PromptMeta) -> Outcome {
        let (plan, input) = match plan::resolve(text, Some(meta), &self.library) {
            Ok(resolved) => resolved,
            Err(failure) => return Outcome::Failed(failure),
        };
        let steps = plan.plan.steps.iter().map(|step| {
            let title = step.title.clone().unwrap_or_else(|| step.id.clone());
            (step.id.clone(), title)
        });
        let reads_progress = self.extensions.version > 0;
        let watch =
            Watch::new(self.client.clone(), self.session.clone(), reads_progress, self.cancel.clone(), steps);
        let ledger = Ledger::new(self.client.clone(), self.session.clone(), &self.extensions);
        let mut context = ToolContext::new(self.cwd.clone(), self.cancel.clone());
        context.env = self.options.env.clone();
        context.spawner = self.spawner.clone();
        let setting = Setting {
            toolbox: &self.options.toolbox,
            context: &context,
            task_id: meta.task.as_deref().unwrap_or(&self.session),
            observer: &watch,
            side_effects: &ledger,
        };
        plan::run(plan, input, setting).await
    }

    /// Hands the result over; a client that does not take results reads it.
    async fn report(&self, result: Value, report: Option<String>) -> Result<(), TurnFailure> {
        if !self.extensions.offers(RESULT_METHOD) {
            let text = report.unwrap_or_else(|| format!("{result:#}"));
            self.say(text).await;
            return Ok(());
        }
        let request = ResultRequest { session_id: self.session.clone(), result, report };
        self.client.result(&request).await.map_err(|error| {
            let (reason, message) = match error {
                CallError::TooLong { bytes, .. } => (
                    FailureReason::LimitReached,
                    format!("the result has {bytes} bytes, which is too much to hand over"),
                ),
                CallError::TooDeep { .. } => (
                    FailureReason::LimitReached,
                    "the result is nested too deep to be handed over".to_owned(),
                ),
                error => (FailureReason::AgentError, format!("the client did not take the result: {error}")),
            };
            TurnFailure { reason, message, hint: None }
        })
    }

    async fn failed(&self, failure: TurnFailure) -> TurnEnd {
        let mut text = failure.message.clone();
        if let Some(hint) = &failure.hint {
            text.push_str("\n\nHint: ");
            text.push_str(hint);
        }
        self.say(text).await;
        TurnEnd { stop_reason: StopReason::EndTurn, failure: Some(failure) }
    }

    async fn say(&self, text: String) {
        // A client that has gone is noticed by its closed stream.
        let _ = self.client.update(&self.session, AgentUpdate::Text(text), None).await;
    }
}
