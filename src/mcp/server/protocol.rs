//! What this server says about itself, in both generations of the protocol.

use rmcp::model::{DiscoverResult, Implementation, ProtocolVersion, ServerCapabilities, ServerConfig};
use serde_json::Value;

use super::params;
use crate::envelope::Envelope;

/// The method by which a client asks what a server speaks, without opening anything.
pub const DISCOVER: &str = "server/discover";

/// The versions that are spoken, oldest first.
pub const SUPPORTED_VERSIONS: [&str; 5] =
    ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", STATELESS_VERSION];

/// The version whose requests each speak for themselves.
pub(super) const STATELESS_VERSION: &str = "2026-07-28";

/// The newest version that opens with `initialize`: the answer to one that is not known.
pub(super) const NEWEST_WITH_INITIALIZE: &str = "2025-11-25";

/// The one version that has batches.
pub(crate) const VERSION_WITH_BATCHES: &str = "2025-03-26";

const INSTRUCTIONS: &str = "ModelScan hands work to agents and keeps the record. \
Call `agent_list` to see who can do what, `task_submit` to hand over work (it answers at once with a task's id), \
`task_wait` until it is done, `task_result` for the result. Tasks go on when this connection ends.";

pub(super) fn implementation() -> Implementation {
    Implementation::new("modelscan", env!("CARGO_PKG_VERSION")).with_title("ModelScan")
}

/// Neither list changes nor subscriptions are declared: the tools of a connection stay the same.
pub(super) fn config() -> ServerConfig {
    ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
        .with_server_info(implementation())
        .with_instructions(INSTRUCTIONS)
        .with_protocol_version(ProtocolVersion::LATEST_WITH_INITIALIZE)
}

pub(super) fn discovery() -> DiscoverResult {
    DiscoverResult::from_server_info(ProtocolVersion::KNOWN_VERSIONS.to_vec(), config())
}

/// Returns the result of `server/discover`. It depends on nothing, so whoever stands before the
/// server may give it.
pub fn discover_result() -> Value {
    serde_json::to_value(discovery()).unwrap_or_default()
}

/// Returns whether a message is a `server/discover` that the server would answer with
/// [`discover_result`].
pub fn is_well_formed_discover(envelope: &Envelope<'_>) -> bool {
    envelope.is_version_two()
        && envelope.usable_id().is_some()
        && envelope.result.is_none()
        && envelope.error.is_none()
        && envelope.method_name().as_deref() == Some(DISCOVER)
        && params::read(DISCOVER, envelope.params, params::Opened::No).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_versions_are_those_of_the_protocol_library() {
        let known: Vec<&str> = ProtocolVersion::KNOWN_VERSIONS.iter().map(ProtocolVersion::as_str).collect();
        assert_eq!(known, SUPPORTED_VERSIONS);
        assert_eq!(ProtocolVersion::LATEST_WITH_INITIALIZE.as_str(), NEWEST_WITH_INITIALIZE);
    }

    #[test]
    fn neither_changes_nor_subscriptions_are_declared() {
        let result = discover_result();
        assert_eq!(result["capabilities"], serde_json::json!({ "tools": {} }));
        assert_eq!(result["resultType"], "complete");
        assert_eq!(result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "modelscan");
    }

    #[test]
    fn only_a_whole_discover_is_well_formed() {
        let good = r#"{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{"_meta":{
            "io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#;
        assert!(is_well_formed_discover(&Envelope::parse(good).unwrap()));
        for (from, to) in [
            ("\"id\":1,", ""),
            ("\"id\":1,", "\"id\":1.5,"),
            ("2026-07-28", "2030-01-01"),
            ("clientCapabilities", "x"),
            ("server/discover", "tools/list"),
            ("\"2.0\"", "\"1.0\""),
        ] {
            let bad = good.replace(from, to);
            assert!(!is_well_formed_discover(&Envelope::parse(&bad).unwrap()), "{bad}");
        }
    }
}
