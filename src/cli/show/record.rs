//! Events and messages as text for people, one line each but for what was said.

use serde_json::Value;
use wire::views::{EventView, MessageView};

use super::task::short_id;
use super::time::of_day;
use crate::cli::escape;
use crate::cli::output::{Paint, Palette};

/// Returns an event.
pub fn event(event: &EventView, palette: Palette) -> String {
    let task = event.task.as_deref().map_or_else(|| "-".to_owned(), short_id);
    let attempt = event.attempt.map_or_else(String::new, |attempt| format!("#{attempt}"));
    let line = format!(
        "{:>6} {} {task:<8} {attempt:<3} {:<20} {}",
        event.seq,
        palette.paint(Paint::Faint, &escape::line(of_day(&event.ts))),
        escape::line(&event.event_type),
        facts(&event.data)
    );
    format!("{}\n", line.trim_end())
}

fn facts(data: &Value) -> String {
    let Some(object) = data.as_object() else { return escape::short(&data.to_string(), 200) };
    let words: Vec<String> = object
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(key, value)| match value {
            Value::String(text) => format!("{}={}", escape::line(key), escape::short(text, 120)),
            other => format!("{}={}", escape::line(key), escape::short(&other.to_string(), 120)),
        })
        .collect();
    words.join(" ")
}

/// Returns a message.
pub fn message(message: &MessageView, palette: Palette) -> String {
    let task = message.task.as_deref().map_or_else(|| "-".to_owned(), short_id);
    let head = format!(
        "{:>6} {} {task} {} → {} {}",
        message.seq,
        palette.paint(Paint::Faint, &escape::line(of_day(&message.ts))),
        escape::line(&message.from),
        escape::line(&message.to),
        escape::line(&message.kind)
    );
    let content = escape::block(message.content.trim_end());
    match content.lines().count() {
        0 => format!("{head}\n"),
        1 => format!("{head}: {content}\n"),
        _ => {
            let lines: String = content.lines().map(|line| format!("         {line}\n")).collect();
            format!("{head}:\n{lines}")
        }
    }
}
