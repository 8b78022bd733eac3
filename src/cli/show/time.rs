//! Times and lengths in a few letters.

use std::time::Duration;

use domain::{Clock as _, Timestamp};
use wire::time::parse_rfc3339;

use crate::system::SystemClock;

/// Returns a length such as `0.4 s`, `12 s`, `3 min`, `5 h`, `2 d`.
pub fn length(length: Duration) -> String {
    let seconds = length.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", length.as_secs_f64()),
        10..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// Returns how long ago a time was, `-` if there is none.
pub fn ago(time: Option<&str>) -> String {
    match time.and_then(parse_rfc3339) {
        Some(at) => length(SystemClock.now().since(at)),
        None => "-".to_owned(),
    }
}

/// Returns how long something took, to now if it has not ended; nothing if it has not begun.
pub fn took(from: Option<&str>, to: Option<&str>) -> Option<String> {
    let from: Timestamp = from.and_then(parse_rfc3339)?;
    let to = to.and_then(parse_rfc3339).unwrap_or_else(|| SystemClock.now());
    Some(length(to.since(from)))
}

/// Returns the time of day of a time, `HH:MM:SS.mmm`, UTC.
pub fn of_day(time: &str) -> &str {
    time.get(11..23).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_short() {
        for (millis, text) in [
            (400, "0.4 s"),
            (9_940, "9.9 s"),
            (12_000, "12 s"),
            (119_000, "119 s"),
            (180_000, "3 min"),
            (18_000_000, "5 h"),
            (172_800_000, "2 d"),
        ] {
            assert_eq!(length(Duration::from_millis(millis)), text);
        }
        assert_eq!(of_day("2026-11-24T09:05:00.123Z"), "09:05:00.123");
        assert_eq!(ago(None), "-");
        assert_eq!(
            took(Some("2026-11-24T09:05:00Z"), Some("2026-11-24T09:05:01.5Z")).as_deref(),
            Some("1.5 s")
        );
    }
}
