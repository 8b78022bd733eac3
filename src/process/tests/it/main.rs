//! Real processes: what escapes, what dies, what is left.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails loudly")]

mod captures;
mod detaching;
mod guards;
mod matrix;
mod reaping;
mod recovery;
mod spawning;
mod support;
