//! The crate table of `docs/ARCHITECTURE.md` is what Cargo says: edges between our crates, and owners of
//! libraries.

use std::collections::{BTreeMap, BTreeSet};

use super::metadata::{members, root, short};

/// One row of the table.
struct Row {
    uses: BTreeSet<String>,
    owns: BTreeSet<String>,
}

/// The crates that may use all of ours.
const ALL: &str = "all";

fn words(cell: &str) -> BTreeSet<String> {
    cell.split(',')
        .map(|word| word.split('(').next().unwrap().trim().trim_matches('`').to_owned())
        .filter(|word| !word.is_empty() && word != "–")
        .collect()
}

/// Reads the rows below `| crate | job | may use | owns |`.
fn table() -> BTreeMap<String, Row> {
    let text = std::fs::read_to_string(root().join("docs/ARCHITECTURE.md")).unwrap();
    let rows = text
        .lines()
        .skip_while(|line| !line.starts_with("| crate |"))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            assert_eq!(cells.len(), 4, "a row of the crate table has four cells: {line}");
            let name = cells[0].trim_matches('`').to_owned();
            (name, Row { uses: words(cells[2]), owns: words(cells[3]) })
        })
        .collect::<BTreeMap<_, _>>();
    assert!(rows.len() >= 13, "the crate table of docs/ARCHITECTURE.md is there: {:?}", rows.keys());
    rows
}

fn dependencies(package: &serde_json::Value) -> BTreeSet<String> {
    package["dependencies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|dependency| short(dependency["name"].as_str().unwrap()).to_owned())
        .collect()
}

#[test]
fn every_crate_is_in_the_table_and_every_folder_is_a_member() {
    let table: BTreeSet<String> = table().into_keys().collect();
    let known: BTreeSet<String> =
        members().iter().map(|package| short(package["name"].as_str().unwrap()).to_owned()).collect();
    assert_eq!(table, known, "the crate table against the workspace");
    for entry in std::fs::read_dir(root().join("src")).unwrap() {
        let path = entry.unwrap().path();
        if path.join("Cargo.toml").exists() {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            assert!(known.contains(&name), "`{name}` is no member of the workspace: nothing would test it");
        }
    }
}

#[test]
fn nobody_knows_more_than_the_table_allows() {
    let table = table();
    for package in members() {
        let name = short(package["name"].as_str().unwrap());
        let row = &table[name];
        if row.uses.contains(ALL) {
            continue;
        }
        let ours: BTreeSet<String> =
            dependencies(package).into_iter().filter(|used| table.contains_key(used)).collect();
        assert_eq!(ours, row.uses, "what `{name}` uses of ours, Cargo.toml against the table");
    }
}

#[test]
fn nobody_names_a_library_that_another_owns() {
    let table = table();
    for (owner, row) in &table {
        for library in &row.owns {
            for package in members() {
                let name = short(package["name"].as_str().unwrap());
                let depends = dependencies(package).contains(library);
                if name == owner {
                    assert!(depends, "`{owner}` owns `{library}` but does not use it");
                } else {
                    assert!(!depends, "`{name}` depends on `{library}`, which `{owner}` owns");
                }
            }
        }
    }
}
