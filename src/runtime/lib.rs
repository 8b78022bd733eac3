//! The running of tasks: the turn, attempts, recovery, the registry of agents, and the operations
//! that every face calls.

pub mod attempt;
pub mod host;
pub mod operations;
pub mod queue;
pub mod recovery;
pub mod registry;
pub mod result;
pub mod turn;
