//! A bar on a terminal for something that is waited for.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use wire::views::TaskSummary;

use super::escape;

/// How fine the bar is.
const STEPS: u64 = 1_000;

/// A bar, or nothing where nobody watches.
pub struct Bar {
    bar: Option<ProgressBar>,
}

impl Bar {
    /// Returns a bar on stderr if somebody watches there.
    pub fn new(watched: bool) -> Self {
        let bar = watched.then(|| {
            let bar = ProgressBar::with_draw_target(Some(STEPS), ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {bar:30} {percent:>3}% {wide_msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self { bar }
    }

    /// Shows where the tasks stand.
    pub fn show(&self, tasks: &[TaskSummary], pending: &[String]) {
        let Some(bar) = &self.bar else { return };
        let done = tasks.len().saturating_sub(pending.len());
        match tasks {
            [task] => self.put(task.progress.fraction, &words(task)),
            _ => {
                let fraction = done as f64 / tasks.len().max(1) as f64;
                bar.set_position(steps(fraction));
                bar.set_message(format!("{done} of {} done", tasks.len()));
            }
        }
    }

    /// Shows a fraction and a text.
    pub fn put(&self, fraction: Option<f64>, text: &str) {
        let Some(bar) = &self.bar else { return };
        bar.set_position(steps(fraction.unwrap_or(0.0)));
        bar.set_message(escape::short(text, 200));
    }

    /// Takes the bar away.
    pub fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.clear();
    }
}

fn steps(fraction: f64) -> u64 {
    // Between 0 and 1, so the product fits.
    (fraction.clamp(0.0, 1.0) * STEPS as f64) as u64
}

fn words(task: &TaskSummary) -> String {
    match &task.progress.text {
        Some(text) if !text.is_empty() => format!("{}: {text}", task.state),
        _ => task.state.clone(),
    }
}
