//! A walk over a tree: sorted, bounded, without following links, and opening nothing but folders and
//! the ignore files that it has seen to be regular. What is in the files is not its business.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::ToolError;
use super::place::Place;
use super::skipped::{Reason, Skipped};
use super::work::{Counted, Work};

mod rules;

use rules::{IGNORE_FILES, Rules};

/// Folders of version control: their files are nobody's source.
const VERSION_CONTROL: [&str; 4] = [".git", ".hg", ".jj", ".svn"];

/// How many files one walk holds; about 100 MB of names at worst.
const FILES_MAX: usize = 1_000_000;

/// Whether the tree's own ignore rules are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IgnoreRules {
    /// `.gitignore`, `.ignore` and `.git/info/exclude` hide what they name.
    Follow,
    /// Everything is walked.
    Disregard,
}

impl From<bool> for IgnoreRules {
    /// Takes the argument `include_ignored`.
    fn from(include_ignored: bool) -> Self {
        if include_ignored { Self::Disregard } else { Self::Follow }
    }
}

/// What a walk found.
#[derive(Debug, Default)]
pub(super) struct Walked {
    /// Regular files, relative to the start, each folder's in the order of their names. A start that
    /// is a file itself is one empty path.
    pub(super) files: Vec<PathBuf>,
    /// How many folders were read.
    pub(super) folders: u64,
    /// What was left out.
    pub(super) skipped: Skipped,
    /// Whether the walk ended at its bound.
    pub(super) truncated: bool,
}

/// One folder that is being walked.
struct Level {
    relative: PathBuf,
    rules: Option<Arc<Rules>>,
    /// Entries still to come, last first.
    entries: Vec<(OsString, std::fs::FileType)>,
}

/// Walks everything below `place`.
pub(super) fn walk(place: &Place, ignore: IgnoreRules, work: &Work) -> Result<Walked, ToolError> {
    let bad_path = |source| ToolError::BadPath { action: "walk", path: place.shown().path, source };
    let root = std::fs::canonicalize(&place.absolute).map_err(bad_path)?;
    let metadata = std::fs::symlink_metadata(&root).map_err(bad_path)?;
    let mut walked = Walked::default();
    if metadata.is_file() {
        walked.files.push(PathBuf::new());
        return Ok(walked);
    }
    if !metadata.is_dir() {
        let source = io::Error::new(io::ErrorKind::InvalidInput, "is neither a folder nor a regular file");
        return Err(bad_path(source));
    }
    let outer = match ignore {
        IgnoreRules::Follow => Rules::above(&root),
        IgnoreRules::Disregard => None,
    };
    let mut walker = Walker { place, root, ignore, work, walked };
    let first = walker.open(PathBuf::new(), outer).map_err(bad_path)?;
    walker.run(first)?;
    Ok(walker.walked)
}

struct Walker<'a> {
    place: &'a Place,
    root: PathBuf,
    ignore: IgnoreRules,
    work: &'a Work,
    walked: Walked,
}

impl Walker<'_> {
    fn run(&mut self, first: Level) -> Result<(), ToolError> {
        let mut counted = Counted::new(&self.work.progress);
        let mut levels = vec![first];
        while let Some(level) = levels.last_mut() {
            let Some((name, kind)) = level.entries.pop() else {
                levels.pop();
                continue;
            };
            self.work.check()?;
            if self.walked.files.len() >= FILES_MAX {
                self.walked.truncated = true;
                return Ok(());
            }
            counted.one();
            let relative = level.relative.join(&name);
            let is_folder = kind.is_dir();
            if is_folder && VERSION_CONTROL.iter().any(|folder| name == *folder) {
                continue;
            }
            if is_ignored(level.rules.as_deref(), &self.root.join(&relative), is_folder) {
                self.walked.skipped.add(Reason::Ignored, || self.place.below(&relative));
            } else if is_folder {
                let rules = level.rules.clone();
                match self.open(relative.clone(), rules) {
                    Ok(level) => levels.push(level),
                    Err(error) => self.walked.skipped.unreadable(|| self.place.below(&relative), &error),
                }
            } else if kind.is_file() {
                // A `.git` file of a linked worktree or submodule is no source either.
                if name != ".git" {
                    self.walked.files.push(relative);
                }
            } else {
                let reason = if kind.is_symlink() { Reason::Link } else { Reason::Special };
                self.walked.skipped.add(reason, || self.place.below(&relative));
            }
        }
        Ok(())
    }

    /// Reads a folder's names and its ignore files.
    fn open(&mut self, relative: PathBuf, outer: Option<Arc<Rules>>) -> io::Result<Level> {
        let folder = self.root.join(&relative);
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            // Names alone are bounded too: a folder of millions is cut like a tree of millions.
            if entries.len() >= FILES_MAX {
                self.walked.truncated = true;
                break;
            }
            entries.push((entry.file_name(), entry.file_type()?));
        }
        entries.sort_unstable_by(|(left, _), (right, _)| right.cmp(left));
        self.walked.folders += 1;
        let mut rules = outer;
        if self.ignore == IgnoreRules::Follow {
            let has_file = |wanted: &str| entries.iter().any(|(name, kind)| name == wanted && kind.is_file());
            let present: Vec<&str> = IGNORE_FILES.into_iter().filter(|name| has_file(name)).collect();
            let exclude = entries.iter().any(|(name, kind)| name == ".git" && kind.is_dir());
            let (inner, unread) = Rules::of_folder(&folder, &present, exclude, rules);
            rules = inner;
            for (name, error) in unread {
                self.walked.skipped.unreadable(|| self.place.below(&relative.join(name)), &error);
            }
        }
        Ok(Level { relative, rules, entries })
    }
}

fn is_ignored(rules: Option<&Rules>, path: &Path, is_folder: bool) -> bool {
    rules.is_some_and(|rules| rules.ignores(path, is_folder))
}
