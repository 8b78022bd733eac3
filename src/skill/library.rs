//! The skills at hand: those in the program and those in the user's own folder. A broken one is
//! listed with what is wrong, and stops no other.

use std::path::{Path, PathBuf};

use schema::shorten;
use serde::Serialize;
use serde_json::Value;
use wire::plan::Effects;

use crate::check::PlanCheck;
use crate::files::{BundledSkill, FILE_BYTES_MAX, Files};
use crate::flaw::Flaw;
use crate::front_matter::{self, FrontMatter, SKILL_FILE};
use crate::plan::{CheckedPlan, PLAN_FILE};
use crate::tools::ToolShape;

/// Most entries of the user's folder that are looked at, in the order of their names.
const FOLDERS_MAX: usize = 500;

/// Where a skill comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The program itself.
    Bundled,
    /// The user's own folder.
    User,
}

/// A skill that can be used.
#[derive(Debug)]
pub struct Skill {
    /// The head of its `SKILL.md`.
    pub front_matter: FrontMatter,
    /// The rest of its `SKILL.md`.
    pub body: String,
    /// Where it comes from.
    pub source: Source,
    /// Its folder; none for a bundled one.
    pub folder: Option<PathBuf>,
    /// Its plan, where it has one.
    pub plan: Option<CheckedPlan>,
}

/// A skill in few words, broken or not.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SkillSummary {
    /// Its name.
    pub name: String,
    /// What it does; unknown when its `SKILL.md` is broken.
    pub description: Option<String>,
    /// Where it comes from.
    pub source: Source,
    /// Whether its plan may change anything; unknown without a plan.
    pub effects: Option<Effects>,
    /// The JSON Schema of its plan's input.
    pub input: Option<Value>,
    /// Whether it has a plan that can run.
    pub plan: bool,
    /// What is wrong with it; empty when it can be used.
    pub problems: Vec<Flaw>,
}

/// Why there is no skill to use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// There is none of this name.
    #[error("there is no skill `{name}`")]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// Those that can be used.
        known: Vec<String>,
    },
    /// It is there and broken.
    #[error("the skill `{name}` is broken: {}", first(.flaws))]
    Broken {
        /// Its name.
        name: String,
        /// What is wrong.
        flaws: Vec<Flaw>,
    },
}

fn first(flaws: &[Flaw]) -> String {
    match flaws {
        [] => "it is not known why".to_owned(),
        [flaw] => flaw.to_string(),
        [flaw, rest @ ..] => format!("{flaw} (and {} more)", rest.len()),
    }
}

struct Entry {
    name: String,
    description: Option<String>,
    source: Source,
    skill: Result<Skill, Vec<Flaw>>,
}

/// The skills at hand, by name.
pub struct Library {
    entries: Vec<Entry>,
    problems: Vec<Flaw>,
}

impl Library {
    /// Loads the bundled skills and those in `user_folder`, and checks their plans against `tools`.
    ///
    /// A folder that is not there holds no skills. The user's skill goes before a bundled one of the
    /// same name, also when it is broken. Never looks anywhere else.
    pub fn load(bundled: &[BundledSkill], user_folder: Option<&Path>, tools: &[ToolShape]) -> Self {
        let mut library = Self { entries: Vec::new(), problems: Vec::new() };
        let check = match PlanCheck::new(tools) {
            Ok(check) => check,
            Err(error) => {
                library
                    .problems
                    .push(Flaw::new("", format!("the schema of plans does not compile: {error}")));
                return library;
            }
        };
        for skill in bundled {
            let entry = load(skill.name, Source::Bundled, Ok(Files::Bundled(skill.files)), &check);
            library.entries.push(entry);
        }
        for (name, path) in user_folder.map(|folder| library.folders(folder)).unwrap_or_default() {
            let entry = load(&name, Source::User, Files::folder(&path), &check);
            library.entries.retain(|known| known.name != name);
            library.entries.push(entry);
        }
        library.entries.sort_by(|one, other| one.name.cmp(&other.name));
        library
    }

    /// Returns the skill of this name.
    ///
    /// # Errors
    /// There is none, or it is broken.
    pub fn get(&self, name: &str) -> Result<&Skill, LookupError> {
        match self.entries.iter().find(|entry| entry.name == name) {
            Some(Entry { skill: Ok(skill), .. }) => Ok(skill),
            Some(Entry { skill: Err(flaws), .. }) => {
                Err(LookupError::Broken { name: name.to_owned(), flaws: flaws.clone() })
            }
            None => {
                let known = self.usable().map(|skill| skill.front_matter.name.clone()).collect();
                Err(LookupError::Unknown { name: shorten(name, 64), known })
            }
        }
    }

    /// Returns the skills that can be used, by name.
    pub fn usable(&self) -> impl Iterator<Item = &Skill> {
        self.entries.iter().filter_map(|entry| entry.skill.as_ref().ok())
    }

    /// Returns all skills in few words, broken ones with their problems, by name.
    pub fn summaries(&self) -> Vec<SkillSummary> {
        self.entries.iter().map(Entry::summary).collect()
    }

    /// Returns what is wrong with the user's folder as a whole.
    pub fn problems(&self) -> &[Flaw] {
        &self.problems
    }

    /// Returns the folders in the user's folder, by name.
    fn folders(&mut self, folder: &Path) -> Vec<(String, PathBuf)> {
        let listing = match std::fs::read_dir(folder) {
            Ok(listing) => listing,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
            Err(error) => {
                self.problems.push(Flaw::new("", format!("read the folder of skills: {error}")));
                return Vec::new();
            }
        };
        let mut folders: Vec<(String, PathBuf)> = listing
            .filter_map(Result::ok)
            .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))
            .filter(|(name, path)| !name.starts_with('.') && path.is_dir())
            .collect();
        folders.sort();
        if folders.len() > FOLDERS_MAX {
            let message = format!("{} skills; only the first {FOLDERS_MAX} by name are read", folders.len());
            self.problems.push(Flaw::new("", message));
            folders.truncate(FOLDERS_MAX);
        }
        folders
    }
}

impl Entry {
    fn summary(&self) -> SkillSummary {
        let plan = self.skill.as_ref().ok().and_then(|skill| skill.plan.as_ref());
        SkillSummary {
            name: shorten(&self.name, 64),
            description: self.description.clone(),
            source: self.source,
            effects: plan.map(CheckedPlan::effects),
            input: plan.map(|plan| plan.input_schema().clone()),
            plan: plan.is_some(),
            problems: self.skill.as_ref().err().cloned().unwrap_or_default(),
        }
    }
}

fn load(name: &str, source: Source, files: Result<Files, Flaw>, check: &PlanCheck) -> Entry {
    let mut description = None;
    let skill = files.map_err(|flaw| vec![flaw]).and_then(|files| {
        let (front_matter, body) = head(name, &files).map_err(|flaw| vec![flaw])?;
        description = Some(front_matter.description.trim().to_owned());
        let plan = files.has(PLAN_FILE).then(|| check.load(&files)).transpose()?;
        let folder = match files {
            Files::Folder(folder) => Some(folder),
            Files::Bundled(_) => None,
        };
        Ok(Skill { front_matter, body, source, folder, plan })
    });
    Entry { name: name.to_owned(), description, source, skill }
}

fn head(name: &str, files: &Files) -> Result<(FrontMatter, String), Flaw> {
    if !files.has(SKILL_FILE) {
        return Err(Flaw::new(SKILL_FILE, "no such file in the skill's folder")
            .hint("a skill is a folder with a SKILL.md; remove the folder or add one"));
    }
    front_matter::parse(&files.read(SKILL_FILE, FILE_BYTES_MAX)?, name)
}

#[cfg(test)]
mod tests;
