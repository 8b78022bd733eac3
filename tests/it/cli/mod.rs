//! The command line: what each command says, in which shape, with which exit code.

mod answers;
mod endings;
mod follow;
mod harmless;
pub mod help;
mod lists;
mod submit;
