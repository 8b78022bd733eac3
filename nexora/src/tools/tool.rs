//! What a tool is to its callers: names, schemas, effects and one call. How arguments are checked is
//! `contract`'s.

use std::future::Future;
use std::pin::Pin;

use serde_json::Value;

use super::{ToolContext, ToolError};

/// A boxed future that may borrow from its tool and its context.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Whether a tool can change anything outside of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effects {
    /// Reads only.
    Read,
    /// May write: its call is put on record before it runs.
    Write,
}

/// What one call of a tool gave.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct ToolOutput {
    /// The typed output, as the tool's output schema says.
    pub output: Value,
    /// The same in words, short, for people.
    pub text: String,
    /// Whether the work ran and failed (a script that exits with 1); the output is there all the same.
    pub is_error: bool,
}

/// One tool.
pub trait Tool: Send + Sync {
    /// Returns the name by which plans call it.
    fn name(&self) -> &'static str;
    /// Returns its title for people.
    fn title(&self) -> &'static str;
    /// Returns what it does, in a sentence or two.
    fn description(&self) -> &'static str;
    /// Returns whether it can change anything.
    fn effects(&self) -> Effects;
    /// Returns the JSON Schema of its arguments; closed.
    fn input_schema(&self) -> &Value;
    /// Returns the JSON Schema of its output; open.
    fn output_schema(&self) -> &Value;
    /// Checks arguments without running anything.
    ///
    /// # Errors
    /// [`ToolError::BadArguments`] with the path inside the arguments.
    fn check(&self, arguments: &Value) -> Result<(), ToolError>;
    /// Runs the tool. Arguments are checked first. When the context's token is cancelled it ends with
    /// [`ToolError::Cancelled`] soon; dropping the future stops the work as well.
    ///
    /// # Errors
    /// Bad arguments, cancellation, a passed time limit, or that the work could not be done.
    fn call<'a>(
        &'a self,
        arguments: Value,
        context: &'a ToolContext,
    ) -> BoxFuture<'a, Result<ToolOutput, ToolError>>;
}
