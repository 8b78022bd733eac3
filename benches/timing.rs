//! Durations: one run each of several things in turn, many rounds, and the median of each.

use std::time::{Duration, Instant};

/// Rounds that fill caches and are not counted.
const WARM_UP: usize = 3;

/// Nanoseconds since 1970: the one clock that two processes can compare without a system call of their own.
pub fn wall_clock() -> u128 {
    #[expect(clippy::disallowed_methods, reason = "two processes compare what they read here")]
    let now = std::time::SystemTime::now();
    now.duration_since(std::time::UNIX_EPOCH).expect("the clock is set").as_nanos()
}

/// Returns how long `work` takes.
pub fn timed(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

/// Runs each of `things` once per round, in turn, so that all meet the same weather; returns the medians.
pub fn medians<const N: usize>(
    rounds: usize,
    mut things: [&mut dyn FnMut() -> Duration; N],
) -> [Duration; N] {
    let mut samples: [Vec<Duration>; N] = std::array::from_fn(|_| Vec::with_capacity(rounds));
    for round in 0..rounds + WARM_UP {
        for (thing, samples) in things.iter_mut().zip(&mut samples) {
            let took = thing();
            if round >= WARM_UP {
                samples.push(took);
            }
        }
    }
    samples.map(median)
}

/// Returns the median.
pub fn median(mut samples: Vec<Duration>) -> Duration {
    samples.sort_unstable();
    samples[samples.len() / 2]
}
