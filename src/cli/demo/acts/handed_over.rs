//! Act 1: a client hands a survey over, watches it and reads its report.

use std::path::Path;

use serde_json::json;
use wire::views::TaskSummary;

use super::super::client::Client;
use super::super::narrator::Narrator;
use super::super::stage::Stage;
use super::{hold, id_of, summary};
use crate::cli::context::text_of;
use crate::cli::escape;
use crate::cli::output::Ended;
use crate::cli::show::task::short_id;

/// Plays the act; returns where its task stands at the end.
pub async fn play(stage: &Stage<'_>, surveyed: &Path, narrator: &Narrator) -> Result<TaskSummary, Ended> {
    narrator.act(1, "a client hands a survey to Nexora")?;
    narrator.line(&format!("  the folder: {}", escape::line(&surveyed.to_string_lossy())))?;
    let mut client = Client::start(stage, "client1", surveyed).await?;
    narrator
        .line(&format!("  the client speaks MCP with `modelscan mcp`, process {}", client.identity().pid))?;
    let arguments = json!({ "skill": "survey", "cwd": text_of(surveyed)? });
    let handed = client.call("task_submit", &arguments, |_, _| {}).await?;
    narrator.protocol("→", &handed.sent)?;
    narrator.protocol("←", &handed.received)?;
    let id = id_of(&handed.content)?;
    narrator.line(&format!("  the task {} is on disk; Nexora works on it:", short_id(&id)))?;
    let progress = narrator.progress();
    let ended = client.wait_for(&id, |fraction, text| progress.show(fraction, text)).await;
    progress.end();
    let task = summary(ended?)?;
    hold(task.state == "succeeded", "succeeded", &task)?;
    let result = client.call("task_result", &json!({ "id": id }), |_, _| {}).await?;
    narrator.line("  its report:\n")?;
    let report = result.content["report"].as_str().unwrap_or("it has none");
    for line in escape::block(report.trim_end()).lines() {
        narrator.line(&format!("    {line}"))?;
    }
    client.close().await?;
    Ok(task)
}
