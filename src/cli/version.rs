//! `modelscan version`.

use wire::views::VersionView;

use super::context::Context;
use super::output::{Exit, Outcome};

/// The version of the Agent Client Protocol that both ends speak.
const AGENT_PROTOCOL: u32 = 1;

/// Runs the command.
pub fn run(ctx: &Context<'_>) -> Outcome {
    let view = VersionView {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        database_version: store::NEWEST_VERSION,
        sqlite: store::sqlite_version().to_owned(),
        mcp: mcp::server::SUPPORTED_VERSIONS.iter().map(|version| (*version).to_owned()).collect(),
        acp: AGENT_PROTOCOL,
    };
    ctx.out.answer(&view, |_| words(&view))?;
    Ok(Exit::OK)
}

fn words(view: &VersionView) -> String {
    format!(
        "modelscan {}\ndatabase version {}, SQLite {}\nModel Context Protocol {}\nAgent Client Protocol {}\n",
        view.version,
        view.database_version,
        view.sqlite,
        view.mcp.join(", "),
        view.acp
    )
}
