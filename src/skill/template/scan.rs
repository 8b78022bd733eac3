//! Splits a string of a plan into text and expressions, and finds the names of filters and tests in
//! an expression. Knows of the language only strings, brackets and delimiters.

/// A piece of a string of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece<'t> {
    Text(&'t str),
    Expression(&'t str),
}

/// Why a string cannot be split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScanError {
    /// `{{` has no `}}`.
    Unclosed,
    /// `{%`, which only reports may have.
    Statement,
    /// `{{ }}` holds nothing.
    Empty,
}

impl ScanError {
    pub(crate) fn message(self) -> &'static str {
        match self {
            Self::Unclosed => "`{{` has no `}}`",
            Self::Statement => {
                "statements, `{%`, work in the report alone; write literal braces as { \"$literal\": \"…\" }"
            }
            Self::Empty => "`{{ }}` holds no expression",
        }
    }
}

/// Returns whether anything in `text` would be read as an expression or a statement.
pub fn is_template(text: &str) -> bool {
    ["{{", "{%"].iter().any(|opening| text.contains(opening))
}

/// Splits `text` into its pieces, in order; empty texts are left out.
pub(crate) fn pieces(text: &str) -> Result<Vec<Piece<'_>>, ScanError> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find('{') {
        match rest.as_bytes().get(start + 1) {
            Some(b'{') => {
                let (before, inside) = (&rest[..start], &rest[start + 2..]);
                let end = expression_end(inside).ok_or(ScanError::Unclosed)?;
                let (expression, after) = (&inside[..end], &inside[end + 2..]);
                // `{{-` and `-}}` take away the white space around them.
                let (before, expression) = match expression.strip_prefix('-') {
                    Some(expression) => (before.trim_end(), expression),
                    None => (before, expression),
                };
                let (expression, after) = match expression.strip_suffix('-') {
                    Some(expression) => (expression, after.trim_start()),
                    None => (expression, after),
                };
                if expression.trim().is_empty() {
                    return Err(ScanError::Empty);
                }
                push_text(&mut pieces, before);
                pieces.push(Piece::Expression(expression.trim()));
                rest = after;
            }
            // `{#` is text: a shell's `${#x}` is no comment.
            Some(b'%') => return Err(ScanError::Statement),
            _ => {
                push_text(&mut pieces, &rest[..=start]);
                rest = &rest[start + 1..];
            }
        }
    }
    push_text(&mut pieces, rest);
    Ok(pieces)
}

fn push_text<'t>(pieces: &mut Vec<Piece<'t>>, text: &'t str) {
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
}

/// Returns where the `}}` of an expression begins: outside of strings and of brackets.
fn expression_end(inside: &str) -> Option<usize> {
    let bytes = inside.as_bytes();
    let mut balance = 0usize;
    let mut offset = 0;
    while offset < bytes.len() {
        match bytes[offset] {
            quote @ (b'"' | b'\'') => offset = string_end(bytes, offset, quote)?,
            b'}' if balance == 0 && bytes.get(offset + 1) == Some(&b'}') => return Some(offset),
            b'(' | b'[' | b'{' => balance += 1,
            b')' | b']' | b'}' => balance = balance.saturating_sub(1),
            _ => {}
        }
        offset += 1;
    }
    None
}

/// Returns the offset of the quote that closes the string which `start` opens.
fn string_end(bytes: &[u8], start: usize, quote: u8) -> Option<usize> {
    let mut offset = start + 1;
    while offset < bytes.len() {
        match bytes[offset] {
            b'\\' => offset += 1,
            byte if byte == quote => return Some(offset),
            _ => {}
        }
        offset += 1;
    }
    None
}

/// The filters and the tests that an expression, or the code of a report, names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Called<'t> {
    pub(crate) filters: Vec<&'t str>,
    pub(crate) tests: Vec<&'t str>,
}

/// Returns the names behind `|` and `is` in an expression.
pub(crate) fn called(expression: &str) -> Called<'_> {
    let mut called = Called::default();
    let bytes = expression.as_bytes();
    let mut offset = 0;
    while offset < bytes.len() {
        match bytes[offset] {
            quote @ (b'"' | b'\'') => match string_end(bytes, offset, quote) {
                Some(end) => offset = end + 1,
                None => return called,
            },
            b'|' => {
                offset = skip_space(bytes, offset + 1);
                let name = word(expression, offset);
                if !name.is_empty() {
                    called.filters.push(name);
                }
                offset += name.len();
            }
            byte if is_word(byte) => {
                let name = word(expression, offset);
                let attribute = offset > 0 && bytes[offset - 1] == b'.';
                offset += name.len();
                if name == "is" && !attribute {
                    offset = skip_space(bytes, offset);
                    if word(expression, offset) == "not" {
                        offset = skip_space(bytes, offset + 3);
                    }
                    let test = word(expression, offset);
                    if !test.is_empty() {
                        called.tests.push(test);
                    }
                    offset += test.len();
                }
            }
            _ => offset += 1,
        }
    }
    called
}

/// Returns the code inside all delimiters of a report's template.
pub(crate) fn code_of_report(source: &str) -> Vec<&str> {
    let mut code = Vec::new();
    let mut rest = source;
    while let Some(start) = rest.find('{') {
        let inside = rest.get(start + 2..).unwrap_or("");
        let end = match rest.as_bytes().get(start + 1) {
            Some(b'{') => expression_end(inside),
            Some(b'%') => inside.find("%}"),
            Some(b'#') => match inside.find("#}") {
                Some(end) => {
                    rest = &inside[end..];
                    continue;
                }
                None => return code,
            },
            _ => {
                rest = &rest[start + 1..];
                continue;
            }
        };
        let Some(end) = end else { return code };
        code.push(&inside[..end]);
        rest = &inside[end..];
    }
    code
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn skip_space(bytes: &[u8], offset: usize) -> usize {
    offset + bytes[offset.min(bytes.len())..].iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

fn word(text: &str, offset: usize) -> &str {
    let bytes = text.as_bytes();
    let start = offset.min(bytes.len());
    let length = bytes[start..].iter().take_while(|byte| is_word(**byte)).count();
    &text[start..start + length]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_text_and_expressions() {
        use Piece::{Expression as E, Text as T};
        let check =
            |text: &str, expected: &[Piece<'_>]| assert_eq!(pieces(text).unwrap(), expected, "{text}");
        check("", &[]);
        check("plain } }} {", &[T("plain } }} {")]);
        check("{{ a }}", &[E("a")]);
        check("{{ a }} and {{ b }}", &[E("a"), T(" and "), E("b")]);
        check("{{ '}}' }}", &[E("'}}'")]);
        check(r#"{{ "\"}}" }}"#, &[E(r#""\"}}""#)]);
        check("{{ {'a': {'b': 1}} }}", &[E("{'a': {'b': 1}}")]);
        check("{{{'a': 1}}}", &[E("{'a': 1}")]);
        check("x {{- a -}} y", &[T("x"), E("a"), T("y")]);
        check("${A} {b", &[T("${"), T("A} {"), T("b")]);
        check("${#x}", &[T("${"), T("#x}")]);
    }

    #[test]
    fn refuses_what_it_cannot_split() {
        assert_eq!(pieces("{{ a }"), Err(ScanError::Unclosed));
        assert_eq!(pieces("{{ 'a }}"), Err(ScanError::Unclosed));
        assert_eq!(pieces("{% if a %}"), Err(ScanError::Statement));
        assert_eq!(pieces("{{ }}"), Err(ScanError::Empty));
    }

    #[test]
    fn finds_filters_and_tests() {
        let called = called("a|length + (b | default('|x is y')) if c is not defined and d.is is none");
        assert_eq!(called.filters, ["length", "default"]);
        assert_eq!(called.tests, ["defined", "none"]);
    }

    #[test]
    fn finds_the_code_of_a_report() {
        assert_eq!(code_of_report("a {{ b }} {% for c in d %}{# e #}{ f"), [" b ", " for c in d "]);
    }
}
