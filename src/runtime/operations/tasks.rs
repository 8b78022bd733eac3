//! Reading tasks: lists, one in full, its summary, its result.

use std::collections::HashSet;

use domain::{AgentName, IdPattern, TaskId, TaskState};
use serde_json::Value;
use store::{Cursor, Resolved};
use wire::views::{ListView, ResultView, TaskShowView, TaskSummary};

use super::{OperationError, Reading, rows};
use crate::result::{REPORT_OUTPUT, RESULT_OUTPUT, boundary_before};

/// Items of a page when nobody says how many.
pub(super) const LIMIT: u32 = 50;

/// Items of a page at most.
pub(super) const LIMIT_MAX: u32 = 1_000;

/// Tool calls that `task show` shows at most.
const TOOL_CALLS_MAX: u32 = 1_000;

/// What stands for the task submitted last from a directory.
const LAST: &str = "@last";

/// Which tasks a list shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TaskFilter {
    /// Only those that stand here.
    pub state: Option<TaskState>,
    /// Only those for this agent.
    pub agent: Option<AgentName>,
    /// Only those submitted from this directory; everyone's if nothing.
    pub cwd: Option<String>,
    /// How many at most, 1 to 1000; 50 if nothing.
    pub limit: Option<u32>,
    /// Where the page before ended.
    pub cursor: Option<String>,
}

/// Which part of a result is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResultPart {
    /// A JSON pointer (RFC 6901) into it.
    pub pointer: Option<String>,
    /// From which byte of its JSON text on.
    pub offset: u64,
    /// How many bytes at most; the whole if nothing.
    pub max_bytes: Option<u64>,
}

fn not_found(text: &str) -> OperationError {
    OperationError::NotFound {
        noun: "task",
        id: text.to_owned(),
        hint: Some("`modelscan task list --all` shows the tasks that there are".to_owned()),
    }
}

/// Returns the id that a whole id, a unique beginning or end of one, or `@last` (from `cwd`) names.
///
/// # Errors
/// If it names none, or several.
pub fn task_find(reading: &Reading<'_>, text: &str, cwd: Option<&str>) -> Result<TaskId, OperationError> {
    if text == LAST {
        let last = cwd.map(|cwd| reading.view.last_task(cwd)).transpose()?.flatten();
        return last.ok_or_else(|| OperationError::NotFound {
            noun: "task",
            id: LAST.to_owned(),
            hint: Some("no task was submitted from this directory yet".to_owned()),
        });
    }
    let pattern = IdPattern::parse(text).map_err(|error| {
        OperationError::bad_input(error.to_string(), "give an id as `modelscan task list` shows it")
    })?;
    match reading.view.resolve(&pattern)? {
        Resolved::One(id) => Ok(id),
        Resolved::Nothing => Err(not_found(text)),
        Resolved::Several(ids) => Err(OperationError::Ambiguous {
            id: text.to_owned(),
            count: ids.len(),
            examples: ids.iter().map(TaskId::to_string).collect(),
        }),
    }
}

/// Returns how many items a page has.
pub(super) fn page_size(limit: Option<u32>, usual: u32) -> Result<u32, OperationError> {
    match limit {
        None => Ok(usual),
        Some(limit) if (1..=LIMIT_MAX).contains(&limit) => Ok(limit),
        Some(limit) => Err(OperationError::bad_input(
            format!("`{limit}` is not a limit"),
            format!("give a whole number from 1 to {LIMIT_MAX}"),
        )),
    }
}

/// Returns one page of tasks, the newest first.
///
/// # Errors
/// If the limit or the cursor is none, or the store cannot be read.
pub fn task_list(
    reading: &Reading<'_>,
    filter: &TaskFilter,
) -> Result<ListView<TaskSummary>, OperationError> {
    let limit = page_size(filter.limit, LIMIT)?;
    let cursor: Option<Cursor> =
        filter.cursor.as_deref().map(str::parse).transpose().map_err(|error: store::CursorError| {
            OperationError::bad_input(error.to_string(), "give `next_cursor` of the page before")
        })?;
    let of_store = store::TaskFilter {
        states: filter.state.into_iter().collect(),
        agent: filter.agent.clone(),
        cwd: filter.cwd.clone(),
        since: None,
    };
    let page = reading.view.tasks(&of_store, limit, cursor)?;
    let items = page.items.iter().map(|row| rows::summary(row, reading)).collect::<Result<_, _>>()?;
    Ok(ListView { items, next_cursor: page.next.map(|cursor| cursor.to_string()) })
}

/// Returns a task in full, with its attempts and tool calls.
///
/// # Errors
/// If there is no such task, or the store cannot be read.
pub fn task_show(reading: &Reading<'_>, id: TaskId) -> Result<TaskShowView, OperationError> {
    let view = reading.view;
    let detail = view.task_detail(id)?.ok_or_else(|| not_found(&id.to_string()))?;
    let mut attempts = Vec::new();
    let mut over = HashSet::new();
    for row in view.attempts(id)? {
        if row.ended_at.is_some() {
            over.insert(row.number);
        }
        let instance = view.instance(row.instance)?;
        attempts.push(rows::attempt(&row, instance.as_ref()));
    }
    let calls = view.tool_calls(id, TOOL_CALLS_MAX)?;
    Ok(TaskShowView {
        task: rows::task(&detail, reading)?,
        attempts,
        tool_calls: calls
            .iter()
            .map(|call| rows::tool_call(call, over.contains(&call.attempt)))
            .collect::<Result<_, _>>()?,
    })
}

/// Returns where a task stands.
///
/// # Errors
/// If there is no such task, or the store cannot be read.
pub fn task_status(reading: &Reading<'_>, id: TaskId) -> Result<TaskSummary, OperationError> {
    let row = reading.view.task(id)?.ok_or_else(|| not_found(&id.to_string()))?;
    rows::summary(&row, reading)
}

/// Returns a result, whole or in part. A task that has not succeeded has none: the view says its state. A part
/// is a JSON string that holds a piece of the result's text.
///
/// # Errors
/// If there is no such task, no such part, or the store or the file of the result cannot be read.
pub fn task_result(
    reading: &Reading<'_>,
    id: TaskId,
    part: &ResultPart,
) -> Result<ResultView, OperationError> {
    let detail = reading.view.task_detail(id)?.ok_or_else(|| not_found(&id.to_string()))?;
    let outputs = rows::outputs(&detail.outputs, &reading.place.outputs);
    let file = |name: &str| detail.outputs.iter().find(|output| output.name == name);
    let report = match (&detail.report, file(REPORT_OUTPUT)) {
        (None, Some(output)) => {
            Some(String::from_utf8_lossy(&store::outputs::read(reading.place, output)?).into_owned())
        }
        (report, _) => report.clone(),
    };
    let state = detail.task.state.as_str().to_owned();
    let mut view = ResultView {
        id: id.to_string(),
        state,
        result: None,
        report,
        outputs,
        truncated: false,
        total_bytes: 0,
        next_offset: None,
    };
    let whole = match (&detail.result, file(RESULT_OUTPUT)) {
        (Some(text), _) => rows::value(text, "a result")?,
        (None, Some(output)) => {
            let bytes = store::outputs::read(reading.place, output)?;
            serde_json::from_slice(&bytes).map_err(|error| OperationError::Store {
                message: format!("read the result in `{}`: it is no JSON", output.path),
                hint: None,
                source: Some(Box::new(error)),
            })?
        }
        (None, None) => return Ok(view),
    };
    let wanted = pointed(whole, part.pointer.as_deref())?;
    cut_into(&mut view, wanted, part)?;
    Ok(view)
}

fn pointed(whole: Value, pointer: Option<&str>) -> Result<Value, OperationError> {
    let Some(pointer) = pointer.filter(|pointer| !pointer.is_empty()) else { return Ok(whole) };
    whole.pointer(pointer).cloned().ok_or_else(|| {
        OperationError::bad_input(
            format!("the result has nothing at `{pointer}`"),
            "give a JSON pointer such as `/languages/0/name`",
        )
    })
}

fn cut_into(view: &mut ResultView, wanted: Value, part: &ResultPart) -> Result<(), OperationError> {
    let text = wanted.to_string();
    let total = u64::try_from(text.len()).unwrap_or(u64::MAX);
    view.total_bytes = total;
    if part.offset > total {
        return Err(OperationError::bad_input(
            format!("the result ends at byte {total}, before `offset` {}", part.offset),
            "give `next_offset` of the part before",
        ));
    }
    let fits = part.max_bytes.is_none_or(|max| total <= max);
    if part.offset == 0 && fits {
        view.result = Some(wanted);
        return Ok(());
    }
    let whole = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(text.len());
    let from = boundary_before(&text, whole(part.offset));
    let asked = part.max_bytes.unwrap_or(u64::MAX).max(4);
    let to = boundary_before(&text, whole(part.offset.saturating_add(asked)));
    view.truncated = true;
    view.result = Some(Value::String(text[from..to].to_owned()));
    view.next_offset = (to < text.len()).then(|| u64::try_from(to).unwrap_or(u64::MAX));
    Ok(())
}
