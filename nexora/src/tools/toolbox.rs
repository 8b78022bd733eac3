//! The tools by name, in a fixed order.

use super::Tool;
use super::bash::Bash;
use super::code_stats::CodeStats;
use super::git_info::GitInfo;
use super::glob::Glob;
use super::grep::Grep;
use super::ls::Ls;
use super::project_info::ProjectInfo;
use super::view::View;

/// A set of tools.
pub struct Toolbox {
    tools: Vec<Box<dyn Tool>>,
}

impl Toolbox {
    /// Returns a toolbox of these tools; names must differ.
    pub fn new(mut tools: Vec<Box<dyn Tool>>) -> Self {
        tools.sort_by_key(|tool| tool.name());
        assert!(
            tools.windows(2).all(|pair| pair[0].name() != pair[1].name()),
            "two tools of one name would make a plan ambiguous"
        );
        Self { tools }
    }

    /// Returns the tool of this name.
    pub fn get(&self, name: &str) -> Option<&dyn Tool> {
        self.tools.iter().find(|tool| tool.name() == name).map(AsRef::as_ref)
    }

    /// Returns all names, sorted.
    pub fn names(&self) -> Vec<&'static str> {
        self.tools.iter().map(|tool| tool.name()).collect()
    }

    /// Returns the tools, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = &dyn Tool> {
        self.tools.iter().map(AsRef::as_ref)
    }
}

/// Returns the built-in tools.
pub fn builtin() -> Toolbox {
    Toolbox::new(vec![
        Box::new(Bash::new()),
        Box::new(CodeStats::new()),
        Box::new(GitInfo::new()),
        Box::new(Glob::new()),
        Box::new(Grep::new()),
        Box::new(Ls::new()),
        Box::new(ProjectInfo::new()),
        Box::new(View::new()),
    ])
}
