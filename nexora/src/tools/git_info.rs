//! `git_info`: branch, last commits and changed files, from the git program, called so that the
//! repository cannot make it run anything. No repository is an answer, not a failure.

use std::path::{Path, PathBuf};

use process::capture::{Captured, Stop};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::child::{Child, find_program, system_folders};
use super::contract::{Contract, Words, answer, contract_methods, schema_texts};
use super::place::{Place, Shown, shown};
use super::{BoxFuture, Effects, Tool, ToolContext, ToolError, ToolOutput};

mod answers;
mod command;
mod root;
#[cfg(test)]
mod tests;

use answers::{Changed, Commit, State, commits};
use command::Git;
use root::{NoRepository, Root};

/// More filters than anybody has; their variables have to fit into an environment.
const FILTERS_MAX: usize = 400;
/// How much of what git says is told.
const SAID_CHARS_MAX: usize = 300;

/// The tool.
pub(super) struct GitInfo {
    contract: Contract,
    /// Where git is looked for before the PATH of the task.
    folders: Vec<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Arguments {
    path: String,
    commits: usize,
    changed_max: usize,
}

impl Default for Arguments {
    fn default() -> Self {
        Self { path: ".".to_owned(), commits: 10, changed_max: 1000 }
    }
}

#[derive(Debug, Serialize)]
struct Repository {
    root: String,
    root_lossy: bool,
    git_dir: String,
    linked: bool,
}

#[derive(Debug, Default, Serialize)]
struct Output {
    repository: Option<Repository>,
    reason: Option<String>,
    branch: Option<String>,
    head: Option<String>,
    commits: Vec<Commit>,
    changed: Vec<Changed>,
    changed_total: usize,
    truncated: bool,
}

impl Output {
    fn take(&mut self, state: State, cut: bool) {
        self.truncated = cut || state.changed_total > state.changed.len();
        self.branch = state.branch;
        self.head = state.head;
        self.changed = state.changed;
        self.changed_total = state.changed_total;
    }
}

impl GitInfo {
    pub(super) fn new() -> Self {
        let words = Words {
            name: "git_info",
            title: "Describe a repository",
            description: "Tells branch, last commits and changed files of the git repository that a path lies in. \
                          Nothing that the repository configures is run.",
        };
        let contract = Contract::new(words, Effects::Read, &schema_texts!("git_info"));
        Self { contract, folders: system_folders() }
    }
}

impl Tool for GitInfo {
    contract_methods!();

    fn call<'a>(
        &'a self,
        arguments: Value,
        context: &'a ToolContext,
    ) -> BoxFuture<'a, Result<ToolOutput, ToolError>> {
        Box::pin(async move {
            let arguments: Arguments = self.contract.parse(&arguments)?;
            let start = start(&arguments, context)?;
            let looked = Look { tool: self.contract.name, folders: &self.folders, context }
                .at(&start, &arguments)
                .await;
            let output = match looked {
                Ok(output) => output,
                Err(Problem::NoRepository(why)) => {
                    Output { reason: Some(why.to_string()), ..Output::default() }
                }
                Err(Problem::Tool(error)) => return Err(error),
            };
            context.progress.entries_done(1);
            let text = words(&output);
            Ok(answer(&output, text))
        })
    }
}

/// Returns the folder to look from.
fn start(arguments: &Arguments, context: &ToolContext) -> Result<PathBuf, ToolError> {
    let place = Place::new(&context.cwd, &arguments.path);
    let bad_path = |source| ToolError::BadPath {
        action: "look for a repository at",
        path: arguments.path.clone(),
        source,
    };
    let found = std::fs::canonicalize(&place.absolute).map_err(bad_path)?;
    match found.parent() {
        Some(parent) if !found.is_dir() => Ok(parent.to_owned()),
        _ => Ok(found),
    }
}

/// Why a look ended early.
enum Problem {
    NoRepository(NoRepository),
    Tool(ToolError),
}

impl From<NoRepository> for Problem {
    fn from(why: NoRepository) -> Self {
        Self::NoRepository(why)
    }
}

impl From<ToolError> for Problem {
    fn from(error: ToolError) -> Self {
        Self::Tool(error)
    }
}

struct Look<'a> {
    tool: &'static str,
    folders: &'a [PathBuf],
    context: &'a ToolContext,
}

impl Look<'_> {
    async fn at(&self, start: &Path, arguments: &Arguments) -> Result<Output, Problem> {
        let root = root::find(start)?;
        let path = self.context.env.get("PATH").map(String::as_str);
        let program = find_program("git", self.folders, path).ok_or(NoRepository::NoGit)?;
        let git = Git::new(program, root.folder.clone());
        let git_dir = root.compare(&self.printed(git.locate()).await?)?;
        let filters = self.filters(&git).await?;
        let git = git.without_filters(&filters);
        if git.filters() > FILTERS_MAX {
            return Err(NoRepository::Filters(git.filters()).into());
        }
        let mut output = Output { repository: Some(repository(&root, &git_dir)), ..Output::default() };
        // What cannot be read, as in a partial clone, leaves the rest of the answer true.
        let status = self.run(git.status()).await?;
        let status_cut = status.stdout.is_truncated();
        match stdout(status) {
            Ok(printed) => output.take(State::parse(&printed, arguments.changed_max), status_cut),
            Err(why) => output.reason = Some(format!("the changed files could not be read: {why}")),
        }
        let may_have_commits = output.head.is_some() || output.reason.is_some();
        if may_have_commits && arguments.commits > 0 {
            let log = self.run(git.log(arguments.commits)).await?;
            output.truncated |= log.stdout.is_truncated();
            match stdout(log) {
                Ok(printed) => output.commits = commits(&printed),
                Err(why) => output.reason = Some(format!("the commits could not be read: {why}")),
            }
        }
        Ok(output)
    }

    async fn run(&self, child: Child) -> Result<Captured, ToolError> {
        Ok(child.run(self.tool, self.context).await?.captured)
    }

    async fn printed(&self, child: Child) -> Result<Vec<u8>, Problem> {
        Ok(stdout(self.run(child).await?)?)
    }

    /// Lists the variables of filters; that there are none is exit code 1.
    async fn filters(&self, git: &Git) -> Result<Vec<u8>, Problem> {
        let captured = self.run(git.list_filters()).await?;
        if captured.ended.code == Some(1) && captured.stdout.total == 0 {
            return Ok(Vec::new());
        }
        // A list that is not whole would leave a filter in force.
        if captured.stdout.is_truncated() {
            return Err(NoRepository::Filters(usize::MAX).into());
        }
        Ok(stdout(captured)?)
    }
}

/// Returns what git printed, or what it said instead.
fn stdout(captured: Captured) -> Result<Vec<u8>, NoRepository> {
    if captured.ended.is_success() && captured.stop == Stop::No {
        return Ok(captured.stdout.bytes);
    }
    if captured.stop == Stop::TimeLimit {
        return Err(NoRepository::Refused("it takes too long".to_owned()));
    }
    let said = String::from_utf8_lossy(&captured.stderr.bytes);
    if said.contains("dubious ownership") || said.contains("unsafe repository") {
        return Err(NoRepository::Ownership);
    }
    let first = said.lines().find(|line| !line.trim().is_empty()).unwrap_or("nothing");
    let first: String =
        first.chars().filter(|character| !character.is_control()).take(SAID_CHARS_MAX).collect();
    Err(NoRepository::Refused(first))
}

fn repository(root: &Root, git_dir: &Path) -> Repository {
    let Shown { path, path_lossy } = shown(&root.folder);
    Repository { root: path, root_lossy: path_lossy, git_dir: shown(git_dir).path, linked: root.linked }
}

fn words(output: &Output) -> String {
    if let (None, Some(reason)) = (&output.repository, &output.reason) {
        return format!("no repository: {reason}");
    }
    if let Some(reason) = &output.reason {
        return reason.clone();
    }
    let branch = output.branch.as_deref().unwrap_or("a detached HEAD");
    let commits = if output.head.is_some() { "" } else { " without a commit" };
    format!("on {branch}{commits}, {} changed files", output.changed_total)
}
