//! Every file below `examples/` is run or read.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use support::{TestEnv, expect_shape_of, product, product_test, project_root};

fn example(name: &str) -> PathBuf {
    project_root().join("examples").join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(example(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Every example has its test here; a new one needs its own.
#[test]
fn each_example_is_known_here() {
    let mut found = BTreeSet::new();
    let mut open = vec![example("")];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => open.push(path),
                false => drop(found.insert(path.strip_prefix(example("")).unwrap().display().to_string())),
            }
        }
    }
    let known = [
        "agents/minimal.py",
        "clients/claude-code/.mcp.json",
        "clients/codex/config.toml",
        "clients/vscode/mcp.json",
        "clients/zed/settings.json",
        "config.toml",
        "skills/open-work/SKILL.md",
        "skills/open-work/plan.json",
        "skills/open-work/report.md.j2",
        "skills/open-work/result.schema.json",
    ];
    let found: Vec<&str> =
        found.iter().map(String::as_str).filter(|name| !name.contains("__pycache__")).collect();
    assert_eq!(found, known);
}

product_test! {
    fn the_configuration_works_with_every_key(env) {
        let config = text("config.toml").replace("/var/lib/modelscan-example", env.root().to_str().unwrap());
        env.config(&config);
        let agents = env.modelscan(["agent", "list"]).run().expect_clean().stdout;
        assert!(agents.contains("nexora") && agents.contains("minimal"), "{agents}");
        env.file("a.rs", "fn main() {}\n");
        env.modelscan(["task", "submit", "--skill", "survey", "--wait", "--quiet"]).run().expect_code(0);
        assert!(env.root().join("modelscan.db").exists(), "the file's own place of the database");
        // It shows each key that there is.
        let documented = std::fs::read_to_string(project_root().join("docs/CONFIGURATION.md")).unwrap();
        let keys = documented.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
        let table: toml::Table = toml::from_str(&config).unwrap();
        for key in keys {
            let holds = ["minimal", "nexora"].iter().any(|agent| {
                let mut at = Some(&toml::Value::Table(table.clone())).cloned();
                for word in key.split('.').map(|word| if word == "NAME" { agent } else { word }) {
                    at = match at {
                        Some(toml::Value::Table(table)) if word == "KEY" || word == "VARIABLE" => table.values().next().cloned(),
                        Some(toml::Value::Table(table)) => table.get(word).cloned(),
                        _ => None,
                    };
                }
                at.is_some()
            });
            assert!(holds, "examples/config.toml does not show `{key}`");
        }
    }
}

product_test! {
    fn the_skill_runs(env) {
        let to = env.home().join("skills/open-work");
        std::fs::create_dir_all(&to).unwrap();
        for name in ["SKILL.md", "plan.json", "report.md.j2", "result.schema.json"] {
            std::fs::copy(example("skills/open-work").join(name), to.join(name)).unwrap();
        }
        env.file("a.rs", "// TODO one\n// TODO two\n// HACK three\n");
        env.file("b.rs", "fn main() {}\n");
        let submit = env.modelscan(["task", "submit", "--skill", "open-work", "--wait", "--quiet"]).run().expect_code(0);
        let whole = env.modelscan(["task", "result", submit.stdout.trim()]).json();
        expect_shape_of(&example("skills/open-work/result.schema.json"), &whole["result"]);
        assert_eq!(whole["result"]["by_word"], json!({ "TODO": 2, "FIXME": 0, "HACK": 1, "XXX": 0 }));
        assert_eq!(whole["result"]["heads"].as_array().unwrap().len(), 1);
        assert!(whole["report"].as_str().unwrap().contains("TODO: 2"), "{}", whole["report"]);
        let input = ["--input", "{\"words\": [\"main\"]}"];
        let submit = env.modelscan(["task", "submit", "--skill", "open-work", "--wait", "--quiet"]).args(input).run().expect_code(0);
        let result = env.modelscan(["task", "result", submit.stdout.trim()]).json();
        assert_eq!(result["result"]["by_word"], json!({ "main": 1 }));
    }
}

/// The tools that a client sees behind an entry's command and arguments.
#[track_caller]
fn tools_behind(env: &TestEnv, server: &Value) -> Vec<String> {
    assert_eq!(server["command"], "modelscan", "{server}");
    let args: Vec<&str> =
        server["args"].as_array().unwrap().iter().map(|arg| arg.as_str().unwrap()).collect();
    let mut client = env.program(&product()).args(args).spawn();
    let mut ask = |id: u64, method: &str, params: Value| {
        client.line(json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string());
        client.next_json()["result"].clone()
    };
    let info = json!({ "name": "entry", "version": "1" });
    ask(1, "initialize", json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": info }));
    let tools = ask(2, "tools/list", json!({}));
    let names = tools["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| tool["name"].as_str().unwrap().to_owned())
        .collect();
    client.wait().expect_code(0);
    names
}

product_test! {
    fn each_client_entry_starts_a_server_that_lists_its_tools(env) {
        let read = |name: &str| -> Value { serde_json::from_str(&text(name)).unwrap_or_else(|error| panic!("{name}: {error}")) };
        let codex: Value = toml::from_str(&text("clients/codex/config.toml")).unwrap();
        for server in [
            &read("clients/claude-code/.mcp.json")["mcpServers"]["modelscan"],
            &read("clients/vscode/mcp.json")["servers"]["modelscan"],
            &read("clients/zed/settings.json")["context_servers"]["modelscan"],
            &codex["mcp_servers"]["modelscan"],
        ] {
            let tools = tools_behind(env, server);
            for tool in ["agent_list", "task_submit", "task_status", "task_wait", "task_result", "task_cancel", "task_list"] {
                assert!(tools.iter().any(|name| name == tool), "{tool}: {tools:?}");
            }
        }
    }
}

product_test! {
    fn the_minimal_agent_is_python(env) {
        let compiled = env.root().join("minimal.pyc").display().to_string();
        let script = format!(
            "import py_compile, sys; py_compile.compile({}, cfile={}, doraise=True)",
            Value::from(example("agents/minimal.py").to_str().unwrap()),
            Value::from(compiled.as_str())
        );
        env.program(&python()).args(["-c", &script]).run().expect_clean();
        let lines = text("agents/minimal.py").lines().count();
        assert!(lines <= 70, "about sixty lines are what a reader takes in: {lines}");
    }
}

/// The Python that runs the interop suite: the system's, or the one on the PATH of whoever runs the tests.
#[allow(clippy::disallowed_methods, reason = "a program of the surroundings is asked by the test")]
fn python() -> PathBuf {
    let of_system = ["/usr/local/bin", "/usr/bin"].map(|folder| Path::new(folder).join("python3"));
    of_system.into_iter().find(|path| path.is_file()).unwrap_or_else(|| {
        let asked =
            std::process::Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output();
        let asked = asked.expect("Python 3.11 or newer is needed for the tests");
        PathBuf::from(String::from_utf8(asked.stdout).unwrap().trim())
    })
}
