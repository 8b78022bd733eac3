//! Agents and skills as text for people.

use std::fmt::Write as _;

use wire::views::{AgentView, SkillView};

use super::table::{Cell, table};
use crate::cli::escape;
use crate::cli::output::{Paint, Palette};

/// Returns a list of agents.
pub fn list(agents: &[AgentView], palette: Palette) -> String {
    if agents.is_empty() {
        return String::new();
    }
    let rows: Vec<Vec<Cell>> = agents
        .iter()
        .map(|agent| {
            vec![
                Cell::plain(escape::line(&agent.name)),
                Cell::plain(format!("{}/{}", agent.running, agent.max_running)),
                Cell::plain(escape::short(&agent.capabilities.join(" "), 40)),
                Cell::plain(escape::short(&agent.description, 60)),
            ]
        })
        .collect();
    table(&["AGENT", "RUNNING", "CAN", "DESCRIPTION"], &rows, palette)
}

/// Returns one agent.
pub fn one(agent: &AgentView, palette: Palette) -> String {
    let mut text = format!("{}\n", palette.paint(Paint::Heading, &escape::line(&agent.name)));
    for (name, value) in [
        ("description", agent.description.clone()),
        ("driver", agent.driver.clone()),
        ("can", agent.capabilities.join(" ")),
        ("skills", agent.skills.join(" ")),
        ("running", format!("{} of at most {}", agent.running, agent.max_running)),
    ] {
        if !value.is_empty() {
            let _ = writeln!(text, "  {name:<12} {}", escape::line(&value));
        }
    }
    text
}

/// Returns a list of skills.
pub fn skills(skills: &[SkillView], palette: Palette) -> String {
    if skills.is_empty() {
        return String::new();
    }
    let rows: Vec<Vec<Cell>> = skills
        .iter()
        .map(|skill| {
            let words = match &skill.problem {
                Some(problem) => Cell::painted(Paint::Bad, escape::short(&format!("broken: {problem}"), 120)),
                None => Cell::plain(escape::short(&skill.description, 80)),
            };
            vec![
                Cell::plain(escape::line(&skill.name)),
                Cell::plain(escape::line(&skill.source)),
                Cell::plain(escape::line(skill.effects.as_deref().unwrap_or("-"))),
                Cell::plain(if skill.plan { "yes" } else { "no" }),
                words,
            ]
        })
        .collect();
    table(&["SKILL", "FROM", "EFFECTS", "PLAN", "DESCRIPTION"], &rows, palette)
}
