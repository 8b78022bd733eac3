//! `modelscan skill list`.

use runtime::operations::skill_list;

use super::arguments::SkillVerb;
use super::context::Context;
use super::escape;
use super::output::{Exit, Outcome};
use super::show;
use crate::catalog::Shelf;

/// Runs a verb.
pub fn run(ctx: &Context<'_>, verb: SkillVerb) -> Outcome {
    let SkillVerb::List { query } = verb;
    let loaded = ctx.load()?;
    let library = Shelf::new(&loaded.places.skills).library();
    for problem in library.problems() {
        ctx.out.warning(&problem.to_string(), None);
    }
    let page = skill_list(&library, query.as_deref());
    if !ctx.out.is_json() && page.items.is_empty() {
        let folder = loaded.places.skills.to_string_lossy();
        ctx.out.note(&format!("no such skill; your own go into {}", escape::line(&folder)));
    }
    ctx.out.answer(&page, |palette| show::agent::skills(&page.items, palette))?;
    Ok(Exit::OK)
}
