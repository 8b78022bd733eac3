//! What a tool did not look at, and why: counted, with a few examples.

use std::io;

use serde::Serialize;

use super::place::Shown;

/// How many places are named; the counts have all.
const EXAMPLES_MAX: usize = 20;

/// Why an entry was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reason {
    /// The tree's own ignore rules name it.
    Ignored,
    /// A link; links are not followed.
    Link,
    /// A FIFO, socket or device.
    Special,
    /// It holds data, not text.
    Binary,
    /// It is larger than is read.
    TooLarge,
    /// A line of it is longer than is held in memory.
    LongLine,
    /// The system refused.
    Unreadable,
}

/// One place that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Example {
    path: String,
    path_lossy: bool,
    reason: Reason,
    detail: Option<String>,
}

/// How many entries were left out for each reason.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Skipped {
    ignored: u64,
    link: u64,
    special: u64,
    binary: u64,
    too_large: u64,
    long_line: u64,
    unreadable: u64,
    examples: Vec<Example>,
}

impl Skipped {
    /// Counts one entry. Places are named for what a reader would want to mend.
    pub(super) fn add(&mut self, reason: Reason, place: impl FnOnce() -> Shown) {
        self.note(reason, place, None);
    }

    /// Counts one entry that the system refused.
    pub(super) fn unreadable(&mut self, place: impl FnOnce() -> Shown, error: &io::Error) {
        self.note(Reason::Unreadable, place, Some(error.to_string()));
    }

    fn note(&mut self, reason: Reason, place: impl FnOnce() -> Shown, detail: Option<String>) {
        let (count, named) = match reason {
            Reason::Ignored => (&mut self.ignored, false),
            Reason::Link => (&mut self.link, false),
            Reason::Special => (&mut self.special, true),
            Reason::Binary => (&mut self.binary, false),
            Reason::TooLarge => (&mut self.too_large, true),
            Reason::LongLine => (&mut self.long_line, true),
            Reason::Unreadable => (&mut self.unreadable, true),
        };
        *count += 1;
        if named && self.examples.len() < EXAMPLES_MAX {
            let Shown { path, path_lossy } = place();
            self.examples.push(Example { path, path_lossy, reason, detail });
        }
    }

    /// Says in words what a reader should know was not looked at; empty if nothing.
    pub(super) fn words(&self) -> String {
        let parts = [
            (self.unreadable, "unreadable"),
            (self.too_large, "too large"),
            (self.long_line, "with too long a line"),
            (self.special, "special"),
        ];
        let told: Vec<String> = parts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{count} {word}"))
            .collect();
        if told.is_empty() { String::new() } else { format!("; skipped: {}", told.join(", ")) }
    }
}
