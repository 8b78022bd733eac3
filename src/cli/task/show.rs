//! `modelscan task show` and `task status`.

use runtime::operations::{task_show, task_status};

use crate::cli::context::{Books, Context, look_after};
use crate::cli::output::{Exit, Outcome};
use crate::cli::show;

/// Shows a task in full.
pub fn show(ctx: &Context<'_>, id: &str) -> Outcome {
    let loaded = ctx.load_in_spite()?;
    let books = Books::open(&loaded)?;
    let id = books.find(ctx.env, id)?;
    let view = books.read(|reading| task_show(reading, id))?;
    ctx.out.answer(&view, |palette| show::task::full(&view, palette))?;
    let summary = books.read(|reading| task_status(reading, id))?;
    look_after(ctx, &loaded, [&summary]);
    Ok(Exit::OK)
}

/// Shows where a task stands.
pub fn status(ctx: &Context<'_>, id: &str) -> Outcome {
    let loaded = ctx.load_in_spite()?;
    let books = Books::open(&loaded)?;
    let id = books.find(ctx.env, id)?;
    let summary = books.read(|reading| task_status(reading, id))?;
    ctx.out.answer(&summary, |palette| show::task::status(&summary, palette))?;
    look_after(ctx, &loaded, [&summary]);
    Ok(Exit::OK)
}
