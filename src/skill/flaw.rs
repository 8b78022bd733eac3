//! What is wrong with a skill: what, where, and what to do about it.

use std::fmt;

use schema::{Problem, shorten};
use serde::Serialize;

const MESSAGE_CHARS_MAX: usize = 1_000;
const FILE_CHARS_MAX: usize = 200;

/// One thing that is wrong with a skill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
pub struct Flaw {
    /// The file inside the skill's folder; empty for the folder itself.
    pub file: String,
    /// The place inside the file, such as `steps[2].arguments.path` or `line 3, column 7`.
    pub place: Option<String>,
    /// What is wrong, lower case, without a period.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl Flaw {
    /// File names and messages repeat what a plan says, so both are cut and shown without control characters.
    pub(crate) fn new(file: &str, message: impl Into<String>) -> Self {
        let message = shorten(&message.into(), MESSAGE_CHARS_MAX);
        Self { file: shorten(file, FILE_CHARS_MAX), place: None, message, hint: None }
    }

    pub(crate) fn at(mut self, place: impl Into<String>) -> Self {
        let place = place.into();
        self.place = (!place.is_empty()).then_some(place);
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The flaw of a value that does not fit its schema.
    pub(crate) fn misfit(file: &str, base: &str, problem: &Problem) -> Self {
        Self::new(file, problem.message.clone()).at(inside(base, &problem.path))
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.file.is_empty() {
            formatter.write_str(&self.file)?;
            formatter.write_str(": ")?;
        }
        if let Some(place) = &self.place {
            write!(formatter, "{place}: ")?;
        }
        formatter.write_str(&self.message)
    }
}

/// Returns the place of a JSON pointer below `base` as people write it: `steps[2].arguments.path`.
pub fn inside(base: &str, pointer: &str) -> String {
    let mut place = base.to_owned();
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        let index = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_digit());
        let word = !token.is_empty() && token.chars().all(|c| c.is_alphanumeric() || "_-$".contains(c));
        if index {
            place.push_str(&format!("[{token}]"));
        } else if word {
            if !place.is_empty() {
                place.push('.');
            }
            place.push_str(&shorten(&token, 60));
        } else {
            place.push_str(&format!("[{:?}]", shorten(&token, 60)));
        }
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_become_places() {
        let check = |base: &str, pointer: &str, place: &str| assert_eq!(inside(base, pointer), place);
        check("", "", "");
        check("", "/steps/2/arguments/path", "steps[2].arguments.path");
        check("steps[0].arguments", "/env/A B", "steps[0].arguments.env[\"A B\"]");
        check("result", "/a~1b", "result[\"a/b\"]");
    }
}
