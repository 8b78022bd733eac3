//! Runs a checked plan: its steps in order, then result and report.

use serde_json::Value;
use skill::CheckedPlan;
use skill::template::{Scope, StepResult, TemplateError, Templates};
use wire::extension::FailureReason;
use wire::plan::{OnError, Step};

use super::bounds::Bounds;
use super::call::Position;
use super::progress::Meter;
use super::{Call, Failure, Observer, Outcome, PlanEvent, SideEffects, StepEnd};
use crate::tools::{Tool, ToolContext, ToolOutput, Toolbox};

/// Longest text of a step's result.
const TEXT_CHARS_MAX: usize = 100_000;
/// The name of a `foreach`'s item where the plan gives none.
const ITEM: &str = "item";

/// What a run works with.
#[derive(Clone, Copy)]
pub struct Setting<'a> {
    /// The tools.
    pub toolbox: &'a Toolbox,
    /// Working directory, environment and cancellation; progress and time limit are set for each call.
    pub context: &'a ToolContext,
    /// The task's id, which expressions see as `task.id`.
    pub task_id: &'a str,
    /// Who watches.
    pub observer: &'a dyn Observer,
    /// Who keeps the record of calls with side effects.
    pub side_effects: &'a dyn SideEffects,
}

/// Runs a plan on an input, whose missing keys get the defaults of the plan's schema.
///
/// Cancelling the context's token ends it with [`Outcome::Cancelled`] at its next await, which drops
/// the running call; dropping the future does the same.
pub async fn run(plan: &CheckedPlan, given: Value, setting: Setting<'_>) -> Outcome {
    let input = match plan.input(given) {
        Ok(input) => input,
        Err(error) => {
            return Outcome::Failed(
                agent_error(error.to_string()).at("input").hint("the plan's `input` says what it takes"),
            );
        }
    };
    let scope = Scope::new(&input, setting.task_id, &setting.context.cwd.to_string_lossy());
    let mut runner = Runner {
        plan,
        setting,
        templates: Templates::new(),
        scope,
        meter: Meter::new(plan.plan.steps.len()),
        bounds: Bounds::new(&plan.plan.limits),
    };
    match runner.all().await {
        Ok((result, report)) => Outcome::Finished { result, report },
        Err(Stop::Cancelled) => Outcome::Cancelled,
        Err(Stop::Failed(failure)) => Outcome::Failed(failure),
    }
}

/// What ends a run before its result.
pub(super) enum Stop {
    Cancelled,
    Failed(Failure),
}

impl Stop {
    pub(super) fn failed(failure: Failure, step: &str) -> Self {
        Self::Failed(failure.in_step(step))
    }
}

/// One run.
pub(super) struct Runner<'a> {
    plan: &'a CheckedPlan,
    pub(super) setting: Setting<'a>,
    templates: Templates,
    scope: Scope,
    pub(super) meter: Meter,
    pub(super) bounds: Bounds,
}

impl Runner<'_> {
    async fn all(&mut self) -> Result<(Value, Option<String>), Stop> {
        let plan = self.plan;
        for (index, step) in plan.plan.steps.iter().enumerate() {
            if self.setting.context.cancel.is_cancelled() {
                return Err(Stop::Cancelled);
            }
            let place = format!("steps[{index}]");
            let Some(tool) = self.setting.toolbox.get(&step.tool) else {
                let message = format!("there is no tool `{}`", step.tool);
                return Err(Stop::failed(agent_error(message).at(format!("{place}.tool")), &step.id));
            };
            self.step(step, tool, &place).await?;
        }
        let result =
            self.templates.render(&plan.plan.result, "result", &self.scope).map_err(failed_template)?;
        if let Some(problem) = plan.check_result(&result).first() {
            let failure = Failure::new(FailureReason::InvalidResult, problem.message.clone());
            return Err(Stop::Failed(failure.at(skill::inside("result", &problem.path))));
        }
        let report = plan
            .report_template()
            .map(|source| self.templates.report(source, &result, &self.scope))
            .transpose()
            .map_err(|error| {
                Stop::Failed(agent_error(error.message).at(format!("report {}", error.place).trim_end()))
            })?;
        let fraction = self.meter.step_done();
        self.tell(PlanEvent::Progress { fraction, text: "Done" }).await?;
        Ok((result, report))
    }

    async fn step(&mut self, step: &Step, tool: &dyn Tool, place: &str) -> Result<(), Stop> {
        let title = step.title.clone().unwrap_or_else(|| tool.title().to_owned());
        if !self.is_wanted(step, place)? {
            self.scope.set_step(&step.id, &StepResult { skipped: true, ..StepResult::default() });
            return self.end(step, StepEnd::Skipped, &title).await;
        }
        self.tell(PlanEvent::StepStarted { step: &step.id, title: &title }).await?;
        let calls = self.calls(step, place)?;
        let single = step.foreach.is_none();
        let mut outputs = Vec::with_capacity(calls.len());
        let (mut texts, mut is_error) = (String::new(), false);
        for (done, item) in calls.iter().enumerate() {
            let position = Position { done, calls: calls.len() };
            let call = self.prepare(step, tool, place, &title, item.as_ref(), position)?;
            let timeout = step.timeout.map(|timeout| timeout.as_duration());
            let answer = self.call(tool, &call, place, timeout, position).await?;
            let output = match (answer, step.on_error) {
                (Ok(output), _) if !output.is_error => output,
                (Ok(output), OnError::Fail) => {
                    self.tell(PlanEvent::StepEnded { step: &step.id, end: StepEnd::Failed }).await?;
                    let message = format!("`{}`: {}", step.tool, schema::shorten(&output.text, 500));
                    return Err(Stop::failed(agent_error(message).at(place), &step.id));
                }
                (Err(failure), OnError::Fail) => {
                    self.tell(PlanEvent::StepEnded { step: &step.id, end: StepEnd::Failed }).await?;
                    return Err(Stop::Failed(failure));
                }
                (Ok(output), OnError::Continue) => output,
                (Err(failure), OnError::Continue) => {
                    ToolOutput { output: Value::Null, text: failure.message, is_error: true }
                }
            };
            is_error |= output.is_error;
            self.bounds
                .keep(&output.output, &output.text)
                .map_err(|failure| Stop::failed(failure, &step.id))?;
            add_line(&mut texts, &output.text);
            outputs.push(output.output);
            let fraction = self.meter.inside(done + 1, calls.len(), 0).filter(|_| !single);
            if let Some(fraction) = fraction {
                self.tell(PlanEvent::Progress { fraction, text: &call.title }).await?;
            }
        }
        let output = if single { outputs.pop().unwrap_or_default() } else { Value::Array(outputs) };
        self.scope.set_step(&step.id, &StepResult { output, text: texts, is_error, skipped: false });
        self.end(step, if is_error { StepEnd::Failed } else { StepEnd::Done }, &title).await
    }

    /// Tells the end of a step, and how far the run is.
    async fn end(&mut self, step: &Step, end: StepEnd, title: &str) -> Result<(), Stop> {
        self.tell(PlanEvent::StepEnded { step: &step.id, end }).await?;
        let fraction = self.meter.step_done();
        self.tell(PlanEvent::Progress { fraction, text: title }).await
    }

    fn is_wanted(&self, step: &Step, place: &str) -> Result<bool, Stop> {
        let Some(condition) = &step.when else { return Ok(true) };
        self.templates
            .condition(condition, &self.scope)
            .map_err(|error| Stop::failed(agent_error(error.message).at(format!("{place}.when")), &step.id))
    }

    /// The items that the tool is called for: one nothing without `foreach`.
    fn calls(&self, step: &Step, place: &str) -> Result<Vec<Option<Value>>, Stop> {
        let Some(list) = &step.foreach else { return Ok(vec![None]) };
        let items = self.templates.items(list, &self.scope).map_err(|error| {
            Stop::failed(agent_error(error.message).at(format!("{place}.foreach")), &step.id)
        })?;
        Ok(items.into_iter().map(Some).collect())
    }

    fn prepare(
        &self,
        step: &Step,
        tool: &dyn Tool,
        place: &str,
        title: &str,
        item: Option<&Value>,
        position: Position,
    ) -> Result<Call, Stop> {
        let name = step.item.as_deref().unwrap_or(ITEM);
        let with_item = item.map(|item| self.scope.with_item(name, item));
        let scope = with_item.as_ref().unwrap_or(&self.scope);
        let template = Value::Object(step.arguments.clone());
        let arguments = self
            .templates
            .render(&template, &format!("{place}.arguments"), scope)
            .map_err(|error| Stop::failed(agent_error(error.message).at(error.place), &step.id))?;
        let (id, title) = match item {
            None => (step.id.clone(), title.to_owned()),
            Some(_) => {
                let number = position.done + 1;
                (format!("{}-{number}", step.id), format!("{title} ({number} of {})", position.calls))
            }
        };
        let (step, tool_name) = (step.id.clone(), step.tool.clone());
        Ok(Call { id, step, tool: tool_name, title, effects: tool.effects(), arguments })
    }

    /// Tells an event; a watcher that does not answer does not keep a cancel from ending the run.
    pub(super) async fn tell(&self, event: PlanEvent<'_>) -> Result<(), Stop> {
        tokio::select! {
            biased;
            () = self.setting.context.cancel.cancelled() => Err(Stop::Cancelled),
            () = self.setting.observer.tell(event) => Ok(()),
        }
    }
}

fn agent_error(message: impl Into<String>) -> Failure {
    Failure::new(FailureReason::AgentError, message)
}

fn failed_template(error: TemplateError) -> Stop {
    Stop::Failed(agent_error(error.message).at(error.place))
}

fn add_line(texts: &mut String, text: &str) {
    if !texts.is_empty() && !text.is_empty() {
        texts.push('\n');
    }
    let room = TEXT_CHARS_MAX.saturating_sub(texts.len());
    texts.extend(text.chars().take(room));
}
