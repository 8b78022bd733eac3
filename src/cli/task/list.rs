//! `modelscan task list`: this directory's tasks, or all.

use domain::TaskState;
use runtime::operations::{TaskFilter, task_list};

use crate::cli::context::{Books, Context, look_after};
use crate::cli::output::{Exit, Outcome};
use crate::cli::show;
use crate::error::{Error, Kind};

/// Which tasks are wanted.
pub struct Wanted {
    /// In this state.
    pub state: Option<TaskState>,
    /// Of this agent.
    pub agent: Option<String>,
    /// How many at most.
    pub limit: u32,
    /// Where the page before ended.
    pub cursor: Option<String>,
    /// Of every folder.
    pub all: bool,
}

/// Runs the command.
pub fn run(ctx: &Context<'_>, wanted: Wanted) -> Outcome {
    let agent =
        wanted.agent.map(|name| name.parse()).transpose().map_err(|error: domain::AgentNameError| {
            Error::new(Kind::BadInput, error.to_string()).hint("`modelscan agent list` shows the names")
        })?;
    let filter = TaskFilter {
        state: wanted.state,
        agent,
        cwd: if wanted.all { None } else { Some(ctx.cwd()?.to_owned()) },
        limit: Some(wanted.limit),
        cursor: wanted.cursor,
    };
    let loaded = ctx.load_in_spite()?;
    let page = Books::open(&loaded)?.read(|reading| task_list(reading, &filter))?;
    if !ctx.out.is_json() && page.items.is_empty() {
        ctx.out.note(if wanted.all {
            "no tasks"
        } else {
            "no tasks from this folder; `--all` shows those of every folder"
        });
    }
    ctx.out.answer(&page, |palette| show::task::list(&page.items, wanted.all, palette))?;
    if let Some(cursor) = page.next_cursor.as_ref().filter(|_| !ctx.out.is_json()) {
        ctx.out.note(&format!("more with `--cursor {cursor}`"));
    }
    look_after(ctx, &loaded, &page.items);
    Ok(Exit::OK)
}
