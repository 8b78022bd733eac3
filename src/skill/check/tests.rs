use std::fs;

use proptest::prelude::*;
use serde_json::json;
use wire::plan::Effects;

use super::*;

fn tools() -> Vec<ToolShape> {
    let tool = |name: &str, effects, properties: Value, required: Value| ToolShape {
        name: name.into(),
        effects,
        input: json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false}),
    };
    vec![
        tool(
            "ls",
            Effects::Read,
            json!({"path": {"type": "string"}, "limit": {"type": "integer", "minimum": 1}}),
            json!([]),
        ),
        tool(
            "grep",
            Effects::Read,
            json!({"pattern": {"type": "string"}, "path": {"type": "string"}}),
            json!(["pattern"]),
        ),
        tool(
            "bash",
            Effects::Write,
            json!({"command": {"type": "string"}, "env": {"type": "object", "additionalProperties": {"type": "string"}}}),
            json!(["command"]),
        ),
    ]
}

fn plan() -> Value {
    json!({
        "plan": 1,
        "description": "d",
        "input": {"type": "object", "properties": {"path": {"type": "string", "default": "."}}, "additionalProperties": false},
        "steps": [
            {"id": "one", "tool": "ls", "arguments": {"path": "{{ input.path }}"}},
            {"id": "two", "tool": "grep", "arguments": {"pattern": "x"}, "when": "{{ steps.one.output.entries }}"},
            {"id": "three", "tool": "ls", "foreach": "{{ steps.one.output.entries }}", "as": "entry", "arguments": {"path": "{{ entry.path }}"}}
        ],
        "result": {"count": "{{ steps.three.output | length }}"}
    })
}

fn load_with(plan: &Value, files: &[(&str, &str)]) -> Result<CheckedPlan, Vec<Flaw>> {
    load_text(&plan.to_string(), files)
}

fn load_text(plan: &str, files: &[(&str, &str)]) -> Result<CheckedPlan, Vec<Flaw>> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("plan.json"), plan).unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    PlanCheck::new(&tools()).unwrap().load(&Files::folder(folder.path()).unwrap())
}

/// Changes the good plan, and expects exactly one flaw at `place` that says `part`.
fn refused(change: impl Fn(&mut Value), place: &str, part: &str) {
    let mut plan = plan();
    change(&mut plan);
    let flaws = load_with(&plan, &[]).unwrap_err();
    assert_eq!(flaws.len(), 1, "{flaws:?}");
    assert_eq!(flaws[0].place.as_deref().unwrap_or_default(), place, "{flaws:?}");
    assert!(flaws[0].message.contains(part), "{flaws:?}");
}

#[test]
fn a_good_plan_loads() {
    let checked = load_with(&plan(), &[]).unwrap();
    assert_eq!(checked.plan.steps.len(), 3);
    assert_eq!(checked.input(json!({})).unwrap(), json!({"path": "."}));
    assert_eq!(checked.input(json!({"path": "src"})).unwrap(), json!({"path": "src"}));
    let told = checked.input(json!({"pth": 1})).unwrap_err().to_string();
    assert!(told.contains("unknown key `pth`"), "{told}");
    assert!(checked.input(json!([])).is_err());
}

#[test]
fn ids_tools_and_effects_are_checked() {
    refused(|plan| plan["steps"][1]["id"] = json!("one"), "steps[1].id", "twice");
    refused(|plan| plan["steps"][1]["id"] = json!("Two"), "steps[1].id", "pattern");
    refused(|plan| plan["steps"][1]["tool"] = json!("gerp"), "steps[1].tool", "no tool `gerp`");
    refused(
        |plan| {
            plan["effects"] = json!("read");
            plan["steps"][1] = json!({"id": "two", "tool": "bash", "arguments": {"command": "true"}});
        },
        "steps[1].tool",
        "`bash` can write",
    );
}

#[test]
fn arguments_are_checked_where_they_can_be_seen() {
    refused(
        |plan| plan["steps"][0]["arguments"] = json!({"pth": "."}),
        "steps[0].arguments",
        "unknown key `pth`",
    );
    refused(|plan| plan["steps"][1]["arguments"] = json!({}), "steps[1].arguments", "`pattern` is missing");
    refused(
        |plan| plan["steps"][0]["arguments"]["path"] = json!(7),
        "steps[0].arguments.path",
        "a string is expected",
    );
    refused(
        |plan| plan["steps"][0]["arguments"]["limit"] = json!(0),
        "steps[0].arguments.limit",
        "less than",
    );
    refused(
        |plan| plan["steps"][0]["arguments"]["limit"] = json!({"$literal": "x"}),
        "steps[0].arguments.limit",
        "an integer is expected",
    );
    let mut unseen = plan();
    unseen["steps"][0]["arguments"]["limit"] = json!("{{ input.path | length }}");
    unseen["steps"][1]["arguments"]["pattern"] = json!({"$literal": "{{ x }}"});
    assert!(load_with(&unseen, &[]).is_ok());
}

#[test]
fn names_in_expressions_are_checked() {
    refused(
        |plan| plan["steps"][0]["arguments"]["path"] = json!("{{ input.pth }}"),
        "steps[0].arguments.path",
        "no `pth`",
    );
    refused(
        |plan| plan["steps"][0]["arguments"]["path"] = json!("{{ steps.two.output }}"),
        "steps[0].arguments.path",
        "comes later",
    );
    refused(
        |plan| plan["steps"][0]["arguments"]["path"] = json!("{{ steps.one.text }}"),
        "steps[0].arguments.path",
        "comes later",
    );
    refused(
        |plan| plan["steps"][1]["when"] = json!("{{ steps.nope.output }}"),
        "steps[1].when",
        "no step `nope`",
    );
    refused(|plan| plan["steps"][1]["when"] = json!("yes"), "steps[1].when", "exactly one");
    refused(|plan| plan["steps"][2]["foreach"] = json!("{{ entry }}"), "steps[2].foreach", "`entry`");
    refused(
        |plan| {
            plan["steps"][2]["as"] = json!("steps");
            plan["steps"][2]["arguments"] = json!({});
        },
        "steps[2].as",
        "taken",
    );
    refused(|plan| plan["steps"][1]["as"] = json!("x"), "steps[1].as", "`foreach`");
    refused(|plan| plan["steps"][1]["title"] = json!("{{ x }}"), "steps[1].title", "plain text");
    refused(|plan| plan["result"]["a"] = json!(["{{ entry }}"]), "result.a[0]", "`entry`");
    refused(|plan| plan["result"]["a"] = json!("{% x %}"), "result.a", "report alone");
    refused(|plan| plan["result"]["a"] = json!({"$literal": 1, "b": 2}), "result.a", "no other keys");
}

#[test]
fn nothing_is_put_into_a_shell_command() {
    let bash = |arguments: Value| json!({"id": "two", "tool": "bash", "arguments": arguments});
    for command in ["ls {{ input.path }}", "{{ input.path }}"] {
        refused(
            |plan| plan["steps"][1] = bash(json!({"command": command})),
            "steps[1].arguments.command",
            "shell command",
        );
    }
    let mut fine = plan();
    fine["steps"][1] = bash(json!({"command": "ls \"$P\"", "env": {"P": "{{ input.path }}"}}));
    assert!(load_with(&fine, &[]).is_ok());
    fine["steps"][1] = bash(json!({"command": {"$literal": "docker ps --format '{{ .Names }}'"}}));
    assert!(load_with(&fine, &[]).is_ok());
}

#[test]
fn shape_limits_and_json_are_checked() {
    refused(|plan| plan["stps"] = json!([]), "", "unknown key `stps`");
    refused(|plan| plan["plan"] = json!(2), "plan", "`1` is expected");
    refused(|plan| plan["limits"] = json!({"steps": 0}), "limits.steps", "less than");
    refused(|plan| plan["limits"] = json!({"wall": "later"}), "limits.wall", "pattern");
    refused(|plan| plan["limits"] = json!({"wall": "9d"}), "", "no duration");
    refused(|plan| plan["steps"] = json!([]), "steps", "fewer than 1");
    refused(
        |plan| {
            plan["steps"] =
                json!((0..201).map(|n| json!({"id": format!("s{n}"), "tool": "ls"})).collect::<Vec<_>>())
        },
        "steps",
        "more than 200",
    );
    refused(|plan| plan["steps"][0]["arguments"] = json!([]), "steps[0].arguments", "an object is expected");
    refused(|plan| plan["input"] = json!({"type": "array"}), "input.type", "must be an object");
    refused(
        |plan| plan["input"]["properties"]["path"]["type"] = json!("text"),
        "input.properties.path.type",
        "not a valid JSON Schema",
    );
    let flaws = load_text("{\n \"plan\": 1,\n}", &[]).unwrap_err();
    assert_eq!(flaws[0].place.as_deref(), Some("line 3, column 1"));
    let flaws = load_text(&format!("{}{}", "[".repeat(129), "]".repeat(129)), &[]).unwrap_err();
    assert!(flaws[0].message.contains("128 levels"), "{flaws:?}");
    let flaws = load_text(&" ".repeat(300_000), &[]).unwrap_err();
    assert!(flaws[0].message.contains("larger than 256 KiB"), "{flaws:?}");
}

#[test]
fn the_result_is_checked_against_its_schema() {
    let mut inline = plan();
    inline["result_schema"] = json!({"properties": {"count": {"type": "integer"}}});
    let checked = load_with(&inline, &[]).unwrap();
    assert_eq!(checked.check_result(&json!({"count": 1})), []);
    assert_eq!(checked.check_result(&json!({"count": "1"}))[0].path, "/count");

    let mut file = plan();
    file["result_schema"] = json!({"$ref": "result.schema.json"});
    let schema = r##"{"properties": {"count": {"$ref": "other.json#/$defs/n"}}}"##;
    let other = r#"{"$defs": {"n": {"type": "integer"}}}"#;
    let checked = load_with(&file, &[("result.schema.json", schema), ("other.json", other)]).unwrap();
    assert_eq!(checked.check_result(&json!({"count": "1"}))[0].path, "/count");

    let check = |schema: Value, files: &[(&str, &str)], file: &str, part: &str| {
        let mut plan = plan();
        plan["result_schema"] = schema;
        let flaws = load_with(&plan, files).unwrap_err();
        assert_eq!(flaws.len(), 1, "{flaws:?}");
        assert_eq!(flaws[0].file, file);
        assert!(flaws[0].message.contains(part), "{flaws:?}");
    };
    check(json!({"$ref": "result.schema.json"}), &[], "result.schema.json", "no such file");
    check(
        json!({"$ref": "result.schema.json"}),
        &[("result.schema.json", "{")],
        "result.schema.json",
        "not valid JSON",
    );
    check(json!({"$ref": "../secret.json"}), &[], "plan.json", "nothing is fetched");
    check(json!({"$ref": "https://example.com/x.json"}), &[], "plan.json", "nothing is fetched");
    check(json!({"$ref": "file:///etc/passwd"}), &[], "plan.json", "nothing is fetched");
    check(json!({"type": 7}), &[], "plan.json", "not a valid JSON Schema");
}

#[test]
fn the_report_stays_inside_the_folder_and_is_checked() {
    let with_report = |name: &str, files: &[(&str, &str)]| {
        let mut plan = plan();
        plan["report"] = json!(name);
        load_with(&plan, files)
    };
    assert!(
        with_report("report.md.j2", &[("report.md.j2", "{{ result.count }} {{ steps.one.text }}")]).is_ok()
    );
    let check = |name: &str, files: &[(&str, &str)], part: &str| {
        let flaws = with_report(name, files).unwrap_err();
        assert_eq!(flaws.len(), 1, "{flaws:?}");
        assert!(flaws[0].message.contains(part), "{flaws:?}");
    };
    check("report.md.j2", &[], "no such file");
    check("../report.md.j2", &[], "leads out");
    check("/etc/passwd", &[], "leads out");
    check("report.md.j2", &[("report.md.j2", "{% for x in result %}")], "unexpected end");
    check("report.md.j2", &[("report.md.j2", "{{ nope }}")], "`nope`");
}

#[test]
fn all_flaws_are_told_at_once() {
    let mut plan = plan();
    plan["steps"][0]["tool"] = json!("x");
    plan["steps"][1]["when"] = json!("x");
    plan["result"] = json!("{{ x }}");
    assert_eq!(load_with(&plan, &[]).unwrap_err().len(), 3);
}

/// Small JSON with the words and templates that plans are made of.
fn any_part() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i32>().prop_map(Value::from),
        "(\\{\\{ )?(steps\\.[a-z]{1,5}\\.output|input\\.path|[a-z|.\\x1b(]{0,8})( \\}\\})?"
            .prop_map(Value::from),
        prop::sample::select(vec![
            "one",
            "two",
            "ls",
            "bash",
            "read",
            "object",
            "1h",
            "../x",
            "\u{1b}[31m",
            "{%"
        ])
        .prop_map(Value::from),
    ];
    let key = prop::sample::select(vec![
        "id",
        "tool",
        "arguments",
        "command",
        "path",
        "when",
        "foreach",
        "as",
        "$literal",
        "$ref",
        "type",
        "properties",
        "comment",
        "\u{1b}",
    ]);
    leaf.prop_recursive(3, 12, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..4).prop_map(|entries| entries
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn a_changed_plan_loads_or_says_why(
        place in prop::sample::select(vec![
            "", "/steps", "/steps/0", "/steps/0/arguments", "/steps/1/when", "/steps/2/foreach", "/steps/2/as", "/input",
            "/input/properties", "/result", "/effects", "/limits", "/report", "/result_schema", "/description",
        ]),
        part in any_part(),
    ) {
        let mut plan = plan();
        for key in ["limits", "report", "result_schema", "effects"] {
            plan[key] = Value::Null;
        }
        *plan.pointer_mut(place).unwrap() = part;
        for key in ["limits", "report", "result_schema", "effects"] {
            if plan.get(key) == Some(&Value::Null) {
                plan.as_object_mut().unwrap().remove(key);
            }
        }
        if let Err(flaws) = load_with(&plan, &[]) {
            prop_assert!(!flaws.is_empty());
            for flaw in flaws {
                let text = flaw.to_string();
                prop_assert!(text.len() < 4_000 && !text.chars().any(char::is_control), "{}", text);
            }
        }
    }
}
