//! The depth limit: how many levels of arrays and objects a value may have.

use serde_json::Value;

/// Deepest nesting of arrays and objects that is read, compiled or checked.
///
/// A schema a few hundred levels deep overflows a thread's stack while it is compiled, and that
/// ends the process without a panic; so the limit is checked before anything recurses.
pub const DEPTH_MAX: usize = 128;

/// Returns whether `value` has at most `limit` levels of arrays and objects. A scalar has none.
///
/// Stops as soon as the limit is passed, so its own recursion is bounded by the limit.
pub fn depth_within(value: &Value, limit: usize) -> bool {
    match value {
        Value::Array(items) => limit > 0 && items.iter().all(|item| depth_within(item, limit - 1)),
        Value::Object(entries) => limit > 0 && entries.values().all(|item| depth_within(item, limit - 1)),
        _ => true,
    }
}

/// Returns the byte offset at which `text` opens a level beyond `limit`, if it does.
///
/// Reads brackets outside of strings and needs no valid JSON: what is malformed is the parser's to say.
pub(crate) fn text_exceeds(text: &str, limit: usize) -> Option<usize> {
    let mut depth = 0usize;
    let mut in_string = false;
    let mut escaped = false;
    for (offset, byte) in text.bytes().enumerate() {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'[' | b'{' => {
                depth += 1;
                if depth > limit {
                    return Some(offset);
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn counts_levels_and_not_values() {
        assert!(depth_within(&json!(1), 0));
        assert!(!depth_within(&json!([]), 0));
        assert!(depth_within(&json!([{}, []]), 2));
        assert!(!depth_within(&json!([{"a": {}}]), 2));
    }

    #[test]
    fn brackets_in_strings_do_not_count() {
        assert_eq!(text_exceeds(r#"["[[[\"[", "{{"]"#, 1), None);
        assert_eq!(text_exceeds("[ [", 1), Some(2));
        assert_eq!(text_exceeds("[][][]", 1), None);
    }
}
