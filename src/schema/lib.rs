//! JSON Schema as a service: compile a schema, check a value, say where it does not fit and why.
//!
//! Nothing is fetched: a reference to another document works only for documents that the caller
//! names. JSON text is read here too, with the one depth limit that protects what comes after.

mod compile;
mod depth;
mod parse;
mod problem;
mod reach;

pub use compile::{Checker, Document, SchemaError, compile};
pub use depth::{DEPTH_MAX, depth_within};
pub use parse::{JsonProblem, parse_json};
pub use problem::{PROBLEMS_MAX, Problem, ProblemKind, shorten};
