//! What git prints, in the forms made for programs, turned into our types.

use serde::Serialize;

use crate::tools::place::{Shown, shown};

use super::command::path_of;

#[cfg(test)]
mod tests;

/// A commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Commit {
    id: String,
    author: String,
    email: String,
    time: String,
    subject: String,
    text_lossy: bool,
}

/// What happened to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    Added,
    Deleted,
    Modified,
    TypeChanged,
    Unmerged,
    Untracked,
}

/// A file that differs from the last commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Changed {
    path: String,
    path_lossy: bool,
    status: Status,
    staged: bool,
    unstaged: bool,
}

/// What `status` says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    pub(super) branch: Option<String>,
    pub(super) head: Option<String>,
    pub(super) changed: Vec<Changed>,
    pub(super) changed_total: usize,
}

impl State {
    /// Reads `status --porcelain=v2 -z --branch`, keeping at most `changed_max` files.
    pub(super) fn parse(printed: &[u8], changed_max: usize) -> Self {
        let mut state = Self::default();
        for record in printed.split(|byte| *byte == 0).filter(|record| !record.is_empty()) {
            if let Some(header) = record.strip_prefix(b"# ") {
                state.header(header);
            } else if let Some((path, status, staged, unstaged)) = entry(record) {
                state.changed_total += 1;
                if state.changed.len() < changed_max {
                    let Shown { path, path_lossy } = shown(path_of(path));
                    state.changed.push(Changed { path, path_lossy, status, staged, unstaged });
                }
            }
        }
        state
    }

    fn header(&mut self, header: &[u8]) {
        let text = String::from_utf8_lossy(header);
        if let Some(branch) = text.strip_prefix("branch.head ") {
            self.branch = (branch != "(detached)").then(|| branch.to_owned());
        } else if let Some(head) = text.strip_prefix("branch.oid ") {
            self.head = (head != "(initial)").then(|| head.to_owned());
        }
    }
}

/// Takes a record of a changed file apart; nothing for what is not one.
fn entry(record: &[u8]) -> Option<(&[u8], Status, bool, bool)> {
    let fields = |count| record.splitn(count, |byte| *byte == b' ').nth(count - 1);
    let (path, status) = match record.first()? {
        b'?' => return Some((fields(2)?, Status::Untracked, false, true)),
        b'u' => (fields(11)?, Some(Status::Unmerged)),
        b'1' => (fields(9)?, None),
        _ => return None,
    };
    let (index, folder) = (*record.get(2)?, *record.get(3)?);
    let status = status.or_else(|| letter(index)).or_else(|| letter(folder))?;
    Some((path, status, index != b'.', folder != b'.'))
}

fn letter(letter: u8) -> Option<Status> {
    match letter {
        b'A' => Some(Status::Added),
        b'D' => Some(Status::Deleted),
        b'M' => Some(Status::Modified),
        b'T' => Some(Status::TypeChanged),
        _ => None,
    }
}

/// Reads what the log's format prints: five fields a commit, each ended by a NUL.
pub(super) fn commits(printed: &[u8]) -> Vec<Commit> {
    let printed = printed.strip_suffix(b"\0").unwrap_or(printed);
    let fields: Vec<&[u8]> = printed.split(|byte| *byte == 0).collect();
    fields.chunks_exact(5).map(commit).collect()
}

fn commit(fields: &[&[u8]]) -> Commit {
    let text = |index: usize| String::from_utf8_lossy(fields[index]).into_owned();
    Commit {
        id: text(0),
        author: text(1),
        email: text(2),
        time: text(3).replace("+00:00", "Z"),
        subject: text(4),
        text_lossy: fields.iter().any(|field| std::str::from_utf8(field).is_err()),
    }
}
