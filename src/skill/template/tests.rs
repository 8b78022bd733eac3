use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn scope() -> Scope {
    let mut scope =
        Scope::new(&json!({"path": "src", "n": 3, "list": [1, 2], "empty": null}), "task_1", "/work");
    let output = json!({"languages": {"Rust": 7}, "matches": ["a", "b"], "items": 1});
    scope.set_step("stats", &StepResult { output, text: "seven".into(), ..StepResult::default() });
    scope.set_step("gone", &StepResult { skipped: true, ..StepResult::default() });
    scope
}

fn render(template: Value) -> Result<Value, String> {
    Templates::new().render(&template, "", &scope()).map_err(|error| error.message)
}

#[test]
fn a_lone_expression_keeps_its_type() {
    let check = |template: &str, expected: Value| {
        assert_eq!(render(json!(template)).unwrap(), expected, "{template}")
    };
    check("{{ input.n }}", json!(3));
    check("{{ input.list }}", json!([1, 2]));
    check("{{ input.empty }}", json!(null));
    check("{{ input.n > 2 }}", json!(true));
    check("{{ input.n / 2 }}", json!(1.5));
    check("{{ {'a': {'b': 1}} }}", json!({"a": {"b": 1}}));
    check("{{ steps.stats.output.languages }}", json!({"Rust": 7}));
    check("{{ steps.stats.output.items }}", json!(1));
    check("{{ 0 if steps.gone.skipped else steps.gone.output.matches | length }}", json!(0));
    check("{{ 'Rust' in steps.stats.output.languages }}", json!(true));
    check("{{ task.id }}", json!("task_1"));
    check("{{ input.nope is defined }}", json!(false));
    check("{{ input.nope | default('x') }}", json!("x"));
    check("{{ range(3) }}", json!([0, 1, 2]));
    check("{{ steps.stats.output.matches | map('upper') }}", json!(["A", "B"]));
}

#[test]
fn any_other_string_gives_text() {
    let check =
        |template: &str, expected: &str| assert_eq!(render(json!(template)).unwrap(), expected, "{template}");
    check("plain", "plain");
    check("{{ input.path }}/{{ input.n }}", "src/3");
    check(" {{ input.n }}", " 3");
    check("is {{ input.empty }}, {{ true }}, {{ input.list }}", "is null, true, [1,2]");
}

#[test]
fn literals_and_keys_are_taken_as_they_are() {
    assert_eq!(render(json!({"$literal": "{{ x }}"})).unwrap(), "{{ x }}");
    assert_eq!(render(json!({"a": {"$literal": {"b": "{% x"}}})).unwrap(), json!({"a": {"b": "{% x"}}));
    assert_eq!(render(json!({"{{ x }}": 1})).unwrap(), json!({"{{ x }}": 1}));
}

#[test]
fn what_is_undefined_is_an_error() {
    for template in [
        "{{ input.nope }}",
        "{{ nope }}",
        "{{ [input.nope] }}",
        "{{ {'a': input.nope} }}",
        "{{ input.nope.deeper }}",
        "text {{ input.nope }}",
        "{{ not nope }}",
        "{{ nope or 1 }}",
        "{{ steps.stats.output.nope }}",
    ] {
        let message = render(json!(template)).unwrap_err();
        assert!(message.contains("undefined"), "{template}: {message}");
    }
    let error = Templates::new().render(&json!({"a": ["", "{{ nope }}"]}), "", &scope()).unwrap_err();
    assert_eq!(error.place, "a[1]");
}

#[test]
fn statements_are_refused_outside_of_reports() {
    for template in ["{% if true %}x{% endif %}", "{{ input.n }}{% set x = 1 %}"] {
        assert!(render(json!(template)).unwrap_err().contains("report alone"), "{template}");
    }
}

#[test]
fn nothing_is_unbounded() {
    for template in [
        "{{ 'x' * 1000000000 }}",
        "{{ range(1000000000) }}",
        "{{ ['x' * 10000] * 1000000 }}",
        "{{ '%999999999d' | format(1) }}",
        "{{ 'x' | indent(1000000000) }}",
        "{{ range(90000) | map('string') | join('x' * 100000) }}",
        "{{ 10 ** 400 }}",
        "{{ 1 / 0 }}",
    ] {
        let rendered = render(json!(template));
        assert!(rendered.is_err(), "{template} gave {} bytes", rendered.unwrap().to_string().len());
    }
    let deep = format!("{{{{ {}1{} }}}}", "[".repeat(5_000), "]".repeat(5_000));
    assert!(render(json!(deep)).is_err());
}

#[test]
fn conditions_and_items() {
    let templates = Templates::new();
    assert!(templates.condition("{{ input.n == 3 }}", &scope()).unwrap());
    assert!(!templates.condition("{{ input.empty }}", &scope()).unwrap());
    assert!(templates.condition("{{ nope }}", &scope()).is_err());
    assert!(templates.condition("yes", &scope()).unwrap_err().message.contains("exactly one"));
    assert_eq!(templates.items("{{ input.list }}", &scope()).unwrap(), [json!(1), json!(2)]);
    assert!(templates.items("{{ input.n }}", &scope()).unwrap_err().message.contains("not a list"));
}

#[test]
fn items_are_seen_by_their_name() {
    let scope = scope().with_item("file", &json!({"path": "a.rs"}));
    assert_eq!(Templates::new().render(&json!("{{ file.path }}"), "", &scope).unwrap(), "a.rs");
}

#[test]
fn reports_have_statements_and_show_no_control_characters() {
    let source = "# {{ result.title }}\n{% for m in steps.stats.output.matches %}- {{ m|code }}\n{% endfor %}{{ none }}\n";
    let report =
        Templates::new().report(source, &json!({"title": "\u{1b}[31mred\u{202e}"}), &scope()).unwrap();
    assert_eq!(report, "# \\u{1b}[31mred\\u{202e}\n- `a`\n- `b`\nnull");
}

#[test]
fn report_errors_say_the_line() {
    let error = Templates::new().report("a\n{{ result.x.y }}\n", &json!({}), &scope()).unwrap_err();
    assert_eq!(error.place, "line 2");
    let error = Templates::new().report(
        "{% for i in range(100000) %}{% for j in range(100000) %}{{ j }}{% endfor %}{% endfor %}",
        &json!({}),
        &scope(),
    );
    assert!(error.is_err());
    let error = Templates::new().report("{% include 'x' %}", &json!({}), &scope());
    assert!(error.is_err());
}

#[test]
fn code_spans_hold_any_text() {
    let check = |text: &str, expected: &str| {
        let scope = scope().with_item("t", &json!(text));
        assert_eq!(Templates::new().render(&json!("{{ t|code }}"), "", &scope).unwrap(), expected);
    };
    check("a b", "`a b`");
    check("a`b", "``a`b``");
    check("`", "`` ` ``");
    check("a\nb\u{1b}", "`a\\nb\\u{1b}`");
}

fn names<'a>(steps: &'a [String], input: Option<&'a [String]>) -> Names<'a> {
    Names { input, steps, all_steps: steps, item: Some("file") }
}

#[test]
fn unknown_names_are_seen_before_anything_runs() {
    let (steps, input) = (["stats".to_owned()], ["path".to_owned()]);
    let refusal = |text: &str| {
        let refusals = Templates::new().check(&json!({"a": [text]}), &names(&steps, Some(&input)));
        refusals.into_iter().map(|(pointer, message)| format!("{pointer} {message}")).next()
    };
    for fine in [
        "{{ input.path }}",
        "{{ steps.stats.output.any.thing }}",
        "{{ file.x }} {{ task.cwd }}",
        "{{ range(2) }}",
    ] {
        assert_eq!(refusal(fine), None, "{fine}");
    }
    let check = |text: &str, part: &str| {
        let refusal = refusal(text).unwrap_or_default();
        assert!(refusal.starts_with("/a/0 ") && refusal.contains(part), "{text}: {refusal}");
    };
    check("{{ inptu.path }}", "the name `inptu`");
    check("{{ input.pth }}", "no `pth`; it has `path`");
    check("{{ steps.stat.output }}", "no step `stat`; earlier ones are `stats`");
    check("{{ steps.stats.outpt }}", "no `outpt`");
    check("{{ task.name }}", "`task` has no `name`");
    check("{{ input.path | lenght }}", "no filter `lenght`");
    check("{{ input.path is defind }}", "no test `defind`");
    check("{{ input.path + }}", "`input.path +`");
    check("{{ debug() }}", "the name `debug`");
    check("{{ input.path", "no `}}`");
}

#[test]
fn reports_are_checked_too() {
    let steps = ["stats".to_owned()];
    let templates = Templates::new();
    let check = |source: &str| templates.check_report(source, &Names { item: None, ..names(&steps, None) });
    assert_eq!(
        check("{% for x in result.a %}{{ loop.index }} {{ x }}{% set y = x %}{{ y }}{% endfor %}"),
        None
    );
    assert!(check("{{ nope }}").unwrap().contains("`nope`"));
    assert!(check("{% for x in steps.nope.output %}{% endfor %}").unwrap().contains("no step `nope`"));
    assert!(check("{{ result | nope }}").unwrap().contains("no filter `nope`"));
    assert!(check("{% for x in result %}").is_some());
}

/// JSON of any shape; no floats beyond what JSON can hold.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter("finite", |f| f.is_finite()).prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((".{0,8}", inner), 0..6)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn a_value_goes_through_an_expression_unchanged(value in any_json()) {
        let scope = Scope::new(&json!({ "v": value }), "t", "/");
        prop_assert_eq!(Templates::new().render(&json!("{{ input.v }}"), "", &scope).unwrap(), value);
    }

    #[test]
    fn a_literal_goes_through_unchanged(value in any_json()) {
        let scope = Scope::new(&json!({}), "t", "/");
        prop_assert_eq!(Templates::new().render(&json!({ "a": { "$literal": value.clone() } }), "", &scope).unwrap()["a"].clone(), value);
    }

    #[test]
    fn text_around_an_expression_stays(before in "[^{]{0,20}", text in ".{0,20}", after in "[^{]{0,20}") {
        prop_assume!(!before.is_empty() || !after.is_empty());
        let scope = Scope::new(&json!({ "v": text.clone() }), "t", "/");
        let rendered = Templates::new().render(&json!(format!("{before}{{{{ input.v }}}}{after}")), "", &scope).unwrap();
        prop_assert_eq!(rendered, Value::String(format!("{before}{text}{after}")));
    }

    #[test]
    fn no_template_panics(text in "(\\{\\{|\\}\\}|\\{%|[a-z|. '\"\\[\\](){}-]){0,12}") {
        let _ = Templates::new().render(&json!(text.clone()), "", &scope());
        let _ = Templates::new().check(&json!(text.clone()), &names(&[], None));
        let _ = Templates::new().check_report(&text, &names(&[], None));
    }
}
