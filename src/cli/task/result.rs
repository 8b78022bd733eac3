//! `modelscan task result`: the result of a task, whole.

use domain::TaskState;
use runtime::operations::{ResultPart, task_result, task_status};
use wire::views::{ResultView, TaskSummary};

use super::ending::{STILL_GOING, exit_of};
use crate::cli::context::{Books, Context, look_after};
use crate::cli::output::Outcome;
use crate::cli::{escape, show};
use crate::error::Error;

/// Runs the command.
pub fn run(ctx: &Context<'_>, id: &str) -> Outcome {
    let loaded = ctx.load_in_spite()?;
    let books = Books::open(&loaded)?;
    let id = books.find(ctx.env, id)?;
    let view = books.read(|reading| task_result(reading, id, &ResultPart::default()))?;
    let summary = books.read(|reading| task_status(reading, id))?;
    if ctx.out.is_json() {
        ctx.out.json(&view)?;
    } else if summary.state == TaskState::Succeeded.as_str() {
        ctx.out.text(&words(&view)?)?;
    } else {
        tell_why_none(ctx, &summary);
    }
    look_after(ctx, &loaded, [&summary]);
    Ok(exit_of(&summary))
}

/// Returns the report, or the result in words: its text if that is all there is, else JSON.
fn words(view: &ResultView) -> Result<String, Error> {
    let text = match (&view.report, &view.result) {
        (Some(report), _) => escape::block(report).into_owned(),
        (None, Some(result)) => match result.as_object().filter(|object| object.len() == 1) {
            Some(object) if object.get("text").is_some_and(serde_json::Value::is_string) => {
                escape::block(object["text"].as_str().unwrap_or_default()).into_owned()
            }
            _ => serde_json::to_string_pretty(result)
                .map_err(|error| Error::internal(format!("a result cannot be written as JSON: {error}")))?,
        },
        (None, None) => String::new(),
    };
    let mut text = text.trim_end_matches('\n').to_owned();
    text.push('\n');
    for output in &view.outputs {
        let name = escape::line(&output.name).into_owned();
        text.push_str(&format!("{name}: {} ({} bytes)\n", escape::line(&output.path), output.bytes));
    }
    Ok(text)
}

fn tell_why_none(ctx: &Context<'_>, task: &TaskSummary) {
    let id = show::task::short_id(&task.id);
    if exit_of(task) == STILL_GOING {
        ctx.out.always(&format!("task {id} is {}: it has no result yet", task.state));
        ctx.out.always(&format!("`modelscan task wait {id}` waits for it"));
    } else {
        ctx.out.always(show::task::ending(task, ctx.out.palette_of_stderr()).trim_end());
    }
}
