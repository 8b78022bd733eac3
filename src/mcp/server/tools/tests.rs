//! The definitions of the tools against their files.

use serde_json::{Value, json};

use super::*;

#[test]
fn every_tool_can_be_offered_in_a_fixed_order() {
    let tools = Tools::new().unwrap();
    for input in &tools.inputs {
        assert!(input.checker().is_ok(), "{:?}", input.checker().err());
    }
    let names: Vec<&str> = tools.listed().iter().map(|tool| tool.name.as_ref()).collect();
    assert_eq!(
        names,
        ["agent_list", "task_submit", "task_status", "task_wait", "task_result", "task_cancel", "task_list"]
    );
}

#[test]
fn inputs_are_closed_and_plain_at_the_root() {
    for (name, schema) in input_schemas() {
        assert_eq!(schema["type"], "object", "{name}");
        assert_eq!(schema["additionalProperties"], false, "{name}");
        for word in ["oneOf", "anyOf", "allOf", "$ref"] {
            assert!(schema.get(word).is_none(), "{name} {word}");
        }
        for (property, inner) in schema["properties"].as_object().unwrap() {
            let described = inner["description"].is_string() || inner["items"].is_object();
            assert!(described, "{name}.{property} says what it is");
        }
    }
}

#[test]
fn outputs_are_open_objects_without_what_simple_validators_refuse() {
    fn walk(place: &str, schema: &Value) {
        match schema {
            Value::Object(map) => {
                assert_ne!(map.get("additionalProperties"), Some(&Value::Bool(false)), "{place} is closed");
                assert!(!map.contains_key("$schema"), "{place}");
                if let Some(Value::Object(properties)) = map.get("properties") {
                    assert!(properties.values().all(Value::is_object), "{place}");
                }
                for (key, value) in map {
                    walk(&format!("{place}/{key}"), value);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| walk(place, item)),
            _ => {}
        }
    }
    for (name, schema) in output_schemas() {
        assert_eq!(schema["type"], "object", "{name}");
        walk(name, &schema);
    }
}

#[test]
fn an_object_may_come_as_text() {
    use super::super::arguments::TaskSubmit;
    let tools = Tools::new().unwrap();
    for input in [json!({ "path": "." }), json!("{\"path\": \".\"}")] {
        let arguments =
            json!({ "skill": "survey", "input": input, "priority": "high", "wait_ms": 1_000_000 });
        let Value::Object(map) = arguments else { unreachable!() };
        let read: TaskSubmit = tools.arguments("task_submit", map).unwrap();
        assert_eq!(read.input.unwrap()["path"], ".");
        assert_eq!(read.priority.unwrap().value(), 10);
        assert_eq!(read.wait_ms, 55_000);
    }
}

#[test]
fn the_files_of_output_schemas_are_fresh() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas/mcp");
    for (name, schema) in output_schemas() {
        let path = format!("{folder}/{name}.output.schema.json");
        let held = std::fs::read_to_string(&path).unwrap_or_default();
        let fresh = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        assert_eq!(held, fresh, "{path} is not what `output_schemas` says; write that into it");
    }
}
