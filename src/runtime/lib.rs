//! The running of tasks: the turn, attempts, recovery, the registry of agents, and the operations
//! that every face calls.

pub mod host;
pub mod operations;
