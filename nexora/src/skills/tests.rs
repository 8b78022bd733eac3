use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use wire::extension::FailureReason;

use super::*;
use crate::plan::{Call, Failure, Observer, Outcome, PlanEvent, Refusal, Setting, SideEffects, run};
use crate::tools::{BoxFuture, ToolContext, builtin};

#[derive(Default)]
struct Watcher {
    fractions: Mutex<Vec<f64>>,
}

impl Observer for Watcher {
    fn tell<'a>(&'a self, event: PlanEvent<'a>) -> BoxFuture<'a, ()> {
        if let PlanEvent::Progress { fraction, .. } = event {
            self.fractions.lock().unwrap().push(fraction);
        }
        Box::pin(std::future::ready(()))
    }
}

impl SideEffects for Watcher {
    fn about_to_run<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<(), Refusal>> {
        panic!("a survey only reads, and `{}` writes", call.tool);
    }
}

struct Survey {
    result: Value,
    report: String,
    fractions: Vec<f64>,
}

async fn outcome(library: &Library, skill: &str, cwd: &Path, input: Value, watcher: &Watcher) -> Outcome {
    let toolbox = builtin();
    let plan = library.get(skill).unwrap().plan.as_ref().unwrap();
    let context = ToolContext::new(cwd, CancellationToken::new());
    let setting = Setting {
        toolbox: &toolbox,
        context: &context,
        task_id: "task_1",
        observer: watcher,
        side_effects: watcher,
    };
    run(plan, input, setting).await
}

async fn survey_as(library: &Library, skill: &str, cwd: &Path, input: Value) -> Result<Survey, Failure> {
    let watcher = Watcher::default();
    match outcome(library, skill, cwd, input, &watcher).await {
        Outcome::Finished { result, report } => {
            let fractions = watcher.fractions.into_inner().unwrap();
            Ok(Survey { result, report: report.unwrap(), fractions })
        }
        Outcome::Failed(failure) => Err(failure),
        Outcome::Cancelled => panic!("nobody cancelled"),
    }
}

async fn survey(cwd: &Path) -> Survey {
    let library = library(None, &builtin());
    survey_as(&library, "survey", cwd, json!({})).await.unwrap()
}

fn write(root: &Path, name: &str, text: &str) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn small_tree(root: &Path) {
    write(root, "src/main.rs", "fn main() {\n    // TODO: greet\n\n}\n");
    write(root, "src/lib.rs", "//! A library.\n");
    write(root, "tools/run.py", "# FIXME soon\nprint(1)\n");
    write(root, "Cargo.toml", "[package]\nname = \"small\"\n");
    write(root, "README.md", "# Small\n\nA small tree.\n");
}

#[test]
fn the_bundled_skills_load() {
    let library = library(None, &builtin());
    for summary in library.summaries() {
        assert_eq!(summary.problems, [], "{}", summary.name);
        assert_eq!((summary.plan, summary.effects), (true, Some(Effects::Read)));
    }
    assert!(library.problems().is_empty());
}

#[test]
fn the_published_schema_is_the_skills_own() {
    let published = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas/survey.schema.json");
    assert_eq!(fs::read_to_string(published).unwrap(), SURVEY_SCHEMA);
}

#[tokio::test]
async fn an_empty_folder_has_a_survey() {
    let folder = tempfile::tempdir().unwrap();
    let survey = survey(folder.path()).await;
    assert_eq!(survey.result["totals"], json!({"files": 0, "lines": 0, "blank": 0, "bytes": 0}));
    for (key, empty) in
        [("languages", json!({})), ("largest", json!([])), ("markers", json!([])), ("licences", json!([]))]
    {
        assert_eq!(survey.result[key], empty, "{key}");
    }
    assert_eq!(survey.result["readme"], json!({"path": null, "text": null}));
    assert!(survey.result["git"].is_null() && survey.result["git_reason"].is_string());
    assert!(
        survey.report.contains("0 files with 0 lines") && survey.report.contains("No source code was found")
    );
}

#[tokio::test]
async fn a_small_tree_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    small_tree(folder.path());
    let survey = survey(folder.path()).await;
    assert_eq!(survey.result["languages"]["Rust"]["lines"], 5);
    assert_eq!(survey.result["languages"]["Python"]["files"], 1);
    assert_eq!(survey.result["markers_total"], json!({"TODO": 1, "FIXME": 1}));
    assert_eq!(survey.result["markers"][0]["path"], "src/main.rs");
    assert_eq!(survey.result["build_systems"][0]["kind"], "cargo");
    assert_eq!(survey.result["readme"]["text"], "# Small\n\nA small tree.\n");
    let names: Vec<&str> =
        survey.result["layout"].as_array().unwrap().iter().map(|e| e["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Cargo.toml", "README.md", "src", "tools"]);
    for part in
        ["| Rust | 2 | 5 | 1 |", "- `src/main.rs:2` `// TODO: greet`", "- `src/main.rs`: 4 lines of Rust"]
    {
        assert!(survey.report.contains(part), "{part} is not in\n{}", survey.report);
    }
}

#[tokio::test]
async fn progress_has_at_least_five_rising_values_even_for_an_empty_folder() {
    let folder = tempfile::tempdir().unwrap();
    let told = survey(folder.path()).await.fractions;
    assert!(told.len() >= 5 && told.windows(2).all(|pair| pair[0] < pair[1]), "{told:?}");
    assert_eq!(told.last(), Some(&1.0));
}

#[tokio::test]
async fn a_single_file_and_an_input_are_surveyed() {
    let folder = tempfile::tempdir().unwrap();
    small_tree(folder.path());
    let library = library(None, &builtin());
    let one = survey_as(&library, "survey", folder.path(), json!({"path": "src/main.rs"})).await.unwrap();
    assert_eq!((&one.result["totals"]["files"], &one.result["layout"]), (&json!(1), &json!([])));
    let part = survey_as(&library, "survey", folder.path(), json!({"path": "tools"})).await.unwrap();
    assert_eq!(part.result["markers"][0]["path"], "tools/run.py");
    let check = async |input: Value, part: &str| {
        let failure = survey_as(&library, "survey", folder.path(), input)
            .await
            .map(|survey| survey.result)
            .unwrap_err();
        assert_eq!(failure.reason, FailureReason::AgentError);
        assert!(failure.to_string().contains(part), "{failure}");
    };
    check(json!({"path": "nope"}), "step `stats`: steps[1]").await;
    check(json!({"pth": "."}), "unknown key `pth` (known: `path`)").await;
}

#[tokio::test]
async fn a_copied_survey_with_another_step_gives_another_result() {
    let (folder, skills) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    small_tree(folder.path());
    let copy = skills.path().join("my-survey");
    for (name, text) in BUNDLED[0].files {
        let text = text
            .replace("name: survey\n", "name: my-survey\n")
            .replace(r#"["TODO", "FIXME"]"#, r#"["library"]"#);
        write(&copy, name, &text);
    }
    let library = library(Some(skills.path()), &builtin());
    let own = survey_as(&library, "survey", folder.path(), json!({})).await.unwrap();
    let mine = survey_as(&library, "my-survey", folder.path(), json!({})).await.unwrap();
    assert_eq!(own.result["totals"], mine.result["totals"]);
    assert_eq!(own.result["markers_total"], json!({"TODO": 1, "FIXME": 1}));
    assert_eq!(mine.result["markers_total"], json!({"library": 1}));
    assert_eq!(mine.result["markers"][0]["path"], "src/lib.rs");
}

#[tokio::test]
async fn a_hostile_tree_is_surveyed() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    small_tree(root);
    write(root, "esc\u{1b}[31m\nTODO`.rs", "// TODO \u{1b}]0;title\u{7} `x`\n");
    let bytes = Path::new(std::ffi::OsStr::from_bytes(b"b\xff\xfe.rs")).to_owned();
    fs::write(root.join(bytes), "x\n").unwrap();
    fs::File::create(root.join("huge.rs")).unwrap().set_len(1 << 30).unwrap();
    std::os::unix::fs::symlink("..", root.join("src/up")).unwrap();
    std::os::unix::fs::symlink("/etc", root.join("etc")).unwrap();
    std::os::unix::fs::symlink("loop", root.join("loop")).unwrap();
    let survey = survey(root).await;
    assert_eq!(survey.result["languages"]["Rust"], json!({"files": 4, "lines": 7, "blank": 1, "bytes": 74}));
    assert_eq!(survey.result["skipped"]["link"], 3);
    let unprintable = |c: &char| c.is_control() && *c != '\n';
    assert_eq!(survey.report.chars().find(unprintable), None, "{}", survey.report);
    assert!(survey.report.contains("esc\\u{1b}[31m\\nTODO"), "{}", survey.report);
}

/// Counts lines by another way than the tools: every file of the tree, by its extension.
fn counted(root: &Path, extension: &str) -> (u64, u64) {
    let mut folders = vec![PathBuf::from(root)];
    let (mut files, mut lines) = (0, 0);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|known| known == extension) {
                files += 1;
                lines += fs::read_to_string(path).unwrap().lines().count() as u64;
            }
        }
    }
    (files, lines)
}

#[tokio::test]
async fn totals_equal_those_of_an_independent_counter() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let survey = survey(&root).await;
    let rust = &survey.result["languages"]["Rust"];
    assert_eq!((rust["files"].as_u64(), rust["lines"].as_u64()), {
        let (files, lines) = counted(&root, "rs");
        (Some(files), Some(lines))
    });
    let sums =
        survey.result["languages"].as_object().unwrap().values().fold(BTreeMap::new(), |mut sums, row| {
            for (key, count) in row.as_object().unwrap() {
                *sums.entry(key.clone()).or_insert(0) += count.as_u64().unwrap();
            }
            sums
        });
    assert_eq!(survey.result["totals"], json!(sums));
}

#[tokio::test]
async fn the_example_of_a_users_skill_runs() {
    let folder = tempfile::tempdir().unwrap();
    small_tree(folder.path());
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/skills");
    let library = library(Some(&examples), &builtin());
    assert!(
        library.summaries().iter().all(|summary| summary.problems.is_empty()),
        "{:?}",
        library.summaries()
    );
    let open = survey_as(&library, "open-work", folder.path(), json!({})).await.unwrap();
    assert_eq!(open.result["by_word"], json!({"TODO": 1, "FIXME": 1, "HACK": 0, "XXX": 0}));
    assert_eq!(open.result["heads"].as_array().unwrap().len(), 2);
    assert!(open.report.contains("- `tools/run.py:1` `# FIXME soon`"), "{}", open.report);
    let none = survey_as(&library, "open-work", folder.path(), json!({"words": ["NOPE"]})).await.unwrap();
    assert_eq!((&none.result["heads"], &none.result["places"]), (&json!([]), &json!([])));
    assert!(none.report.contains("Nothing is marked."));
    assert!(survey_as(&library, "open-work", folder.path(), json!({"words": []})).await.is_err());
}
