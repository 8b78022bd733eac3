//! Durations as people write them: `90s`, `5m`, `1h30m`, `7d`, `1500ms`.

use std::time::Duration;

/// Why a text is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// It is not a row of numbers with units, each unit once and falling in size.
    #[error("`{0}` is not a duration: write it like `90s`, `5m`, `1h30m` or `7d`")]
    Shape(String),
    /// It is longer than a hundred years.
    #[error("`{0}` is too long: at most 36500d")]
    TooLong(String),
}

/// The units, falling in size, with their milliseconds.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

const LONGEST_MS: u64 = 36_500 * 86_400_000;

/// Parses a duration: whole numbers with the units `d h m s ms`, falling in size, no blanks.
///
/// # Errors
/// `Shape` if it is anything else, `TooLong` above 36500 days.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let shape = || DurationError::Shape(text.to_owned());
    let too_long = || DurationError::TooLong(text.to_owned());
    let mut rest = text;
    let mut total: u64 = 0;
    let mut next_unit = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, behind) = rest.split_at(digits);
        let letters = behind.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, behind) = behind.split_at(letters);
        if number.is_empty() {
            return Err(shape());
        }
        let at = UNITS
            .iter()
            .position(|(name, _)| *name == unit)
            .filter(|at| *at >= next_unit)
            .ok_or_else(shape)?;
        let value: u64 = number.parse().map_err(|_| too_long())?;
        total =
            value.checked_mul(UNITS[at].1).and_then(|part| total.checked_add(part)).ok_or_else(too_long)?;
        next_unit = at + 1;
        rest = behind;
    }
    if text.is_empty() {
        return Err(shape());
    }
    if total > LONGEST_MS {
        return Err(too_long());
    }
    Ok(Duration::from_millis(total))
}

/// Writes a duration so that `parse_duration` reads it back; whole milliseconds.
pub fn format_duration(duration: Duration) -> String {
    let mut left = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if left == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (unit, millis) in UNITS {
        let count = left / millis;
        left %= millis;
        if count > 0 {
            text.push_str(&format!("{count}{unit}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_of_the_contract_are_read() {
        for (text, millis) in [
            ("90s", 90_000),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("7d", 604_800_000),
            ("1500ms", 1_500),
            ("1d2h3m4s5ms", 93_784_005),
            ("0s", 0),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for bad in ["", "5", "m", "5 m", "-5m", "1.5h", "30m1h", "5m5m", "1month", "5M", "µ", "5mµ"] {
            assert!(matches!(parse_duration(bad), Err(DurationError::Shape(_))), "{bad}");
        }
        for long in ["36501d", "99999999999999999999s", "18446744073709551615d"] {
            assert!(matches!(parse_duration(long), Err(DurationError::TooLong(_))), "{long}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(millis in 0..=LONGEST_MS) {
            let duration = Duration::from_millis(millis);
            prop_assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
        }

        #[test]
        fn no_text_panics(text in ".{0,24}") {
            let _ = parse_duration(&text);
        }
    }
}
