//! `modelscan task wait`: returns when tasks are done, and says by its exit code how they ended.

use std::time::{Duration, Instant};

use runtime::operations::{WaitMode, task_wait_now};
use wire::views::TaskWaitView;

use super::ending::{STILL_GOING, exit_of, first_bad};
use crate::cli::context::{Books, Context};
use crate::cli::interrupt;
use crate::cli::output::{Ended, Exit, Outcome};
use crate::cli::progress::Bar;
use crate::cli::show;
use crate::config::Loaded;
use crate::serve::client::Session;

/// When to give up waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Never.
    Never,
    /// After this time.
    After(Duration),
}

impl Limit {
    /// Returns the limit that a flag says.
    pub fn of(flag: Option<Duration>) -> Self {
        flag.map_or(Self::Never, Self::After)
    }
}

/// Runs the command.
pub fn run(ctx: &Context<'_>, given: &[String], any: bool, limit: Option<Duration>) -> Outcome {
    let loaded = ctx.load()?;
    let ids = {
        let books = Books::open(&loaded)?;
        given
            .iter()
            .map(|text| books.find(ctx.env, text).map(|id| id.to_string()))
            .collect::<Result<Vec<String>, _>>()?
    };
    let mode = if any { WaitMode::Any } else { WaitMode::All };
    let view = wait_until_done(ctx, &loaded, &ids, mode, Limit::of(limit))?;
    ctx.out.answer(&view, |palette| show::task::waited(&view, palette))?;
    Ok(exit(&view, mode))
}

/// The first that is not 0, in the order asked; where one of them was enough, those that still go on do
/// not count.
fn exit(view: &TaskWaitView, mode: WaitMode) -> Exit {
    let over = mode.is_over(view);
    let counts = |exit: &Exit| !(mode == WaitMode::Any && over && *exit == STILL_GOING);
    first_bad(view.tasks.iter().map(exit_of).filter(counts))
}

/// Waits until the tasks are done or the limit has passed, and returns where they stand then. Starts a
/// host if none lives, and the next one when it goes away.
///
/// # Errors
/// If a task is not known, or no host can be had that works on it.
pub fn wait_until_done(
    ctx: &Context<'_>,
    loaded: &Loaded,
    ids: &[String],
    mode: WaitMode,
    limit: Limit,
) -> Result<TaskWaitView, Ended> {
    let books = Books::open(loaded)?;
    let deadline = match limit {
        Limit::Never => None,
        // So far away that the clock cannot tell it: never.
        Limit::After(length) => Instant::now().checked_add(length),
    };
    let look = || books.read(|reading| task_wait_now(reading, ids));
    let mut view = look()?;
    if mode.is_over(&view) {
        return Ok(view);
    }
    let _listening =
        interrupt::exit_when_interrupted(interrupt::Manner::Waiting { quiet: ctx.out.is_quiet() });
    let bar = Bar::new(ctx.out.is_watched());
    let mut watch = Session::new(ctx.env, loaded).watch()?;
    loop {
        bar.show(&view.tasks, &view.pending);
        if watch.next(deadline)?.is_none() {
            return Ok(view);
        }
        view = look()?;
        if mode.is_over(&view) {
            return Ok(view);
        }
    }
}
