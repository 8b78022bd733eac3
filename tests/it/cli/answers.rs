//! Each command's answer for people and for programs: stdout, stderr, exit code, shape.

use serde_json::Value;
use support::{TestEnv, expect_shape, expect_shape_of, product_test, project_root};

/// Text with everything that differs from run to run put aside.
fn masked(env: &TestEnv, text: &str) -> String {
    let text = text.replace(&env.root().display().to_string(), "[root]");
    let mut masked = String::new();
    let mut rest = text.as_str();
    while let Some(first) = rest.chars().next() {
        let digits = rest.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len());
        let boundary = masked.chars().last().is_none_or(|c| !c.is_ascii_alphanumeric());
        if boundary && (digits == 32 || digits == 8) {
            masked.push_str("[id]");
            rest = &rest[digits..];
        } else if boundary && first.is_ascii_digit() {
            let number = rest.find(|c: char| !matches!(c, '0'..='9' | '.' | ':' | '-' | 'T' | 'Z'));
            let end = number.unwrap_or(rest.len());
            masked.push_str("[n]");
            rest = &rest[end..];
        } else {
            masked.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    // Columns are as wide as what stands in them.
    let lines = masked.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    // A command that has just ended may still count as a client.
    lines.collect::<Vec<_>>().join("\n").replace(" clients", " client")
}

/// What a command said to people: code, stdout and stderr, masked.
#[track_caller]
fn told(env: &TestEnv, line: &str) -> String {
    let outcome = env.modelscan([]).args(line.split_whitespace()).run();
    format!(
        "$ modelscan {line}\n[{}]\n{}\n--\n{}\n",
        outcome.code.map_or("signal".to_owned(), |code| code.to_string()),
        masked(env, &outcome.stdout),
        masked(env, &outcome.stderr)
    )
}

/// A finished task with a small result, and one that failed.
fn with_tasks(env: &TestEnv) {
    env.config("[host]\nmax_running = 1\n");
    env.skill(
        "greet",
        &serde_json::json!({
            "plan": 1,
            "description": "Says hello",
            "effects": "read",
            "input": { "type": "object", "properties": { "name": { "type": "string", "default": "you" } }, "additionalProperties": false },
            "steps": [{ "id": "look", "tool": "ls", "title": "Looking around", "arguments": {} }],
            "result": { "hello": "{{ input.name }}", "entries": "{{ steps.look.output.entries | length }}" },
            "result_schema": { "type": "object" },
        }),
    );
    let submit = |args: &[&str], code| {
        env.modelscan(["task", "submit", "--wait", "--quiet"]).args(args).run().expect_code(code);
    };
    submit(&["--skill", "greet", "--input", "{\"name\":\"world\"}"], 0);
    submit(&["hello"], 1);
}

product_test! {
    fn people_read_what_they_need(env) {
        with_tasks(env);
        let mut all = String::new();
        for line in [
            "task list",
            "task status @last",
            "task wait @last",
            "task result @last",
            "task cancel @last",
            "task resume @last",
            "task list --state succeeded",
            "task list --state paused",
            "agent list",
            "agent show nexora",
            "skill list greet",
            "task show ffffffff",
            "agent show nobody",
            "host start",
            "host stop",
            "host stop",
            "host status",
            "event list --limit 3",
            "message list --task @last",
            "version --quiet",
        ] {
            all.push_str(&told(env, line));
        }
        insta::assert_snapshot!("people", all);
    }
}

product_test! {
    fn programs_read_what_the_schemas_say(env) {
        with_tasks(env);
        for (line, code, shape) in [
            ("", 0, "overview"),
            ("task list", 0, "task_list"),
            ("task list --all", 0, "task_list"),
            ("task show @last", 0, "task_show"),
            ("task status @last", 0, "task_summary"),
            ("task wait @last", 1, "task_wait"),
            ("task result @last", 1, "result"),
            ("task cancel @last", 2, "task_cancel"),
            ("task resume @last", 2, "error"),
            ("task submit --skill greet", 0, "task_summary"),
            ("task submit --skill greet --wait", 0, "task_summary"),
            ("task result @last", 0, "result"),
            ("task wait @last", 0, "task_wait"),
            ("agent list", 0, "agent_list"),
            ("agent show nexora", 0, "agent"),
            ("skill list", 0, "skill_list"),
            ("event list", 0, "event_list"),
            ("message list", 0, "message_list"),
            ("host start", 0, "host"),
            ("host status", 0, "host"),
            ("host stop", 0, "host"),
            ("host status", 0, "host"),
            ("version", 0, "version"),
        ] {
            let outcome = env.modelscan([]).args(line.split_whitespace()).args(["--json"]).run().expect_code(code);
            assert_eq!((outcome.stderr.as_str(), outcome.stdout.lines().count()), ("", 1), "{line}: {}", outcome.stdout);
            expect_shape(shape, &outcome.json());
        }
        for (line, shape) in [("event list --follow --task @last", "event"), ("message list --follow --task @last", "message")] {
            let outcome = env.modelscan([]).args(line.split(' ')).args(["--json"]).run().expect_clean();
            let items: Vec<Value> = outcome.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            assert!(!items.is_empty(), "{line}");
            items.iter().for_each(|item| expect_shape(shape, item));
        }
    }
}

product_test! {
    fn a_status_is_the_same_by_every_face(env) {
        with_tasks(env);
        let listed = env.modelscan(["task", "list"]).json();
        for task in listed["items"].as_array().unwrap() {
            let id = task["id"].as_str().unwrap();
            let mut pump = env.modelscan(["mcp"]).spawn();
            let mut ask = |id: u64, method: &str, params: Value| {
                pump.line(serde_json::json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string());
                loop {
                    let message = pump.next_json();
                    if message["id"] == id {
                        return message["result"].clone();
                    }
                }
            };
            let hello = serde_json::json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "test", "version": "1" } });
            ask(1, "initialize", hello);
            let call = |name: &str| serde_json::json!({ "name": name, "arguments": { "id": id } });
            let status = ask(2, "tools/call", call("task_status"));
            assert_eq!(status["structuredContent"], *task, "list and task_status");
            assert_eq!(env.status(id), *task, "list and status");
            expect_shape_of(&project_root().join("schemas/mcp/task_status.output.schema.json"), &status["structuredContent"]);
            pump.wait().expect_code(0);
        }
    }
}
