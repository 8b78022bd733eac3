//! Lines out of any chunks.

use proptest::prelude::*;

use super::{Line, Lines};

/// What the splitter must say, computed from the whole stream at once.
fn expected(stream: &[u8], limit: usize) -> (Vec<Line>, bool) {
    let mut lines = Vec::new();
    let mut parts: Vec<&[u8]> = stream.split(|byte| *byte == b'\n').collect();
    let rest = parts.pop().unwrap_or_default();
    for part in parts {
        lines.push(if part.len() <= limit { Line::Whole(part.to_vec()) } else { Line::TooLong });
    }
    let long = rest.len() > limit;
    if long {
        lines.push(Line::TooLong);
    }
    (lines, !long && rest.iter().any(|byte| !byte.is_ascii_whitespace()))
}

fn drain(lines: &mut Lines) -> Vec<Line> {
    std::iter::from_fn(|| lines.next_line()).collect()
}

#[test]
fn a_line_may_be_as_long_as_the_limit_and_no_longer() {
    let mut lines = Lines::new(3);
    lines.push(b"abc\nabcd\nab");
    assert_eq!(drain(&mut lines), [Line::Whole(b"abc".to_vec()), Line::TooLong]);
    assert!(lines.finish());
}

#[test]
fn a_long_line_is_told_before_it_ends_and_once() {
    let mut lines = Lines::new(3);
    lines.push(b"abcd");
    assert_eq!(drain(&mut lines), [Line::TooLong]);
    lines.push(b"efgh");
    assert_eq!(drain(&mut lines), []);
    assert_eq!(lines.held(), 0);
    lines.push(b"\nok\n");
    assert_eq!(drain(&mut lines), [Line::Whole(b"ok".to_vec())]);
    assert!(!lines.finish());
}

proptest! {
    #[test]
    fn chunks_do_not_matter(
        stream in proptest::collection::vec(prop_oneof![3 => Just(b'a'), 1 => Just(b'\n'), 1 => any::<u8>()], 0..200),
        cuts in proptest::collection::vec(0_usize..200, 0..12),
        limit in 0_usize..12,
        eager in any::<bool>(),
    ) {
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(stream.len())).collect();
        cuts.push(stream.len());
        cuts.sort_unstable();
        let mut lines = Lines::new(limit);
        let mut seen = Vec::new();
        let mut from = 0;
        for cut in cuts {
            lines.push(&stream[from..cut]);
            from = cut;
            if eager {
                seen.extend(drain(&mut lines));
            }
        }
        seen.extend(drain(&mut lines));
        let cut = lines.finish();
        prop_assert_eq!((seen, cut), expected(&stream, limit));
    }
}
