//! Views as text for people. Whatever came from agents, tools or files is escaped here.

pub mod agent;
pub mod host;
pub mod record;
mod table;
pub mod task;
mod time;

#[cfg(test)]
mod tests;
