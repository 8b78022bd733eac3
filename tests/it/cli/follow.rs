//! Following events and messages as they come.

use serde_json::Value;
use support::{expect_shape, product_test, until};

product_test! {
    fn events_come_as_they_happen_and_end_with_their_task(env) {
        env.program(std::path::Path::new("/usr/bin/mkfifo")).args([env.project().join("gate")]).run().expect_clean();
        env.bash_skill("gated", "read line <gate", &[]);
        let id = env.submit("gated", &[]);
        let mut following = env.modelscan(["event", "list", "--follow", "--task", &id, "--json"]).spawn();
        let mut seen: Vec<Value> = Vec::new();
        while seen.last().is_none_or(|event| event["type"] != "tool.started") {
            let event = following.next_json();
            expect_shape("event", &event);
            seen.push(event);
        }
        // Everything until now was told while the task runs; the rest comes once the gate is open.
        assert_eq!(env.status(&id)["state"], "running");
        std::fs::write(env.project().join("gate"), "go\n").unwrap();
        while let Some(line) = following.next_line() {
            seen.push(serde_json::from_str(&line).unwrap());
        }
        following.wait().expect_clean();
        assert!(seen.windows(2).all(|pair| pair[0]["seq"].as_i64() < pair[1]["seq"].as_i64()), "{seen:#?}");
        assert_eq!(seen.last().unwrap()["type"], "task.succeeded");
        let listed = env.modelscan(["event", "list", "--task", &id]).json();
        assert_eq!(listed["items"], Value::Array(seen.clone()), "the list is the same");
        // From the middle on, and no more than asked for.
        let middle = seen[1]["seq"].to_string();
        let few = env.modelscan(["event", "list", "--follow", "--task", &id, "--after-seq", &middle, "--limit", "2", "--json"]);
        let few = few.run().expect_clean();
        assert_eq!(few.stdout.lines().count(), 2);
        assert!(few.stdout.starts_with(&seen[2].to_string()), "{}", few.stdout);
    }
}

product_test! {
    fn messages_come_as_they_are_said(env) {
        let submit = env.modelscan(["task", "submit", "words for nobody", "--wait", "--quiet"]).run().expect_code(1);
        let id = submit.stdout.trim();
        let followed = env.modelscan(["message", "list", "--follow", "--task", id, "--json"]).run().expect_clean();
        let said: Vec<Value> = followed.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(!said.is_empty());
        said.iter().for_each(|message| expect_shape("message", message));
        assert!(said.iter().any(|message| message["from"] == "agent:nexora"), "{said:#?}");
        let listed = env.modelscan(["message", "list", "--agent", "nexora", "--task", id]).json();
        assert_eq!(listed["items"].as_array().unwrap().len(), said.len());
        let others = env.modelscan(["message", "list", "--agent", "nobody", "--task", id]).json();
        assert_eq!(others["items"], Value::Array(Vec::new()));
    }
}

product_test! {
    fn a_follower_of_everything_sees_what_others_submit(env) {
        let mut following = env.modelscan(["event", "list", "--follow", "--json"]).spawn();
        let submit = env.modelscan(["task", "submit", "hello"]).run().expect_clean();
        let id = submit.stdout.trim();
        loop {
            let event = following.next_json();
            if event["type"] == "task.failed" {
                assert_eq!(event["task"], id);
                break;
            }
        }
        until("the task to be done", || env.status(id)["state"] == "failed");
        following.kill();
    }
}
