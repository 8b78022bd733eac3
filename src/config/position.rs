//! Where in a TOML text something stands: line and column of an offset, and the place of a key.

use toml::de::{DeTable, DeValue};

/// A line and a column, both from 1; the column counts characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Position {
    /// Returns the position of a byte offset in the text.
    pub fn of_offset(text: &str, offset: usize) -> Self {
        let mut end = offset.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let before = &text[..end];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Self { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
    }

    /// Returns the position of the deepest key of the path that stands in the text.
    pub fn of_key(text: &str, path: &str) -> Option<Self> {
        let root = DeTable::parse(text).ok()?;
        let mut offset = None;
        let mut table = root.get_ref();
        for word in path.split('.') {
            // An item of a list has its list's position.
            let word = word.split('[').next().unwrap_or(word);
            let Some((key, value)) = table.iter().find(|(key, _)| key.get_ref() == word) else { break };
            offset = Some(key.span().start);
            match value.get_ref() {
                DeValue::Table(inner) => table = inner,
                _ => break,
            }
        }
        offset.map(|offset| Self::of_offset(text, offset))
    }
}
