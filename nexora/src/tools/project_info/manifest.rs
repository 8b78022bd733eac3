//! What manifests say, read line by line: names, sections, targets. No full parser of each format: a
//! manifest that is broken for its own tool still tells what it is.

use serde_json::Value;

/// Whether a TOML text has this section, or one below it.
pub(super) fn has_section(toml: &str, section: &str) -> bool {
    sections(toml)
        .any(|found| found.strip_prefix(section).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
}

fn sections(toml: &str) -> impl Iterator<Item = &str> {
    toml.lines().filter_map(|line| {
        let inner = line.trim().strip_prefix('[')?;
        let inner = inner.strip_prefix('[').unwrap_or(inner);
        Some(inner.split(']').next().unwrap_or(inner).trim())
    })
}

/// Returns the text of a key of a TOML section.
pub(super) fn toml_text(toml: &str, section: &str, key: &str) -> Option<String> {
    let mut here = false;
    for line in toml.lines() {
        let line = line.trim();
        if let Some(inner) = line.strip_prefix('[') {
            here = inner.split(']').next().is_some_and(|name| name.trim() == section);
        } else if here && let Some(rest) = line.strip_prefix(key) {
            let Some(value) = rest.trim_start().strip_prefix('=') else { continue };
            let value = value.trim_start();
            let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
            return value[1..].split(quote).next().map(str::to_owned);
        }
    }
    None
}

/// What a `package.json` says.
#[derive(Debug, Default)]
pub(super) struct Package {
    pub(super) name: Option<String>,
    pub(super) test: Option<String>,
    pub(super) manager: Option<String>,
}

impl Package {
    /// Reads a `package.json`; nothing if it is not JSON.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).ok()?;
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let manager = text(value.get("packageManager"));
        Some(Self {
            name: text(value.get("name")),
            test: text(value.pointer("/scripts/test")),
            manager: manager.map(|manager| manager.split('@').next().unwrap_or_default().to_owned()),
        })
    }
}

/// Returns the first of `wanted` that a makefile, or a justfile, has as a target.
pub(super) fn target<'a>(makefile: &str, wanted: &[&'a str]) -> Option<&'a str> {
    let has = |target: &str| {
        makefile.lines().any(|line| {
            let Some((names, rest)) = line.split_once(':') else { return false };
            // A recipe's line is indented, and `a := b` assigns.
            !line.starts_with(['\t', ' ', '#', '.'])
                && !rest.starts_with('=')
                && !rest.starts_with(":=")
                && !names.contains('=')
                && names.split_ascii_whitespace().any(|name| name == target)
        })
    };
    wanted.iter().find(|target| has(target)).copied()
}

/// Whether a text calls this command of CMake or Meson, outside of comments; any case.
pub(super) fn calls(text: &str, command: &str) -> bool {
    text.lines().any(|line| {
        let code = line.split('#').next().unwrap_or_default().to_ascii_lowercase();
        code.match_indices(command).any(|(at, _)| {
            let before = code[..at].chars().next_back();
            let after = code[at + command.len()..].trim_start();
            !before.is_some_and(|character| character.is_alphanumeric() || character == '_')
                && after.starts_with('(')
        })
    })
}
