//! Writing the few JSON values that the store itself makes: lists and objects of texts.

use std::fmt::Write as _;

/// Writes an object of texts.
pub(crate) fn object<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = String::from("{");
    for (at, (key, value)) in pairs.enumerate() {
        if at > 0 {
            text.push(',');
        }
        quote(key, &mut text);
        text.push(':');
        quote(value, &mut text);
    }
    text.push('}');
    text
}

/// Writes an array of values that are JSON already.
pub(crate) fn array_of_json(values: impl Iterator<Item = String>) -> String {
    let all: Vec<String> = values.collect();
    format!("[{}]", all.join(","))
}

/// Writes an array of texts.
pub(crate) fn array<'a>(values: impl Iterator<Item = &'a str>) -> String {
    array_of_json(values.map(|value| {
        let mut text = String::new();
        quote(value, &mut text);
        text
    }))
}

/// Appends a JSON string (RFC 8259, section 7).
fn quote(value: &str, text: &mut String) {
    text.push('"');
    for c in value.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            c if u32::from(c) < 0x20 => {
                let _ = write!(text, "\\u{:04x}", u32::from(c));
            }
            c => text.push(c),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_json_that_sqlite_reads_back() {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        let hard = "a \"b\" \\ \n\t\u{1}\u{7f} ä 𝄞";
        let json = array([hard, ""].into_iter());
        let back: String =
            connection.query_row("SELECT json_extract(?1, '$[0]')", [&json], |r| r.get(0)).unwrap();
        assert_eq!(back, hard);
        let json = object([("k\"", hard)].into_iter());
        let (key, value): (String, String) = connection
            .query_row("SELECT key, value FROM json_each(?1)", [&json], |r| Ok((r.get(0)?, r.get(1)?)))
            .unwrap();
        assert_eq!((key.as_str(), value.as_str()), ("k\"", hard));
    }
}
