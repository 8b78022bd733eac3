//! The tools as their callers see them: by name, through JSON, each output held against its schema.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

extern crate modelscan_nexora as nexora;

mod bash;
mod code_stats;
mod find;
mod git;
mod git_canaries;
mod project;
mod support;
mod view;
