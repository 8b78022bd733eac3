//! Priority and the queue's order: one integer key, so that claiming stays cheap and nothing starves.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::Timestamp;

/// How much longer a task counts as having waited for each point of priority, in milliseconds.
pub const PRIORITY_STEP_MS: i64 = 60_000;

/// A priority from −100 to 100; `low` −10, `normal` 0, `high` 10, `urgent` 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Priority(i16);

/// Why a text or number is not a priority.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a priority: give a whole number from -100 to 100, or low, normal, high, urgent")]
pub struct PriorityError(pub String);

impl Priority {
    /// The usual priority.
    pub const NORMAL: Self = Self(0);

    /// Returns the priority as a number from −100 to 100.
    pub const fn value(self) -> i16 {
        self.0
    }
}

impl TryFrom<i64> for Priority {
    type Error = PriorityError;

    fn try_from(value: i64) -> Result<Self, PriorityError> {
        match i16::try_from(value) {
            Ok(small) if (-100..=100).contains(&small) => Ok(Self(small)),
            _ => Err(PriorityError(value.to_string())),
        }
    }
}

impl FromStr for Priority {
    type Err = PriorityError;

    fn from_str(text: &str) -> Result<Self, PriorityError> {
        match text {
            "low" => Ok(Self(-10)),
            "normal" => Ok(Self(0)),
            "high" => Ok(Self(10)),
            "urgent" => Ok(Self(100)),
            _ => text
                .parse::<i64>()
                .ok()
                .and_then(|value| Self::try_from(value).ok())
                .ok_or_else(|| PriorityError(text.to_owned())),
        }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Returns the key by which the queue is ordered, the least first: `ready_at − priority × 60 s`;
/// a deadline pulls it forward to at most `deadline − timeout`.
pub fn rank(ready_at: Timestamp, priority: Priority, deadline: Option<Timestamp>, timeout: Duration) -> i64 {
    let by_age = ready_at.as_millis().saturating_sub(i64::from(priority.value()) * PRIORITY_STEP_MS);
    match deadline {
        Some(deadline) => by_age.min(deadline.minus(timeout).as_millis()),
        None => by_age,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_numbers_are_read() {
        for (text, value) in
            [("low", -10), ("normal", 0), ("high", 10), ("urgent", 100), ("-100", -100), ("7", 7)]
        {
            assert_eq!(text.parse::<Priority>().map(Priority::value), Ok(value), "{text}");
        }
        for bad in ["101", "-101", "", "HIGH", "1.5", "99999999999999999999"] {
            assert!(bad.parse::<Priority>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_higher_priority_counts_as_longer_waiting_and_a_deadline_pulls_forward() {
        let at = Timestamp::from_millis(1_000_000_000);
        let minute = Duration::from_secs(60);
        assert_eq!(rank(at, Priority(0), None, minute), 1_000_000_000);
        assert_eq!(rank(at, Priority(10), None, minute), 1_000_000_000 - 600_000);
        let soon = at.plus(Duration::from_secs(30));
        assert_eq!(rank(at, Priority(0), Some(soon), minute), soon.as_millis() - 60_000);
        let far = at.plus(Duration::from_secs(3_600));
        assert_eq!(rank(at, Priority(0), Some(far), minute), 1_000_000_000);
    }
}
