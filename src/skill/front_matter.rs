//! The head of a `SKILL.md`: YAML between two lines of `---`, by the rules of Agent Skills.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::flaw::Flaw;

/// The file that makes a folder a skill.
pub(crate) const SKILL_FILE: &str = "SKILL.md";

/// Largest head that is read; checked before the YAML is looked at.
const HEAD_BYTES_MAX: usize = 64 * 1024;
const NAME_CHARS_MAX: usize = 64;
const DESCRIPTION_CHARS_MAX: usize = 1024;
const COMPATIBILITY_CHARS_MAX: usize = 500;

/// What the head of a `SKILL.md` says. Keys that are not known here are left to others.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct FrontMatter {
    /// The skill's name, the same as its folder's.
    pub name: String,
    /// What it does and when to use it.
    pub description: String,
    /// Its licence.
    #[serde(default)]
    pub license: Option<String>,
    /// What it needs.
    #[serde(default)]
    pub compatibility: Option<String>,
    /// Further keys and values of its author's.
    #[serde(default)]
    pub metadata: Option<BTreeMap<String, Value>>,
}

/// Returns the head and the body of the text of a `SKILL.md` in a folder called `folder`.
pub(crate) fn parse(text: &str, folder: &str) -> Result<(FrontMatter, String), Flaw> {
    let (head, body) = split(text)?;
    if head.len() > HEAD_BYTES_MAX {
        return Err(flaw(format!("the head is larger than {} KiB", HEAD_BYTES_MAX / 1024)));
    }
    // People write `description: Use when: x` by hand. Strict YAML refuses that, so the plain
    // values are quoted and read once more; when that fails too, the first error is the one to tell.
    let front_matter = match read(head) {
        Ok(front_matter) => front_matter,
        Err(error) => read(&quote_plain_values(head)).map_err(|_| yaml_flaw(&error))?,
    };
    check(&front_matter, folder)?;
    Ok((front_matter, body.to_owned()))
}

fn flaw(message: impl Into<String>) -> Flaw {
    Flaw::new(SKILL_FILE, message)
}

/// Splits the text at the two lines of `---`.
fn split(text: &str) -> Result<(&str, &str), Flaw> {
    let missing = || {
        flaw("the file does not begin with a head between two lines of `---`")
            .hint("begin it with `---`, `name: …`, `description: …`, `---`")
    };
    let mut lines = text.split_inclusive('\n');
    let first = lines.next().ok_or_else(missing)?;
    if first.trim_end() != "---" {
        return Err(missing());
    }
    let mut end = first.len();
    for line in lines {
        if line.trim_end() == "---" {
            return Ok((&text[first.len()..end], &text[end + line.len()..]));
        }
        end += line.len();
    }
    Err(flaw("the head has no closing line of `---`").hint("end the head with a line of `---`"))
}

fn read(head: &str) -> Result<FrontMatter, serde_saphyr::Error> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: 20_000,
            max_aliases: 100,
            max_anchors: 100,
            max_depth: 16,
            max_nodes: 10_000,
        },
    };
    serde_saphyr::from_str_with_options(head, options)
}

fn yaml_flaw(error: &serde_saphyr::Error) -> Flaw {
    let text = error.without_snippet().to_string();
    let message = schema::shorten(text.lines().next().unwrap_or("not valid YAML"), 300);
    let flaw = flaw(format!("the head is not valid: {message}"))
        .hint("it needs `name: …` and `description: …`; put a text with `: ` or `#` in quotes");
    match error.location() {
        // One line more: the head begins after the first `---`.
        Some(location) => flaw.at(format!("line {}, column {}", location.line() + 1, location.column())),
        None => flaw,
    }
}

/// Puts the plain one-line values of top-level keys in quotes.
fn quote_plain_values(head: &str) -> String {
    let mut quoted = String::with_capacity(head.len() + 64);
    for line in head.lines() {
        match line.split_once(": ") {
            Some((key, value)) if is_key(key) && is_plain(value.trim()) => {
                quoted.push_str(key);
                quoted.push_str(": ");
                quoted.push_str(&Value::String(value.trim().to_owned()).to_string());
            }
            _ => quoted.push_str(line),
        }
        quoted.push('\n');
    }
    quoted
}

fn is_key(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

fn is_plain(value: &str) -> bool {
    !value.is_empty() && !value.starts_with(['"', '\'', '|', '>', '[', '{', '&', '*', '!', '#'])
}

fn check(front_matter: &FrontMatter, folder: &str) -> Result<(), Flaw> {
    let name = &front_matter.name;
    let shown = schema::shorten(name, NAME_CHARS_MAX);
    if !is_skill_name(name) {
        return Err(flaw(format!("`{shown}` is no name of a skill"))
            .at("name")
            .hint("use 1 to 64 of a-z, 0-9 and single hyphens, not at either end"));
    }
    if name != folder {
        return Err(flaw(format!(
            "the name `{shown}` is not the folder's, `{}`",
            schema::shorten(folder, 64)
        ))
        .at("name")
        .hint("rename the folder or the skill"));
    }
    let description = front_matter.description.trim();
    if description.is_empty() {
        return Err(flaw("the description is empty")
            .at("description")
            .hint("say what the skill does and when to use it"));
    }
    if description.chars().count() > DESCRIPTION_CHARS_MAX {
        return Err(flaw(format!("the description has more than {DESCRIPTION_CHARS_MAX} characters"))
            .at("description"));
    }
    if front_matter.compatibility.as_ref().is_some_and(|text| text.chars().count() > COMPATIBILITY_CHARS_MAX)
    {
        return Err(flaw(format!("more than {COMPATIBILITY_CHARS_MAX} characters")).at("compatibility"));
    }
    Ok(())
}

/// Returns whether `name` is a name by the rules of Agent Skills.
pub(crate) fn is_skill_name(name: &str) -> bool {
    (1..=NAME_CHARS_MAX).contains(&name.len())
        && name.split('-').all(|part| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        })
}

#[cfg(test)]
mod tests;
