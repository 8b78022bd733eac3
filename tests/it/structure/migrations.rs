//! Migrations are appended, never edited, and have no gaps.

use sha2::{Digest as _, Sha256};

use super::metadata::root;

/// The sums of the migrations that have been released; a new one is added at the end.
const SUMS: &[(&str, &str)] = include!("migrations.in");

#[test]
fn migrations_are_only_appended() {
    let mut names: Vec<String> = std::fs::read_dir(root().join("migrations"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    for (at, name) in names.iter().enumerate() {
        assert!(name.starts_with(&format!("{:04}_", at + 1)), "{name}: numbered from 0001 without gaps");
        let text = std::fs::read(root().join("migrations").join(name)).unwrap();
        let sum: String = Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect();
        let known = SUMS.get(at).unwrap_or_else(|| panic!("add (\"{name}\", \"{sum}\") to migrations.in"));
        assert_eq!((name.as_str(), sum.as_str()), *known, "a migration is never edited: write a new one");
    }
    assert_eq!(names.len(), SUMS.len(), "a migration was removed");
}
