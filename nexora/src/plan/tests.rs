//! The interpreter with fake tools: order, limits, cancel, progress, prompts.

mod fakes;

use std::path::PathBuf;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use wire::extension::{FailureReason, PromptMeta};

use super::*;
use crate::tools::{BoxFuture, Effects, ToolContext, Toolbox};
use fakes::{Bench, Gate, fake, output, toolbox};

fn finished(outcome: Outcome) -> Value {
    match outcome {
        Outcome::Finished { result, .. } => result,
        other => panic!("{other:?}"),
    }
}

fn failure(outcome: Outcome) -> Failure {
    match outcome {
        Outcome::Failed(failure) => failure,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn steps_run_in_order_and_see_earlier_results() {
    let bench = Bench::new(toolbox());
    let steps = json!([
        {"id": "one", "tool": "echo", "arguments": {"n": 2, "cwd": "{{ task.cwd }}", "task": "{{ task.id }}"}, "title": "First"},
        {"id": "two", "tool": "echo", "arguments": {"n": "{{ steps.one.output.n * 3 }}"}}
    ]);
    let result = json!({"n": "{{ steps.two.output.n }}", "one": "{{ steps.one.output }}", "text": "{{ steps.two.text }}"});
    let result = finished(bench.run(steps, result, json!({})).await);
    assert_eq!(
        result,
        json!({"n": 6, "one": {"n": 2, "cwd": "/work", "task": "task_1"}, "text": "{\"n\":6}"})
    );
    assert_eq!(
        bench.diary.lines(),
        [
            "step one: First",
            r#"call one {"n":2,"cwd":"/work","task":"task_1"}"#,
            "end of call one false",
            "end of step one Done",
            "step two: A fake",
            r#"call two {"n":6}"#,
            "end of call two false",
            "end of step two Done",
        ]
    );
    assert_eq!(bench.diary.fractions(), [1.0 / 3.0, 2.0 / 3.0, 1.0]);
}

#[tokio::test]
async fn a_step_whose_condition_is_false_is_skipped() {
    let bench = Bench::new(toolbox());
    let steps = json!([
        {"id": "one", "tool": "echo", "arguments": {"list": []}},
        {"id": "two", "tool": "fail", "when": "{{ steps.one.output.list }}"},
        {"id": "three", "tool": "echo", "when": "{{ steps.two.skipped }}", "arguments": {"ran": true}}
    ]);
    let result = json!(["{{ steps.two.skipped }}", "{{ steps.two.output }}", "{{ steps.three.output.ran }}"]);
    assert_eq!(finished(bench.run(steps, result, json!({})).await), json!([true, null, true]));
    assert!(bench.diary.lines().contains(&"end of step two Skipped".to_owned()));
}

#[tokio::test]
async fn foreach_calls_once_for_each_item_in_order() {
    let bench = Bench::new(toolbox());
    let steps = json!([
        {"id": "list", "tool": "echo", "arguments": {"items": [{"p": "a"}, {"p": "b"}]}},
        {"id": "each", "tool": "echo", "foreach": "{{ steps.list.output.items }}", "as": "file", "arguments": {"path": "{{ file.p }}"}},
        {"id": "plain", "tool": "echo", "foreach": "{{ range(2) }}", "arguments": {"n": "{{ item }}"}},
        {"id": "none", "tool": "fail", "foreach": "{{ [] }}"}
    ]);
    let result = json!({
        "each": "{{ steps.each.output | map(attribute='path') }}",
        "plain": "{{ steps.plain.output }}",
        "none": "{{ steps.none.output }}"
    });
    let result = finished(bench.run(steps, result, json!({})).await);
    assert_eq!(result, json!({"each": ["a", "b"], "plain": [{"n": 0}, {"n": 1}], "none": []}));
    assert!(bench.diary.lines().contains(&r#"call each-2 {"path":"b"}"#.to_owned()));
}

#[tokio::test]
async fn on_error_continues_or_fails() {
    let bench = Bench::new(toolbox());
    let steps = json!([
        {"id": "one", "tool": "fail", "on_error": "continue"},
        {"id": "two", "tool": "sour", "arguments": {"sour": true}, "on_error": "continue"},
        {"id": "each", "tool": "sour", "foreach": "{{ [true, false] }}", "arguments": {"sour": "{{ item }}"}, "on_error": "continue"}
    ]);
    let result = json!([
        "{{ steps.one.is_error }}",
        "{{ steps.one.output }}",
        "{{ steps.one.text }}",
        "{{ steps.two.is_error }}",
        "{{ steps.two.output.sour }}",
        "{{ steps.each.is_error }}",
        "{{ steps.each.output | length }}"
    ]);
    assert_eq!(
        finished(bench.run(steps, result, json!({})).await),
        json!([true, null, "open `x`: gone", true, true, true, 2])
    );

    let check = async |step: Value, message: &str| {
        let bench = Bench::new(toolbox());
        let steps = json!([{"id": "zero", "tool": "echo"}, step, {"id": "later", "tool": "echo"}]);
        let failure = failure(bench.run(steps, json!({}), json!({})).await);
        assert_eq!((failure.reason, failure.step.as_deref()), (FailureReason::AgentError, Some("it")));
        assert_eq!(failure.to_string(), message);
        assert!(!bench.diary.lines().iter().any(|line| line.contains("later")));
    };
    check(json!({"id": "it", "tool": "fail"}), "step `it`: steps[1]: open `x`: gone").await;
    check(
        json!({"id": "it", "tool": "sour", "arguments": {"sour": true}}),
        "step `it`: steps[1]: `sour`: exit 1",
    )
    .await;
    check(
        json!({"id": "it", "tool": "echo", "arguments": {"a": ["{{ steps.zero.output.nope }}"]}}),
        "step `it`: steps[1].arguments.a[0]: `steps.zero.output.nope` is undefined",
    )
    .await;
    check(
        json!({"id": "it", "tool": "echo", "when": "{{ steps.zero.output.nope }}"}),
        "step `it`: steps[1].when: `steps.zero.output.nope` is undefined",
    )
    .await;
    check(
        json!({"id": "it", "tool": "echo", "foreach": "{{ steps.zero.output }}"}),
        "step `it`: steps[1].foreach: `steps.zero.output` gives an object, not a list",
    )
    .await;
}

#[tokio::test]
async fn input_gets_its_defaults_and_is_checked() {
    let bench = Bench::new(toolbox());
    let more = json!({"input": {
        "type": "object",
        "properties": {"path": {"type": "string", "default": "."}, "deep": {"type": "object", "properties": {"n": {"default": 1}}}},
        "additionalProperties": false
    }});
    let library = bench.library(json!([{"id": "one", "tool": "echo"}]), json!("{{ input }}"), more);
    let run = async |input: Value| bench.run_loaded(&library, input).await;
    assert_eq!(finished(run(json!({})).await), json!({"path": "."}));
    assert_eq!(finished(run(json!({"deep": {}})).await), json!({"deep": {"n": 1}, "path": "."}));
    let failure = failure(run(json!({"path": 7})).await);
    assert_eq!(failure.place.as_deref(), Some("input"));
    assert!(failure.message.contains("`/path`: a string is expected"), "{failure}");
}

#[tokio::test]
async fn the_result_must_fit_and_the_report_is_rendered() {
    let bench = Bench::new(toolbox());
    let more = json!({"result_schema": {"properties": {"list": {"items": {"type": "integer"}}}}, "report": "report.md.j2"});
    let step = json!([{"id": "one", "tool": "echo", "arguments": {"list": [1, 2]}}]);
    match bench.run(step.clone(), json!({"list": "{{ steps.one.output.list }}"}), more.clone()).await {
        Outcome::Finished { report, .. } => assert_eq!(report.as_deref(), Some("- 1\n- 2\n")),
        other => panic!("{other:?}"),
    }
    let wrong = failure(bench.run(step.clone(), json!({"list": [1, "x"]}), more.clone()).await);
    assert_eq!(wrong.reason, FailureReason::InvalidResult);
    assert_eq!(wrong.place.as_deref(), Some("result.list[1]"));
    let wrong = failure(bench.run(step.clone(), json!({}), more.clone()).await);
    assert_eq!((wrong.reason, wrong.place.as_deref()), (FailureReason::AgentError, Some("report line 1")));
    let wrong = failure(bench.run(step, json!({"list": ["{{ steps.one.output.nope }}"]}), more).await);
    assert_eq!(wrong.place.as_deref(), Some("result.list[0]"));
}

#[tokio::test]
async fn a_call_with_side_effects_is_recorded_before_it_runs() {
    let bench = Bench::new(toolbox());
    let steps = json!([{"id": "one", "tool": "echo"}, {"id": "two", "tool": "write"}]);
    finished(bench.run(steps.clone(), json!({}), json!({})).await);
    let lines = bench.diary.lines();
    let at = |line: &str| lines.iter().position(|known| known == line).unwrap();
    assert!(at("call two {}") < at("record two") && at("record two") < at("end of call two false"));
    assert!(!lines.contains(&"record one".to_owned()));

    let mut bench = Bench::new(Toolbox::new(vec![
        fake("echo", Effects::Read, output),
        fake("write", Effects::Write, |_| panic!("ran without a record")),
    ]));
    bench.diary.refuse = Some("write");
    let failure = failure(bench.run(steps, json!({}), json!({})).await);
    assert_eq!((failure.reason, failure.step.as_deref()), (FailureReason::Denied, Some("two")));
    assert!(failure.message.contains("the store is full"), "{failure}");
}

#[tokio::test]
async fn limits_are_checked_before_each_call() {
    let bench = Bench::new(toolbox());
    let steps = json!([{"id": "each", "tool": "echo", "foreach": "{{ range(5) }}"}]);
    let failure = failure(bench.run(steps, json!({}), json!({"limits": {"steps": 3}})).await);
    assert_eq!(failure.reason, FailureReason::LimitReached);
    assert_eq!(bench.diary.lines().iter().filter(|line| line.starts_with("call")).count(), 3);
}

fn gate() -> (Toolbox, Arc<Notify>, watch::Sender<u64>, CancellationToken) {
    let (reached, (count, counts), open) =
        (Arc::new(Notify::new()), watch::channel(0), CancellationToken::new());
    let gate = Gate {
        reached: reached.clone(),
        count: counts,
        open: open.clone(),
        schema: json!({"type": "object"}),
    };
    (Toolbox::new(vec![Box::new(gate)]), reached, count, open)
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_ended() {
    let (toolbox, ..) = gate();
    let bench = Bench::new(toolbox);
    let steps = json!([{"id": "one", "tool": "gate", "timeout": "20ms", "arguments": {"deaf": true}}]);
    let timed_out = failure(bench.run(steps, json!({}), json!({})).await);
    assert_eq!(
        (timed_out.reason, timed_out.place.as_deref()),
        (FailureReason::TimedOut, Some("steps[0].timeout"))
    );

    let steps = json!([{"id": "one", "tool": "gate", "timeout": "20ms", "on_error": "continue"}]);
    assert_eq!(finished(bench.run(steps, json!("{{ steps.one.is_error }}"), json!({})).await), json!(true));

    let steps = json!([{"id": "one", "tool": "gate", "on_error": "continue"}]);
    let timed_out = failure(bench.run(steps, json!({}), json!({"limits": {"wall": "20ms"}})).await);
    assert_eq!(
        (timed_out.reason, timed_out.place.as_deref()),
        (FailureReason::TimedOut, Some("limits.wall"))
    );
}

#[tokio::test]
async fn cancel_ends_a_run_at_once() {
    let (toolbox, reached, ..) = gate();
    let bench = Bench::new(toolbox);
    let steps = json!([{"id": "one", "tool": "gate"}, {"id": "two", "tool": "gate"}]);
    let library = bench.library(steps, json!({}), json!({}));
    let (outcome, ()) = tokio::join!(bench.run_loaded(&library, json!({})), async {
        reached.notified().await;
        bench.cancel.cancel();
    });
    assert_eq!(outcome, Outcome::Cancelled);
    assert_eq!(bench.run_loaded(&library, json!({})).await, Outcome::Cancelled);
    assert!(!bench.diary.lines().iter().any(|line| line.contains("two")));
}

/// Answers nothing, as a client does that has stopped reading.
struct Silent {
    reached: Notify,
}

impl Observer for Silent {
    fn tell<'a>(&'a self, _: PlanEvent<'a>) -> BoxFuture<'a, ()> {
        self.reached.notify_one();
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn cancel_ends_a_run_whose_watcher_does_not_answer() {
    let bench = Bench::new(toolbox());
    let library = bench.library(json!([{"id": "one", "tool": "echo"}]), json!({}), json!({}));
    let silent = Silent { reached: Notify::new() };
    let context = ToolContext::new(PathBuf::from("/work"), bench.cancel.clone());
    let setting = Setting {
        toolbox: &bench.toolbox,
        context: &context,
        task_id: "task_1",
        observer: &silent,
        side_effects: &bench.diary,
    };
    let plan = library.get("try").unwrap().plan.as_ref().unwrap();
    let (outcome, ()) = tokio::join!(run(plan, json!({}), setting), async {
        silent.reached.notified().await;
        bench.cancel.cancel();
    });
    assert_eq!(outcome, Outcome::Cancelled);
}

#[tokio::test]
async fn progress_follows_the_entries_and_nothing_is_told_while_a_step_is_blocked() {
    let (toolbox, reached, count, open) = gate();
    let bench = Bench::new(toolbox);
    let library = bench.library(json!([{"id": "one", "tool": "gate"}]), json!({}), json!({}));
    let (outcome, ()) = tokio::join!(bench.run_loaded(&library, json!({})), async {
        reached.notified().await;
        // The gate is blocked: whatever runs now, there is nothing to tell.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert!(bench.diary.fractions().is_empty());
        for round in 1..=5 {
            count.send(round * 200).unwrap();
            while bench.diary.fractions().len() < round as usize {
                bench.diary.told.notified().await;
            }
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            assert_eq!(bench.diary.fractions().len(), round as usize);
        }
        open.cancel();
    });
    finished(outcome);
    let told = bench.diary.fractions();
    assert!(told.windows(2).all(|pair| pair[0] < pair[1]), "{told:?}");
    assert_eq!((told.len(), told.last()), (7, Some(&1.0)));
}

fn asked(prompt: &str, meta: Option<&PromptMeta>) -> Result<Value, Failure> {
    let bench = Bench::new(toolbox());
    let more = json!({"input": {"type": "object"}});
    std::fs::create_dir_all(bench.folder.path().join("prose")).unwrap();
    std::fs::write(bench.folder.path().join("prose/SKILL.md"), "---\nname: prose\ndescription: d\n---\n")
        .unwrap();
    std::fs::create_dir_all(bench.folder.path().join("broken")).unwrap();
    let library = bench.library(json!([{"id": "one", "tool": "echo"}]), json!({}), more);
    resolve(prompt, meta, &library).map(|(_, input)| input)
}

#[test]
fn a_prompt_runs_a_skill_only_by_its_name() {
    for prompt in ["try", "/try", "  try \n", "try {}", "/try\n{ }"] {
        assert_eq!(asked(prompt, None).unwrap(), json!({}), "{prompt}");
    }
    assert_eq!(asked("try {\"path\": \"a b\"}", None).unwrap(), json!({"path": "a b"}));
    for prompt in [
        "",
        "please try",
        "try it",
        "try [1]",
        "try {} {}",
        "try{}",
        "//try",
        "Try",
        "try {",
        "/nope",
        "fix the bug",
        "/prose",
        "prose x",
        "/broken",
    ] {
        let failure = asked(prompt, None).unwrap_err();
        assert_eq!(failure.reason, FailureReason::NotConfigured, "{prompt}");
        assert!(failure.hint.is_some(), "{prompt}");
    }
    let hint = asked("fix the bug", None).unwrap_err().hint.unwrap();
    assert!(hint.contains("`try`") && !hint.contains("`prose`") && hint.contains("[agents.NAME]"), "{hint}");
    let deep = format!("try {{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200));
    assert!(asked(&deep, None).unwrap_err().message.contains("128 levels"));
}

#[test]
fn what_the_host_says_goes_before_the_words() {
    let meta = |skill: &str, input: Option<Value>| PromptMeta {
        skill: Some(skill.into()),
        input,
        ..PromptMeta::default()
    };
    assert_eq!(asked("any words", Some(&meta("try", Some(json!({"a": 1}))))).unwrap(), json!({"a": 1}));
    assert_eq!(asked("any words", Some(&meta("try", None))).unwrap(), json!({}));
    let failure = asked("try", Some(&meta("nope", None))).unwrap_err();
    assert!(failure.message.contains("no skill `nope`"), "{failure}");
    assert_eq!(asked("try", Some(&PromptMeta::default())).unwrap(), json!({}));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn every_plan_of_echoes_ends_with_rising_progress(skips in prop::collection::vec(any::<bool>(), 1..20)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let bench = Bench::new(toolbox());
        let steps: Vec<Value> = skips.iter().enumerate().map(|(n, skip)| {
            json!({"id": format!("s{n}"), "tool": "echo", "when": format!("{{{{ {} }}}}", !skip), "arguments": {"n": n}})
        }).collect();
        let result: Vec<String> = (0..skips.len()).map(|n| format!("{{{{ steps.s{n}.skipped }}}}")).collect();
        let outcome = runtime.block_on(bench.run(json!(steps), json!(result), json!({})));
        prop_assert_eq!(finished(outcome), json!(skips));
        let told = bench.diary.fractions();
        prop_assert_eq!(told.len(), skips.len() + 1);
        prop_assert!(told.windows(2).all(|pair| pair[0] < pair[1]));
        prop_assert_eq!(told.last(), Some(&1.0));
        prop_assert_eq!(bench.diary.lines().iter().filter(|line| line.starts_with("end of step")).count(), skips.len());
    }
}
