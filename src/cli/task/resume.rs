//! `modelscan task resume`: a person lets a paused task go on.

use wire::control::Ask;
use wire::views::TaskSummary;

use crate::cli::context::{Books, Context, ask};
use crate::cli::output::{Exit, Outcome};
use crate::cli::show;

/// Runs the command.
pub fn run(ctx: &Context<'_>, id: &str) -> Outcome {
    ctx.refuse_below_guard("`task resume`")?;
    let loaded = ctx.load()?;
    let id = Books::open(&loaded)?.find(ctx.env, id)?;
    let task: TaskSummary = ask(ctx, &loaded, Ask::Resume { id: id.to_string() })?;
    ctx.out.answer(&task, |palette| show::task::status(&task, palette))?;
    Ok(Exit::OK)
}
