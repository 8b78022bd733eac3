//! `glob`: the files below a folder whose path fits a pattern.

use globset::GlobBuilder;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::contract::{Contract, Words, answer, contract_methods, schema_texts};
use super::place::{Place, Shown};
use super::skipped::Skipped;
use super::walk::walk;
use super::work::{self, Work};
use super::{BoxFuture, Effects, Tool, ToolContext, ToolError, ToolOutput};

/// The tool.
pub(super) struct Glob {
    contract: Contract,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    pattern: String,
    #[serde(default = "here")]
    path: String,
    #[serde(default = "paths_wanted")]
    limit: usize,
    #[serde(default)]
    include_ignored: bool,
}

fn here() -> String {
    ".".to_owned()
}

fn paths_wanted() -> usize {
    1000
}

#[derive(Debug, Serialize)]
struct Output {
    path: String,
    path_lossy: bool,
    paths: Vec<String>,
    lossy_paths: Vec<String>,
    total: usize,
    truncated: bool,
    skipped: Skipped,
}

impl Glob {
    pub(super) fn new() -> Self {
        let words = Words {
            name: "glob",
            title: "Find files by pattern",
            description: "Finds the files below a folder whose path, seen from that folder, fits a glob: `*` stays \
                          within one name, `**` crosses folders. Follows the tree's ignore rules.",
        };
        Self { contract: Contract::new(words, Effects::Read, &schema_texts!("glob")) }
    }
}

impl Tool for Glob {
    contract_methods!();

    fn call<'a>(
        &'a self,
        arguments: Value,
        context: &'a ToolContext,
    ) -> BoxFuture<'a, Result<ToolOutput, ToolError>> {
        Box::pin(async move {
            let arguments: Arguments = self.contract.parse(&arguments)?;
            let glob = GlobBuilder::new(&arguments.pattern)
                .literal_separator(true)
                .build()
                .map_err(|error| self.contract.bad("/pattern", error.kind().to_string()))?
                .compile_matcher();
            work::run(self.contract.name, context, move |work| find(&arguments, &glob, work)).await
        })
    }
}

fn find(arguments: &Arguments, glob: &globset::GlobMatcher, work: &Work) -> Result<ToolOutput, ToolError> {
    let place = Place::new(&work.cwd, &arguments.path);
    let walked = walk(&place, arguments.include_ignored.into(), work)?;
    let Shown { path, path_lossy } = place.shown();
    let mut output = Output {
        path,
        path_lossy,
        paths: Vec::new(),
        lossy_paths: Vec::new(),
        total: 0,
        truncated: walked.truncated,
        skipped: walked.skipped,
    };
    for file in &walked.files {
        work.check()?;
        if !glob.is_match(file) {
            continue;
        }
        output.total += 1;
        if output.paths.len() == arguments.limit {
            output.truncated = true;
            continue;
        }
        let Shown { path, path_lossy } = place.below(file);
        if path_lossy {
            output.lossy_paths.push(path.clone());
        }
        output.paths.push(path);
    }
    let text = format!("{} files fit `{}`", output.total, arguments.pattern) + &output.skipped.words();
    Ok(answer(&output, text))
}
