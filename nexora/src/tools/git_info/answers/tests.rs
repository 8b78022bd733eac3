//! What git prints, read.

use super::{State, Status, commits};

const IDS: &str = "1111111111111111111111111111111111111111 2222222222222222222222222222222222222222";

fn parse(records: &[&str]) -> State {
    let mut printed = records.join("\0").into_bytes();
    printed.push(0);
    State::parse(&printed, 100)
}

#[test]
fn every_record_of_a_status_is_read() {
    let state = parse(&[
        "# branch.oid abc",
        "# branch.head side (x)",
        "# branch.upstream origin/side",
        "# stash 3",
        &format!("1 .M N... 100644 100644 100644 {IDS} a name with spaces"),
        &format!("1 AD N... 100644 100644 100644 {IDS} b"),
        &format!("1 .T S.M. 100644 100644 100644 {IDS} c"),
        "u UU N... 100644 100644 100644 100644 1 2 3 d e",
        "? # no header",
        "! ignored",
        "nonsense",
    ]);
    assert_eq!((state.branch.as_deref(), state.head.as_deref()), (Some("side (x)"), Some("abc")));
    let changed: Vec<_> =
        state.changed.iter().map(|c| (c.path.as_str(), c.status, c.staged, c.unstaged)).collect();
    assert_eq!(
        changed,
        [
            ("a name with spaces", Status::Modified, false, true),
            ("b", Status::Added, true, true),
            ("c", Status::TypeChanged, false, true),
            ("d e", Status::Unmerged, true, true),
            ("# no header", Status::Untracked, false, true),
        ]
    );
}

#[test]
fn half_a_record_is_none() {
    for record in ["1", "1 ", "1 .M", "1 .M N... 100644", "u", "?"] {
        assert_eq!(parse(&[record]).changed_total, 0, "{record}");
    }
    assert_eq!(State::parse(b"", 10), State::default());
}

#[test]
fn a_log_is_read_five_fields_at_a_time() {
    let printed = b"1\0A\0a@x\x002026-01-02T03:04:05+00:00\0one\0two\0B\xff\0b@x\x002026-01-02T03:04:05Z\0\0";
    let commits = commits(printed);
    assert_eq!(commits.len(), 2);
    assert_eq!((commits[0].subject.as_str(), commits[0].time.as_str()), ("one", "2026-01-02T03:04:05Z"));
    assert_eq!((commits[1].subject.as_str(), commits[1].text_lossy), ("", true));
    assert!(super::commits(b"").is_empty());
    assert!(super::commits(b"1\0A\0half").is_empty());
}
