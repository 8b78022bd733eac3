//! The files of `schemas/` are what the types say now.

use std::collections::BTreeSet;

use super::metadata::root;

#[test]
fn schemas_are_fresh() {
    let mut known = BTreeSet::new();
    for (name, text) in support::schemas::generated() {
        let path = root().join("schemas").join(&name);
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            found == text,
            "schemas/{name} is not what the types say: run `cargo run -p modelscan-tests --bin schemas`"
        );
        known.insert(name);
    }
    for (name, used) in support::schemas::written() {
        let text = std::fs::read_to_string(root().join("schemas").join(&name)).unwrap();
        let found: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert!(found == used, "schemas/{name} is not what the program uses");
        known.insert(name);
    }
    let mut folders = vec![root().join("schemas")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(root().join("schemas")).unwrap().to_str().unwrap().to_owned();
            assert!(known.contains(&name), "schemas/{name} belongs to no type");
        }
    }
}
