//! Paths on their way out: what a tool shows for a file, so that another tool finds it again.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use serde::Serialize;

/// A path as text, with a mark when bytes of it could not be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Shown {
    pub(super) path: String,
    pub(super) path_lossy: bool,
}

/// Returns the text of a name or path; bytes that are not UTF-8 become U+FFFD, and the mark says so.
pub(super) fn shown(path: impl AsRef<OsStr>) -> Shown {
    let text = path.as_ref();
    match text.to_str() {
        Some(text) => Shown { path: text.to_owned(), path_lossy: false },
        None => Shown { path: text.to_string_lossy().into_owned(), path_lossy: true },
    }
}

/// A path that a caller gave: how it is opened, and how what lies below it is shown.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// Absolute, for the system.
    pub(super) absolute: PathBuf,
    /// As it was given, without `.` components; empty for the working directory itself.
    given: PathBuf,
}

impl Place {
    /// Returns the place of `given`, seen from `cwd`. `~` and `..` mean what the system says: a folder
    /// called `~`, and the parent.
    pub(super) fn new(cwd: &Path, given: &str) -> Self {
        let shown: PathBuf =
            Path::new(given).components().filter(|part| !matches!(part, Component::CurDir)).collect();
        Self { absolute: cwd.join(&shown), given: shown }
    }

    /// Returns the path of something below the place, for the system; of the place itself if
    /// `relative` is empty.
    pub(super) fn inside(&self, relative: &Path) -> PathBuf {
        // Joining nothing would add a slash, and so ask for a folder.
        if relative.as_os_str().is_empty() { self.absolute.clone() } else { self.absolute.join(relative) }
    }

    /// Returns how the place itself is shown.
    pub(super) fn shown(&self) -> Shown {
        self.below(Path::new(""))
    }

    /// Returns how something below the place is shown: usable as an argument of the next call.
    pub(super) fn below(&self, relative: &Path) -> Shown {
        let path =
            if relative.as_os_str().is_empty() { self.given.clone() } else { self.given.join(relative) };
        if path.as_os_str().is_empty() { shown(".") } else { shown(path) }
    }
}

/// Cuts a text to at most `bytes`, between characters; says whether it was cut.
pub(super) fn cut(text: &mut String, bytes: usize) -> bool {
    if text.len() <= bytes {
        return false;
    }
    let boundary = (0..=bytes).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.truncate(boundary);
    true
}
