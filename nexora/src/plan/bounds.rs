//! What a run may hold: tool calls, time, and bytes of step results.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;
use wire::extension::FailureReason;
use wire::plan::Limits;

use super::Failure;

/// Bytes of all step results of one run together, roughly as JSON.
const KEPT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The limits of one run and what is used of them.
#[derive(Debug)]
pub(super) struct Bounds {
    calls: u32,
    calls_max: u32,
    started: Instant,
    wall: Duration,
    kept_bytes: usize,
}

impl Bounds {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            calls: 0,
            calls_max: limits.steps,
            started: Instant::now(),
            wall: limits.wall.as_duration(),
            kept_bytes: 0,
        }
    }

    /// Takes one call, before it is made.
    pub(super) fn take_call(&mut self) -> Result<(), Failure> {
        if self.calls >= self.calls_max {
            let message = format!("the plan's limit of {} tool calls is reached", self.calls_max);
            return Err(Failure::new(FailureReason::LimitReached, message)
                .at("limits.steps")
                .hint("raise the limit in the plan, or give it less to do"));
        }
        if self.left().is_zero() {
            return Err(self.overtime());
        }
        self.calls += 1;
        Ok(())
    }

    /// The time that is left.
    pub(super) fn left(&self) -> Duration {
        self.wall.saturating_sub(self.started.elapsed())
    }

    /// The failure of a plan that takes too long.
    pub(super) fn overtime(&self) -> Failure {
        let message = format!("the plan ran longer than its limit of {} ms", self.wall.as_millis());
        Failure::new(FailureReason::TimedOut, message)
            .at("limits.wall")
            .hint("raise the limit in the plan, or give it less to do")
    }

    /// Takes room for an output.
    pub(super) fn keep(&mut self, output: &Value, text: &str) -> Result<(), Failure> {
        self.kept_bytes = self.kept_bytes.saturating_add(bytes_of(output)).saturating_add(text.len());
        if self.kept_bytes <= KEPT_BYTES_MAX {
            return Ok(());
        }
        let message =
            format!("the outputs of the steps are larger than {} MiB together", KEPT_BYTES_MAX >> 20);
        Err(Failure::new(FailureReason::LimitReached, message)
            .hint("ask the tools for less, with their limits"))
    }
}

/// The size of a value, roughly as JSON.
fn bytes_of(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 2,
        Value::Array(items) => 2 + items.iter().map(|item| bytes_of(item) + 1).sum::<usize>(),
        Value::Object(entries) => {
            2 + entries.iter().map(|(key, item)| key.len() + bytes_of(item) + 4).sum::<usize>()
        }
        _ => 8,
    }
}
