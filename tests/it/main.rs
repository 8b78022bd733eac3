//! The integration tests, one binary: the built product through its real faces, and the structure of
//! the project itself.

#![allow(missing_docs, reason = "tests are read by their names")]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod agents;
mod bad_input;
mod cancel;
mod cli;
mod demo;
mod docs;
mod examples;
mod host;
mod killed;
mod mcp_hostile;
mod mcp_live;
mod plans;
mod streams;
mod structure;
mod survey;
