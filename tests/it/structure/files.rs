//! What every file keeps to: a first line that says its duty, a length, SQL in one place, tests that
//! neither sleep nor are left out, no words about how the project is made.

use std::path::{Path, PathBuf};

use super::metadata::root;

/// The most lines of code in one file, its tests apart.
const LINES_MAX: usize = 600;

/// Files that are longer, with their lines. The list may only shrink.
const LONGER: &[(&str, usize)] = &[];

/// All files of the project with this ending, build folders left out.
fn files(ending: &str) -> Vec<PathBuf> {
    ignore::WalkBuilder::new(root())
        .hidden(false)
        .filter_entry(|entry| entry.file_name() != ".git" && entry.file_name() != "target")
        .build()
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.is_file() && path.to_str().is_some_and(|path| path.ends_with(ending)))
        .collect()
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

fn name(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned()
}

/// Says whether a file holds nothing but tests.
fn is_test(name: &str) -> bool {
    name.starts_with("tests/")
        || name.contains("/tests/")
        || name.ends_with("/tests.rs")
        || name.starts_with("benches/")
}

#[test]
fn every_module_says_its_duty_first() {
    for path in files(".rs") {
        let text = text(&path);
        assert!(
            text.starts_with("//! "),
            "{}: the first line begins with `//! ` and says its duty",
            name(&path)
        );
    }
}

#[test]
fn no_file_grows_beyond_its_measure() {
    for path in files(".rs") {
        let name = name(&path);
        if is_test(&name) {
            continue;
        }
        let text = text(&path);
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let lines =
            code.lines().filter(|line| !line.trim().is_empty() && !line.trim().starts_with("//")).count();
        let most = LONGER.iter().find(|(long, _)| *long == name).map_or(LINES_MAX, |(_, lines)| *lines);
        assert!(lines <= most, "{name}: {lines} lines of code, at most {most}");
    }
}

#[test]
fn sql_is_in_the_store_alone() {
    let verbs =
        ["\"SELECT ", "\"INSERT INTO ", "\"UPDATE ", "\"DELETE FROM ", "\"CREATE ", "\"PRAGMA ", "\"BEGIN "];
    for path in files(".rs") {
        let name = name(&path);
        if name.starts_with("src/store/") || name == "tests/it/structure/files.rs" {
            continue;
        }
        let text = text(&path);
        for verb in verbs {
            assert!(!text.contains(verb), "{name}: {verb}…: SQL belongs into src/store");
        }
    }
}

/// Fakes that play somebody who takes time: what they are is slow, no test waits by them.
const SLOW_FAKES: &[&str] = &["src/mcp/tests/hostile/fake.rs", "nexora/src/plan/tests/fakes.rs"];

#[test]
fn tests_neither_sleep_nor_are_left_out() {
    for path in files(".rs") {
        let name = name(&path);
        if name == "tests/it/structure/files.rs" || SLOW_FAKES.contains(&name.as_str()) {
            continue;
        }
        let text = text(&path);
        assert!(!text.contains("#[ignore"), "{name}: a test that is left out");
        let tests = if is_test(&name) {
            text.as_str()
        } else {
            text.split_once("#[cfg(test)]\nmod tests {").map_or("", |(_, tests)| tests)
        };
        for sleep in ["thread::sleep(", "time::sleep("] {
            assert!(!tests.contains(sleep), "{name}: a test sleeps: wait for what it waits for");
        }
    }
}

#[test]
fn lints_hold_in_every_crate() {
    for path in files("Cargo.toml") {
        let text = text(&path);
        assert!(text.contains("[lints]\nworkspace = true"), "{}: `[lints] workspace = true`", name(&path));
    }
}

#[test]
fn the_root_holds_only_the_usual_files() {
    let known = [
        ".ci",
        ".config",
        ".git",
        ".gitignore",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE-APACHE",
        "LICENSE-MIT",
        "README.md",
        "SECURITY.md",
        "benches",
        "clippy.toml",
        "docs",
        "examples",
        "migrations",
        "nexora",
        "rustfmt.toml",
        "schemas",
        "src",
        "target",
        "tests",
    ];
    for entry in std::fs::read_dir(root()).unwrap() {
        let entry = entry.unwrap().file_name();
        assert!(
            known.iter().any(|name| entry == *name),
            "{entry:?} does not belong to the top of the project"
        );
    }
}
