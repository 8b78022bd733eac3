//! How far a run is: steps done, and entries done inside the running call. The fraction only rises,
//! and only when something was done.

/// Half of a call counts as done after this many entries. How many there are is not known before.
const HALF_ENTRIES: f64 = 1_000.0;
/// What a running call counts for at most: its end is the rest.
const RUNNING_MAX: f64 = 0.9;
/// Smallest rise inside a call that is told, so that a large tree floods nobody.
const RISE_MIN: f64 = 0.005;

/// The meter of one run.
#[derive(Debug)]
pub(super) struct Meter {
    /// Steps, and one more for result and report.
    parts: f64,
    done: f64,
    told: f64,
}

impl Meter {
    pub(super) fn new(steps: usize) -> Self {
        Self { parts: steps as f64 + 1.0, done: 0.0, told: 0.0 }
    }

    /// A step has ended, or was skipped; returns the fraction to tell.
    pub(super) fn step_done(&mut self) -> f64 {
        self.done += 1.0;
        self.rise(self.done / self.parts)
    }

    /// `done` of `calls` calls of the running step have ended, and the running one has counted
    /// `entries`. Returns the fraction when it rose enough to be told.
    pub(super) fn inside(&mut self, done: usize, calls: usize, entries: u64) -> Option<f64> {
        let entries = entries as f64;
        let running = RUNNING_MAX * entries / (entries + HALF_ENTRIES);
        let step = (done as f64 + running) / calls.max(1) as f64;
        let fraction = (self.done + step.min(RUNNING_MAX)) / self.parts;
        (fraction >= self.told + RISE_MIN).then(|| self.rise(fraction))
    }

    fn rise(&mut self, fraction: f64) -> f64 {
        self.told = fraction.clamp(self.told, 1.0);
        self.told
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn all_steps_and_the_result_make_one() {
        let mut meter = Meter::new(2);
        let told: Vec<f64> = (0..3).map(|_| meter.step_done()).collect();
        assert_eq!(told, [1.0 / 3.0, 2.0 / 3.0, 1.0]);
    }

    proptest! {
        #[test]
        fn it_only_rises_and_stays_below_the_end_of_a_step(
            moves in prop::collection::vec((any::<bool>(), 0usize..20, 0u64..1_000_000), 0..100)
        ) {
            let mut meter = Meter::new(moves.len());
            let mut last = 0.0;
            for (end, done, entries) in moves {
                let told = if end { Some(meter.step_done()) } else { meter.inside(done, 20, entries) };
                if let Some(told) = told {
                    prop_assert!(told > last && told <= 1.0);
                    last = told;
                }
            }
        }
    }
}
