//! Bare `modelscan`: what runs, what is next, and three things to try.

use domain::TaskState;
use runtime::operations::{TaskFilter, task_list};
use wire::views::{OverviewView, TaskSummary};

use super::context::{Books, Context, look_after};
use super::output::{Exit, Outcome};
use super::show;
use crate::error::Error;
use crate::serve::client::Session;

/// How many tasks of each state are shown.
const SHOWN: u32 = 10;

/// Runs the command.
pub fn run(ctx: &Context<'_>) -> Outcome {
    let loaded = ctx.load_in_spite()?;
    let books = Books::open(&loaded)?;
    let of = |states: &[TaskState]| -> Result<Vec<TaskSummary>, Error> {
        let mut tasks = Vec::new();
        for state in states {
            let filter = TaskFilter { state: Some(*state), limit: Some(SHOWN), ..TaskFilter::default() };
            tasks.extend(books.read(|reading| task_list(reading, &filter))?.items);
        }
        Ok(tasks)
    };
    let host = Session::new(ctx.env, &loaded).status()?;
    let view = OverviewView {
        running: of(&[TaskState::Running, TaskState::Cancelling])?,
        next: of(&[TaskState::Ready, TaskState::Waiting])?,
        asking: of(&[TaskState::Paused, TaskState::InputRequired])?,
        host,
    };
    ctx.out.answer(&view, |palette| show::host::overview(&view, palette))?;
    look_after(ctx, &loaded, view.running.iter().chain(&view.next));
    Ok(Exit::OK)
}
