//! The table of languages and the ways to tell one.

use std::collections::BTreeSet;
use std::path::Path;

use super::{Languages, TABLE, is_prose};

#[track_caller]
fn by_name(name: &str, language: Option<&str>) {
    assert_eq!(Languages::get().by_name(Path::new(name)), language, "{name}");
}

#[track_caller]
fn by_shebang(line: &str, language: Option<&str>) {
    assert_eq!(Languages::get().by_shebang(line.as_bytes()), language, "{line}");
}

#[test]
fn the_table_has_sixty_languages_and_no_word_twice() {
    let mut seen = [BTreeSet::new(), BTreeSet::new(), BTreeSet::new()];
    let mut names = BTreeSet::new();
    for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
        let columns: Vec<&str> = line.split('\t').collect();
        assert_eq!(columns.len(), 4, "{line}");
        assert!(names.insert(columns[0]), "{} is there twice", columns[0]);
        let mut told = 0;
        for (words, seen) in columns[1..].iter().zip(&mut seen) {
            for word in words.split(',').filter(|word| *word != "-") {
                assert!(!word.is_empty() && word.trim() == word, "{line}");
                assert!(seen.insert(word.to_owned()), "`{word}` of {} is another's", columns[0]);
                told += 1;
            }
        }
        assert!(told > 0, "nothing tells {}", columns[0]);
    }
    assert!(names.len() >= 60, "{}", names.len());
    assert_eq!(Languages::get().names().len(), names.len());
}

#[test]
fn files_are_told_by_their_whole_name_before_their_extension() {
    by_name("src/main.rs", Some("Rust"));
    by_name("CMakeLists.txt", Some("CMake"));
    by_name("notes.txt", Some("Text"));
    by_name("Makefile", Some("Make"));
    by_name("MAIN.RS", Some("Rust"));
    by_name("a.tar.gz", None);
    by_name("LICENSE", None);
    by_name(".rs", None);
    by_name("", None);
}

#[test]
fn names_that_are_not_utf8_are_told_by_nothing_and_do_no_harm() {
    use std::os::unix::ffi::OsStrExt;
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9.rs");
    assert_eq!(Languages::get().by_name(Path::new(name)), Some("Rust"));
    let name = std::ffi::OsStr::from_bytes(b"a.\xff");
    assert_eq!(Languages::get().by_name(Path::new(name)), None);
}

#[test]
fn scripts_are_told_by_their_interpreter() {
    by_shebang("#!/bin/sh\n", Some("Shell"));
    by_shebang("#! /usr/bin/env bash\r\n", Some("Shell"));
    by_shebang("#!/usr/bin/env -S PYTHONUTF8=1 python3.11 -u\n", Some("Python"));
    by_shebang("#!/usr/bin/perl", Some("Perl"));
    by_shebang("#!/usr/bin/env", None);
    by_shebang("#!", None);
    by_shebang("echo", None);
    by_shebang("#!/opt/unknown\n", None);
}

#[test]
fn prose_names_are_in_the_table() {
    for language in super::PROSE {
        assert!(is_prose(language));
        assert!(Languages::get().names().contains(&language), "{language}");
    }
    assert!(!is_prose("Rust"));
}
