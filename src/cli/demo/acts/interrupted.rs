//! Act 2: client and host are killed while a task runs, and a second client reads its one result.

use std::path::Path;
use std::time::Duration;

use domain::EventType;
use process::{Identity, Signal};
use runtime::operations::{StreamFilter, event_list, task_show, task_status};
use serde_json::json;
use wire::views::TaskSummary;

use super::super::client::Client;
use super::super::narrator::Narrator;
use super::super::stage::Stage;
use super::super::tree;
use super::{hold, id_of, summary};
use crate::cli::context::{Books, text_of};
use crate::cli::escape;
use crate::cli::output::Ended;
use crate::cli::show::task::short_id;
use crate::error::Error;

/// How many files the first tree has.
const FILES: usize = 4_000;

/// How often a larger tree is tried when the survey was over before it could be interrupted.
const TRIES: u32 = 4;

/// How long a killed process may take to be gone.
const GONE_LIMIT: Duration = Duration::from_secs(30);

/// Plays the act; returns where its task stands at the end.
pub async fn play(stage: &Stage<'_>, narrator: &Narrator) -> Result<TaskSummary, Ended> {
    narrator.act(2, "client and host are killed in the middle of it")?;
    let mut files = FILES;
    for number in 1..=TRIES {
        let folder = stage.work_folder(&format!("tree{number}"))?;
        tree::write(&folder, files)?;
        narrator.line(&format!("  a tree of {files} files: {}", escape::line(&folder.to_string_lossy())))?;
        match kill_in_the_middle(stage, &folder, narrator).await? {
            Killed::InTime(id) => return second_client(stage, &folder, &id, narrator).await,
            Killed::TooLate => {
                narrator.line("  the survey was over before they were killed; again with a larger tree")?;
                files *= 3;
            }
        }
    }
    Err(Error::internal("no survey of the demo took long enough to be interrupted").into())
}

/// Whether the task still ran when host and client died.
enum Killed {
    /// It did.
    InTime(String),
    /// It was over.
    TooLate,
}

async fn kill_in_the_middle(stage: &Stage<'_>, folder: &Path, narrator: &Narrator) -> Result<Killed, Ended> {
    let mut client = Client::start(stage, "client2", folder).await?;
    let arguments = json!({ "skill": "survey", "cwd": text_of(folder)? });
    let handed = client.call("task_submit", &arguments, |_, _| {}).await?;
    let id = id_of(&handed.content)?;
    let host = stage.session().status()?;
    let host = host.pid.and_then(Identity::of).ok_or_else(|| Error::internal("the demo's host is gone"))?;
    let (pump, mut seen) = (client.identity(), None);
    {
        let wait = json!({ "ids": [id], "wait_ms": 30_000 });
        // The first progress shows that it works; in the same moment the host dies.
        let killed = |fraction: f64, _: &str| {
            if seen.is_none() && fraction > 0.0 {
                seen = Some((fraction, host.signal(Signal::Kill)));
            }
        };
        // The pump outlives its host, so it is killed while this waits.
        tokio::select! {
            _answered = client.call("task_wait", &wait, killed) => {}
            gone = host.wait_gone(GONE_LIMIT) => {
                gone.map_err(|error| Error::internal(format!("the host's end cannot be seen: {error}")))?;
            }
        }
    }
    client.kill().await?;
    let Some((fraction, signalled)) = seen else { return Ok(Killed::TooLate) };
    signalled.map_err(|error| Error::internal(format!("the demo's host cannot be killed: {error}")))?;
    let books = Books::open(stage.loaded())?;
    let task_id = books.find(stage.env(), &id)?;
    let task = books.read(|reading| task_status(reading, task_id))?;
    if task.state != "running" {
        return Ok(Killed::TooLate);
    }
    narrator.line(&format!("  task {} is at {:.0}%", short_id(&id), fraction * 100.0))?;
    narrator.line(&format!(
        "  SIGKILL to the host, process {}, and to the client's `modelscan mcp`, process {}",
        host.pid, pump.pid
    ))?;
    narrator.line(&format!("  both are gone; the store says: {}, attempt {}", task.state, task.attempt))?;
    Ok(Killed::InTime(id))
}

async fn second_client(
    stage: &Stage<'_>,
    folder: &Path,
    id: &str,
    narrator: &Narrator,
) -> Result<TaskSummary, Ended> {
    let mut client = Client::start(stage, "client3", folder).await?;
    narrator
        .line(&format!("  a second client asks for the same id, by process {}:", client.identity().pid))?;
    let progress = narrator.progress();
    let ended = client.wait_for(id, |fraction, text| progress.show(fraction, text)).await;
    progress.end();
    let task = summary(ended?)?;
    hold(task.state == "succeeded" && task.attempt == 2, "succeeded at attempt 2", &task)?;
    let result = client.call("task_result", &json!({ "id": id }), |_, _| {}).await?;
    hold(!result.content["result"].is_null(), "in possession of a result", &task)?;
    client.close().await?;
    let books = Books::open(stage.loaded())?;
    let task_id = books.find(stage.env(), id)?;
    let shown = books.read(|reading| task_show(reading, task_id))?;
    let outcomes: Vec<&str> =
        shown.attempts.iter().map(|attempt| attempt.outcome.as_deref().unwrap_or("open")).collect();
    let filter = StreamFilter { task: Some(task_id), after_seq: 0, limit: Some(1_000) };
    let events = books.read(|reading| event_list(reading, filter))?;
    let results =
        events.items.iter().filter(|event| event.event_type == EventType::TaskSucceeded.as_str()).count();
    hold(results == 1 && outcomes == ["lost", "succeeded"], "lost once and succeeded once", &task)?;
    narrator.line(&format!(
        "  finished: {}, attempt {}, {results} result; its attempts: {}",
        task.state,
        task.attempt,
        outcomes.join(", ")
    ))?;
    Ok(task)
}
