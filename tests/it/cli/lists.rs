//! Lists: filters, pages, folders, and the names that they give.

use serde_json::Value;
use support::{TestEnv, product_test, refused};

/// Submits prompts that nobody works on, and returns their ids, the newest last.
fn backlog(env: &TestEnv, count: usize) -> Vec<String> {
    env.config("[host]\nautostart = false\n[agents.other]\ncommand = \"true\"\n");
    let submit = |number: usize| {
        let agent = if number.is_multiple_of(2) { "nexora" } else { "other" };
        let told = env.modelscan(["task", "submit", &format!("number {number}"), "--agent", agent]).run();
        told.expect_clean().stdout.trim().to_owned()
    };
    (0..count).map(submit).collect()
}

fn ids(page: &Value) -> Vec<String> {
    page["items"].as_array().unwrap().iter().map(|task| task["id"].as_str().unwrap().to_owned()).collect()
}

product_test! {
    fn pages_and_filters_show_each_task_once(env) {
        let mut all = backlog(env, 7);
        all.reverse();
        let list = |args: &[&str]| env.modelscan(["task", "list"]).args(args).json();
        assert_eq!(ids(&list(&[])), all);
        let mut seen = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let mut args = vec!["--limit", "3"];
            args.extend(cursor.as_ref().map_or(vec![], |cursor| vec!["--cursor", cursor.as_str()]));
            let page = list(&args);
            assert!(page["items"].as_array().unwrap().len() <= 3);
            seen.extend(ids(&page));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => break,
            }
        }
        assert_eq!(seen, all);
        assert_eq!(ids(&list(&["--agent", "other"])).len(), 3);
        assert_eq!(ids(&list(&["--agent", "nexora"])).len(), 4);
        env.modelscan(["task", "cancel", &all[0], &all[3]]).run().expect_code(0);
        assert_eq!(ids(&list(&["--state", "cancelled"])), [all[0].clone(), all[3].clone()]);
        assert_eq!(ids(&list(&["--state", "ready"])).len(), 5);
        assert_eq!(ids(&list(&["--state", "ready", "--agent", "other", "--limit", "1"])).len(), 1);
        // For people the next page is a note beside the data.
        let told = env.modelscan(["task", "list", "-n", "3"]).run().expect_code(0);
        assert!(told.stderr.starts_with("more with `--cursor "), "{}", told.stderr);
        let quiet = env.modelscan(["task", "list", "-n", "3", "-q"]).run().expect_clean();
        assert_eq!((quiet.stdout.lines().count(), told.stdout.lines().count()), (4, 4), "a head and three tasks");
    }
}

product_test! {
    fn a_list_is_that_of_its_folder(env) {
        let here = backlog(env, 2);
        let other = env.project().join("other");
        std::fs::create_dir(&other).unwrap();
        let there = env.modelscan(["task", "submit", "there", "--cwd", "other"]).run().expect_clean();
        let there = there.stdout.trim().to_owned();
        assert_eq!(ids(&env.modelscan(["task", "list"]).json()), [here[1].clone(), here[0].clone()]);
        assert_eq!(ids(&env.modelscan(["task", "list"]).cwd(&other).json()), [there.clone()]);
        assert_eq!(ids(&env.modelscan(["task", "list", "--all"]).json()).len(), 3);
        // The last one of a folder is that folder's.
        assert_eq!(env.modelscan(["task", "status", "@last"]).json()["id"], here[1].as_str());
        assert_eq!(env.modelscan(["task", "status", "@last"]).cwd(&other).json()["id"], there.as_str());
        let empty = env.user();
        refused(4, "task_not_found", || env.modelscan(["task", "status", "@last"]).cwd(&empty)).says("@last");
        let none = env.modelscan(["task", "list"]).cwd(&empty).run().expect_code(0);
        assert_eq!((none.stdout.as_str(), none.stderr.contains("--all")), ("", true), "{none:?}");
    }
}

product_test! {
    fn a_task_is_named_by_either_end_of_its_id(env) {
        let id = &backlog(env, 1)[0];
        let digits = id.strip_prefix("task_").unwrap();
        for name in [id.as_str(), digits, &id[..12], &digits[..4], &digits[28..], &digits[24..], &digits.to_uppercase()] {
            assert_eq!(env.modelscan(["task", "status", name]).json()["id"], id.as_str(), "{name}");
        }
        let shown = env.modelscan(["task", "list"]).run().expect_clean();
        assert!(shown.stdout.contains(&digits[24..]), "{}", shown.stdout);
    }
}
