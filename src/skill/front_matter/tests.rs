//! Heads as people write them, and as nobody should.

use proptest::prelude::*;

use super::*;

fn parsed(head: &str) -> Result<FrontMatter, Flaw> {
    parse(&format!("---\n{head}---\nBody\n"), "count").map(|(front_matter, _)| front_matter)
}

#[test]
fn reads_head_and_body() {
    let text =
        "---\r\nname: count\r\ndescription: Counts.\r\nmetadata:\r\n  author: x\r\n---\r\n# Title\n---\n";
    let (front_matter, body) = parse(text, "count").unwrap();
    assert_eq!(front_matter.description, "Counts.");
    assert_eq!(front_matter.metadata.unwrap()["author"], "x");
    assert_eq!(body, "# Title\n---\n");
}

#[test]
fn keys_of_others_are_left_alone() {
    assert!(parsed("name: count\ndescription: d\nallowed-tools: Read\nmodel: x\nlist: [1, 2]\n").is_ok());
}

#[test]
fn a_colon_in_a_plain_description_is_read_all_the_same() {
    let front_matter = parsed("name: count\ndescription: Use when: \"x\" # or y\n").unwrap();
    assert_eq!(front_matter.description, "Use when: \"x\" # or y");
    let front_matter = parsed("name: count\ndescription: >\n  Use when: a\n  and b\n").unwrap();
    assert_eq!(front_matter.description.trim(), "Use when: a and b");
}

#[test]
fn says_what_is_wrong_and_where() {
    let check = |head: &str, place: Option<&str>, part: &str| {
        let flaw = parsed(head).unwrap_err();
        assert!(flaw.message.contains(part), "{head}: {flaw:?}");
        assert_eq!(flaw.place.as_deref(), place, "{head}");
        assert_eq!(flaw.file, SKILL_FILE);
    };
    check("name: other\ndescription: d\n", Some("name"), "not the folder's");
    check("name: Count\ndescription: d\n", Some("name"), "no name of a skill");
    check("name: count\ndescription: ''\n", Some("description"), "empty");
    check(&format!("name: count\ndescription: {}\n", "d".repeat(1025)), Some("description"), "1024");
    check("name: count\n", Some("line 2, column 1"), "description");
    check("name: count\nname: count\ndescription: d\n", Some("line 3, column 1"), "not valid");
    check("name: count\ndescription: [a, b]\n", Some("line 3, column 14"), "not valid");
    check(&format!("name: count\ndescription: {}\n", "d".repeat(70_000)), None, "64 KiB");
}

#[test]
fn a_file_without_a_head_is_refused() {
    for text in ["", "# Title\n", "--- x\n", "\n---\nname: count\n---\n"] {
        assert!(parse(text, "count").unwrap_err().message.contains("begin"), "{text:?}");
    }
    assert!(parse("---\nname: count\n", "count").unwrap_err().message.contains("closing"));
}

#[test]
fn names_follow_the_rules() {
    for name in ["a", "a-b", "3d", &"a".repeat(64)] {
        assert!(is_skill_name(name), "{name}");
    }
    for name in ["", "-a", "a-", "a--b", "A", "a_b", "ä", "a b", &"a".repeat(65)] {
        assert!(!is_skill_name(name), "{name}");
    }
}

#[test]
fn an_alias_bomb_ends_early() {
    let mut head = String::from("name: count\ndescription: d\na: &a [x, x, x, x, x, x, x, x, x, x]\n");
    for (last, next) in "abcdefghi".chars().zip("bcdefghij".chars()) {
        head.push_str(&format!("{next}: &{next} [{}]\n", vec![format!("*{last}"); 10].join(", ")));
    }
    assert!(parsed(&head).is_err());
}

proptest! {
    #[test]
    fn no_text_panics(text in "(---\n)?(.|\n){0,200}(---\n)?") {
        let _ = parse(&text, "count");
    }
}
