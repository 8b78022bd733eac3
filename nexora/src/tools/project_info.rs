//! `project_info`: the build systems of a tree with how their tests are run, and its licences.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::contract::{Contract, Words, answer, contract_methods, schema_texts};
use super::place::{Place, Shown};
use super::skipped::Skipped;
use super::walk::walk;
use super::work::{self, Work};
use super::{BoxFuture, Effects, Tool, ToolContext, ToolError, ToolOutput};

mod build;
mod licence;
mod manifest;
mod tree;

use build::BuildSystem;
use licence::LicenceFile;
use tree::Tree;

/// The tool.
pub(super) struct ProjectInfo {
    contract: Contract,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Arguments {
    path: String,
    limit: usize,
    include_ignored: bool,
}

impl Default for Arguments {
    fn default() -> Self {
        Self { path: ".".to_owned(), limit: 200, include_ignored: false }
    }
}

#[derive(Debug, Serialize)]
struct Output {
    path: String,
    path_lossy: bool,
    build_systems: Vec<BuildSystem>,
    licences: Vec<LicenceFile>,
    readme: Option<String>,
    files: usize,
    truncated: bool,
    skipped: Skipped,
}

impl ProjectInfo {
    pub(super) fn new() -> Self {
        let words = Words {
            name: "project_info",
            title: "Describe a project",
            description: "Finds the build systems of a tree, nested ones too, says how their tests are run, and \
                          tells licences by their text.",
        };
        Self { contract: Contract::new(words, Effects::Read, &schema_texts!("project_info")) }
    }
}

impl Tool for ProjectInfo {
    contract_methods!();

    fn call<'a>(
        &'a self,
        arguments: Value,
        context: &'a ToolContext,
    ) -> BoxFuture<'a, Result<ToolOutput, ToolError>> {
        Box::pin(async move {
            let arguments: Arguments = self.contract.parse(&arguments)?;
            work::run(self.contract.name, context, move |work| describe(&arguments, work)).await
        })
    }
}

fn describe(arguments: &Arguments, work: &Work) -> Result<ToolOutput, ToolError> {
    let place = Place::new(&work.cwd, &arguments.path);
    let walked = walk(&place, arguments.include_ignored.into(), work)?;
    let Shown { path, path_lossy } = place.shown();
    let files = walked.files.len();
    let mut tree = Tree::new(&place, &walked.files, walked.skipped);
    let mut build_systems = build::find(&mut tree, work)?;
    let mut licences = licence::find(&mut tree, work)?;
    let truncated =
        walked.truncated || build_systems.len() > arguments.limit || licences.len() > arguments.limit;
    build_systems.truncate(arguments.limit);
    licences.truncate(arguments.limit);
    let readme = tree.readme();
    let output = Output {
        path,
        path_lossy,
        build_systems,
        licences,
        readme,
        files,
        truncated,
        skipped: tree.into_skipped(),
    };
    let text = words(&output);
    Ok(answer(&output, text))
}

fn words(output: &Output) -> String {
    let mut kinds: Vec<&str> = output.build_systems.iter().map(|found| found.name).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let mut licences: Vec<&str> = output.licences.iter().filter_map(|found| found.licence).collect();
    licences.sort_unstable();
    licences.dedup();
    let or_none = |words: Vec<&str>| if words.is_empty() { "none".to_owned() } else { words.join(", ") };
    format!("build systems: {}; licences: {}", or_none(kinds), or_none(licences)) + &output.skipped.words()
}
