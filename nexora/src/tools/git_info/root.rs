//! Where a repository lies: found by us first, so that git's own answer can be compared with it. A
//! `.git` that leads elsewhere is followed only where the other end points back.

use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::tools::file::read_small;

use super::command::path_of;

/// How many folders above are looked at.
const PARENTS_MAX: usize = 256;
/// How much of a file that points somewhere is read.
const POINTER_BYTES_MAX: usize = 8 * 1024;

/// A folder with a `.git`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Root {
    pub(super) folder: PathBuf,
    /// Whether its `.git` is a file: a linked worktree or a submodule.
    pub(super) linked: bool,
}

/// Why there is no repository to speak of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoRepository {
    #[error("there is no `.git` in this folder or above it")]
    NotFound,
    #[error("`.git` is neither a folder nor a regular file")]
    Odd,
    #[error("git is not there")]
    NoGit,
    #[error("the repository's `core.worktree` leads elsewhere")]
    WorktreeElsewhere,
    #[error("the `.git` file leads to a folder that does not point back")]
    GitDirElsewhere,
    #[error(
        "git refuses the repository because it belongs to another user; your own `safe.directory` is not read here"
    )]
    Ownership,
    #[error("the repository has {0} variables of filters, more than are looked at")]
    Filters(usize),
    #[error("git says: {0}")]
    Refused(String),
}

/// Finds the repository that `start` lies in.
pub(super) fn find(start: &Path) -> Result<Root, NoRepository> {
    for folder in start.ancestors().take(PARENTS_MAX) {
        let Ok(found) = std::fs::symlink_metadata(folder.join(".git")) else { continue };
        return match kind(&found) {
            Some(linked) => Ok(Root { folder: folder.to_owned(), linked }),
            None => Err(NoRepository::Odd),
        };
    }
    Err(NoRepository::NotFound)
}

fn kind(found: &Metadata) -> Option<bool> {
    if found.is_dir() { Some(false) } else { found.is_file().then_some(true) }
}

impl Root {
    /// Compares what git says (its top folder and its own folder, a line each) with what we found.
    /// Returns the latter.
    pub(super) fn compare(&self, located: &[u8]) -> Result<PathBuf, NoRepository> {
        let mut top = self.folder.as_os_str().as_bytes().to_vec();
        top.push(b'\n');
        // Paths may hold newlines, so the lines are not split but expected.
        let git_dir = located
            .strip_prefix(top.as_slice())
            .and_then(|rest| rest.strip_suffix(b"\n"))
            .ok_or(NoRepository::WorktreeElsewhere)?;
        let git_dir = path_of(git_dir);
        let expected = self.folder.join(".git");
        if !self.linked {
            return if git_dir == expected { Ok(git_dir) } else { Err(NoRepository::GitDirElsewhere) };
        }
        if self.is_worktree_of(&git_dir) || self.is_submodule_of(&git_dir) {
            Ok(git_dir)
        } else {
            Err(NoRepository::GitDirElsewhere)
        }
    }

    /// Whether a linked worktree's own folder names our `.git` file.
    fn is_worktree_of(&self, git_dir: &Path) -> bool {
        let Ok(back) = read_small(&git_dir.join("gitdir"), POINTER_BYTES_MAX) else { return false };
        let back = PathBuf::from(back.text.trim_end_matches('\n'));
        let resolved = |path: &Path| std::fs::canonicalize(path).ok();
        let back = if back.is_absolute() { back } else { git_dir.join(back) };
        resolved(&back).is_some() && resolved(&back) == resolved(&self.folder.join(".git"))
    }

    /// Whether a folder above has a `.git` that keeps this one among its modules.
    fn is_submodule_of(&self, git_dir: &Path) -> bool {
        let Ok(git_dir) = std::fs::canonicalize(git_dir) else { return false };
        self.folder
            .ancestors()
            .skip(1)
            .take(PARENTS_MAX)
            .any(|above| git_dir.starts_with(above.join(".git/modules")))
    }
}
