//! Plans with the real tools, children and all.

use std::path::Path;
use std::sync::Mutex;

use nexora::plan::{Call, Observer, Outcome, PlanEvent, Refusal, Setting, SideEffects, run};
use nexora::tools::{BoxFuture, builtin};
use serde_json::{Value, json};
use tokio::net::unix::pipe;
use wire::extension::FailureReason;

use crate::git::{commit_all, git};
use crate::support::{Bench, PATIENCE, fifo};

/// Keeps what was told.
#[derive(Default)]
struct Ledger {
    recorded: Mutex<Vec<Value>>,
}

impl Observer for Ledger {
    fn tell<'a>(&'a self, _: PlanEvent<'a>) -> BoxFuture<'a, ()> {
        Box::pin(std::future::ready(()))
    }
}

impl SideEffects for Ledger {
    fn about_to_run<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<(), Refusal>> {
        self.recorded.lock().unwrap().push(json!([call.id, call.tool, call.arguments]));
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Writes a skill `try` with this plan.
fn skill(folder: &Path, steps: Value, result: Value) {
    let plan = json!({
        "plan": 1,
        "description": "d",
        "input": {"type": "object", "properties": {"name": {"type": "string"}}},
        "steps": steps,
        "result": result
    });
    std::fs::create_dir_all(folder.join("try")).unwrap();
    std::fs::write(folder.join("try/SKILL.md"), "---\nname: try\ndescription: d\n---\n").unwrap();
    std::fs::write(folder.join("try/plan.json"), plan.to_string()).unwrap();
}

async fn outcome(bench: &Bench, skills: Option<&Path>, name: &str, input: Value, ledger: &Ledger) -> Outcome {
    let toolbox = builtin();
    let library = nexora::skills::library(skills, &toolbox);
    let plan = library.get(name).unwrap().plan.as_ref().unwrap();
    let setting = Setting {
        toolbox: &toolbox,
        context: &bench.context,
        task_id: "task_1",
        observer: ledger,
        side_effects: ledger,
    };
    tokio::time::timeout(PATIENCE, run(plan, input, setting)).await.expect("the plan ends in time")
}

#[tokio::test]
async fn a_survey_of_a_repository_tells_its_last_commits() {
    let bench = Bench::new().with_children();
    git(bench.path(), &["init", "-q"]);
    bench.write("main.rs", "fn main() {}\n");
    commit_all(bench.path(), "First `words`\n\nand a body");
    bench.write("other.rs", "// FIXME\n");
    let (result, report) = match outcome(&bench, None, "survey", json!({}), &Ledger::default()).await {
        Outcome::Finished { result, report } => (result, report.unwrap()),
        other => panic!("{other:?}"),
    };
    assert_eq!((&result["git"]["branch"], &result["git"]["changed_total"]), (&json!("main"), &json!(1)));
    assert_eq!(result["git"]["commits"][0]["subject"], "First `words`");
    assert_eq!(result["git_reason"], Value::Null);
    assert!(report.contains("On `main`, 1 files changed"), "{report}");
    assert!(report.contains("2026-01-02 A Tester: First `words`"), "{report}");
}

#[tokio::test]
async fn a_value_reaches_a_script_and_is_never_run() {
    let (bench, skills) = (Bench::new().with_children(), tempfile::tempdir().unwrap());
    let command = r#"printf '%s' "$NAME" > "name.txt"; printf '%s' "$NAME" "${#NAME}""#;
    let steps = json!([
        {"id": "write", "tool": "bash", "arguments": {"command": command, "env": {"NAME": "{{ input.name }}"}}},
        {"id": "read", "tool": "view", "arguments": {"path": "name.txt"}}
    ]);
    skill(
        skills.path(),
        steps,
        json!({"out": "{{ steps.write.output.stdout }}", "read": "{{ steps.read.output.text }}"}),
    );
    let name = "$(touch pwned) `touch pwned`; touch pwned '\"\n{{ input }}";
    let ledger = Ledger::default();
    match outcome(&bench, Some(skills.path()), "try", json!({"name": name}), &ledger).await {
        Outcome::Finished { result, .. } => {
            assert_eq!(result, json!({"out": format!("{name}{}", name.len()), "read": name}));
        }
        other => panic!("{other:?}"),
    }
    assert!(!bench.path().join("pwned").exists());
    let recorded = ledger.recorded.into_inner().unwrap();
    assert_eq!(recorded, [json!(["write", "bash", {"command": command, "env": {"NAME": name}}])]);
}

#[tokio::test]
async fn a_script_that_fails_fails_its_step_with_the_exit_code() {
    let (bench, skills) = (Bench::new().with_children(), tempfile::tempdir().unwrap());
    let steps = json!([{"id": "one", "tool": "bash", "arguments": {"command": "exit 7"}}]);
    skill(skills.path(), steps, json!({}));
    match outcome(&bench, Some(skills.path()), "try", json!({}), &Ledger::default()).await {
        Outcome::Failed(failure) => {
            assert_eq!((failure.reason, failure.step.as_deref()), (FailureReason::AgentError, Some("one")));
            assert!(failure.to_string().contains("exit code 7"), "{failure}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_cancelled_plan_leaves_nothing_of_its_script() {
    let (bench, skills) = (Bench::new().with_children(), tempfile::tempdir().unwrap());
    fifo(&bench.path().join("ready"));
    let command = r#"exec 9>held; flock 9; trap "" TERM HUP; echo > ready; while :; do sleep 1000; done"#;
    let steps = json!([{"id": "one", "tool": "bash", "arguments": {"command": command}}]);
    skill(skills.path(), steps, json!({}));
    // Opened for both, so that neither side waits for the other to come.
    let ready = pipe::OpenOptions::new().read_write(true).open_receiver(bench.path().join("ready")).unwrap();
    let ledger = Ledger::default();
    let (outcome, ()) =
        tokio::join!(outcome(&bench, Some(skills.path()), "try", json!({}), &ledger), async {
            tokio::time::timeout(PATIENCE, ready.readable()).await.expect("the script runs").unwrap();
            bench.context.cancel.cancel();
        });
    assert_eq!(outcome, Outcome::Cancelled);
    // The guard ends the script; whoever waits for the lock learns when the last of it is gone.
    let held = std::fs::File::options().append(true).open(bench.path().join("held")).unwrap();
    let free = tokio::task::spawn_blocking(move || held.lock());
    tokio::time::timeout(PATIENCE, free).await.expect("nothing holds the lock").unwrap().unwrap();
}
