//! Plans and prompts through the product, without a model.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Value, json};
use support::{TestEnv, check_rows, expect_shape, product_test, project_root, until};

/// Submits, waits, and returns the task's summary and its result.
#[track_caller]
fn run(env: &TestEnv, args: &[&str], code: i32) -> (Value, Value) {
    let submit = env.modelscan(["task", "submit", "--wait", "--json"]).args(args).run().expect_code(code);
    let task = submit.json();
    expect_shape("task_summary", &task);
    let id = task["id"].as_str().unwrap().to_owned();
    if code != 0 {
        return (task, Value::Null);
    }
    let result = env.modelscan(["task", "result", &id]).json();
    expect_shape("result", &result);
    (task, result["result"].clone())
}

/// A plan of these steps with this result.
fn plan(effects: &str, steps: Value, result: Value) -> Value {
    json!({
        "plan": 1,
        "description": "A plan of a test",
        "effects": effects,
        "input": { "type": "object" },
        "steps": steps,
        "result": result,
        "result_schema": { "type": "object" },
    })
}

fn bash(id: &str, command: &str) -> Value {
    json!({ "id": id, "tool": "bash", "arguments": { "command": command } })
}

fn with(mut step: Value, more: Value) -> Value {
    let step_map = step.as_object_mut().unwrap();
    step_map.extend(more.as_object().unwrap().clone());
    step
}

product_test! {
    fn a_prompt_runs_a_skill_by_its_name_alone(env) {
        env.file("src/a.rs", "fn a() {}\n");
        env.file("other/b.py", "x = 1\n");
        for (prompt, languages) in [
            ("/survey {\"path\": \"src\"}", vec!["Rust"]),
            ("survey {\"path\":\"other\"}", vec!["Python"]),
            ("  survey  ", vec!["Python", "Rust"]),
        ] {
            let (_, result) = run(env, &[prompt], 0);
            let mut found: Vec<&String> = result["languages"].as_object().unwrap().keys().collect();
            found.sort();
            assert_eq!(found, languages, "{prompt}");
        }
    }
}

product_test! {
    fn any_other_prompt_needs_a_model(env) {
        let prose = env.home().join("skills/prose/SKILL.md");
        std::fs::create_dir_all(prose.parent().unwrap()).unwrap();
        std::fs::write(prose, "---\nname: prose\ndescription: Words alone\n---\n\nDo it well.\n").unwrap();
        env.skill("own", &plan("read", json!([{ "id": "look", "tool": "ls", "arguments": {} }]), json!({ "ok": true })));
        check_rows(
            ["hello", "survey the folder", "/fly", "survey [1]", "/survey {\"path\": \"src\"} now", "surveyor", "prose"],
            |prompt| {
                let (task, _) = run(env, &[prompt], 1);
                assert_eq!((&task["state"], &task["reason"]), (&"failed".into(), &"not_configured".into()), "{prompt}");
                let hint = task["error"]["hint"].as_str().unwrap();
                for words in ["`survey`", "`own`", "config.toml", "[agents.NAME]", "--agent NAME"] {
                    assert!(hint.contains(words), "{prompt}: `{words}` is not in: {hint}");
                }
                assert!(!hint.contains("`prose`"), "it has no plan: {hint}");
            },
        );
        // An input that the skill does not take is another matter.
        let (task, _) = run(env, &["survey {\"paht\": 1}"], 1);
        assert!(task["error"]["message"].as_str().unwrap().contains("paht"), "{task:#}");
    }
}

product_test! {
    fn steps_are_skipped_repeated_and_forgiven_as_the_plan_says(env) {
        for (name, text) in [("a.txt", "one\n"), ("b.txt", "two\n")] {
            env.file(name, text);
        }
        let steps = json!([
            { "id": "never", "tool": "view", "arguments": { "path": "missing" }, "when": "{{ input.n > 5 }}" },
            { "id": "each", "foreach": "{{ input.files }}", "as": "file", "tool": "view", "arguments": { "path": "{{ file }}" }, "on_error": "continue" },
            { "id": "gone", "tool": "view", "arguments": { "path": "missing" }, "on_error": "continue" },
            with(bash("env", "printf '%s|%s' \"$WORD\" \"$#\""), json!({ "arguments": { "command": "printf '%s' \"$WORD\"", "env": { "WORD": "{{ input.word }}" } } })),
        ]);
        let result = json!({
            "skipped": "{{ steps.never.skipped }}",
            "nothing": "{{ steps.never.output }}",
            "texts": "{{ steps.each.output | reject('none') | map(attribute='text') | list }}",
            "count": "{{ steps.each.output | length }}",
            "forgiven": "{{ steps.gone.is_error }}",
            "word": "{{ steps.env.output.stdout }}",
            "sum": "{{ input.n + 1 }}",
            "text": "n is {{ input.n }}",
            "braces": { "$literal": "{{ kept }}" },
        });
        env.skill("mixed", &plan("write", steps, result));
        let word = "'; touch pwned; $(touch pwned) `touch pwned` \u{1b}[31m";
        let input = json!({ "n": 4, "files": ["a.txt", "b.txt", "no.txt"], "word": word });
        let (task, result) = run(env, &["--skill", "mixed", "--input", &input.to_string()], 0);
        let texts = result["texts"].as_array().unwrap();
        assert!(texts[0].as_str().unwrap().contains("one") && texts[1].as_str().unwrap().contains("two"), "{texts:?}");
        assert_eq!(
            (texts.len(), &result["count"], &result["skipped"], &result["nothing"], &result["forgiven"]),
            (2, &json!(3), &json!(true), &Value::Null, &json!(true))
        );
        assert_eq!((&result["word"], &result["sum"], &result["text"]), (&json!(word), &json!(5), &json!("n is 4")));
        assert_eq!(result["braces"], "{{ kept }}");
        assert!(!env.project().join("pwned").exists(), "a value reached a shell");
        assert_eq!(task["usage"]["tool_calls"], 5, "{task:#}");
    }
}

product_test! {
    fn a_plan_that_cannot_go_on_says_where(env) {
        let view = json!({ "id": "look", "tool": "view", "arguments": { "path": "{{ input.file }}" } });
        let rows = [
            ("undefined", plan("read", json!([view]), json!({})), "agent_error", "look"),
            ("unknown", plan("read", json!([{ "id": "look", "tool": "ls", "arguments": {} }]), json!({ "a": "{{ input.nothing }}" })), "agent_error", "result.a"),
            ("failing", plan("read", json!([{ "id": "look", "tool": "view", "arguments": { "path": "missing" } }]), json!({})), "agent_error", "look"),
            ("late", plan("write", json!([with(bash("slow", "sleep 1000"), json!({ "timeout": "200ms" }))]), json!({})), "timed_out", "slow"),
            ("long", with(plan("write", json!([bash("slow", "sleep 1000"), bash("never", "touch never")]), json!({})), json!({ "limits": { "wall": "1s" } })), "timed_out", "limits.wall"),
            ("many", with(plan("write", json!([with(bash("each", "echo x >>count"), json!({ "foreach": "{{ range(50) }}", "as": "n" }))]), json!({})), json!({ "limits": { "steps": 5 } })), "limit_reached", "limits.steps"),
            ("unfit", with(plan("read", json!([{ "id": "look", "tool": "ls", "arguments": {} }]), json!({ "n": "text" })), json!({ "result_schema": { "type": "object", "properties": { "n": { "type": "integer" } } } })), "invalid_result", "result.n"),
        ];
        for (name, plan, _, _) in &rows {
            env.skill(name, plan);
        }
        check_rows(rows, |(name, _, reason, says)| {
            let code = match *reason {
                "timed_out" => 3,
                "limit_reached" => 6,
                _ => 1,
            };
            let (task, _) = run(env, &["--skill", name], code);
            assert_eq!(task["reason"], *reason, "{name}: {}", task["error"]);
            let error = &task["error"];
            assert!(error["message"].as_str().unwrap().contains(says), "{name}: `{says}` is not said: {error}");
        });
        assert!(!env.project().join("never").exists(), "a step ran beyond the limit");
        let count = std::fs::read_to_string(env.project().join("count")).unwrap_or_default();
        assert!(count.lines().count() <= 5, "calls beyond the limit");
    }
}

product_test! {
    fn a_broken_plan_is_refused_before_anything_runs(env) {
        let look = json!({ "id": "look", "tool": "ls", "arguments": {} });
        let rows = [
            ("writes", plan("read", json!([bash("run", "touch ran")]), json!({})), "bash"),
            ("shell", plan("write", json!([bash("run", "echo {{ input.x }}")]), json!({})), "command"),
            ("tool", plan("read", json!([{ "id": "look", "tool": "teleport", "arguments": {} }]), json!({})), "teleport"),
            ("later", plan("read", json!([with(look.clone(), json!({ "arguments": { "path": "{{ steps.next.output }}" } }))]), json!({})), "next"),
            ("argument", plan("read", json!([with(look.clone(), json!({ "arguments": { "pth": "." } }))]), json!({})), "pth"),
            ("twice", plan("read", json!([look, look]), json!({})), "look"),
            ("key", with(plan("read", json!([look]), json!({})), json!({ "stpes": [] })), "stpes"),
            ("version", with(plan("read", json!([look]), json!({})), json!({ "plan": 2 })), "plan"),
        ];
        for (name, plan, _) in &rows {
            env.skill(name, plan);
        }
        let listed = env.modelscan(["skill", "list"]).json();
        expect_shape("skill_list", &listed);
        check_rows(rows, |(name, _, says)| {
            support::refused(2, "bad_input", || env.modelscan(["task", "submit", "--skill", name])).says(name).says(says).hints("skill list");
            let skill = listed["items"].as_array().unwrap().iter().find(|skill| skill["name"] == *name);
            let skill = skill.unwrap_or_else(|| panic!("`{name}` is not listed"));
            assert!(skill.to_string().contains(says), "{skill:#}");
        });
        assert!(!env.project().join("ran").exists());
        assert_eq!(env.rows(), None, "a refused plan left a row");
    }
}

product_test! {
    fn a_copied_survey_with_another_step_has_another_result(env) {
        env.file("a.rs", "// TODO one\n// HACK two\n");
        let from = project_root().join("nexora/skills/survey");
        let to = env.home().join("skills/mine");
        std::fs::create_dir_all(&to).unwrap();
        for name in ["SKILL.md", "plan.json", "report.md.j2", "result.schema.json"] {
            let text = std::fs::read_to_string(from.join(name)).unwrap();
            let text = match name {
                "SKILL.md" => text.replacen("name: survey", "name: mine", 1),
                "plan.json" => text.replacen("[\"TODO\", \"FIXME\"]", "[\"HACK\"]", 1),
                _ => text,
            };
            std::fs::write(to.join(name), text).unwrap();
        }
        let (_, ours) = run(env, &["--skill", "survey"], 0);
        let (_, mine) = run(env, &["--skill", "mine"], 0);
        assert_eq!(ours["markers_total"], json!({ "TODO": 1, "FIXME": 0 }));
        assert_eq!(mine["markers_total"], json!({ "HACK": 1 }));
        assert_eq!(mine["totals"], ours["totals"], "all else is the same");
        expect_shape("survey", &ours);
        expect_shape("survey", &mine);
    }
}

product_test! {
    fn a_large_result_is_a_file_that_only_its_owner_reads(env) {
        env.file("large.txt", "0123456789abcdef\n".repeat(4_500));
        let arguments = json!({ "arguments": { "command": "cat large.txt", "output_bytes_max": 200_000 } });
        let steps = json!([with(bash("cat", ""), arguments)]);
        env.skill("large", &plan("write", steps, json!({ "text": "{{ steps.cat.output.stdout }}" })));
        let (task, result) = run(env, &["--skill", "large"], 0);
        let text = result["text"].as_str().unwrap();
        let bytes = result.to_string().len();
        assert!(bytes > 64 * 1024 && text.starts_with("0123456789abcdef\n"), "{bytes} bytes");
        assert_eq!(task["result_bytes"], bytes, "{task:#}");
        let shown = env.modelscan(["task", "result", task["id"].as_str().unwrap()]).json();
        let output = &shown["outputs"][0];
        assert_eq!((&output["name"], &output["bytes"]), (&json!("result"), &json!(bytes)), "{shown:.300}");
        let path = Path::new(output["path"].as_str().unwrap());
        assert!(path.starts_with(env.home().join("outputs")), "{}", path.display());
        let mode = std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{mode:o}");
        let above = std::fs::metadata(path.parent().unwrap()).unwrap().permissions().mode();
        assert_eq!(above & 0o777, 0o700, "{above:o}");
        let on_disk: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        assert_eq!(on_disk, result);
    }
}

/// Runs the bundled survey as a client of our agent would, and returns the values of progress in their order.
fn told_by_the_agent(env: &TestEnv) -> Vec<f64> {
    let mut agent = env.modelscan(["nexora"]).spawn();
    let mut ask = |id: u64, method: &str, params: Value| {
        agent.line(json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string());
        let mut told = Vec::new();
        loop {
            let message = agent.next_json();
            if message["id"] == id && message.get("method").is_none() {
                return (message["result"].clone(), told);
            }
            told.extend(message["params"]["_meta"]["modelscan"]["progress"]["fraction"].as_f64());
        }
    };
    let offered = json!({ "modelscan": { "version": 1, "methods": [] } });
    ask(1, "initialize", json!({ "protocolVersion": 1, "clientCapabilities": { "_meta": offered } }));
    let (session, _) = ask(2, "session/new", json!({ "cwd": env.project(), "mcpServers": [] }));
    let prompt =
        json!({ "sessionId": session["sessionId"], "prompt": [{ "type": "text", "text": "survey" }] });
    let (end, told) = ask(3, "session/prompt", prompt);
    assert_eq!(end["stopReason"], "end_turn");
    agent.wait().expect_code(0);
    told
}

product_test! {
    fn a_survey_tells_five_rising_values_at_least(env) {
        for number in 0..300 {
            env.file(&format!("d{}/f{number}.rs", number % 7), "fn main() {}\n");
        }
        let told = told_by_the_agent(env);
        assert!(told.len() >= 5, "{told:?}");
        assert!(told.windows(2).all(|pair| pair[0] < pair[1]), "it only rises: {told:?}");
        assert!(told[0] > 0.0 && told.last() == Some(&1.0), "{told:?}");
        let (task, _) = run(env, &["--skill", "survey"], 0);
        assert_eq!(task["progress"]["fraction"], 1.0, "{task:#}");
    }
}

product_test! {
    fn progress_stands_still_while_a_step_is_blocked(env) {
        const STEPS: usize = 6;
        let mut steps = Vec::new();
        for number in 0..STEPS {
            env.program(Path::new("/usr/bin/mkfifo")).args([env.project().join(format!("gate{number}"))]).run().expect_clean();
            let script = format!("touch waits{number}; read line <gate{number}");
            steps.push(bash(&format!("step{number}"), &script));
        }
        env.skill("gated", &plan("write", json!(steps), json!({})));
        let id = env.submit("gated", &[]);
        let mut seen = vec![0.0];
        for number in 0..STEPS {
            let waits = env.project().join(format!("waits{number}"));
            until("the next step to wait", || waits.exists());
            // What the steps before have told may be on its way; then it stands still.
            let fraction = || env.status(&id)["progress"]["fraction"].as_f64().unwrap_or(0.0);
            let done = number as f64 / (STEPS as f64 + 1.0);
            until("the steps that are done to be told", || (fraction() - done).abs() < 1e-3);
            for _ in 0..5 {
                assert!((fraction() - done).abs() < 1e-3, "{} instead of {done}", fraction());
            }
            if number > 0 {
                seen.push(fraction());
            }
            std::fs::write(env.project().join(format!("gate{number}")), "go\n").unwrap();
        }
        let ended = env.wait_state(&id, "succeeded");
        seen.extend(ended["progress"]["fraction"].as_f64());
        assert_eq!(seen.len(), STEPS + 1, "{seen:?}");
        assert!(seen.windows(2).all(|pair| pair[0] < pair[1]) && seen.last() == Some(&1.0), "{seen:?}");
    }
}
