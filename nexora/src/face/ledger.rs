//! Has the client record each call with side effects before it runs.

use crate::plan::{Call, Refusal, SideEffects};
use crate::tools::{BoxFuture, Effects};
use acp::{CallError, ClientPeer};
use wire::extension::{ClientExtensions, TOOL_STARTED_METHOD, ToolStartedRequest};

/// Asks the client of one turn.
pub(super) struct Ledger {
    client: ClientPeer,
    session: String,
    offered: bool,
}

impl Ledger {
    pub(super) fn new(client: ClientPeer, session: String, extensions: &ClientExtensions) -> Self {
        Self { client, session, offered: extensions.offers(TOOL_STARTED_METHOD) }
    }
}

impl SideEffects for Ledger {
    /// A client that does not offer to record lets the call run; one that offers it and answers an error does not.
    fn about_to_run<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<(), Refusal>> {
        Box::pin(async move {
            if !self.offered {
                return Ok(());
            }
            let request = ToolStartedRequest {
                session_id: self.session.clone(),
                tool_call_id: call.id.clone(),
                tool: call.tool.clone(),
                input: call.arguments.clone(),
                side_effects: call.effects == Effects::Write,
            };
            self.client.tool_started(&request).await.map_err(|error| {
                let message = match error {
                    CallError::Refused { message, .. } => {
                        format!("the client refused to record it: {message}")
                    }
                    error => format!("the client could not record it: {error}"),
                };
                Refusal { message }
            })
        })
    }
}
