//! What is printed: one row for each goal, with its floor, and notes below.

use std::fmt::Write as _;
use std::time::Duration;

/// The rows of one run.
pub struct Report {
    load_before: String,
    rows: Vec<[String; 5]>,
    notes: Vec<String>,
    missed: usize,
}

impl Report {
    /// Returns an empty one that remembers how busy the machine is now.
    pub fn begin() -> Self {
        Self { load_before: load(), rows: Vec::new(), notes: Vec::new(), missed: 0 }
    }

    /// A goal that is so many times a floor.
    pub fn times(&mut self, what: &str, measured: Duration, floor: (&str, Duration), most: f64) {
        let ratio = measured.as_secs_f64() / floor.1.as_secs_f64();
        let (name, floor) = floor;
        self.row(
            what,
            shown(measured),
            format!("{name}: {}", shown(floor)),
            format!("{ratio:.2} × (≤ {most} ×)"),
            ratio <= most,
        );
    }

    /// A goal that is a limit, made of a floor or fixed.
    pub fn within(&mut self, what: &str, measured: Duration, floor: &str, most: Duration) {
        let limit = format!("{:.2} of ≤ {}", measured.as_secs_f64() / most.as_secs_f64(), shown(most));
        self.row(what, shown(measured), floor.to_owned(), limit, measured <= most);
    }

    /// A goal about memory, in kilobytes.
    pub fn memory(&mut self, what: &str, kilobytes: u64, floor: &str, most_mb: u64) {
        let megabytes = |kilobytes: u64| format!("{}.{} MB", kilobytes / 1000, kilobytes % 1000 / 100);
        #[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
        let ratio = kilobytes as f64 / (most_mb * 1000) as f64;
        let limit = format!("{ratio:.2} of ≤ {most_mb} MB");
        self.row(what, megabytes(kilobytes), floor.to_owned(), limit, kilobytes <= most_mb * 1000);
    }

    /// Something to know that is no goal.
    pub fn note(&mut self, text: String) {
        self.notes.push(text);
    }

    fn row(&mut self, what: &str, measured: String, floor: String, limit: String, met: bool) {
        self.missed += usize::from(!met);
        let met = if met { "yes" } else { "**no**" };
        self.rows.push([what.to_owned(), measured, floor, limit, met.to_owned()]);
    }

    /// Prints it all.
    pub fn print(&self) {
        let heads = ["goal", "median", "floor", "against the limit", "met"].map(str::to_owned);
        let width = |column: usize| {
            let cells = self.rows.iter().chain([&heads]);
            cells.map(|row| row[column].chars().count()).max().unwrap_or_default()
        };
        let widths: [usize; 5] = std::array::from_fn(width);
        let mut text = String::new();
        let rule = widths.map(|width| "-".repeat(width));
        for row in [&heads, &rule].into_iter().chain(&self.rows) {
            for (cell, width) in row.iter().zip(widths) {
                let _ = write!(text, "| {cell:width$} ");
            }
            text.push_str("|\n");
        }
        text.push('\n');
        for note in &self.notes {
            let _ = writeln!(text, "- {note}");
        }
        let (before, after) = (&self.load_before, load());
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let met = self.rows.len() - self.missed;
        let _ = writeln!(text, "- load average {before} before, {after} after, {cores} cores");
        let _ = write!(text, "\n{met} of {} goals are met", self.rows.len());
        println!("{text}");
    }
}

/// A duration as people read it.
pub fn shown(duration: Duration) -> String {
    let micros = duration.as_secs_f64() * 1e6;
    if micros < 1_000.0 { format!("{micros:.0} µs") } else { format!("{:.2} ms", micros / 1_000.0) }
}

fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or("?").to_owned()
}
