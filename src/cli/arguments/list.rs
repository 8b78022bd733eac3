//! `modelscan agent|skill|event|message …`.

use clap::Subcommand;

/// The verbs of `agent`.
#[derive(Debug, Subcommand)]
pub enum AgentVerb {
    /// List the agents and whether they are free
    List {
        /// Only agents that can do this
        #[arg(long, value_name = "WORD")]
        capability: Option<String>,
    },
    /// Show one agent
    Show {
        /// Its name
        #[arg(value_name = "AGENT")]
        name: String,
    },
}

/// The verbs of `skill`.
#[derive(Debug, Subcommand)]
pub enum SkillVerb {
    /// List the skills that can run, and what is wrong with the others
    List {
        /// Only skills whose name or description holds this
        #[arg(value_name = "TEXT")]
        query: Option<String>,
    },
}

/// The verbs of `event`.
#[derive(Debug, Subcommand)]
pub enum EventVerb {
    /// List events, the oldest first
    List {
        /// Only events of this task
        #[arg(short, long, value_name = "TASK")]
        task: Option<String>,
        /// Only events after this number
        #[arg(long, value_name = "SEQ", default_value_t = 0, hide_default_value = true)]
        after_seq: i64,
        /// How many at most, from 1 to 1000; no limit with --follow
        #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: Option<u32>,
        /// Go on as they happen, until interrupted or until the task is done
        #[arg(short, long)]
        follow: bool,
    },
}

/// The verbs of `message`.
#[derive(Debug, Subcommand)]
pub enum MessageVerb {
    /// List messages, the oldest first
    List {
        /// Only messages of this task
        #[arg(short, long, value_name = "TASK")]
        task: Option<String>,
        /// Only messages from or to this agent
        #[arg(short, long, value_name = "AGENT")]
        agent: Option<String>,
        /// Only messages after this number
        #[arg(long, value_name = "SEQ", default_value_t = 0, hide_default_value = true)]
        after_seq: i64,
        /// How many at most, from 1 to 1000; no limit with --follow
        #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: Option<u32>,
        /// Go on as they come, until interrupted or until the task is done
        #[arg(short, long)]
        follow: bool,
    },
}
