//! Skills as they are installed.

use wire::views::{ListView, SkillView};

use super::OperationError;

/// Returns the skills whose name or description holds `query`, in the order of their names.
///
/// # Errors
/// If the folder of the user's skills cannot be read.
pub fn skill_list(query: Option<&str>) -> Result<ListView<SkillView>, OperationError> {
    let _ = query;
    Err(OperationError::Fault { message: "not wired".to_owned() })
}
