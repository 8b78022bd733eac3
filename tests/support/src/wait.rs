//! Waiting for something that can only be looked at, with a deadline.

use std::time::{Duration, Instant};

/// How long any one thing may take before a test fails: long, since machines are slow at times.
pub const LIMIT: Duration = Duration::from_secs(40);

/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(5);

/// Returns when `holds` does.
///
/// # Panics
/// If it does not within [`LIMIT`]; the message names what was waited for.
#[track_caller]
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    until_some(what, || holds().then_some(()));
}

/// Returns what `look` finds as soon as it finds something.
///
/// # Panics
/// If it finds nothing within [`LIMIT`].
#[track_caller]
pub fn until_some<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {LIMIT:?} for: {what}");
        std::thread::park_timeout(PAUSE);
    }
}
