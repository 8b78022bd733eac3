use std::ffi::OsStr;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Bench, command, fifo, name};

/// Runs git for a test's preparation, with an identity and without anybody's configuration.
pub fn git(cwd: &Path, args: &[&str]) -> String {
    let output = command("git", cwd)
        .args([
            "-c",
            "user.name=A Tester",
            "-c",
            "user.email=tester@example.org",
            "-c",
            "init.defaultBranch=main",
        ])
        .args(["-c", "core.fsmonitor=false", "-c", "commit.gpgSign=false"])
        .args(args)
        .envs([
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_AUTHOR_DATE", "2026-01-02T03:04:05+02:00"),
            ("GIT_COMMITTER_DATE", "2026-01-02T03:04:05+02:00"),
        ])
        .output()
        .unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

pub fn commit_all(folder: &Path, message: &str) {
    git(folder, &["add", "-A"]);
    git(folder, &["commit", "-q", "--allow-empty", "-m", message]);
}

fn repository() -> Bench {
    let bench = Bench::new().with_children();
    git(bench.path(), &["init", "-q"]);
    bench
}

#[track_caller]
fn assert_none(output: &Value, says: &str) {
    assert_eq!(output["repository"], Value::Null, "{output}");
    assert!(output["reason"].as_str().unwrap().contains(says), "{output}");
    for key in ["branch", "head"] {
        assert_eq!(output[key], Value::Null);
    }
    assert_eq!((&output["commits"], &output["changed"]), (&json!([]), &json!([])));
}

#[tokio::test]
async fn branch_commits_and_changes_are_told() {
    let bench = repository();
    for file in ["same", "modified", "deleted", "staged", "both", "typed"] {
        bench.write(file, format!("{file}\n"));
    }
    commit_all(bench.path(), "First\n\nwith a body");
    git(bench.path(), &["commit", "-q", "--allow-empty", "-m", "caf\u{e9} \u{1b}[31m"]);
    git(bench.path(), &["switch", "-q", "-c", "feature/x"]);
    bench.write("modified", "other words\n");
    std::fs::remove_file(bench.path().join("deleted")).unwrap();
    bench.write("staged", "other words\n");
    bench.write("both", "one\n");
    git(bench.path(), &["add", "staged", "both"]);
    bench.write("both", "one and two\n");
    std::fs::remove_file(bench.path().join("typed")).unwrap();
    std::os::unix::fs::symlink("same", bench.path().join("typed")).unwrap();
    bench.write("added", "x");
    git(bench.path(), &["add", "added"]);
    bench.write(name(b"new\nline \xff"), "x");
    bench.write("folder/inside", "x");

    let output = bench.output("git_info", json!({})).await;
    assert_eq!(output["reason"], Value::Null);
    assert_eq!((&output["branch"], &output["repository"]["linked"]), (&json!("feature/x"), &json!(false)));
    assert_eq!(output["repository"]["root"], json!(bench.path()));
    assert_eq!(output["head"], git(bench.path(), &["rev-parse", "HEAD"]));
    let subjects: Vec<_> =
        output["commits"].as_array().unwrap().iter().map(|c| c["subject"].as_str().unwrap()).collect();
    assert_eq!(subjects, ["caf\u{e9} \u{1b}[31m", "First"]);
    let first = &output["commits"][1];
    assert_eq!((&first["author"], &first["email"]), (&json!("A Tester"), &json!("tester@example.org")));
    assert_eq!(first["time"], "2026-01-02T01:04:05Z");
    let changed: Vec<_> = output["changed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| {
            let flag = |key: &str| c[key].as_bool().unwrap();
            (c["path"].as_str().unwrap(), c["status"].as_str().unwrap(), flag("staged"), flag("unstaged"))
        })
        .collect();
    assert_eq!(
        changed,
        [
            ("added", "added", true, false),
            ("both", "modified", true, true),
            ("deleted", "deleted", false, true),
            ("modified", "modified", false, true),
            ("staged", "modified", true, false),
            ("typed", "type_changed", false, true),
            ("folder/", "untracked", false, true),
            ("new\nline \u{fffd}", "untracked", false, true),
        ]
    );
    assert_eq!(output["changed"][7]["path_lossy"], true);
    // From a folder or a file inside, the same.
    for path in ["folder", "folder/inside"] {
        assert_eq!(bench.output("git_info", json!({ "path": path })).await, output);
    }
    let few = bench.output("git_info", json!({ "commits": 1, "changed_max": 2 })).await;
    assert_eq!(few["commits"].as_array().unwrap().len(), 1);
    assert_eq!((&few["changed_total"], &few["truncated"]), (&json!(8), &json!(true)));
    let none = bench.output("git_info", json!({ "commits": 0, "changed_max": 0 })).await;
    assert_eq!((&none["commits"], &none["changed"]), (&json!([]), &json!([])));
}

#[tokio::test]
async fn a_call_leaves_the_repository_as_it_was() {
    let bench = repository();
    bench.write("a", "x\n");
    commit_all(bench.path(), "one");
    // A look would refresh the index if it were let.
    let file = std::fs::File::options().write(true).open(bench.path().join("a")).unwrap();
    file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000)).unwrap();
    let index = std::fs::read(bench.path().join(".git/index")).unwrap();
    let output = bench.output("git_info", json!({})).await;
    assert_eq!(output["changed"], json!([]));
    assert_eq!(std::fs::read(bench.path().join(".git/index")).unwrap(), index);
}

#[tokio::test]
async fn a_repository_without_a_commit_and_a_detached_one_are_told() {
    let bench = repository();
    bench.write("a", "x");
    let output = bench.output("git_info", json!({})).await;
    assert_eq!((&output["branch"], &output["head"]), (&json!("main"), &Value::Null));
    assert_eq!((&output["commits"], &output["changed_total"]), (&json!([]), &json!(1)));
    commit_all(bench.path(), "one");
    git(bench.path(), &["checkout", "-q", "--detach"]);
    let output = bench.output("git_info", json!({})).await;
    assert_eq!(output["branch"], Value::Null);
    assert_eq!(output["head"].as_str().unwrap().len(), 40);
}

#[tokio::test]
async fn linked_worktrees_and_submodules_are_repositories_too() {
    let bench = repository();
    bench.write("main/a", "x");
    let main = bench.path().join("main");
    git(&main, &["init", "-q"]);
    commit_all(&main, "one");
    git(&main, &["worktree", "add", "-q", "../linked", "-b", "side"]);
    let linked = bench.output("git_info", json!({ "path": "linked" })).await;
    assert_eq!(
        (&linked["branch"], &linked["repository"]["linked"]),
        (&json!("side"), &json!(true)),
        "{linked}"
    );
    bench.write("super/b", "x");
    let above = bench.path().join("super");
    git(&above, &["init", "-q"]);
    git(&above, &["-c", "protocol.file.allow=always", "submodule", "add", "-q", "../main", "sub"]);
    commit_all(&above, "two");
    let sub = bench.output("git_info", json!({ "path": "super/sub" })).await;
    assert_eq!(
        (&sub["commits"][0]["subject"], &sub["repository"]["linked"]),
        (&json!("one"), &json!(true)),
        "{sub}"
    );
    assert_eq!(bench.output("git_info", json!({ "path": "super" })).await["changed"], json!([]));
}

#[tokio::test]
async fn what_is_no_repository_is_an_answer() {
    let bench = Bench::new().with_children();
    bench.write("odd/a", "x");
    fifo(&bench.path().join("odd/.git"));
    assert_none(
        &bench.output("git_info", json!({ "path": "odd" })).await,
        "neither a folder nor a regular file",
    );
    bench.write("empty/.git/x", "x");
    assert_none(&bench.output("git_info", json!({ "path": "empty" })).await, "not a git repository");
    // An empty `.git` does not lead to the repository above it.
    git(bench.path(), &["init", "-q"]);
    commit_all(bench.path(), "one");
    assert_none(&bench.output("git_info", json!({ "path": "empty" })).await, "not a git repository");
    bench.write("broken/.git", "no pointer\n");
    assert_none(&bench.output("git_info", json!({ "path": "broken" })).await, "invalid gitfile");
    std::fs::create_dir(bench.path().join("link")).unwrap();
    std::os::unix::fs::symlink("../.git", bench.path().join("link/.git")).unwrap();
    assert_none(
        &bench.output("git_info", json!({ "path": "link" })).await,
        "neither a folder nor a regular file",
    );
    let text = bench.call("git_info", json!({ "path": "link" })).await.unwrap();
    assert!(!text.is_error && text.text.starts_with("no repository"), "{}", text.text);
}

#[tokio::test]
async fn a_repository_whose_parts_lead_elsewhere_is_refused() {
    let bench = Bench::new().with_children();
    let victim = bench.path().join("victim");
    bench.write("victim/secret", "x");
    git(&victim, &["init", "-q"]);
    commit_all(&victim, "private words");
    // A worktree elsewhere.
    bench.write("worktree/a", "x");
    let worktree = bench.path().join("worktree");
    git(&worktree, &["init", "-q"]);
    commit_all(&worktree, "one");
    git(&worktree, &["config", "core.worktree", victim.to_str().unwrap()]);
    assert_eq!(git(&worktree, &["rev-parse", "--show-toplevel"]), victim.to_str().unwrap());
    assert_none(&bench.output("git_info", json!({ "path": "worktree" })).await, "core.worktree");
    // A `.git` file that leads to somebody else's repository.
    bench.write("pointer/a", "x");
    bench.write("pointer/.git", format!("gitdir: {}/.git\n", victim.display()));
    let pointer = bench.path().join("pointer");
    assert_eq!(git(&pointer, &["log", "--format=%s"]), "private words");
    assert_none(&bench.output("git_info", json!({ "path": "pointer" })).await, "does not point back");
}

#[tokio::test]
async fn a_name_of_a_folder_with_a_newline_is_no_trap() {
    let bench = Bench::new().with_children();
    let odd = bench.path().join(OsStr::new("new\nline: x"));
    std::fs::create_dir(&odd).unwrap();
    git(&odd, &["init", "-q"]);
    commit_all(&odd, "one");
    let output = bench.output("git_info", json!({ "path": "new\nline: x" })).await;
    assert_eq!(output["commits"][0]["subject"], "one", "{output}");
}
