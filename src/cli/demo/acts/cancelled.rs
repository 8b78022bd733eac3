//! Act 3: a cancel ends processes that do not want to end.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use process::{Identity, identity};
use runtime::operations::task_show;
use serde_json::json;
use wire::views::TaskSummary;

use super::super::client::Client;
use super::super::narrator::Narrator;
use super::super::stage::Stage;
use super::super::stubborn;
use super::{hold, id_of, summary};
use crate::cli::context::{Books, text_of};
use crate::cli::escape;
use crate::cli::output::Ended;
use crate::error::Error;

/// How long the processes may take to be there.
const START_LIMIT: Duration = Duration::from_secs(30);

/// How often it is looked for them.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Plays the act; returns where its task stands at the end.
pub async fn play(stage: &Stage<'_>, narrator: &Narrator) -> Result<TaskSummary, Ended> {
    narrator.act(3, "a cancel leaves nothing behind")?;
    stubborn::write(&stage.loaded().places.skills)?;
    let folder = stage.work_folder("stubborn")?;
    let mut client = Client::start(stage, "client4", &folder).await?;
    let arguments = json!({ "skill": stubborn::NAME, "cwd": text_of(&folder)? });
    let handed = client.call("task_submit", &arguments, |_, _| {}).await?;
    let id = id_of(&handed.content)?;
    let stubborn = written_down(&folder).await?;
    let there = all_of(stage, &id)?;
    let missing = stubborn.iter().any(|process| !there.contains_key(&process.pid));
    if missing {
        return Err(Error::internal("a process of the demo's step is not below its guard").into());
    }
    let names: Vec<String> = there.values().map(|(_, name)| name.clone()).collect();
    narrator.line(&format!("  {} processes work on it: {}", there.len(), names.join(", ")))?;
    narrator.line("  its shell and what that started ignore TERM; one left its session, one its parent")?;
    let begun = Instant::now();
    client.call("task_cancel", &json!({ "ids": [id], "why": "the demo shows it" }), |_, _| {}).await?;
    let task = summary(client.wait_for(&id, |_, _| {}).await?)?;
    let time = begun.elapsed().as_secs_f64();
    hold(task.state == "cancelled", "cancelled", &task)?;
    client.close().await?;
    let left: Vec<String> =
        there.values().filter(|(process, _)| process.is_alive()).map(|(_, name)| name.clone()).collect();
    hold(left.is_empty(), &format!("without processes ({} live)", left.join(", ")), &task)?;
    narrator.line(&format!(
        "  cancelled after {time:.1} s; of the {} processes {} are left",
        there.len(),
        left.len()
    ))?;
    Ok(task)
}

/// Waits until the step's processes have written themselves down, and returns them.
async fn written_down(folder: &Path) -> Result<Vec<Identity>, Error> {
    let deadline = Instant::now() + START_LIMIT;
    loop {
        let text = std::fs::read_to_string(folder.join(stubborn::PIDS)).unwrap_or_default();
        let processes: Vec<Identity> =
            text.lines().filter_map(|line| line.trim().parse().ok()).filter_map(Identity::of).collect();
        if processes.len() >= stubborn::EXPECTED {
            return Ok(processes);
        }
        if Instant::now() > deadline {
            return Err(Error::internal(format!(
                "the demo's step started only {} processes",
                processes.len()
            )));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Returns every process of the task's instance, its guard first, with its name.
fn all_of(stage: &Stage<'_>, id: &str) -> Result<BTreeMap<i32, (Identity, String)>, Error> {
    let books = Books::open(stage.loaded())?;
    let task = books.find(stage.env(), id)?;
    let shown = books.read(|reading| task_show(reading, task))?;
    let instance = shown.attempts.last().and_then(|attempt| attempt.instance.as_ref());
    let (guard, child) = instance
        .and_then(|instance| Some((Identity::of(instance.guard_pid)?, instance.pid?)))
        .ok_or_else(|| Error::internal("the demo's task has no guard"))?;
    let mut found = BTreeMap::new();
    let mut open = vec![guard];
    while let Some(process) = open.pop() {
        let pid = process.pid;
        // The agent runs as this very executable, which has no name of its own.
        let name = if pid == child { format!("nexora {pid}") } else { name_of(pid) };
        if found.insert(pid, (process, name)).is_none() {
            open.extend(identity::children(pid));
        }
    }
    Ok(found)
}

fn name_of(pid: i32) -> String {
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    format!("{} {pid}", escape::line(name.trim()))
}
