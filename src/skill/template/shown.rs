//! Values as text for people: in strings, in reports, on one line, as code. Control characters never
//! reach a report.

use std::io;

use minijinja::Error;
use minijinja::ErrorKind;
use minijinja::value::Value as Dynamic;

use super::convert::to_json;

/// Longest report.
pub(super) const REPORT_BYTES_MAX: usize = 1024 * 1024;

/// Returns a value as text: texts as they are, everything else as JSON.
pub(super) fn text_of(value: &Dynamic) -> Result<String, String> {
    match value.as_str() {
        Some(text) => Ok(text.to_owned()),
        None => to_json(value).map(|value| value.to_string()),
    }
}

/// A text on one line: line feeds, tabs and control characters escaped.
pub(super) fn inline(text: &Dynamic) -> Result<String, Error> {
    let text = text_of(text).map_err(|message| Error::new(ErrorKind::UndefinedError, message))?;
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        if is_unprintable(character) {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    Ok(line)
}

/// A text as Markdown code on one line, whatever back ticks it holds.
pub(super) fn code_span(text: &Dynamic) -> Result<String, Error> {
    let line = inline(text)?;
    let longest = line.split(|character| character != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let space = if line.is_empty() || line.starts_with('`') || line.ends_with('`') { " " } else { "" };
    Ok(format!("{fence}{space}{line}{space}{fence}"))
}

/// Control characters, and those that reorder or hide text.
pub(super) fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

pub(super) fn printable(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for character in text.chars() {
        if is_unprintable(character) && !matches!(character, '\n' | '\t') {
            clean.extend(character.escape_default());
        } else {
            clean.push(character);
        }
    }
    clean
}

/// A writer that refuses more than [`REPORT_BYTES_MAX`].
pub(super) struct Capped {
    pub(super) text: Vec<u8>,
    pub(super) full: bool,
}

impl io::Write for Capped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.text.len() + bytes.len() > REPORT_BYTES_MAX {
            self.full = true;
            return Err(io::Error::other("the report is too long"));
        }
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
