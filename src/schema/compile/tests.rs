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

#[test]
fn a_schema_that_refers_to_itself_alone_ends() {
    for schema in [
        json!({"$ref": "#"}),
        json!({"allOf": [{"$ref": "#"}]}),
        json!({"anyOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}),
        json!({"not": {"$ref": "#"}}),
        json!({"$dynamicRef": "#x", "$dynamicAnchor": "x"}),
        json!({"if": {"$ref": "#"}, "then": {"$ref": "#"}}),
        json!({"$recursiveRef": "#", "$schema": "https://json-schema.org/draft/2019-09/schema"}),
        json!({"dependentSchemas": {"a": {"$ref": "#"}}}),
        json!({"$ref": "a.json"}),
    ] {
        let document = json!({"allOf": [{"$ref": "a.json"}, {"$ref": "schema"}]});
        let Ok(checker) = compile(&schema, &[Document { name: "a.json", value: &document }]) else {
            continue;
        };
        let _ = checker.check(&json!({"a": [1, {"a": null}]}));
    }
}

/// A chain of `length` references, each in `link`.
fn chain(length: usize, link: impl Fn(Value) -> Value) -> Value {
    let mut defs = serde_json::Map::new();
    for n in 0..length {
        defs.insert(format!("a{n}"), link(json!({"$ref": format!("#/$defs/a{}", n + 1)})));
    }
    defs.insert(format!("a{length}"), json!({"type": "integer"}));
    json!({"$ref": "#/$defs/a0", "$defs": defs})
}

#[test]
fn references_that_lead_too_far_or_multiply_are_refused() {
    let once = |next: Value| json!({"allOf": [next]});
    let twice = |next: Value| json!({"allOf": [next.clone(), next]});
    assert_eq!(compile(&chain(100, once), &[]).unwrap().check(&json!("x")).len(), 1);
    assert_eq!(compile(&chain(20_000, once), &[]).unwrap_err(), SchemaError::TooFar);
    assert!(compile(&chain(8, twice), &[]).is_ok());
    assert_eq!(compile(&chain(30, twice), &[]).unwrap_err(), SchemaError::TooMany);

    let anchors: Vec<Value> = (0..3_000)
        .map(|n| json!({"$anchor": format!("a{n}"), "allOf": [{"$ref": format!("#a{}", n + 1)}]}))
        .collect();
    let schema = json!({"$ref": "#a0", "$defs": {"all": {"anyOf": anchors}, "end": {"$anchor": "a3000"}}});
    assert_eq!(compile(&schema, &[]).unwrap_err(), SchemaError::TooFar);
    let ids: serde_json::Map<String, Value> = (0..3_000)
        .map(|n| (format!("d{n}"), json!({"$id": format!("i{n}"), "$ref": format!("i{}", n + 1)})))
        .collect();
    let schema = json!({"$ref": "i0", "$defs": ids, "properties": {"x": {"$id": "i3000"}}});
    assert_eq!(compile(&schema, &[]).unwrap_err(), SchemaError::TooFar);
    let hidden =
        json!({"$ref": "b", "$defs": {"x": {"$id": "https://example.com/a/", "$defs": {"y": {"$id": "b"}}}}});
    assert!(compile(&hidden, &[]).is_err());
}

#[test]
fn a_long_circle_is_checked_to_a_smaller_depth() {
    let mut schema = chain(200, |next| json!({"allOf": [next]}));
    schema["$defs"]["a200"] = json!({"items": {"$ref": "#"}});
    let checker = compile(&schema, &[]).unwrap();
    let mut value = json!([]);
    for _ in 0..126 {
        value = json!([value]);
    }
    let told = checker.check(&value);
    assert!(told[0].message.contains("levels deep"), "{told:?}");
    assert_eq!(checker.check(&json!([[[]]])), []);
    let tree = json!({"properties": {"next": {"$ref": "#"}}});
    assert_eq!(compile(&tree, &[]).unwrap().check(&value), []);
}

#[test]
fn the_schema_of_schemas_and_data_that_looks_like_one_are_fine() {
    let checker = compile(&json!({"$ref": "https://json-schema.org/draft/2020-12/schema"}), &[]).unwrap();
    assert_eq!(checker.check(&json!({"type": "object"})), []);
    assert!(!checker.check(&json!({"type": 7})).is_empty());
    assert!(compile(&json!({"default": {"$ref": "x"}, "enum": [{"$ref": "y"}]}), &[]).is_ok());
    assert!(compile(&json!({"properties": {"default": {"$ref": "x"}}}), &[]).is_err());
}

/// Schemas of known words with values that may or may not fit them.
fn any_schema() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!({})),
        Just(json!(true)),
        Just(json!(null)),
        any::<i64>().prop_map(Value::from),
        prop_oneof![Just(-1.0), Just(0.0), Just(1e300), Just(0.1)].prop_map(Value::from),
        "(#|#/\\$defs/a|[a-z]{0,3}|\\(|\\[|\\\\d\\{9999999\\}|https?://x)".prop_map(Value::from),
        Just(json!("string")),
    ];
    let word = prop::sample::select(vec![
        "type",
        "enum",
        "const",
        "minimum",
        "maximum",
        "multipleOf",
        "minLength",
        "pattern",
        "format",
        "items",
        "prefixItems",
        "contains",
        "minContains",
        "uniqueItems",
        "properties",
        "patternProperties",
        "additionalProperties",
        "required",
        "not",
        "allOf",
        "anyOf",
        "oneOf",
        "if",
        "then",
        "else",
        "$ref",
        "$defs",
        "a",
        "$id",
        "$anchor",
        "$schema",
        "$dynamicRef",
        "dependentSchemas",
        "dependentRequired",
        "unevaluatedProperties",
        "unevaluatedItems",
        "propertyNames",
        "contentEncoding",
    ]);
    leaf.prop_recursive(5, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((word.clone(), inner), 0..5).prop_map(|entries| entries
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect()),
        ]
    })
}

proptest! {
    #[test]
    fn no_schema_panics(schema in any_schema(), value in any_schema()) {
        match compile(&schema, &[]) {
            Ok(checker) => {
                for problem in checker.check(&value) {
                    prop_assert!(problem.to_string().len() < 4_000);
                }
            }
            Err(error) => prop_assert!(error.to_string().len() < 4_000),
        }
    }
}
