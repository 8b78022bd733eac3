//! Lines of a text, counted.

use grep_searcher::LineIter;
use serde::Serialize;

/// How many lines a text has. A last line without a newline counts; a line is blank if there is
/// nothing but ASCII space in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct Lines {
    pub(super) lines: u64,
    pub(super) blank: u64,
}

impl Lines {
    /// Counts the lines of `text`.
    pub(super) fn of(text: &[u8]) -> Self {
        let mut lines = Self::default();
        for line in LineIter::new(b'\n', text) {
            lines.lines += 1;
            lines.blank += u64::from(line.trim_ascii().is_empty());
        }
        lines
    }

    /// Counts the newlines of `text`.
    pub(super) fn breaks(text: &[u8]) -> u64 {
        let lines = LineIter::new(b'\n', text).count();
        let open = usize::from(text.last().is_some_and(|last| *last != b'\n'));
        u64::try_from(lines - open).unwrap_or(u64::MAX)
    }

    /// Returns where the line that holds `at` begins.
    pub(super) fn start_of_line(text: &[u8], at: usize) -> usize {
        text[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1)
    }

    /// Returns where the line that holds `at` ends, before its newline.
    pub(super) fn end_of_line(text: &[u8], at: usize) -> usize {
        text[at..].iter().position(|byte| *byte == b'\n').map_or(text.len(), |newline| at + newline)
    }
}
