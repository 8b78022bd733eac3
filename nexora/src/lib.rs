//! Nexora, our agent: its tools, its bundled skills, the interpreter of plans and its face to agent
//! clients.

pub mod face;
pub mod plan;
pub mod skills;
pub mod tools;
