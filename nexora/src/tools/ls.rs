//! `ls`: the entries of one folder, sorted.

use std::ffi::OsString;
use std::fs::FileType;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::contract::{Contract, Words, answer, contract_methods, schema_texts};
use super::place::{Place, Shown, shown};
use super::work::{self, Counted, Work};
use super::{BoxFuture, Effects, Tool, ToolContext, ToolError, ToolOutput};

/// How many names of one folder are read at all.
const NAMES_MAX: usize = 1_000_000;

/// The tool.
pub(super) struct Ls {
    contract: Contract,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Arguments {
    path: String,
    limit: usize,
}

impl Default for Arguments {
    fn default() -> Self {
        Self { path: ".".to_owned(), limit: 1000 }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    File,
    Folder,
    Link,
    Special,
}

#[derive(Debug, Serialize)]
struct Entry {
    name: String,
    path: String,
    path_lossy: bool,
    kind: Kind,
    bytes: Option<u64>,
    target: Option<String>,
}

#[derive(Debug, Serialize)]
struct Output {
    path: String,
    path_lossy: bool,
    entries: Vec<Entry>,
    total: usize,
    truncated: bool,
}

impl Ls {
    pub(super) fn new() -> Self {
        let words = Words {
            name: "ls",
            title: "List a folder",
            description: "Lists the entries of one folder, hidden ones included, sorted by name.",
        };
        Self { contract: Contract::new(words, Effects::Read, &schema_texts!("ls")) }
    }
}

impl Tool for Ls {
    contract_methods!();

    fn call<'a>(
        &'a self,
        arguments: Value,
        context: &'a ToolContext,
    ) -> BoxFuture<'a, Result<ToolOutput, ToolError>> {
        Box::pin(async move {
            let arguments: Arguments = self.contract.parse(&arguments)?;
            work::run(self.contract.name, context, move |work| list(&arguments, work)).await
        })
    }
}

fn list(arguments: &Arguments, work: &Work) -> Result<ToolOutput, ToolError> {
    let place = Place::new(&work.cwd, &arguments.path);
    let bad_path = |source| ToolError::BadPath { action: "list", path: arguments.path.clone(), source };
    let mut names: Vec<(OsString, FileType)> = Vec::new();
    let mut truncated = false;
    let mut counted = Counted::new(&work.progress);
    for entry in std::fs::read_dir(&place.absolute).map_err(bad_path)? {
        work.check()?;
        if names.len() == NAMES_MAX {
            truncated = true;
            break;
        }
        let entry = entry.map_err(bad_path)?;
        names.push((entry.file_name(), entry.file_type().map_err(bad_path)?));
        counted.one();
    }
    names.sort_unstable_by(|(left, _), (right, _)| left.cmp(right));
    let total = names.len();
    truncated |= total > arguments.limit;
    names.truncate(arguments.limit);
    let Shown { path, path_lossy } = place.shown();
    let entries = names.into_iter().map(|(name, kind)| entry(&place, &name, kind)).collect();
    let output = Output { path, path_lossy, entries, total, truncated };
    let text = format!("{} entries in `{}`", output.total, output.path);
    Ok(answer(&output, text))
}

fn entry(place: &Place, name: &OsString, kind: FileType) -> Entry {
    let inside = place.absolute.join(name);
    let Shown { path, path_lossy } = place.below(name.as_ref());
    // What has gone since its name was read has no size.
    let (kind, bytes, target) = if kind.is_file() {
        (Kind::File, std::fs::symlink_metadata(&inside).ok().map(|metadata| metadata.len()), None)
    } else if kind.is_dir() {
        (Kind::Folder, None, None)
    } else if kind.is_symlink() {
        (Kind::Link, None, std::fs::read_link(&inside).ok().map(|target| shown(target).path))
    } else {
        (Kind::Special, None, None)
    };
    Entry { name: shown(name).path, path, path_lossy, kind, bytes, target }
}
