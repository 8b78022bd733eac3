//! The host, and the overview of bare `modelscan`, as text for people.

use std::fmt::Write as _;

use wire::views::{HostView, OverviewView};

use super::task;
use super::time::ago;
use crate::cli::escape;
use crate::cli::output::{Paint, Palette};

/// Returns where the host stands.
pub fn status(host: &HostView, palette: Palette) -> String {
    let mut text = first_line(host, palette);
    let tasks = &host.tasks;
    let _ = writeln!(
        text,
        "  tasks: {} running, {} ready, {} waiting, {} paused",
        tasks.running, tasks.ready, tasks.waiting, tasks.paused
    );
    if host.state == "running" {
        let (children, clients) =
            (count(host.instances, "child process", "es"), count(host.clients, "client", "s"));
        let _ = writeln!(text, "  {children}, {clients}");
    }
    let _ = writeln!(text, "  data in {}", escape::line(&host.data_dir));
    text
}

fn count(number: u64, noun: &str, plural: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { plural })
}

fn first_line(host: &HostView, palette: Palette) -> String {
    match host.pid {
        Some(pid) => format!(
            "host {} for {}, process {pid}, version {}\n",
            palette.paint(Paint::Good, &escape::line(&host.state)),
            ago(host.started_at.as_deref()),
            escape::line(host.version.as_deref().unwrap_or("unknown"))
        ),
        None => format!("host {}; it starts by itself when work is submitted\n", escape::line(&host.state)),
    }
}

/// Returns what runs, what is next and three things to try.
pub fn overview(view: &OverviewView, palette: Palette) -> String {
    let mut text = first_line(&view.host, palette);
    let mut part = |name: &str, tasks: &[wire::views::TaskSummary]| {
        if !tasks.is_empty() {
            let _ = write!(
                text,
                "\n{}\n{}",
                palette.paint(Paint::Heading, name),
                task::list(tasks, true, palette)
            );
        }
    };
    part("Running", &view.running);
    part("Next", &view.next);
    part("Waiting for you", &view.asking);
    if view.running.is_empty() && view.next.is_empty() && view.asking.is_empty() {
        text.push_str("nothing runs and nothing waits\n");
    }
    let _ = write!(
        text,
        "\n{}\n  modelscan task submit --skill survey --wait   survey this folder\n  \
         modelscan task list                            see this folder's tasks\n  \
         modelscan demo                                 see the whole path in a data folder of its own\n",
        palette.paint(Paint::Heading, "Try")
    );
    text
}
