//! One attempt: its instance is started and driven, what it says becomes events for the heart, and
//! its end is told when nothing of it is left.

mod driver;
mod ending;
mod note;
mod supervise;

pub use driver::{AttemptDriver, Driven};
pub use ending::{ending_of, failure_of};
pub use supervise::{Around, AttemptPlan, supervise};
