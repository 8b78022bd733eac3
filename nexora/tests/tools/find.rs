use serde_json::{Value, json};

use crate::support::{Bench, fifo, name};
use nexora::tools::ToolError;

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

async fn paths(bench: &Bench, pattern: &str, path: &str) -> Vec<String> {
    let output = bench.output("glob", json!({ "pattern": pattern, "path": path })).await;
    texts(&output["paths"]).into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn globs_are_seen_from_the_folder_and_give_paths_to_go_on_with() {
    let bench = Bench::new();
    for file in ["a.rs", "src/b.rs", "src/deep/c.rs", "src/d.txt", ".hidden.rs"] {
        bench.write(file, "x");
    }
    assert_eq!(paths(&bench, "*.rs", ".").await, [".hidden.rs", "a.rs"]);
    assert_eq!(paths(&bench, "**/*.rs", ".").await, [".hidden.rs", "a.rs", "src/b.rs", "src/deep/c.rs"]);
    assert_eq!(paths(&bench, "*.{rs,txt}", "src").await, ["src/b.rs", "src/d.txt"]);
    assert_eq!(paths(&bench, "*.rs", "./src/../src").await, ["src/../src/b.rs"]);
    let absolute = bench.path().join("src");
    let found = paths(&bench, "deep/*", absolute.to_str().unwrap()).await;
    assert_eq!(found, [absolute.join("deep/c.rs").to_str().unwrap()]);
    let cut = bench.output("glob", json!({ "pattern": "**", "limit": 2 })).await;
    assert_eq!((&cut["total"], &cut["truncated"]), (&json!(5), &json!(true)));
    let (path, _) = bench.refusal("glob", json!({ "pattern": "[" })).await;
    assert_eq!(path, "/pattern");
}

#[tokio::test]
async fn ignore_rules_hold_from_the_repository_down_and_the_inner_one_wins() {
    let bench = Bench::new();
    bench.write(".git/info/exclude", "excluded\n");
    bench.write(".git/config", "");
    bench.write(".gitignore", "*.log\n/target/\n!keep.log\nbroken[\n");
    bench.write("sub/.gitignore", "!wanted.log\nlocal\n");
    bench.write("sub/.ignore", "by_ignore\n");
    for file in [
        "a.log",
        "keep.log",
        "target/x",
        "excluded",
        "sub/wanted.log",
        "sub/b.log",
        "sub/local",
        "sub/by_ignore",
        "sub/target/y",
        "sub/deep/c.log",
        "sub/deep/d",
    ] {
        bench.write(file, "x");
    }
    let all = [
        ".gitignore",
        "keep.log",
        "sub/.gitignore",
        "sub/.ignore",
        "sub/deep/d",
        "sub/target/y",
        "sub/wanted.log",
    ];
    assert_eq!(paths(&bench, "**", ".").await, all);
    // A walk that starts below knows the rules above.
    let below = ["sub/.gitignore", "sub/.ignore", "sub/deep/d", "sub/target/y", "sub/wanted.log"];
    assert_eq!(paths(&bench, "**", "sub").await, below);
    assert_eq!(paths(&bench, "**", "sub/deep").await, ["sub/deep/d"]);
    let every = bench.output("glob", json!({ "pattern": "**", "include_ignored": true })).await;
    assert_eq!(every["total"], 14);
    assert_eq!(every["skipped"]["ignored"], 0);
}

#[tokio::test]
async fn nothing_of_an_ugly_tree_holds_a_walk() {
    let bench = Bench::new();
    bench.write("a.rs", "needle\n");
    fifo(&bench.path().join("pipe"));
    std::fs::create_dir(bench.path().join("inner")).unwrap();
    fifo(&bench.path().join("inner/.gitignore"));
    bench.write("inner/b.rs", "needle\n");
    bench.write("lines/.gitignore/c.rs", "needle\n");
    bench.write(name(b"caf\xe9.rs"), "needle\n");
    bench.write(name(b"new\nline.rs"), "needle\n");
    bench.write("\u{1b}[31m.rs", "needle\n");
    std::os::unix::fs::symlink(".", bench.path().join("loop")).unwrap();
    std::os::unix::fs::symlink("..", bench.path().join("inner/up")).unwrap();
    std::os::unix::fs::symlink("a.rs", bench.path().join("link.rs")).unwrap();
    std::os::unix::fs::symlink("nowhere", bench.path().join("dangling")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(bench.path().join("s")).unwrap();
    let output = bench.output("glob", json!({ "pattern": "**/*.rs" })).await;
    let expected =
        ["\u{1b}[31m.rs", "a.rs", "caf\u{fffd}.rs", "inner/b.rs", "lines/.gitignore/c.rs", "new\nline.rs"];
    assert_eq!(texts(&output["paths"]), expected);
    assert_eq!(texts(&output["lossy_paths"]), ["caf\u{fffd}.rs"]);
    assert_eq!((&output["skipped"]["link"], &output["skipped"]["special"]), (&json!(4), &json!(3)));
    let found = bench.output("grep", json!({ "pattern": "needle" })).await;
    assert_eq!((&found["total"], &found["files_matched"]), (&json!(6), &json!(6)));
    assert_eq!(found["matches"][2]["path_lossy"], true);
}

#[tokio::test]
async fn an_empty_folder_is_an_answer_and_a_missing_one_is_not() {
    let bench = Bench::new();
    assert_eq!(bench.output("glob", json!({ "pattern": "**" })).await["total"], 0);
    assert_eq!(bench.output("grep", json!({ "pattern": "x" })).await["files_searched"], 0);
    for tool in ["glob", "grep", "code_stats", "project_info", "git_info", "ls"] {
        let mut arguments = json!({ "path": "no/where" });
        if matches!(tool, "glob" | "grep") {
            arguments["pattern"] = json!("x");
        }
        match bench.call(tool, arguments).await {
            Err(error @ ToolError::BadPath { .. }) => {
                assert!(error.to_string().contains("no/where"), "{error}")
            }
            other => panic!("{tool}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_file_may_stand_for_a_folder() {
    let bench = Bench::new();
    bench.write("src/a.rs", "needle\n\n");
    let found = bench.output("grep", json!({ "pattern": "needle", "path": "src/a.rs" })).await;
    assert_eq!(found["matches"][0]["path"], "src/a.rs");
    let counted = bench.output("code_stats", json!({ "path": "src/a.rs" })).await;
    assert_eq!((&counted["totals"]["lines"], &counted["totals"]["blank"]), (&json!(2), &json!(1)));
}

#[tokio::test]
async fn matches_say_where_they_are() {
    let bench = Bench::new();
    bench.write("a.txt", "x\r\n  Needle and needle\r\nneedles");
    bench.write("b.txt", "NEEDLE");
    let output = bench.output("grep", json!({ "pattern": "needle" })).await;
    let places: Vec<_> = output["matches"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| (&m["path"], &m["line"], &m["column"], &m["text"]))
        .collect();
    assert_eq!(
        places,
        [
            (&json!("a.txt"), &json!(2), &json!(14), &json!("  Needle and needle")),
            (&json!("a.txt"), &json!(3), &json!(1), &json!("needles")),
        ]
    );
    let any_case =
        bench.output("grep", json!({ "pattern": "needle", "ignore_case": true, "word": true })).await;
    assert_eq!((&any_case["total"], &any_case["files_matched"]), (&json!(2), &json!(2)));
    bench.write("c.txt", "a.b\naxb\n");
    let literal = bench.output("grep", json!({ "pattern": "a.b", "literal": true })).await;
    assert_eq!(literal["total"], 1);
    let (path, message) = bench.refusal("grep", json!({ "pattern": "(" })).await;
    assert_eq!(path, "/pattern", "{message}");
    let (path, _) = bench.refusal("grep", json!({ "pattern": "x", "globs": ["ok", "{"] })).await;
    assert_eq!(path, "/globs/1");
}

#[tokio::test]
async fn globs_narrow_a_search() {
    let bench = Bench::new();
    for file in ["a.rs", "a.py", "src/b.rs", "gen/c.rs"] {
        bench.write(file, "needle");
    }
    let found = |output: &Value| -> Vec<String> {
        output["matches"].as_array().unwrap().iter().map(|m| m["path"].as_str().unwrap().to_owned()).collect()
    };
    for (globs, expected) in [
        (json!(["*.rs"]), vec!["a.rs", "gen/c.rs", "src/b.rs"]),
        (json!(["*.rs", "!gen/"]), vec!["a.rs", "src/b.rs"]),
        (json!(["/src/**"]), vec!["src/b.rs"]),
        (json!(["!*.rs"]), vec!["a.py"]),
    ] {
        let output = bench.output("grep", json!({ "pattern": "needle", "globs": globs })).await;
        assert_eq!(found(&output), expected, "{globs}");
    }
}

#[tokio::test]
async fn the_first_matches_are_kept_and_all_are_counted() {
    let bench = Bench::new();
    for file in 0..200 {
        bench.write(format!("{file:03}.txt"), "needle\nneedle\nneedle\n");
    }
    let all = bench.output("grep", json!({ "pattern": "needle" })).await;
    assert_eq!((&all["total"], &all["truncated"]), (&json!(600), &json!(false)));
    let few = bench.output("grep", json!({ "pattern": "needle", "limit": 100 })).await;
    assert_eq!((&few["total"], &few["truncated"]), (&json!(600), &json!(true)));
    assert_eq!(few["matches"].as_array().unwrap()[..], all["matches"].as_array().unwrap()[..100]);
    let none = bench.output("grep", json!({ "pattern": "needle", "limit": 0 })).await;
    assert_eq!((&none["total"], &none["matches"]), (&json!(600), &json!([])));
}

#[tokio::test]
async fn long_lines_and_data_are_counted_as_skipped() {
    let bench = Bench::new();
    let mut long = b"needle\n".to_vec();
    long.extend(std::iter::repeat_n(b'x', 5 * 1024 * 1024));
    bench.write("long", &long);
    bench.write("wide", format!("{}needle{}", "a".repeat(600), "ü".repeat(300)));
    bench.write("data", b"\0needle\n");
    let mut late = b"needle\n".repeat(100_000);
    late.extend(b"\0\nneedle\n");
    bench.write("late", &late);
    let sparse = std::fs::File::create(bench.path().join("sparse")).unwrap();
    sparse.set_len(1 << 30).unwrap();
    let output = bench.output("grep", json!({ "pattern": "needle", "limit": 10_000 })).await;
    let skipped = &output["skipped"];
    assert_eq!((&skipped["long_line"], &skipped["binary"]), (&json!(1), &json!(3)), "{skipped}");
    assert_eq!(skipped["examples"][0]["path"], "long");
    // What comes before the NUL stands.
    assert!(output["matches"].as_array().unwrap().iter().any(|found| found["path"] == "late"));
    let wide = bench.output("grep", json!({ "pattern": "needle", "path": "wide" })).await;
    assert_eq!(
        (&wide["matches"][0]["text_truncated"], &wide["matches"][0]["column"]),
        (&json!(true), &json!(601))
    );
    assert_eq!(wide["matches"][0]["text"].as_str().unwrap().len(), 500);
}

#[tokio::test]
async fn a_cancelled_call_ends_and_says_so() {
    let bench = Bench::new();
    bench.write("a", "x");
    bench.context.cancel.cancel();
    for (tool, arguments) in
        [("glob", json!({ "pattern": "**" })), ("code_stats", json!({})), ("ls", json!({}))]
    {
        let called = bench.call(tool, arguments).await;
        assert!(matches!(called, Err(ToolError::Cancelled)), "{tool}: {called:?}");
    }
}

#[tokio::test]
async fn a_passed_time_limit_ends_a_walk() {
    let mut bench = Bench::new();
    bench.write("a", "x");
    bench.context.time_limit = Some(std::time::Duration::ZERO);
    let called = bench.call("glob", json!({ "pattern": "**" })).await;
    assert!(matches!(called, Err(ToolError::TimedOut { .. })), "{called:?}");
}

#[tokio::test]
async fn progress_counts_entries() {
    let bench = Bench::new();
    for file in 0..100 {
        bench.write(format!("{file}.rs"), "x\n");
    }
    let mut watched = bench.context.progress.subscribe();
    let watching = async {
        let mut values = Vec::new();
        while values.last().copied().unwrap_or(0) < 200 {
            watched.changed().await.unwrap();
            values.push(*watched.borrow_and_update());
        }
        values
    };
    let (values, _) = tokio::join!(watching, bench.output("code_stats", json!({})));
    // Each file once when it is found, and once when it is read.
    assert_eq!(values.last(), Some(&200));
    assert!(values.is_sorted());
    assert_eq!(bench.context.progress.entries(), 200);
}

#[tokio::test]
async fn folders_that_may_not_be_read_are_told() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new();
    bench.write("open/a.rs", "needle\n");
    bench.write("closed/b.rs", "needle\n");
    bench.write("secret.rs", "needle\n");
    let close = |name: &str, mode| {
        std::fs::set_permissions(bench.path().join(name), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    close("closed", 0o000);
    close("secret.rs", 0o000);
    // The superuser reads everything: then there is nothing to tell.
    let all_powerful = std::fs::read_dir(bench.path().join("closed")).is_ok();
    let output = bench.output("grep", json!({ "pattern": "needle" })).await;
    close("closed", 0o755);
    let (total, unreadable) = if all_powerful { (3, 0) } else { (1, 2) };
    assert_eq!((&output["total"], &output["skipped"]["unreadable"]), (&json!(total), &json!(unreadable)));
    if !all_powerful {
        assert_eq!(output["skipped"]["examples"][0]["path"], "closed");
        assert_eq!(output["skipped"]["examples"][0]["reason"], "unreadable");
    }
}
