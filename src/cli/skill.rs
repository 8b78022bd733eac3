//! `modelscan skill list`.

use runtime::operations::skill_list;

use super::arguments::SkillVerb;
use super::context::Context;
use super::output::{Exit, Outcome};
use super::show;
use crate::error::Error;

/// Runs a verb.
pub fn run(ctx: &Context<'_>, verb: SkillVerb) -> Outcome {
    let SkillVerb::List { query } = verb;
    let loaded = ctx.load()?;
    let page = skill_list(&loaded.places.skills, query.as_deref()).map_err(Error::from)?;
    if !ctx.out.is_json() && page.items.is_empty() {
        ctx.out.note(&format!("no such skill; your own go into {}", loaded.places.skills.display()));
    }
    ctx.out.answer(&page, |palette| show::agent::skills(&page.items, palette))?;
    Ok(Exit::OK)
}
