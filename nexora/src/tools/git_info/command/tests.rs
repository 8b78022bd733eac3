//! How git is called.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use super::Git;

fn git() -> Git {
    Git::new(PathBuf::from("/usr/bin/git"), PathBuf::from("/srv/tree"))
}

fn environment(git: &Git) -> BTreeMap<OsString, OsString> {
    git.status().env.into_iter().collect()
}

#[test]
fn filters_are_emptied_by_their_whole_names_through_the_environment() {
    let git = git().without_filters(b"filter.a.clean\0filter.x=y.process\0filter.a.required\0");
    let env = environment(&git);
    let value = |name: &str| env[OsStr::new(name)].to_str().unwrap();
    assert_eq!(value("GIT_CONFIG_COUNT"), "3");
    assert_eq!((value("GIT_CONFIG_KEY_1"), value("GIT_CONFIG_VALUE_1")), ("filter.x=y.process", ""));
    assert_eq!((value("GIT_CONFIG_KEY_2"), value("GIT_CONFIG_VALUE_2")), ("filter.a.required", "false"));
    assert!(!git.status().args.iter().any(|word| word.to_string_lossy().contains("filter")));
}

#[test]
fn every_command_has_the_overrides_and_an_environment_of_its_own() {
    let env = environment(&git());
    assert_eq!(env[OsStr::new("GIT_CEILING_DIRECTORIES")], "/srv");
    assert_eq!(env[OsStr::new("GIT_ALLOW_PROTOCOL")], "");
    assert_eq!(env[OsStr::new("GIT_CONFIG_COUNT")], "0");
    for child in [git().locate(), git().list_filters(), git().status(), git().log(3)] {
        let words: Vec<_> = child.args.iter().map(|word| word.to_str().unwrap()).collect();
        assert_eq!(words[0], "--no-pager");
        for setting in ["core.fsmonitor=false", "core.hooksPath=/dev/null", "protocol.allow=never"] {
            let at = words.iter().position(|word| *word == setting).unwrap();
            assert_eq!(words[at - 1], "-c");
        }
        assert_eq!(child.cwd, PathBuf::from("/srv/tree"));
    }
}
