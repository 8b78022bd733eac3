//! Nexora's tools: what a plan's step can call. Each has a closed input schema and an output schema in
//! `schemas/tools/`; all but `bash` only read.

mod context;
mod error;
mod tool;
mod toolbox;

pub use context::{Progress, ToolContext};
pub use error::ToolError;
pub use tool::{BoxFuture, Effects, Tool, ToolOutput};
pub use toolbox::{Toolbox, builtin};
