//! Skills and plans as things: finding them, reading `SKILL.md`, checking a plan when it is loaded,
//! and the expressions of plans. Runs nothing.

mod check;
mod files;
mod flaw;
mod front_matter;
mod library;
mod plan;
pub mod template;
mod tools;

pub use files::BundledSkill;
pub use flaw::{Flaw, inside};
pub use front_matter::FrontMatter;
pub use library::{Library, LookupError, Skill, SkillSummary, Source};
pub use plan::{CheckedPlan, InputError};
pub use tools::ToolShape;
