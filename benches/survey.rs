//! A survey of a tree of 5,000 files in this process, against ripgrep's own crates counting its lines.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use grep_regex::RegexMatcher;
use grep_searcher::{BinaryDetection, Searcher, SearcherBuilder, Sink, SinkMatch};
use ignore::{WalkBuilder, WalkState};
use nexora::plan::{Call, Observer, Outcome, PlanEvent, Refusal, Setting, SideEffects};
use nexora::tools::{BoxFuture, ToolContext, Toolbox};
use process::Spawner;
use process::reaper::Registry;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::place::{Place, product};
use crate::report::{Report, shown};
use crate::timing::{medians, timed};

const ROUNDS: usize = 15;
const FILES: usize = 5_000;
const FOLDERS: usize = 100;

/// Writes a tree as one finds them: several languages, files of 10 to 500 lines, a marker here and there.
fn plant(tree: &Path) -> u64 {
    let endings = ["rs", "py", "ts", "c", "h", "go", "md", "json", "toml", "sh"];
    let mut lines = 0;
    for number in 0..FILES {
        let folder = tree.join(format!("part{:02}/sub{}", number % FOLDERS / 10, number % FOLDERS % 10));
        std::fs::create_dir_all(&folder).unwrap();
        let mut text = String::new();
        for line in 0..10 + number * 37 % 491 {
            match (number + line) % 97 {
                0 => text.push_str("// TODO: look at this again\n"),
                1..=9 => text.push('\n'),
                word => writeln!(text, "    let value_{line} = compute({word}, \"some words in a line\");")
                    .unwrap(),
            }
            lines += 1;
        }
        let name = format!("file{number}.{}", endings[number % endings.len()]);
        std::fs::write(folder.join(name), text).unwrap();
    }
    lines
}

/// Counts matching lines.
struct Count(u64);

impl Sink for Count {
    type Error = std::io::Error;

    fn matched(&mut self, _: &Searcher, _: &SinkMatch<'_>) -> Result<bool, Self::Error> {
        self.0 += 1;
        Ok(true)
    }
}

/// What `rg --count ''` does, by the same crates.
fn count_lines(tree: &Path, threads: usize) -> u64 {
    let total = AtomicU64::new(0);
    let matcher = RegexMatcher::new("").unwrap();
    WalkBuilder::new(tree).threads(threads).build_parallel().run(|| {
        let mut searcher =
            SearcherBuilder::new().line_number(false).binary_detection(BinaryDetection::quit(0)).build();
        let (matcher, total) = (&matcher, &total);
        Box::new(move |entry| {
            let entry = entry.unwrap();
            if entry.file_type().is_some_and(|kind| kind.is_file()) {
                let mut count = Count(0);
                searcher.search_path(matcher, entry.path(), &mut count).unwrap();
                total.fetch_add(count.0, Ordering::Relaxed);
            }
            WalkState::Continue
        })
    });
    total.into_inner()
}

/// Nobody watches.
struct Mute;

impl Observer for Mute {
    fn tell<'a>(&'a self, _: PlanEvent<'a>) -> BoxFuture<'a, ()> {
        Box::pin(std::future::ready(()))
    }
}

impl SideEffects for Mute {
    fn about_to_run<'a>(&'a self, _: &'a Call) -> BoxFuture<'a, Result<(), Refusal>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

async fn survey(tree: &Path, toolbox: &Toolbox, library: &skill::Library, spawner: &Spawner) -> u64 {
    let mut context = ToolContext::new(tree, CancellationToken::new());
    context.spawner = Some(spawner.clone());
    let setting =
        Setting { toolbox, context: &context, task_id: "task_1", observer: &Mute, side_effects: &Mute };
    let plan = library.get("survey").unwrap().plan.as_ref().unwrap();
    match nexora::plan::run(plan, json!({}), setting).await {
        Outcome::Finished { result, .. } => result["totals"]["lines"].as_u64().unwrap(),
        other => panic!("{other:?}"),
    }
}

/// Measures the group.
pub fn measure(place: &Place, report: &mut Report) {
    let tree = place.path("tree");
    let planted = plant(&tree);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let toolbox = nexora::tools::builtin();
    let library = nexora::skills::library(None, &toolbox);
    let spawner = runtime
        .block_on(async {
            Spawner::with_guard(product(), vec![process::guard::WORD.into()], Registry::new())
        })
        .unwrap();
    let floor = |threads: usize| timed(|| assert_eq!(count_lines(&tree, threads), planted));
    let [one, two, surveyed] = medians(
        ROUNDS,
        [&mut || floor(1), &mut || floor(2), &mut || {
            timed(|| {
                let lines = runtime.block_on(survey(&tree, &toolbox, &library, &spawner));
                assert_eq!(lines, planted);
            })
        }],
    );
    let better: Duration = one.min(two);
    report.times("survey of 5,000 files", surveyed, ("lines counted by ripgrep's crates", better), 2.0);
    report.note(format!(
        "the floor of the survey takes {} with one thread, {} with two; {planted} lines",
        shown(one),
        shown(two)
    ));
}
