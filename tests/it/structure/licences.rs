//! Every library may be shipped with ours, comes from the one registry, and is there once.

use std::collections::{BTreeMap, BTreeSet};

use super::metadata::packages;

/// Licences whose terms a binary of ours keeps; an expression must offer one of them in each part.
const ALLOWED: &[&str] = &[
    "MIT",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Unlicense",
    "Zlib",
    "Unicode-3.0",
    "CC0-1.0",
    "0BSD",
    "MIT-0",
    "BSL-1.0",
];

/// Libraries that are there in several versions, since others want different ones. May only shrink.
const DOUBLES: &[&str] = include!("doubles.in");

/// Says whether an SPDX expression (as far as crates use them) is fulfilled by the allowed licences.
fn allowed(expression: &str) -> bool {
    let plain = expression.replace(['(', ')'], " ").replace('/', " OR ");
    plain.split(" AND ").all(|part| part.split(" OR ").any(|licence| ALLOWED.contains(&licence.trim())))
}

#[test]
fn licences_are_allowed() {
    for package in packages() {
        let name = package["name"].as_str().unwrap();
        let licence = package["license"].as_str().unwrap_or("none");
        assert!(allowed(licence), "{name}: licence `{licence}`");
    }
    assert!(!allowed("GPL-3.0-only"));
    assert!(!allowed("MIT AND GPL-2.0-only"));
    assert!(allowed("MIT/Apache-2.0"));
}

#[test]
fn sources_are_the_registry_and_this_project() {
    for package in packages() {
        let source = package["source"].as_str();
        let is_registry = source.is_none_or(|source| source.starts_with("registry+"));
        assert!(is_registry, "{}: comes from {source:?}", package["name"]);
    }
}

#[test]
fn doubles_are_known() {
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in packages() {
        versions
            .entry(package["name"].as_str().unwrap())
            .or_default()
            .insert(package["version"].as_str().unwrap());
    }
    let doubles: Vec<&str> =
        versions.iter().filter(|(_, all)| all.len() > 1).map(|(name, _)| *name).collect();
    assert_eq!(doubles, DOUBLES, "libraries in several versions: fewer are welcome, more need a reason");
}
