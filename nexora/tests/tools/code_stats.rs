use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Bench, fifo, name};

/// Lines, blank ones and files by extension, counted in the plainest way.
#[derive(Default, Debug, PartialEq, Eq, Clone, Copy)]
struct Plain {
    files: u64,
    lines: u64,
    blank: u64,
    bytes: u64,
}

impl Plain {
    fn add(&mut self, content: &[u8]) {
        self.files += 1;
        self.bytes += content.len() as u64;
        let mut only_space = true;
        let mut open = false;
        for byte in content {
            open = true;
            match byte {
                b'\n' => {
                    self.lines += 1;
                    self.blank += u64::from(only_space);
                    only_space = true;
                    open = false;
                }
                b' ' | b'\t' | b'\r' | 0x0c => {}
                _ => only_space = false,
            }
        }
        if open {
            self.lines += 1;
            self.blank += u64::from(only_space);
        }
    }

    fn of(value: &Value) -> Self {
        let number = |key: &str| value[key].as_u64().unwrap();
        Self {
            files: number("files"),
            lines: number("lines"),
            blank: number("blank"),
            bytes: number("bytes"),
        }
    }
}

/// Counts a tree without the code under test: text files of the extensions that the tests use.
fn count(folder: &Path, languages: &mut BTreeMap<&'static str, Plain>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() && entry.file_name() != ".git" {
            count(&entry.path(), languages);
        } else if kind.is_file() {
            let path = entry.path();
            let language = match path.extension().and_then(|extension| extension.to_str()) {
                Some("rs") => "Rust",
                Some("py") => "Python",
                Some("md") => "Markdown",
                Some("c" | "h") => "C",
                _ => continue,
            };
            if entry.metadata().unwrap().len() > 10_000_000 {
                continue;
            }
            let content = std::fs::read(&path).unwrap();
            if !content[..content.len().min(8192)].contains(&0) {
                languages.entry(language).or_default().add(&content);
            }
        }
    }
}

/// A small generator of the same numbers each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

fn ugly_tree(bench: &Bench) {
    let mut numbers = Numbers(7);
    for file in 0..300 {
        let extension = ["rs", "py", "md", "c", "h", "RS", "zzz"][numbers.below(7) as usize];
        let depth = numbers.below(4);
        let folder: String = (0..depth).map(|level| format!("d{}/", (file + level) % 5)).collect();
        let mut content = Vec::new();
        for _ in 0..numbers.below(60) {
            let line: &[u8] = match numbers.below(6) {
                0 => b"\n",
                1 => b" \t \r\n",
                2 => b"caf\xe9 \xff\n",
                3 => b"let x = 1; // TODO later\n",
                4 => b"\x1b[31m\n",
                _ => b"some words\r\n",
            };
            content.extend_from_slice(line);
        }
        if numbers.below(3) == 0 {
            content.extend_from_slice(b"  ");
        }
        if numbers.below(20) == 0 {
            content.insert(0, 0);
        }
        // The plain counter knows lower case alone.
        let extension = if extension == "RS" { "rs" } else { extension };
        bench.write(format!("{folder}f{file}.{extension}"), content);
    }
    bench.write("big.c", "int x;\n\n".repeat(100_000));
    bench.write(name(b"caf\xe9.rs"), "one\n");
    bench.write(name(b"new\nline.rs"), "one\n\n");
    bench.write("\u{1b}[2J.py", "one");
    bench.write(".git/config.rs", "not counted\n");
    fifo(&bench.path().join("pipe.rs"));
    fifo(&bench.path().join("d0/.gitignore"));
    std::os::unix::fs::symlink("..", bench.path().join("d0/up")).unwrap();
    std::os::unix::fs::symlink("big.c", bench.path().join("link.c")).unwrap();
    std::fs::File::create(bench.path().join("sparse.rs")).unwrap().set_len(1 << 30).unwrap();
}

#[tokio::test]
async fn totals_equal_those_of_an_independent_count() {
    let bench = Bench::new();
    ugly_tree(&bench);
    let mut expected = BTreeMap::new();
    count(bench.path(), &mut expected);
    let mut arguments = json!({});
    // The same with and without a search for markers.
    for markers in [json!([]), json!(["TODO", "FIXME"])] {
        arguments["markers"] = markers;
        let output = bench.output("code_stats", arguments.clone()).await;
        let languages = output["languages"].as_object().unwrap();
        let counted: BTreeMap<&str, Plain> =
            languages.iter().map(|(language, row)| (language.as_str(), Plain::of(row))).collect();
        assert_eq!(counted, expected);
        let sum = expected.values().fold(Plain::default(), |sum, row| Plain {
            files: sum.files + row.files,
            lines: sum.lines + row.lines,
            blank: sum.blank + row.blank,
            bytes: sum.bytes + row.bytes,
        });
        assert_eq!(Plain::of(&output["totals"]), sum);
        let lines: Vec<u64> = languages.values().map(|row| row["lines"].as_u64().unwrap()).collect();
        assert!(lines.is_sorted_by(|left, right| left >= right), "{lines:?}");
        assert_eq!((&output["skipped"]["special"], &output["skipped"]["link"]), (&json!(2), &json!(2)));
        assert_eq!(output["largest"][0]["path"], "big.c");
        assert_eq!(output["largest"][0]["lines"], 200_000);
    }
}

#[tokio::test]
async fn a_second_count_gives_the_same_in_the_same_order() {
    let bench = Bench::new();
    ugly_tree(&bench);
    let arguments = json!({ "markers": ["TODO"], "markers_max": 50, "largest": 20 });
    let first = bench.output("code_stats", arguments.clone()).await;
    assert_eq!(first["markers"].as_array().unwrap().len(), 50);
    assert_eq!(first["markers_truncated"], true);
    for _ in 0..5 {
        assert_eq!(bench.output("code_stats", arguments.clone()).await, first);
    }
    let all = bench.output("code_stats", json!({ "markers": ["TODO"] })).await;
    assert_eq!(all["markers"].as_array().unwrap()[..50], first["markers"].as_array().unwrap()[..]);
    assert_eq!(all["markers_total"], first["markers_total"]);
    // What grep finds is what the pass finds, unknown languages included.
    let grep = bench.output("grep", json!({ "pattern": r"\bTODO\b", "limit": 10_000 })).await;
    let places = |list: &Value| -> Vec<(String, u64)> {
        let place =
            |found: &Value| (found["path"].as_str().unwrap().to_owned(), found["line"].as_u64().unwrap());
        list.as_array().unwrap().iter().map(place).collect()
    };
    assert_eq!(json!(places(&grep["matches"]).len()), all["markers_total"]["TODO"]);
    assert_eq!(places(&grep["matches"])[..50], places(&first["markers"])[..]);
}

#[tokio::test]
async fn markers_are_whole_words_and_one_a_line() {
    let bench = Bench::new();
    bench.write("a.rs", "// TODO: one FIXME\n// TODOs xTODO TODO_\n\tFIXME(two)\r\nTODO");
    bench.write("b.unknown", "TODO in a file of no language\n");
    bench.write("wide.rs", format!("{} TODO\n", "x".repeat(10_000)));
    let output = bench.output("code_stats", json!({ "markers": ["TODO", "FIXME", "XXX"] })).await;
    let found: Vec<_> = output["markers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| (m["path"].as_str().unwrap(), m["line"].as_u64().unwrap(), m["marker"].as_str().unwrap()))
        .collect();
    let expected = [
        ("a.rs", 1, "TODO"),
        ("a.rs", 3, "FIXME"),
        ("a.rs", 4, "TODO"),
        ("b.unknown", 1, "TODO"),
        ("wide.rs", 1, "TODO"),
    ];
    assert_eq!(found, expected);
    assert_eq!(output["markers"][1]["text"], "FIXME(two)");
    assert_eq!(output["markers"][4]["text_truncated"], true);
    assert_eq!(output["markers_total"], json!({ "FIXME": 1, "TODO": 4, "XXX": 0 }));
    assert_eq!(output["unknown_files"], 1);
    let (path, _) = bench.refusal("code_stats", json!({ "markers": ["a|b"] })).await;
    assert_eq!(path, "/markers/0");
}

#[tokio::test]
async fn an_empty_folder_counts_nothing() {
    let bench = Bench::new();
    let output = bench.output("code_stats", json!({})).await;
    assert_eq!(output["languages"], json!({}));
    assert_eq!(Plain::of(&output["totals"]), Plain::default());
    assert_eq!(output["path"], ".");
}

#[tokio::test]
async fn scripts_are_told_by_their_first_line_and_ignored_files_are_left_out() {
    let bench = Bench::new();
    bench.write("run", "#!/usr/bin/env python3\nprint()\n");
    bench.write("LICENSE", "words\n");
    bench.write(".gitignore", "*.gen.rs\n");
    bench.write("a.gen.rs", "x\n");
    bench.write("too_large.rs", vec![b'\n'; 33 * 1024 * 1024]);
    let output = bench.output("code_stats", json!({})).await;
    let languages: Vec<_> = output["languages"].as_object().unwrap().keys().collect();
    assert_eq!(languages, ["Python"]);
    assert_eq!((&output["skipped"]["ignored"], &output["skipped"]["too_large"]), (&json!(1), &json!(1)));
    assert_eq!(output["unknown_files"], 2);
}
