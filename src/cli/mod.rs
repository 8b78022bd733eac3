//! The command line: every command, and all text for people.

mod arguments;
mod escape;
mod interrupt;
mod output;
mod progress;
mod show;
