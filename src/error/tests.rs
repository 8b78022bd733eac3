//! The table of kinds against its documentation.

use std::collections::BTreeSet;

use super::*;

#[test]
fn every_kind_has_a_word_of_its_own_and_a_code_of_the_contract() {
    let words: BTreeSet<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
    assert_eq!(words.len(), Kind::ALL.len());
    let allowed = [2, 3, 4, 5, 6, 7, 8, 9, 10, 70, 124, 130];
    for kind in Kind::ALL {
        assert!(allowed.contains(&kind.exit_code()), "{kind:?}");
        assert_eq!(Kind::from_word(kind.as_str()), Some(*kind));
        let code = kind.json_rpc_code();
        assert!((-32_768..=-32_000).contains(&code), "{kind:?}: {code} is not a code of JSON-RPC");
    }
}

#[test]
fn an_error_crosses_the_socket_unchanged() {
    for kind in Kind::ALL {
        let error = Error::new(*kind, "something `x`").hint("do this");
        assert_eq!(Error::from(error.body()), error);
    }
    let unknown =
        ErrorBody { kind: "brand_new".to_owned(), message: "m".to_owned(), hint: None, exit_code: 99 };
    assert_eq!(Error::from(unknown).kind, Kind::Internal);
}

#[test]
fn the_table_is_the_documented_one() {
    let page = include_str!("../../docs/COMMANDS.md");
    let documented: Vec<&str> = page
        .lines()
        .skip_while(|line| !line.starts_with("| kind |"))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .collect();
    let ours: Vec<String> = Kind::ALL
        .iter()
        .map(|kind| format!("| `{}` | {} | {} |", kind.as_str(), kind.exit_code(), kind.json_rpc_code()))
        .collect();
    assert_eq!(documented, ours, "docs/COMMANDS.md");
}
