//! The Agent Client Protocol, both roles, over any pair of byte streams.

mod types;

pub use types::{PlanEntry, PlanStatus, StopReason, ToolCall, ToolKind, ToolStatus, Usage};
