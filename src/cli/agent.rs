//! `modelscan agent list|show`.

use runtime::operations::{agent_list, agent_show};

use super::arguments::AgentVerb;
use super::context::{Books, Context};
use super::output::{Exit, Outcome};
use super::show;

/// Runs a verb.
pub fn run(ctx: &Context<'_>, verb: AgentVerb) -> Outcome {
    let loaded = ctx.load()?;
    let books = Books::open(&loaded)?;
    match verb {
        AgentVerb::List { capability } => {
            let page = books.read(|reading| agent_list(reading, capability.as_deref()))?;
            if !ctx.out.is_json() && page.items.is_empty() {
                ctx.out.note("no agent can do that");
            }
            ctx.out.answer(&page, |palette| show::agent::list(&page.items, palette))?;
        }
        AgentVerb::Show { name } => {
            let agent = books.read(|reading| agent_show(reading, &name))?;
            ctx.out.answer(&agent, |palette| show::agent::one(&agent, palette))?;
        }
    }
    Ok(Exit::OK)
}
