//! Nexora's tools: what a plan's step can call. Each has a closed input schema and an open output schema
//! in `schemas/tools/`; all but `bash` only read.

mod bash;
mod child;
mod code_stats;
mod context;
mod contract;
mod error;
mod file;
mod git_info;
mod glob;
mod grep;
mod languages;
mod lines;
mod ls;
mod place;
mod project_info;
mod skipped;
mod tool;
mod toolbox;
mod view;
mod walk;
mod work;

pub use context::{Progress, ToolContext};
pub use error::ToolError;
pub use tool::{BoxFuture, Effects, Tool, ToolOutput};
pub use toolbox::{Toolbox, builtin};
