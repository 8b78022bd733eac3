//! One call of a tool inside a plan: recorded, run, watched, ended in time.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use wire::extension::FailureReason;

use super::run::{Runner, Stop};
use super::{Call, Failure, PlanEvent};
use crate::tools::{Effects, Progress, Tool, ToolError, ToolOutput};

/// A tool that is told its time limit ends by itself; this long after that it is dropped.
const GRACE: Duration = Duration::from_millis(1_500);

/// Where a call stands in its step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Position {
    /// Calls of the step that have ended.
    pub(super) done: usize,
    /// Calls of the step.
    pub(super) calls: usize,
}

impl Runner<'_> {
    /// Makes one call. What the tool itself failed with comes as a failure; what ends the run as a stop.
    pub(super) async fn call(
        &mut self,
        tool: &dyn Tool,
        call: &Call,
        place: &str,
        timeout: Option<Duration>,
        position: Position,
    ) -> Result<Result<ToolOutput, Failure>, Stop> {
        self.bounds.take_call().map_err(|failure| Stop::failed(failure, &call.step))?;
        self.tell(PlanEvent::CallStarted(call)).await?;
        if tool.effects() == Effects::Write {
            self.record(call).await?;
        }
        let answer = self.watched(tool, call, place, timeout, position).await?;
        let (output, text, is_error) = match &answer {
            Ok(output) => (Some(&output.output), output.text.clone(), output.is_error),
            Err(failure) => (None, failure.message.clone(), true),
        };
        self.tell(PlanEvent::CallEnded { call, output, text: &text, is_error }).await?;
        Ok(answer)
    }

    /// Waits until a call with side effects is on record.
    async fn record(&self, call: &Call) -> Result<(), Stop> {
        let answer = tokio::select! {
            biased;
            () = self.setting.context.cancel.cancelled() => return Err(Stop::Cancelled),
            answer = self.setting.side_effects.about_to_run(call) => answer,
        };
        answer.map_err(|refusal| {
            let message = format!("`{}` did not run: {}", call.tool, refusal.message);
            Stop::failed(Failure::new(FailureReason::Denied, message), &call.step)
        })
    }

    /// Runs the tool and tells the entries that it counts. Nothing is told while it counts none.
    async fn watched(
        &mut self,
        tool: &dyn Tool,
        call: &Call,
        place: &str,
        timeout: Option<Duration>,
        position: Position,
    ) -> Result<Result<ToolOutput, Failure>, Stop> {
        let left = self.bounds.left();
        let limit = timeout.map_or(left, |timeout| timeout.min(left));
        let mut context = self.setting.context.clone();
        context.progress = Progress::new();
        context.time_limit = Some(limit);
        let mut entries = context.progress.subscribe();
        let cancel = context.cancel.clone();
        let end = sleep_until(Instant::now() + limit + GRACE);
        let work = tool.call(call.arguments.clone(), &context);
        tokio::pin!(end, work);
        let answer = loop {
            tokio::select! {
                biased;
                () = cancel.cancelled() => return Err(Stop::Cancelled),
                answer = &mut work => break answer,
                () = &mut end => break Err(ToolError::TimedOut { limit }),
                Ok(()) = entries.changed() => {
                    let count = *entries.borrow_and_update();
                    if let Some(fraction) = self.meter.inside(position.done, position.calls, count) {
                        self.tell(PlanEvent::Progress { fraction, text: &call.title }).await?;
                    }
                }
            }
        };
        match answer {
            Ok(output) => Ok(Ok(output)),
            Err(ToolError::Cancelled) => Err(Stop::Cancelled),
            Err(ToolError::TimedOut { .. }) if limit == left => {
                Err(Stop::failed(self.bounds.overtime(), &call.step))
            }
            Err(error) => Ok(Err(failure(&error, place).in_step(&call.step))),
        }
    }
}

/// What a tool's error means for the plan.
fn failure(error: &ToolError, place: &str) -> Failure {
    let (reason, message, place) = match error {
        ToolError::BadArguments { tool, path, message } => (
            FailureReason::AgentError,
            format!("`{tool}`: {message}"),
            skill::inside(&format!("{place}.arguments"), path),
        ),
        ToolError::TimedOut { .. } => {
            (FailureReason::TimedOut, error.to_string(), format!("{place}.timeout"))
        }
        other => (FailureReason::AgentError, told(other), place.to_owned()),
    };
    Failure::new(reason, schema::shorten(&message, 500)).at(place)
}

/// An error with its causes.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
