//! The expressions of plans: strict, with fuel, of bounded output. A string that is exactly one
//! `{{ … }}` gives a value with its type, any other string gives text, statements exist in reports
//! alone.

mod convert;
mod engine;
mod names;
mod scan;
mod scope;
mod shown;

pub use engine::{TemplateError, Templates};
pub use names::Names;
pub use scan::is_template;
pub use scope::{Scope, StepResult};

#[cfg(test)]
mod tests;
