//! What the demo says: on stdout for people, on stderr where stdout carries JSON.

use std::cell::Cell;
use std::time::Instant;

use super::super::escape;
use super::super::output::{Ended, Output, Paint};
use super::super::progress::Bar;

/// How much of a line of the protocol is shown.
const LINE_CHARS: usize = 1_000;

/// Tells the story.
pub struct Narrator {
    out: Output,
}

impl Narrator {
    /// Returns the narrator for this way out.
    pub const fn new(out: Output) -> Self {
        Self { out }
    }

    /// Says one line.
    ///
    /// # Errors
    /// If stdout cannot be written, or its reader has left.
    pub fn line(&self, text: &str) -> Result<(), Ended> {
        if self.out.is_json() {
            self.out.note(text);
            return Ok(());
        }
        self.out.text(&format!("{text}\n"))
    }

    /// Begins an act.
    ///
    /// # Errors
    /// As `line`.
    pub fn act(&self, number: u32, title: &str) -> Result<(), Ended> {
        let title = format!("Act {number}: {title}");
        self.line(&format!("\n{}", self.out.palette().paint(Paint::Heading, &title)))
    }

    /// Shows a line of a protocol as it went over a pipe.
    ///
    /// # Errors
    /// As `line`.
    pub fn protocol(&self, arrow: &str, line: &str) -> Result<(), Ended> {
        let whole = line.chars().count() <= LINE_CHARS;
        let rest = if whole { String::new() } else { format!(" ({} bytes in all)", line.len()) };
        self.line(&format!("  {arrow} {}{rest}", escape::short(line, LINE_CHARS)))
    }

    /// Begins to show how far something is: a bar on a terminal, lines otherwise.
    pub fn progress(&self) -> Progress<'_> {
        let bar = Bar::new(self.out.is_watched());
        Progress {
            narrator: self,
            bar,
            is_bar: self.out.is_watched(),
            last: Cell::new(None),
            begun: Instant::now(),
        }
    }
}

/// Shows how far something is.
pub struct Progress<'n> {
    narrator: &'n Narrator,
    bar: Bar,
    is_bar: bool,
    last: Cell<Option<u64>>,
    begun: Instant,
}

impl Progress<'_> {
    /// Shows a step. As lines, only what is at least a twentieth further is said.
    pub fn show(&self, fraction: f64, text: &str) {
        if self.is_bar {
            self.bar.put(Some(fraction), text);
            return;
        }
        let percent = (fraction.clamp(0.0, 1.0) * 100.0) as u64;
        let far_enough =
            self.last.get().is_none_or(|last| percent >= last + 5 || (percent == 100 && last < 100));
        if far_enough {
            self.last.set(Some(percent));
            let time = self.begun.elapsed().as_secs_f64();
            // If nobody reads, the next line of the story finds out.
            let _gone =
                self.narrator.line(&format!("  {percent:>3}%  {time:>5.2} s  {}", escape::short(text, 60)));
        }
    }

    /// Takes the bar away.
    pub fn end(self) {
        self.bar.clear();
    }
}
