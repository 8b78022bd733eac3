//! Columns that line up.

use super::super::output::{Paint, Palette};

/// A cell: its text and its colour.
pub struct Cell {
    text: String,
    paint: Option<Paint>,
}

impl Cell {
    /// A cell without a colour; its text must be safe to show.
    pub fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), paint: None }
    }

    /// A cell with a colour.
    pub fn painted(paint: Paint, text: impl Into<String>) -> Self {
        Self { text: text.into(), paint: Some(paint) }
    }
}

/// Returns the rows below their heads, two blanks between columns, none at a line's end.
pub fn table(heads: &[&str], rows: &[Vec<Cell>], palette: Palette) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| chars(&cell.text));
        cells.chain(heads.get(column).map(|head| chars(head))).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let head: Vec<Cell> = heads.iter().map(|head| Cell::painted(Paint::Heading, *head)).collect();
    let mut text = String::new();
    for row in std::iter::once(&head).chain(rows) {
        for (at, cell) in row.iter().enumerate() {
            let painted = match cell.paint {
                Some(paint) => palette.paint(paint, &cell.text),
                None => cell.text.clone(),
            };
            text.push_str(&painted);
            if at + 1 < row.len() {
                let gap = widths.get(at).copied().unwrap_or(0).saturating_sub(chars(&cell.text)) + 2;
                text.extend(std::iter::repeat_n(' ', gap));
            }
        }
        text.truncate(text.trim_end_matches(' ').len());
        text.push('\n');
    }
    text
}

fn chars(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows = [
            vec![Cell::plain("a"), Cell::painted(Paint::Good, "succeeded"), Cell::plain("one")],
            vec![Cell::plain("äöü"), Cell::plain("x"), Cell::plain("")],
        ];
        let text = table(&["ID", "STATE", "TITLE"], &rows, Palette::PLAIN);
        assert_eq!(text, "ID   STATE      TITLE\na    succeeded  one\näöü  x\n");
        let coloured = table(&["ID", "STATE", "TITLE"], &rows, Palette::COLOURED);
        assert!(coloured.contains("\u{1b}[32msucceeded\u{1b}[0m  one"), "{coloured:?}");
    }
}
