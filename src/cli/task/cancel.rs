//! `modelscan task cancel`: ends tasks and their processes.

use domain::TaskState;
use runtime::operations::WaitMode;
use wire::control::Ask;
use wire::views::{CancelItem, TaskCancelView, TaskSummary};

use super::ending::first_bad;
use super::wait::{Limit, wait_until_done};
use crate::cli::context::{Books, Context, ask};
use crate::cli::output::{Exit, Outcome};
use crate::cli::show;
use crate::config::Loaded;
use crate::error::{Error, Kind};

/// Runs the command.
pub fn run(ctx: &Context<'_>, given: &[String], why: Option<String>, wait: bool) -> Outcome {
    let loaded = ctx.load_in_spite()?;
    let (mut items, exits) = found(ctx, &loaded, given)?;
    let ids: Vec<String> =
        items.iter().filter(|item| item.error.is_none()).map(|item| item.id.clone()).collect();
    if !ids.is_empty() {
        let answer: TaskCancelView = ask(ctx, &loaded, Ask::Cancel { ids: ids.clone(), why })?;
        for told in answer.items {
            for item in items.iter_mut().filter(|item| item.id == told.id) {
                *item = told.clone();
            }
        }
    }
    if wait {
        let ending: Vec<String> =
            items.iter().filter(|item| is(item, TaskState::Cancelling)).map(|item| item.id.clone()).collect();
        if !ending.is_empty() {
            let view = wait_until_done(ctx, &loaded, &ending, WaitMode::All, Limit::Never)?;
            items.iter_mut().for_each(|item| update(item, &view.tasks));
        }
    }
    let exit = first_bad(exits.into_iter().zip(&items).map(|(exit, item)| match &item.error {
        Some(_) if exit == Exit::OK => Exit(Kind::NotAllowed.exit_code()),
        _ => exit,
    }));
    let view = TaskCancelView { items };
    ctx.out.answer(&view, |palette| show::task::cancelled(&view, palette))?;
    Ok(exit)
}

/// Finds the tasks; what is wrong with one does not stop the others.
fn found(
    ctx: &Context<'_>,
    loaded: &Loaded,
    given: &[String],
) -> Result<(Vec<CancelItem>, Vec<Exit>), Error> {
    let books = Books::open(loaded)?;
    let mut items = Vec::new();
    let mut exits = Vec::new();
    for text in given {
        match books.find(ctx.env, text) {
            Ok(id) => {
                items.push(CancelItem { id: id.to_string(), state: None, error: None });
                exits.push(Exit::OK);
            }
            Err(error) if matches!(error.kind, Kind::TaskNotFound | Kind::AmbiguousId | Kind::BadInput) => {
                // Alone it is the error of the command, as with every other verb.
                if given.len() == 1 {
                    return Err(error);
                }
                exits.push(Exit(error.kind.exit_code()));
                items.push(CancelItem { id: text.clone(), state: None, error: Some(error.message) });
            }
            Err(error) => return Err(error),
        }
    }
    Ok((items, exits))
}

fn is(item: &CancelItem, state: TaskState) -> bool {
    item.state.as_deref() == Some(state.as_str())
}

fn update(item: &mut CancelItem, tasks: &[TaskSummary]) {
    if let Some(task) = tasks.iter().find(|task| task.id == item.id) {
        item.state = Some(task.state.clone());
    }
}
