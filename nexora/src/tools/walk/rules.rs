//! Ignore rules, folder by folder: the inner file has the last word, as in git. Only regular files
//! are read as rules, and only up to a bound.

use std::io;
use std::path::Path;
use std::sync::Arc;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::tools::file::{Links, fill, open_regular};

/// The files that hold rules, weakest first.
pub(super) const IGNORE_FILES: [&str; 2] = [".gitignore", ".ignore"];

/// How much of one ignore file is read.
const RULES_BYTES_MAX: usize = 256 * 1024;
/// How many folders above the start are looked at for the repository's root.
const PARENTS_MAX: usize = 64;

/// The rules of one folder, and those of the folders above it.
pub(super) struct Rules {
    matchers: Vec<Gitignore>,
    outer: Option<Arc<Rules>>,
}

impl Rules {
    /// Returns the rules of a folder with these ignore files, and which of them could not be read.
    pub(super) fn of_folder<'a>(
        folder: &Path,
        present: &[&'a str],
        exclude: bool,
        outer: Option<Arc<Rules>>,
    ) -> (Option<Arc<Rules>>, Vec<(&'a str, io::Error)>) {
        let mut matchers = Vec::new();
        let mut unread = Vec::new();
        if exclude {
            // Most repositories have none, or one of comments alone: no reason to tell.
            if let Ok(Some(matcher)) = read(folder, &folder.join(".git/info/exclude")) {
                matchers.push(matcher);
            }
        }
        for name in present {
            match read(folder, &folder.join(name)) {
                Ok(Some(matcher)) => matchers.push(matcher),
                Ok(None) => {}
                Err(error) => unread.push((*name, error)),
            }
        }
        if matchers.is_empty() {
            return (outer, unread);
        }
        (Some(Arc::new(Rules { matchers, outer })), unread)
    }

    /// Returns the rules that hold for `start` from the folders above it, up to its repository's root.
    pub(super) fn above(start: &Path) -> Option<Arc<Rules>> {
        let is_root = |folder: &Path| std::fs::symlink_metadata(folder.join(".git")).is_ok();
        if is_root(start) {
            return None;
        }
        let parents: Vec<&Path> = start.ancestors().skip(1).take(PARENTS_MAX).collect();
        let root = parents.iter().position(|folder| is_root(folder))?;
        let mut rules = None;
        for folder in parents[..=root].iter().rev() {
            let exclude = std::fs::symlink_metadata(folder.join(".git")).is_ok_and(|found| found.is_dir());
            let is_file =
                |name: &&str| std::fs::symlink_metadata(folder.join(name)).is_ok_and(|found| found.is_file());
            let present: Vec<&str> = IGNORE_FILES.into_iter().filter(is_file).collect();
            rules = Self::of_folder(folder, &present, exclude, rules).0;
        }
        rules
    }

    /// Whether the nearest rule that speaks of `path` hides it.
    pub(super) fn ignores(&self, path: &Path, is_folder: bool) -> bool {
        let mut next = Some(self);
        while let Some(rules) = next {
            for matcher in rules.matchers.iter().rev() {
                match matcher.matched(path, is_folder) {
                    Match::Ignore(_) => return true,
                    Match::Whitelist(_) => return false,
                    Match::None => {}
                }
            }
            next = rules.outer.as_deref();
        }
        false
    }
}

/// Reads one ignore file; a line that is no pattern is passed over, as git does.
fn read(folder: &Path, path: &Path) -> io::Result<Option<Gitignore>> {
    let (mut file, _) = open_regular(path, Links::Refuse)?;
    let mut bytes = Vec::new();
    fill(&mut file, &mut bytes, RULES_BYTES_MAX)?;
    let text = String::from_utf8_lossy(&bytes);
    let mut builder = GitignoreBuilder::new(folder);
    for line in text.trim_start_matches('\u{feff}').lines() {
        let _ = builder.add_line(None, line);
    }
    match builder.build() {
        Ok(matcher) if matcher.is_empty() => Ok(None),
        Ok(matcher) => Ok(Some(matcher)),
        Err(error) => Err(io::Error::new(io::ErrorKind::InvalidData, error.to_string())),
    }
}
