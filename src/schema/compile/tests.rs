use proptest::prelude::*;
use serde_json::json;

use super::*;

fn problems(schema: Value, value: Value) -> Vec<String> {
    compile(&schema, &[]).unwrap().check(&value).iter().map(ToString::to_string).collect()
}

fn closed() -> Value {
    json!({
        "type": "object",
        "properties": {
            "path": {"type": "string"},
            "limit": {"type": "integer", "minimum": 1},
            "mode": {"enum": ["fast", "slow"]},
            "items": {"type": "array", "items": {"type": "object", "required": ["id"]}}
        },
        "required": ["path"],
        "additionalProperties": false
    })
}

#[test]
fn says_where_and_why() {
    let check =
        |value: Value, expected: &[&str]| assert_eq!(problems(closed(), value.clone()), expected, "{value}");
    check(json!({"path": "."}), &[]);
    check(json!({}), &["the key `path` is missing"]);
    check(json!([]), &["an object is expected, not an array of 0"]);
    check(json!({"path": ".", "pth": 1}), &["unknown key `pth` (known: `path`, `limit`, `mode`, `items`)"]);
    check(json!({"path": 7}), &["`/path`: a string is expected, not `7`"]);
    check(json!({"path": ".", "limit": 0}), &["`/limit`: `0` is less than `1`"]);
    check(json!({"path": ".", "mode": "x"}), &["`/mode`: `\"x\"` is not one of `fast`, `slow`"]);
    check(json!({"path": ".", "items": [{"id": 1}, {}]}), &["`/items/1`: the key `id` is missing"]);
}

#[test]
fn messages_are_bounded_and_show_no_control_characters() {
    let long = "x".repeat(10_000) + "\u{1b}[31m";
    let told = problems(json!({"type": "integer"}), json!(long));
    assert!(told[0].len() < 200, "{}", told[0]);
    let told = problems(json!({"type": "integer"}), json!("\u{1b}[31m\n"));
    assert!(!told[0].chars().any(char::is_control), "{}", told[0]);
    let many: Vec<Value> = (0..1000).map(|_| json!("x")).collect();
    assert_eq!(problems(json!({"items": {"type": "integer"}}), json!(many)).len(), PROBLEMS_MAX);
}

#[test]
fn refuses_what_lies_elsewhere() {
    for reference in
        ["http://localhost/x.json", "https://example.com/x.json", "file:///etc/passwd", "x.json", "../x.json"]
    {
        let error = compile(&json!({"$ref": reference}), &[]).unwrap_err();
        assert!(matches!(error, SchemaError::Unreachable { .. }), "{reference}: {error:?}");
        let text = error.to_string();
        assert!(text.contains("nothing is fetched") && !text.contains("feature"), "{text}");
    }
    let error = compile(&json!({"$ref": "#/$defs/x"}), &[]).unwrap_err();
    assert!(matches!(error, SchemaError::Dangling { .. }), "{error:?}");
}

#[test]
fn refers_to_named_documents_and_to_itself() {
    let item = json!({"type": "object", "properties": {"next": {"$ref": "item.json"}}, "additionalProperties": false});
    let schema = json!({"items": {"$ref": "item.json"}});
    let checker = compile(&schema, &[Document { name: "item.json", value: &item }]).unwrap();
    assert_eq!(checker.check(&json!([{"next": {"next": {}}}])), []);
    assert_eq!(checker.check(&json!([{"next": {"nxt": {}}}]))[0].path, "/0/next");
    let itself = json!({"properties": {"next": {"$ref": "#"}}, "additionalProperties": false});
    assert_eq!(compile(&itself, &[]).unwrap().check(&json!({"next": {"next": {}}})), []);
}

#[test]
fn refuses_what_is_no_schema() {
    let check = |schema: Value, part: &str| {
        let text = compile(&schema, &[]).unwrap_err().to_string();
        assert!(text.contains(part), "{schema}: {text}");
    };
    check(json!({"type": "text"}), "`/type`");
    check(json!({"pattern": "("}), "not a valid JSON Schema");
    check(json!({"$schema": "https://example.com/own"}), "no known version");
    check(json!(7), "not a valid JSON Schema");
}

#[test]
fn refuses_depth_before_it_recurses() {
    let mut deep = json!({});
    for _ in 0..200 {
        deep = json!({"items": deep});
    }
    assert_eq!(compile(&deep, &[]).unwrap_err(), SchemaError::TooDeep);
    assert_eq!(
        compile(&json!({"$ref": "d.json"}), &[Document { name: "d.json", value: &deep }]).unwrap_err(),
        SchemaError::TooDeep
    );
    let told = compile(&json!({}), &[]).unwrap().check(&deep);
    assert!(told[0].message.contains("levels deep"));
}

#[test]
fn a_hostile_pattern_ends() {
    let told = problems(json!({"pattern": "^(a|a)*(?=b)c$"}), json!("a".repeat(5_000)));
    assert_eq!(told.len(), 1);
}

proptest! {
    #[test]
    fn never_panics_on_any_key_or_text(key in ".{0,40}", text in ".{0,200}") {
        let checker = compile(&closed(), &[]).unwrap();
        for problem in checker.check(&json!({ key: text.clone(), "path": text })) {
            prop_assert!(!problem.to_string().chars().any(char::is_control));
        }
    }
}
