//! The interpreter of plans, and how a prompt becomes a plan to run. Knows no protocol: who watches
//! is told through [`Observer`], and who keeps the record through [`SideEffects`].

mod bounds;
mod call;
mod observer;
mod outcome;
mod progress;
mod prompt;
mod run;

pub use observer::{Call, Observer, PlanEvent, Refusal, SideEffects, StepEnd};
pub use outcome::{Failure, Outcome};
pub use prompt::resolve;
pub use run::{Setting, run};

#[cfg(test)]
mod tests;
