//! `modelscan nexora`: our own agent on stdin and stdout.

use super::context::Context;
use super::output::Outcome;
use crate::error::Error;

/// Runs the command. Nothing but the protocol goes to stdout.
pub fn run(ctx: &Context<'_>) -> Outcome {
    let _ = ctx;
    Err(Error::internal("not wired").into())
}
