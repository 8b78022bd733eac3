//! Fake tools, a watcher that writes everything down, and a bench to run plans on.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use skill::Library;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::plan::{Call, Observer, Outcome, PlanEvent, Refusal, Setting, SideEffects, run};
use crate::skills::tool_shapes;
use crate::tools::{BoxFuture, Effects, Tool, ToolContext, ToolError, ToolOutput, Toolbox};

/// What a fake tool does when it is called.
pub(super) type Work = Box<dyn Fn(Value) -> Result<ToolOutput, ToolError> + Send + Sync>;

pub(super) struct Fake {
    pub(super) name: &'static str,
    pub(super) effects: Effects,
    pub(super) schema: Value,
    pub(super) work: Work,
}

impl Tool for Fake {
    fn name(&self) -> &'static str {
        self.name
    }
    fn title(&self) -> &'static str {
        "A fake"
    }
    fn description(&self) -> &'static str {
        "A fake"
    }
    fn effects(&self) -> Effects {
        self.effects
    }
    fn input_schema(&self) -> &Value {
        &self.schema
    }
    fn output_schema(&self) -> &Value {
        &self.schema
    }
    fn check(&self, _: &Value) -> Result<(), ToolError> {
        Ok(())
    }
    fn call<'a>(
        &'a self,
        arguments: Value,
        _: &'a ToolContext,
    ) -> BoxFuture<'a, Result<ToolOutput, ToolError>> {
        Box::pin(async move { (self.work)(arguments) })
    }
}

pub(super) fn output(output: Value) -> Result<ToolOutput, ToolError> {
    let text = output.to_string();
    Ok(ToolOutput { output, text, is_error: false })
}

pub(super) fn fake(
    name: &'static str,
    effects: Effects,
    work: impl Fn(Value) -> Result<ToolOutput, ToolError> + Send + Sync + 'static,
) -> Box<dyn Tool> {
    Box::new(Fake { name, effects, schema: json!({"type": "object"}), work: Box::new(work) })
}

/// A tool that tells when it was reached, counts the entries that it is told to, and ends when it is
/// let go, or after its time unless it is deaf.
pub(super) struct Gate {
    pub(super) reached: Arc<Notify>,
    pub(super) count: watch::Receiver<u64>,
    pub(super) open: CancellationToken,
    pub(super) schema: Value,
}

impl Tool for Gate {
    fn name(&self) -> &'static str {
        "gate"
    }
    fn title(&self) -> &'static str {
        "A gate"
    }
    fn description(&self) -> &'static str {
        "A gate"
    }
    fn effects(&self) -> Effects {
        Effects::Read
    }
    fn input_schema(&self) -> &Value {
        &self.schema
    }
    fn output_schema(&self) -> &Value {
        &self.schema
    }
    fn check(&self, _: &Value) -> Result<(), ToolError> {
        Ok(())
    }
    fn call<'a>(
        &'a self,
        arguments: Value,
        context: &'a ToolContext,
    ) -> BoxFuture<'a, Result<ToolOutput, ToolError>> {
        Box::pin(async move {
            self.reached.notify_one();
            let mut count = self.count.clone();
            let limit = context.time_limit.filter(|_| arguments != json!({"deaf": true}));
            loop {
                tokio::select! {
                    () = tokio::time::sleep(limit.unwrap_or_default()), if limit.is_some() => {
                        return Err(ToolError::TimedOut { limit: limit.unwrap_or_default() });
                    }
                    () = self.open.cancelled() => return output(json!("open")),
                    Ok(()) = count.changed() => context.progress.entries_done(*count.borrow_and_update()),
                }
            }
        })
    }
}

/// Writes down all that it is told, and refuses the tools that it is told to refuse.
#[derive(Default)]
pub(super) struct Diary {
    pub(super) lines: Mutex<Vec<String>>,
    pub(super) fractions: Mutex<Vec<f64>>,
    pub(super) told: Notify,
    pub(super) refuse: Option<&'static str>,
}

impl Diary {
    pub(super) fn line(&self, line: String) {
        self.lines.lock().unwrap().push(line);
        self.told.notify_one();
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    pub(super) fn fractions(&self) -> Vec<f64> {
        self.fractions.lock().unwrap().clone()
    }
}

impl Observer for Diary {
    fn tell<'a>(&'a self, event: PlanEvent<'a>) -> BoxFuture<'a, ()> {
        match event {
            PlanEvent::StepStarted { step, title } => self.line(format!("step {step}: {title}")),
            PlanEvent::CallStarted(call) => self.line(format!("call {} {}", call.id, call.arguments)),
            PlanEvent::CallEnded { call, is_error, .. } => {
                self.line(format!("end of call {} {is_error}", call.id))
            }
            PlanEvent::StepEnded { step, end } => self.line(format!("end of step {step} {end:?}")),
            PlanEvent::Progress { fraction, .. } => self.fractions.lock().unwrap().push(fraction),
        }
        Box::pin(async { self.told.notify_one() })
    }
}

impl SideEffects for Diary {
    fn about_to_run<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<(), Refusal>> {
        self.line(format!("record {}", call.id));
        let refused = self.refuse == Some(call.tool.as_str());
        Box::pin(async move {
            if refused { Err(Refusal { message: "the store is full".into() }) } else { Ok(()) }
        })
    }
}

pub(super) fn toolbox() -> Toolbox {
    Toolbox::new(vec![
        fake("echo", Effects::Read, output),
        fake("write", Effects::Write, output),
        fake("fail", Effects::Read, |_| {
            Err(ToolError::BadPath {
                action: "open",
                path: "x".into(),
                source: std::io::Error::other("gone"),
            })
        }),
        fake("sour", Effects::Read, |arguments| {
            let is_error = arguments["sour"] == json!(true);
            Ok(ToolOutput { output: arguments, text: "exit 1".into(), is_error })
        }),
    ])
}

pub(super) struct Bench {
    pub(super) folder: tempfile::TempDir,
    pub(super) toolbox: Toolbox,
    pub(super) diary: Diary,
    pub(super) cancel: CancellationToken,
}

impl Bench {
    pub(super) fn new(toolbox: Toolbox) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            toolbox,
            diary: Diary::default(),
            cancel: CancellationToken::new(),
        }
    }

    /// Loads a plan from its steps and result, with further keys of the plan.
    pub(super) fn library(&self, steps: Value, result: Value, more: Value) -> Library {
        let mut plan = json!({"plan": 1, "description": "d", "steps": steps, "result": result});
        plan.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let skill = self.folder.path().join("try");
        std::fs::create_dir_all(&skill).unwrap();
        std::fs::write(skill.join("SKILL.md"), "---\nname: try\ndescription: d\n---\n").unwrap();
        std::fs::write(skill.join("plan.json"), plan.to_string()).unwrap();
        std::fs::write(skill.join("report.md.j2"), "{% for x in result.list %}- {{ x }}\n{% endfor %}")
            .unwrap();
        Library::load(&[], Some(self.folder.path()), &tool_shapes(&self.toolbox))
    }

    pub(super) async fn run(&self, steps: Value, result: Value, more: Value) -> Outcome {
        let library = self.library(steps, result, more);
        self.run_loaded(&library, json!({})).await
    }

    pub(super) async fn run_loaded(&self, library: &Library, input: Value) -> Outcome {
        let plan = library.get("try").unwrap().plan.as_ref().unwrap();
        let context = ToolContext::new(PathBuf::from("/work"), self.cancel.clone());
        let setting = Setting {
            toolbox: &self.toolbox,
            context: &context,
            task_id: "task_1",
            observer: &self.diary,
            side_effects: &self.diary,
        };
        run(plan, input, setting).await
    }
}
