use serde_json::json;

use crate::support::{Bench, fifo, name};
use nexora::tools::ToolError;

#[tokio::test]
async fn lines_are_given_from_an_offset_and_up_to_a_limit() {
    let bench = Bench::new();
    bench.write("a", "one\ntwo\nthree");
    let all = bench.output("view", json!({ "path": "a" })).await;
    assert_eq!((&all["text"], &all["lines"]), (&json!("one\ntwo\nthree"), &json!(3)));
    assert_eq!((&all["truncated"], &all["bytes"]), (&json!(false), &json!(13)));
    let one = bench.output("view", json!({ "path": "./a", "offset": 2, "limit": 1 })).await;
    assert_eq!((&one["text"], &one["lines"], &one["truncated"]), (&json!("two\n"), &json!(1), &json!(true)));
    assert_eq!(one["path"], "a");
    let last = bench.output("view", json!({ "path": "a", "offset": 3, "limit": 1 })).await;
    assert_eq!((&last["text"], &last["truncated"]), (&json!("three"), &json!(false)));
    let past = bench.output("view", json!({ "path": "a", "offset": 9 })).await;
    assert_eq!((&past["text"], &past["lines"], &past["truncated"]), (&json!(""), &json!(0), &json!(false)));
}

#[tokio::test]
async fn an_exact_limit_at_the_end_is_not_truncated() {
    let bench = Bench::new();
    bench.write("a", "one\ntwo\n");
    let output = bench.output("view", json!({ "path": "a", "limit": 2 })).await;
    assert_eq!((&output["lines"], &output["truncated"]), (&json!(2), &json!(false)));
    bench.write("empty", "");
    let output = bench.output("view", json!({ "path": "empty" })).await;
    assert_eq!((&output["lines"], &output["text"]), (&json!(0), &json!("")));
}

#[tokio::test]
async fn one_endless_line_is_cut_between_characters() {
    let bench = Bench::new();
    bench.write("a", "ü".repeat(400_000));
    let output = bench.output("view", json!({ "path": "a" })).await;
    let text = output["text"].as_str().unwrap();
    assert_eq!(text.len(), 256 * 1024);
    assert!(text.chars().all(|character| character == 'ü'));
    assert_eq!((&output["truncated"], &output["text_lossy"]), (&json!(true), &json!(false)));
    assert_eq!(output["lines"], 1);
}

#[tokio::test]
async fn data_and_odd_bytes_are_told_and_control_characters_are_kept() {
    let bench = Bench::new();
    bench.write("data", b"a\0b");
    let output = bench.output("view", json!({ "path": "data" })).await;
    assert_eq!((&output["binary"], &output["text"], &output["bytes"]), (&json!(true), &json!(""), &json!(3)));
    bench.write("latin", b"caf\xe9\n");
    let output = bench.output("view", json!({ "path": "latin" })).await;
    assert_eq!((&output["text"], &output["text_lossy"]), (&json!("caf\u{fffd}\n"), &json!(true)));
    bench.write("escape", "\u{1b}[31mred\u{7}\r\n");
    let output = bench.output("view", json!({ "path": "escape" })).await;
    assert_eq!(output["text"], "\u{1b}[31mred\u{7}\r\n");
}

#[tokio::test]
async fn what_is_no_file_is_refused_with_its_name() {
    let bench = Bench::new();
    std::fs::create_dir(bench.path().join("folder")).unwrap();
    fifo(&bench.path().join("pipe"));
    for (path, says) in [
        ("nowhere", "No such file"),
        ("folder", "is a directory"),
        ("pipe", "not a regular file"),
        ("~/x", "No such file"),
    ] {
        match bench.call("view", json!({ "path": path })).await {
            Err(error @ ToolError::BadPath { .. }) => {
                assert!(error.to_string().contains(path), "{error}");
                let source = std::error::Error::source(&error).unwrap().to_string();
                assert!(source.contains(says), "{source}");
            }
            other => panic!("{path}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn paths_outside_of_the_working_directory_are_read() {
    let bench = Bench::new();
    let other = Bench::new();
    other.write("a", "x");
    let absolute = other.path().join("a");
    let output = bench.output("view", json!({ "path": absolute })).await;
    assert_eq!((&output["path"], &output["text"]), (&json!(absolute), &json!("x")));
}

#[tokio::test]
async fn arguments_that_do_not_fit_are_named_by_their_place() {
    let bench = Bench::new();
    for (arguments, place) in [
        (json!({ "path": "a", "offset": 0 }), "/offset"),
        (json!({ "path": 7 }), "/path"),
        (json!({ "path": "a", "ofset": 1 }), ""),
        (json!({}), ""),
        (json!({ "path": "a\u{0}" }), "/path"),
        (json!("a"), ""),
    ] {
        let (path, message) = bench.refusal("view", arguments.clone()).await;
        assert_eq!(path, place, "{arguments}: {message}");
    }
}

#[tokio::test]
async fn a_folder_is_listed_with_everything_in_it() {
    let bench = Bench::new();
    bench.write("b.txt", "12345");
    bench.write(".hidden", "");
    bench.write("folder/x", "");
    bench.write(name(b"new\nline"), "");
    bench.write(name(b"caf\xe9"), "");
    std::os::unix::fs::symlink("b.txt", bench.path().join("link")).unwrap();
    fifo(&bench.path().join("pipe"));
    let output = bench.output("ls", json!({})).await;
    let entries: Vec<_> = output["entries"].as_array().unwrap().iter().collect();
    let names: Vec<_> = entries.iter().map(|entry| entry["name"].as_str().unwrap()).collect();
    assert_eq!(names, [".hidden", "b.txt", "caf\u{fffd}", "folder", "link", "new\nline", "pipe"]);
    let kinds: Vec<_> = entries.iter().map(|entry| entry["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["file", "file", "file", "folder", "link", "file", "special"]);
    assert_eq!(entries[1]["bytes"], 5);
    assert_eq!(entries[2]["path_lossy"], true);
    assert_eq!(entries[4]["target"], "b.txt");
    let cut = bench.output("ls", json!({ "limit": 2 })).await;
    assert_eq!((&cut["total"], &cut["truncated"]), (&json!(7), &json!(true)));
    let inside = bench.output("ls", json!({ "path": "folder/" })).await;
    assert_eq!(inside["entries"][0]["path"], "folder/x");
    assert!(matches!(bench.call("ls", json!({ "path": "b.txt" })).await, Err(ToolError::BadPath { .. })));
}
