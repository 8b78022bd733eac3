//! The guard: the small parent of one child, which proves that nothing of it is left.
//!
//! It is this product's own executable, branched off before anything else in `main`.

mod duty;
mod ladder;
pub(crate) mod message;
mod record;

pub use duty::{WORD, requested, run};
pub use record::{Cause, EndRecord, Killed, Left};
