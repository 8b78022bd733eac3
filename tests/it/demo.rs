//! The demo, twice: every line of it, nothing of the user's touched, nothing left running.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use support::{Outcome, TestEnv, expect_shape, product_test};

/// Every file below a folder with its size.
fn files(folder: &Path) -> BTreeMap<PathBuf, u64> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                open.push(entry.path());
            }
            found.insert(entry.path(), entry.metadata().unwrap().len());
        }
    }
    found
}

/// Runs it as a user would: without `MODELSCAN_HOME`, from the user's home and cache.
fn demo(env: &TestEnv, args: &[&str]) -> Outcome {
    let home = format!("HOME={}", env.user().display());
    let path = "PATH=/usr/local/bin:/usr/bin:/bin";
    env.program(Path::new("/usr/bin/env"))
        .args(["-i", &home, path])
        .args([support::product()])
        .args(["demo"])
        .args(args)
        .run()
}

fn project(env: &TestEnv) {
    for number in 0..40 {
        env.file(&format!("src/f{number}.rs"), "// TODO more\nfn main() {}\n");
    }
    env.file("README.md", "# A project\n");
}

product_test! {
    fn it_works_twice_and_touches_nothing_of_the_user(env) {
        project(env);
        // The user's own data, in the usual places.
        for place in [".config/modelscan/config.toml", ".local/share/modelscan/modelscan.db", ".local/state/modelscan/logs/host.log"] {
            let path = env.user().join(place);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "not to be read\n").unwrap();
        }
        let not_cache = || {
            let cache = env.user().join(".cache");
            let mut files = files(&env.user());
            files.retain(|path, _| !path.starts_with(&cache));
            files
        };
        let before = not_cache();
        for round in 1..=2 {
            let told = demo(env, &[]).expect_code(0);
            for words in [
                "Act 1", "Act 2", "Act 3", "tools/call", "task_submit", "SIGKILL", "attempt 2", "1 result", "0 are left", "The history",
                "modelscan.db", "Rust", "TODO", "Nothing of the demo runs any more",
            ] {
                assert!(told.stdout.contains(words), "round {round}: `{words}` is not said:\n{}\n{}", told.stdout, told.stderr);
            }
            assert!(!told.stdout.contains('\u{1b}'), "a pipe is no terminal");
            assert_eq!(not_cache(), before, "round {round}: the user's own files");
            the_next_commands_work(env, &told.stdout);
        }
    }
}

/// The commands that it proposes are complete and work as they stand.
#[track_caller]
fn the_next_commands_work(env: &TestEnv, told: &str) {
    let commands: Vec<&str> = told.lines().skip_while(|line| !line.ends_with("Try next:")).skip(1).collect();
    assert_eq!(commands.len(), 3, "{told}");
    let mut home = None;
    for command in commands {
        let outcome = env.program(Path::new("/bin/sh")).args(["-c", command.trim()]).run().expect_code(0);
        assert!(!outcome.stdout.is_empty(), "{command}");
        home = command.split("--home ").nth(1);
    }
    // The last one started a host, as work does.
    env.modelscan(["host", "stop", "--quiet", "--home", home.unwrap()]).run().expect_code(0);
}

product_test! {
    fn a_program_reads_what_was_played(env) {
        project(env);
        let outcome = demo(env, &["src", "--json"]).expect_code(0);
        let view = outcome.json();
        expect_shape("demo", &view);
        let states: Vec<&Value> = view["tasks"].as_array().unwrap().iter().map(|task| &task["state"]).collect();
        assert_eq!(states, ["succeeded", "succeeded", "cancelled"], "{view:#}");
        assert_eq!(view["tasks"][1]["attempt"], 2);
        assert!(Path::new(view["database"].as_str().unwrap()).exists());
    }
}
