//! The command line: every command, and all text for people.

mod agent;
mod arguments;
mod context;
mod demo;
mod escape;
mod event;
mod follow;
mod host;
mod interrupt;
mod mcp;
mod message;
mod nexora;
mod output;
mod overview;
mod progress;
mod run;
mod show;
mod skill;
mod task;
mod version;

pub use run::run;
