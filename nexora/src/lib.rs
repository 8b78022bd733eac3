//! Nexora, our agent: its tools, the interpreter of plans and its face to agent clients.

pub mod face;
pub mod plan;
pub mod tools;
