//! Paths as they are shown.

use std::path::Path;

use super::{Place, cut};

#[track_caller]
fn check(given: &str, absolute: &str, itself: &str, below: &str) {
    let place = Place::new(Path::new("/srv"), given);
    assert_eq!(place.absolute, Path::new(absolute), "{given}");
    assert_eq!(place.shown().path, itself, "{given}");
    assert_eq!(place.below(Path::new("a/b")).path, below, "{given}");
}

#[test]
fn what_is_shown_finds_the_file_again() {
    check(".", "/srv", ".", "a/b");
    check("./", "/srv", ".", "a/b");
    check("src", "/srv/src", "src", "src/a/b");
    check("./src/./x/", "/srv/src/x", "src/x", "src/x/a/b");
    check("../other", "/srv/../other", "../other", "../other/a/b");
    check("/abs/", "/abs", "/abs", "/abs/a/b");
    check("~/x", "/srv/~/x", "~/x", "~/x/a/b");
    check("/", "/", "/", "/a/b");
}

#[test]
fn the_place_itself_is_opened_without_a_slash() {
    let place = Place::new(Path::new("/srv"), "file");
    assert_eq!(place.inside(Path::new("")).as_os_str(), "/srv/file");
    assert_eq!(place.inside(Path::new("x")).as_os_str(), "/srv/file/x");
}

#[test]
fn texts_are_cut_between_characters() {
    for (text, bytes, left, was_cut) in [
        ("abc", 3, "abc", false),
        ("abc", 2, "ab", true),
        ("aü", 2, "a", true),
        ("ü", 1, "", true),
        ("", 0, "", false),
    ] {
        let mut shortened = text.to_owned();
        assert_eq!((cut(&mut shortened, bytes), shortened.as_str()), (was_cut, left), "{text} at {bytes}");
    }
}
