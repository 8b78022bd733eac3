//! Which language a file is in, by its name and, for scripts without an extension, by their first
//! line. The table is data beside this file.

use std::collections::HashMap;
use std::path::Path;
use std::sync::OnceLock;

#[cfg(test)]
mod tests;

const TABLE: &str = include_str!("languages.tsv");

/// Formats of words and data rather than of programs: a licence may be kept in one of these.
const PROSE: [&str; 6] = ["AsciiDoc", "HTML", "LaTeX", "Markdown", "reStructuredText", "Text"];

/// The table, by each way to tell a language.
pub(super) struct Languages {
    names: Vec<&'static str>,
    extensions: HashMap<&'static str, &'static str>,
    files: HashMap<&'static str, &'static str>,
    interpreters: HashMap<&'static str, &'static str>,
}

impl Languages {
    /// Returns the table that is compiled in.
    pub(super) fn get() -> &'static Self {
        static LANGUAGES: OnceLock<Languages> = OnceLock::new();
        LANGUAGES.get_or_init(Self::parse)
    }

    fn parse() -> Self {
        let mut languages = Self {
            names: Vec::new(),
            extensions: HashMap::new(),
            files: HashMap::new(),
            interpreters: HashMap::new(),
        };
        for line in TABLE.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            let mut columns = line.split('\t');
            let mut column = || columns.next().unwrap_or("-");
            let name = column();
            languages.names.push(name);
            for (map, words) in [
                (&mut languages.extensions, column()),
                (&mut languages.files, column()),
                (&mut languages.interpreters, column()),
            ] {
                map.extend(words.split(',').filter(|word| *word != "-").map(|word| (word, name)));
            }
        }
        languages
    }

    /// Returns all names.
    #[cfg(test)]
    pub(super) fn names(&self) -> &[&'static str] {
        &self.names
    }

    /// Returns the language that a file's name tells.
    pub(super) fn by_name(&self, path: &Path) -> Option<&'static str> {
        let name = path.file_name()?.to_str();
        if let Some(language) = name.and_then(|name| self.files.get(name)) {
            return Some(language);
        }
        let extension = path.extension()?.to_str()?;
        if let Some(language) = self.extensions.get(extension) {
            return Some(language);
        }
        self.extensions.get(extension.to_ascii_lowercase().as_str()).copied()
    }

    /// Returns the language of a script by its first line.
    pub(super) fn by_shebang(&self, start: &[u8]) -> Option<&'static str> {
        let line = start.strip_prefix(b"#!")?;
        let end = line.iter().position(|byte| *byte == b'\n').unwrap_or(line.len()).min(256);
        let line = std::str::from_utf8(&line[..end]).ok()?;
        let mut words = line.split_ascii_whitespace();
        let mut program = base_name(words.next()?);
        if program == "env" {
            // `env -S NAME=value python3 -u`: the first word that is neither option nor assignment.
            program = base_name(words.find(|word| !word.starts_with('-') && !word.contains('='))?);
        }
        let program = program.to_ascii_lowercase();
        let stem = program.trim_end_matches(|character: char| character.is_ascii_digit() || character == '.');
        self.interpreters.get(program.as_str()).or_else(|| self.interpreters.get(stem)).copied()
    }
}

/// Whether a language is a format of words, in which a licence may be written.
pub(super) fn is_prose(language: &str) -> bool {
    PROSE.contains(&language)
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
