//! Submitting: what is printed, what is kept, and that asking twice is safe.

use serde_json::{Value, json};
use support::{product_test, refused};

product_test! {
    fn the_id_alone_is_printed_once_it_is_on_disk(env) {
        env.config("[host]\nautostart = false\n");
        let told = env.modelscan(["task", "submit", "hello"]).run().expect_clean();
        let id = told.stdout.strip_suffix('\n').unwrap();
        assert!(id.starts_with("task_") && id.len() == 37, "{id}");
        assert_eq!(env.status(id)["state"], "ready");
        assert_eq!(env.host_pid(), None, "none may be started");
    }
}

product_test! {
    fn a_key_makes_asking_twice_safe(env) {
        env.config("[host]\nautostart = false\n");
        let submit = |args: &[&str]| env.modelscan(["task", "submit", "--key", "k1"]).args(args).run();
        let id = submit(&["hello"]).expect_clean().stdout;
        assert_eq!(submit(&["hello"]).expect_clean().stdout, id, "the same task");
        refused(2, "bad_input", || env.modelscan(["task", "submit", "--key", "k1", "other words"])).says("k1");
        assert_eq!(env.rows().map(|rows| rows.tasks), Some(1));
        // The same through a host.
        env.config("");
        env.modelscan(["task", "wait", id.trim(), "--quiet"]).run().expect_code(1);
        assert_eq!(submit(&["hello"]).expect_clean().stdout, id, "the same task");
        refused(2, "bad_input", || env.modelscan(["task", "submit", "--key", "k1", "other words"])).says("k1");
        assert_eq!(env.rows().map(|rows| rows.tasks), Some(1));
    }
}

product_test! {
    fn flags_are_kept_with_the_task(env) {
        env.config("[host]\nautostart = false\n");
        std::fs::create_dir(env.project().join("sub")).unwrap();
        env.file("input.json", "{\"path\": \"src\"}");
        let submit = env.modelscan([
            "task", "submit", "--skill", "survey", "--input", "@input.json", "-C", "sub", "--timeout", "1h30m", "--retries", "7",
            "--recovery", "fail", "--priority", "urgent", "-a", "nexora", "look well",
        ]);
        let id = submit.run().expect_clean().stdout;
        let task = env.modelscan(["task", "show", id.trim()]).json()["task"].clone();
        let expected = json!({
            "skill": "survey", "input": { "path": "src" }, "prompt": "look well", "agent": "nexora", "priority": 100,
            "cwd": env.project().join("sub"), "title": "survey: look well", "state": "ready",
        });
        for (key, value) in expected.as_object().unwrap() {
            assert_eq!(&task[key], value, "{key}");
        }
    }
}

product_test! {
    fn a_prompt_and_an_input_come_from_stdin(env) {
        env.config("[host]\nautostart = false\n");
        let shown = |id: &str| env.modelscan(["task", "show", id.trim()]).json()["task"].clone();
        let id = env.modelscan(["task", "submit", "-"]).stdin("two\nlines\n").run().expect_clean().stdout;
        assert_eq!((&shown(&id)["prompt"], &shown(&id)["title"]), (&json!("two\nlines\n"), &json!("two")));
        let id = env.modelscan(["task", "submit", "--skill", "survey", "--input", "-"]).stdin("{\"path\": \"x\"}").run().expect_clean().stdout;
        assert_eq!(shown(&id)["input"], json!({ "path": "x" }));
        assert_eq!(shown(&id)["prompt"].as_str().unwrap_or_default(), "");
    }
}

product_test! {
    fn a_wait_prints_the_id_and_tells_the_end_beside_it(env) {
        env.file("a.rs", "fn main() {}\n");
        let told = env.modelscan(["task", "submit", "--skill", "survey", "--wait"]).run().expect_code(0);
        let id = told.stdout.trim();
        assert!(told.stderr.starts_with("succeeded in ") && told.stderr.contains(&id[id.len() - 8..]), "{}", told.stderr);
        let result: Value = env.modelscan(["task", "result", id]).json();
        assert_eq!(result["result"]["totals"]["files"], 1);
        let report = env.modelscan(["task", "result", id]).run().expect_clean();
        assert!(report.stdout.contains("Rust"), "{}", report.stdout);
        env.modelscan(["task", "submit", "--skill", "survey", "--wait", "--quiet"]).run().expect_clean();
    }
}
