//! Text of others made harmless for a terminal: what could move the cursor, change colours or turn the
//! direction of writing is shown as an escape.

use std::borrow::Cow;

/// Returns the text as one line: line ends and tabs are shown as escapes too.
pub fn line(text: &str) -> Cow<'_, str> {
    escaped(text, |_| false)
}

/// Returns the text with its lines and tabs kept.
pub fn block(text: &str) -> Cow<'_, str> {
    if text.contains('\r') {
        return Cow::Owned(escaped(&text.replace("\r\n", "\n"), |c| matches!(c, '\n' | '\t')).into_owned());
    }
    escaped(text, |c| matches!(c, '\n' | '\t'))
}

/// Returns at most this many characters of the text as one line, with an ellipsis if it was cut.
pub fn short(text: &str, chars_max: usize) -> String {
    let text = line(text);
    if text.chars().count() <= chars_max {
        return text.into_owned();
    }
    text.chars().take(chars_max.saturating_sub(1)).chain(['…']).collect()
}

fn escaped(text: &str, kept: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(|c| is_dangerous(c) && !kept(c)) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            c if kept(c) || !is_dangerous(c) => safe.push(c),
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            '\t' => safe.push_str("\\t"),
            c => safe.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
        }
    }
    Cow::Owned(safe)
}

/// Says whether a character does something else than show itself: controls (C0, DEL, C1), separators of
/// lines, marks and overrides of direction, invisible characters and tags.
fn is_dangerous(c: char) -> bool {
    matches!(c,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        | '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn nothing_dangerous_is_left(text in any::<String>(), controls in "[\\x00-\\x1f\\x7f-\\x9f\u{202a}-\u{202e}]{0,8}") {
            let text = format!("{text}{controls}{text}");
            prop_assert!(!line(&text).chars().any(is_dangerous));
            prop_assert!(!block(&text).chars().any(|c| is_dangerous(c) && c != '\n' && c != '\t'));
            prop_assert!(short(&text, 5).chars().count() <= 5);
        }
    }

    #[test]
    fn what_a_terminal_would_obey_is_shown() {
        for (text, shown) in [
            ("plain äöü 漢字 👩‍💻", "plain äöü 漢字 👩‍💻"),
            ("\u{1b}[31mred\u{1b}]0;title\u{7}", "\\u{1b}[31mred\\u{1b}]0;title\\u{7}"),
            ("a\u{9b}2Jb", "a\\u{9b}2Jb"),
            ("line\none\rtwo\ttab", "line\\none\\rtwo\\ttab"),
            ("abc\u{202e}gpj.exe", "abc\\u{202e}gpj.exe"),
            ("\u{2066}x\u{2069}\u{200f}\u{61c}", "\\u{2066}x\\u{2069}\\u{200f}\\u{61c}"),
            ("\u{7f}\u{0}\u{2028}\u{feff}\u{e0041}", "\\u{7f}\\u{0}\\u{2028}\\u{feff}\\u{e0041}"),
        ] {
            assert_eq!(line(text), shown);
        }
    }

    #[test]
    fn a_block_keeps_its_lines() {
        assert_eq!(block("a\r\nb\tc\n\u{1b}[2J"), "a\nb\tc\n\\u{1b}[2J");
        assert_eq!(block("over\rwritten"), "over\\rwritten");
    }

    #[test]
    fn a_long_line_is_cut_by_characters() {
        assert_eq!(short("äöü", 3), "äöü");
        assert_eq!(short("äöüß", 3), "äö…");
    }
}
