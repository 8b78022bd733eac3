//! The files of a walked tree by folder, and bounded reads of them.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::tools::file::read_small;
use crate::tools::place::{Place, Shown};
use crate::tools::skipped::Skipped;

/// How much of one manifest or licence is read.
const TEXT_BYTES_MAX: usize = 256 * 1024;

/// A walked tree.
pub(super) struct Tree<'a> {
    place: &'a Place,
    files: &'a [PathBuf],
    folders: BTreeMap<&'a Path, BTreeSet<&'a OsStr>>,
    skipped: Skipped,
}

impl<'a> Tree<'a> {
    pub(super) fn new(place: &'a Place, files: &'a [PathBuf], skipped: Skipped) -> Self {
        let mut folders: BTreeMap<&Path, BTreeSet<&OsStr>> = BTreeMap::new();
        for file in files {
            if let (Some(folder), Some(name)) = (file.parent(), file.file_name()) {
                folders.entry(folder).or_default().insert(name);
            }
        }
        Self { place, files, folders, skipped }
    }

    /// Returns all files, in the walk's order.
    pub(super) fn files(&self) -> &'a [PathBuf] {
        self.files
    }

    /// Whether a folder has a file of this name.
    pub(super) fn has(&self, folder: &Path, name: &str) -> bool {
        self.folders.get(folder).is_some_and(|names| names.contains(OsStr::new(name)))
    }

    /// Returns the folders that hold files, each before those in it.
    pub(super) fn folder_names(&self) -> Vec<&'a Path> {
        self.folders.keys().copied().collect()
    }

    /// Returns the names in a folder that are text.
    pub(super) fn names(&self, folder: &Path) -> impl Iterator<Item = &'a str> {
        self.folders.get(folder).into_iter().flatten().filter_map(|name| name.to_str())
    }

    /// Reads the start of a file; what cannot be read is counted and gives nothing.
    pub(super) fn text(&mut self, file: &Path) -> Option<String> {
        match read_small(&self.place.inside(file), TEXT_BYTES_MAX) {
            Ok(small) => Some(small.text),
            Err(error) => {
                self.skipped.unreadable(|| self.place.below(file), &error);
                None
            }
        }
    }

    /// Returns how a file or folder is shown.
    pub(super) fn shown(&self, relative: &Path) -> Shown {
        self.place.below(relative)
    }

    /// Returns the README at the top, that without an exotic extension first.
    pub(super) fn readme(&self) -> Option<String> {
        let is_readme = |name: &&str| {
            let stem = name.split('.').next().unwrap_or(name);
            stem.eq_ignore_ascii_case("readme")
        };
        let name = self.names(Path::new("")).filter(is_readme).min_by_key(|name| {
            let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
            (!matches!(extension, "md" | ""), *name)
        })?;
        Some(self.shown(Path::new(name)).path)
    }

    pub(super) fn into_skipped(self) -> Skipped {
        self.skipped
    }
}
