//! The skills that are in the program, and the loading of a library whose plans are checked against
//! Nexora's tools.

use std::path::Path;

use skill::{BundledSkill, Library, ToolShape};
use wire::plan::Effects;

use crate::tools::{self, Toolbox};

/// The bundled skills, with all their files.
pub const BUNDLED: &[BundledSkill] = &[BundledSkill {
    name: "survey",
    files: &[
        ("SKILL.md", include_str!("../skills/survey/SKILL.md")),
        ("plan.json", include_str!("../skills/survey/plan.json")),
        ("result.schema.json", include_str!("../skills/survey/result.schema.json")),
        ("report.md.j2", include_str!("../skills/survey/report.md.j2")),
    ],
}];

/// The JSON Schema of a survey's result, as text.
pub const SURVEY_SCHEMA: &str = include_str!("../skills/survey/result.schema.json");

/// Loads the bundled skills and those in the user's folder.
pub fn library(user_folder: Option<&Path>, toolbox: &Toolbox) -> Library {
    Library::load(BUNDLED, user_folder, &tool_shapes(toolbox))
}

/// Returns what the check of plans knows of the tools.
pub fn tool_shapes(toolbox: &Toolbox) -> Vec<ToolShape> {
    toolbox
        .iter()
        .map(|tool| ToolShape {
            name: tool.name().to_owned(),
            effects: match tool.effects() {
                tools::Effects::Read => Effects::Read,
                tools::Effects::Write => Effects::Write,
            },
            input: tool.input_schema().clone(),
        })
        .collect()
}

#[cfg(test)]
mod tests;
