//! Tasks as text for people.

use std::fmt::Write as _;

use domain::TaskState;
use wire::views::{
    AttemptView, QuestionView, TaskCancelView, TaskErrorView, TaskShowView, TaskSummary, TaskView,
    TaskWaitView, ToolCallView,
};

use super::table::{Cell, table};
use super::time::{ago, length, of_day, took};
use crate::cli::escape;
use crate::cli::output::{Paint, Palette};

/// How much of a prompt or an input is shown.
const SHOWN_CHARS: usize = 400;

/// Returns the short form of an id: its last eight digits.
pub fn short_id(id: &str) -> String {
    let start = id.len().saturating_sub(8);
    escape::line(id.get(start..).unwrap_or(id)).into_owned()
}

/// Returns a list.
pub fn list(tasks: &[TaskSummary], with_folder: bool, palette: Palette) -> String {
    if tasks.is_empty() {
        return String::new();
    }
    let mut heads = vec!["ID", "STATE", "AGENT", "AGE", "TITLE"];
    if with_folder {
        heads.push("FOLDER");
    }
    let rows: Vec<Vec<Cell>> = tasks
        .iter()
        .map(|task| {
            let mut row = vec![
                Cell::plain(short_id(&task.id)),
                state_cell(task),
                Cell::plain(escape::line(task.agent.as_deref().unwrap_or("-"))),
                Cell::plain(ago(Some(&task.created_at))),
                Cell::plain(escape::short(&task.title, 60)),
            ];
            if with_folder {
                row.push(Cell::painted(Paint::Faint, escape::line(&task.cwd)));
            }
            row
        })
        .collect();
    table(&heads, &rows, palette)
}

fn state_cell(task: &TaskSummary) -> Cell {
    let mut text = escape::line(&task.state).into_owned();
    if let (true, Some(fraction)) = (task.state == TaskState::Running.as_str(), task.progress.fraction) {
        let _ = write!(text, " {:.0}%", fraction * 100.0);
    }
    if let Some(reason) = &task.reason {
        let _ = write!(text, " ({})", escape::line(reason));
    }
    match paint_of(&task.state) {
        Some(paint) => Cell::painted(paint, text),
        None => Cell::plain(text),
    }
}

fn paint_of(state: &str) -> Option<Paint> {
    Some(match state.parse::<TaskState>().ok()? {
        TaskState::Succeeded => Paint::Good,
        TaskState::Failed => Paint::Bad,
        TaskState::Paused | TaskState::InputRequired | TaskState::Cancelling => Paint::Notice,
        TaskState::Cancelled => Paint::Faint,
        _ => return None,
    })
}

fn painted_state(state: &str, palette: Palette) -> String {
    let text = escape::line(state);
    paint_of(state).map_or_else(|| text.clone().into_owned(), |paint| palette.paint(paint, &text))
}

/// Returns where a task stands, in a few lines.
pub fn status(task: &TaskSummary, palette: Palette) -> String {
    let mut text = format!("{} {}", short_id(&task.id), painted_state(&task.state, palette));
    if let Some(reason) = &task.reason {
        let _ = write!(text, " ({})", escape::line(reason));
    }
    let _ = writeln!(text, "  {}", escape::line(&task.title));
    if !is_final(&task.state) && (task.progress.fraction.is_some() || task.progress.text.is_some()) {
        let fraction = task.progress.fraction.map(|f| format!("{:.0}% ", f * 100.0)).unwrap_or_default();
        let _ = writeln!(text, "  {fraction}{}", escape::line(task.progress.text.as_deref().unwrap_or("")));
    }
    if task.attempt > 0 {
        let time = took(task.started_at.as_deref(), task.ended_at.as_deref());
        let _ =
            writeln!(text, "  attempt {}, {}", task.attempt, time.unwrap_or_else(|| "not begun".to_owned()));
    }
    text.push_str(&trouble(&task.id, task.error.as_ref(), task.question.as_ref(), palette));
    text
}

fn is_final(state: &str) -> bool {
    state.parse().is_ok_and(TaskState::is_final)
}

/// Returns what went wrong and what is asked, each with what to do.
fn trouble(
    id: &str,
    error: Option<&TaskErrorView>,
    question: Option<&QuestionView>,
    palette: Palette,
) -> String {
    let mut text = String::new();
    if let Some(error) = error {
        let _ = writeln!(text, "  {} {}", palette.paint(Paint::Bad, "error:"), escape::line(&error.message));
        let end = match (error.exit_code, error.signal) {
            // An end in good order explains nothing.
            (Some(0), _) => String::new(),
            (Some(code), _) => format!("  its process ended with exit code {code}\n"),
            (None, Some(signal)) => format!("  its process was ended by signal {signal}\n"),
            (None, None) => String::new(),
        };
        text.push_str(&end);
        if let Some(tail) = error.stderr_tail.as_ref().filter(|tail| !tail.trim().is_empty()) {
            text.push_str("  last words on stderr:\n");
            text.push_str(&indented(&last_lines(tail, 10), "    "));
        }
        if let Some(hint) = &error.hint {
            let _ = writeln!(text, "  {} {}", palette.paint(Paint::Notice, "hint:"), escape::line(hint));
        }
    }
    if let Some(question) = question {
        let _ = writeln!(
            text,
            "  {} {}",
            palette.paint(Paint::Notice, "question:"),
            escape::line(&question.text)
        );
        for option in &question.options {
            let _ = writeln!(text, "    {}: {}", escape::line(&option.id), escape::line(&option.label));
        }
        if question.kind == "recovery" {
            let id = short_id(id);
            let _ = writeln!(
                text,
                "  `modelscan task resume {id}` lets it go on, `modelscan task cancel {id}` ends it"
            );
        }
    }
    text
}

fn last_lines(text: &str, lines_max: usize) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(lines_max)..].join("\n")
}

fn indented(text: &str, by: &str) -> String {
    escape::block(text).lines().map(|line| format!("{by}{line}\n")).collect()
}

/// Returns how a task ended, in one line and what is to be known about it.
pub fn ending(task: &TaskSummary, palette: Palette) -> String {
    let id = short_id(&task.id);
    let mut text = match task.state.parse() {
        Ok(TaskState::Succeeded) => {
            let time = took(task.started_at.as_deref(), task.ended_at.as_deref()).unwrap_or_default();
            format!(
                "{} in {time}; `modelscan task result {id}` prints its result",
                painted_state(&task.state, palette)
            )
        }
        Ok(state) if !state.is_final() && !matches!(state, TaskState::Paused | TaskState::InputRequired) => {
            format!("still {}; the wait has ended, the task goes on", painted_state(&task.state, palette))
        }
        _ => {
            let reason = task.reason.as_ref().map(|reason| format!(" ({})", escape::line(reason)));
            format!("task {id} {}{}", painted_state(&task.state, palette), reason.unwrap_or_default())
        }
    };
    let trouble = trouble(&task.id, task.error.as_ref(), task.question.as_ref(), palette);
    if !trouble.is_empty() {
        text.push('\n');
        text.push_str(trouble.trim_end());
    }
    text
}

/// Returns a task with its attempts and tool calls.
pub fn full(view: &TaskShowView, palette: Palette) -> String {
    let mut text = head(&view.task, palette);
    if !view.attempts.is_empty() {
        let _ = write!(text, "\n{}\n", palette.paint(Paint::Heading, "Attempts"));
        view.attempts.iter().for_each(|attempt| text.push_str(&self::attempt(attempt, palette)));
    }
    if !view.tool_calls.is_empty() {
        let _ = write!(text, "\n{}\n", palette.paint(Paint::Heading, "Tool calls"));
        view.tool_calls.iter().for_each(|call| text.push_str(&tool_call(call)));
    }
    if let Some(report) = &view.task.report {
        let _ = write!(
            text,
            "\n{}\n{}\n",
            palette.paint(Paint::Heading, "Report"),
            escape::block(report.trim_end())
        );
    }
    text
}

fn head(task: &TaskView, palette: Palette) -> String {
    let mut text = format!("{}  {}\n", escape::line(&task.id), painted_state(&task.state, palette));
    let mut row = |name: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(
                text,
                "  {:<9} {}",
                palette.paint(Paint::Faint, name),
                escape::short(value, SHOWN_CHARS)
            );
        }
    };
    row("title", &task.title);
    row("reason", task.reason.as_deref().unwrap_or(""));
    row("agent", task.agent.as_deref().unwrap_or(""));
    row("skill", task.skill.as_deref().unwrap_or(""));
    row("input", &task.input.as_ref().map(ToString::to_string).unwrap_or_default());
    if task.prompt != task.title {
        row("prompt", &task.prompt);
    }
    row("folder", &task.cwd);
    row("priority", &if task.priority == 0 { String::new() } else { task.priority.to_string() });
    row("created", &task.created_at);
    row("started", task.started_at.as_deref().unwrap_or(""));
    row("ended", task.ended_at.as_deref().unwrap_or(""));
    row(
        "took",
        &task.usage.wall_ms.map(|ms| length(std::time::Duration::from_millis(ms))).unwrap_or_default(),
    );
    let progress = match (task.progress.fraction, &task.progress.text) {
        (Some(fraction), Some(words)) => format!("{:.0}% {words}", fraction * 100.0),
        (Some(fraction), None) => format!("{:.0}%", fraction * 100.0),
        (None, words) => words.clone().unwrap_or_default(),
    };
    row("progress", &progress);
    for output in &task.outputs {
        row("output", &format!("{} {} ({} bytes)", output.name, output.path, output.bytes));
    }
    text.push_str(&trouble(&task.id, task.error.as_ref(), task.question.as_ref(), palette));
    text
}

fn attempt(attempt: &AttemptView, palette: Palette) -> String {
    let outcome = attempt.outcome.as_deref().unwrap_or(&attempt.state);
    let time = took(Some(&attempt.started_at), attempt.ended_at.as_deref()).unwrap_or_default();
    let mut text = format!(
        "  {} {} by {} in {time}\n",
        attempt.attempt,
        painted_state(outcome, palette),
        escape::line(&attempt.agent)
    );
    if let Some(error) = &attempt.error {
        let _ = writeln!(text, "    {}", escape::line(&error.message));
    }
    if let Some(instance) = &attempt.instance {
        let pid = instance.pid.map_or_else(|| "none".to_owned(), |pid| pid.to_string());
        let end = match (instance.exit_code, instance.signal, instance.proven) {
            (_, _, None) => "running".to_owned(),
            (Some(code), _, proven) => format!("exit code {code}, {}", proof(proven)),
            (None, Some(signal), proven) => format!("signal {signal}, {}", proof(proven)),
            (None, None, proven) => format!("ended, {}", proof(proven)),
        };
        let _ = writeln!(text, "    process {pid} under guard {}: {end}", instance.guard_pid);
        if !instance.killed.is_empty() {
            let killed = escape::short(&instance.killed.join(", "), SHOWN_CHARS);
            let _ = writeln!(text, "    had to be killed: {killed}");
        }
    }
    text
}

const fn proof(proven: Option<bool>) -> &'static str {
    match proven {
        Some(true) => "nothing of it is left",
        _ => "unproven",
    }
}

fn tool_call(call: &ToolCallView) -> String {
    let time = call.duration_ms.map(|ms| length(std::time::Duration::from_millis(ms))).unwrap_or_default();
    let input = call.input.as_ref().map(|input| escape::short(&input.to_string(), 100)).unwrap_or_default();
    let effects = if call.side_effects { " with side effects" } else { "" };
    format!(
        "  {} {} {}{effects} {time} {input}\n",
        of_day(&call.ts),
        escape::line(&call.tool),
        escape::line(&call.status)
    )
}

/// Returns where tasks stand that were waited for.
pub fn waited(view: &TaskWaitView, palette: Palette) -> String {
    view.tasks.iter().map(|task| status(task, palette)).collect()
}

/// Returns what became of tasks that were to be cancelled.
pub fn cancelled(view: &TaskCancelView, palette: Palette) -> String {
    let line = |item: &wire::views::CancelItem| {
        let id = short_id(&item.id);
        match (&item.error, &item.state) {
            (Some(error), _) => {
                format!("{id} {} {}\n", palette.paint(Paint::Bad, "error:"), escape::line(error))
            }
            (None, Some(state)) => format!("{id} {}\n", painted_state(state, palette)),
            (None, None) => format!("{id} unknown\n"),
        }
    };
    view.items.iter().map(line).collect()
}
