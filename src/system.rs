//! The system's clock and the source of ids, which everything below is given.

use domain::{Clock, IdSource, Timestamp};

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "the one place where the time is read")]
        let now = std::time::SystemTime::now();
        let millis = now.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_millis());
        Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
    }
}

/// UUID version 7 (RFC 9562, section 5.7): they rise, also within a millisecond of one process.
#[derive(Debug, Clone, Copy, Default)]
pub struct UuidSource;

impl IdSource for UuidSource {
    fn next_bytes(&self) -> [u8; 16] {
        uuid::Uuid::now_v7().into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_rise_and_the_clock_tells_this_century() {
        let ids: Vec<[u8; 16]> = (0..1_000).map(|_| UuidSource.next_bytes()).collect();
        assert!(ids.is_sorted_by(|earlier, later| earlier < later));
        assert!(SystemClock.now().as_millis() > 1_700_000_000_000);
    }
}
