//! `modelscan host …`.

use clap::Subcommand;

/// The verbs of `host`.
#[derive(Debug, Subcommand)]
pub enum HostVerb {
    /// Start a host in the background, if none runs
    Start,
    /// End the host; what runs comes to its end first
    Stop {
        /// Do not wait for what runs: those attempts are lost and follow their recovery policy
        #[arg(long)]
        now: bool,
    },
    /// Show whether a host runs and what it does
    Status,
    /// Run a host here, in the foreground, until interrupted
    Run,
}
