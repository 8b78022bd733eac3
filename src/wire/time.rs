//! Times as they leave the process: RFC 3339 in UTC with milliseconds.

use domain::Timestamp;

/// Writes a time as RFC 3339 in UTC with three digits of a second, such as `2026-11-24T09:05:00.123Z`.
pub fn rfc3339(at: Timestamp) -> String {
    match jiff::Timestamp::from_millisecond(at.as_millis()) {
        Ok(time) => format!("{time:.3}"),
        // Outside of the years that can be written: what is nearest, so that order is kept.
        Err(_) if at.as_millis() < 0 => format!("{:.3}", jiff::Timestamp::MIN),
        Err(_) => format!("{:.3}", jiff::Timestamp::MAX),
    }
}

/// Reads an RFC 3339 time with an offset; nothing if it is anything else.
pub fn parse_rfc3339(text: &str) -> Option<Timestamp> {
    text.parse::<jiff::Timestamp>().ok().map(|time| Timestamp::from_millis(time.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_are_utc_with_milliseconds() {
        assert_eq!(rfc3339(Timestamp::from_millis(0)), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(Timestamp::from_millis(1_763_975_100_123)), "2025-11-24T09:05:00.123Z");
        assert_eq!(
            parse_rfc3339("2025-11-24T10:05:00.123+01:00"),
            Some(Timestamp::from_millis(1_763_975_100_123))
        );
        assert_eq!(parse_rfc3339("2025-11-24"), None);
        let _ = rfc3339(Timestamp::from_millis(i64::MAX));
        let _ = rfc3339(Timestamp::from_millis(i64::MIN));
    }

    proptest! {
        #[test]
        fn a_written_time_reads_back(millis in 0_i64..4_000_000_000_000) {
            let at = Timestamp::from_millis(millis);
            prop_assert_eq!(parse_rfc3339(&rfc3339(at)), Some(at));
        }
    }
}
