//! How git is called so that a repository cannot make it run anything: the environment is ours, what
//! its configuration may name is overridden one by one, and filters are emptied by their names.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::tools::child::Child;

#[cfg(test)]
mod tests;

/// How long one command may take; a status of a very large tree takes seconds.
const LIMIT: Duration = Duration::from_secs(60);
/// How much of its output is kept.
const OUTPUT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The whole environment, but for the ceiling and the filters.
const ENVIRONMENT: [(&str, &str); 21] = [
    ("PATH", "/usr/bin:/bin"),
    ("HOME", "/nonexistent"),
    ("XDG_CONFIG_HOME", "/nonexistent"),
    ("LC_ALL", "C"),
    ("TZ", "UTC"),
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_ATTR_NOSYSTEM", "1"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_ASKPASS", "/bin/false"),
    ("SSH_ASKPASS", "/bin/false"),
    ("GIT_SSH_COMMAND", "/bin/false"),
    ("GIT_EDITOR", ":"),
    ("GIT_SEQUENCE_EDITOR", ":"),
    ("GIT_PAGER", "cat"),
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("GIT_NO_LAZY_FETCH", "1"),
    // Set and empty: no transport at all. `protocol.allow` alone loses against the repository's own.
    ("GIT_ALLOW_PROTOCOL", ""),
    ("GIT_PROTOCOL_FROM_USER", "0"),
    ("GIT_NO_REPLACE_OBJECTS", "1"),
    ("GIT_LITERAL_PATHSPECS", "1"),
];

/// What a repository's configuration could name, overridden.
const OVERRIDES: [&str; 31] = [
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.pager=cat",
    "core.sshCommand=/bin/false",
    "core.gitProxy=/bin/false",
    "core.askPass=/bin/false",
    "credential.helper=",
    "core.editor=:",
    "sequence.editor=:",
    "core.alternateRefsCommand=/bin/false",
    "gpg.program=/bin/false",
    "gpg.ssh.program=/bin/false",
    "gpg.x509.program=/bin/false",
    "log.showSignature=false",
    "protocol.allow=never",
    "safe.bareRepository=explicit",
    "submodule.recurse=false",
    "status.submoduleSummary=false",
    "diff.submodule=short",
    "core.attributesFile=/dev/null",
    "interactive.diffFilter=",
    "gc.auto=0",
    "maintenance.auto=false",
    "uploadpack.packObjectsHook=",
    // These run nothing; they would change what is parsed here.
    "color.ui=never",
    "i18n.logOutputEncoding=UTF-8",
    "log.mailmap=false",
    "log.follow=false",
    "status.showStash=false",
    "column.ui=never",
    "core.untrackedCache=false",
];

/// The variables of a filter that name a program, and that which makes its absence an error.
const FILTER_KEYS: &str = r"^filter\..*\.(clean|smudge|process|required)$";

/// git, for one repository.
#[derive(Debug, Clone)]
pub(super) struct Git {
    program: PathBuf,
    root: PathBuf,
    /// Names of configuration variables of filters, as git prints them.
    filters: Vec<Vec<u8>>,
}

impl Git {
    /// Returns git for the repository whose `.git` lies in `root`.
    pub(super) fn new(program: PathBuf, root: PathBuf) -> Self {
        Self { program, root, filters: Vec::new() }
    }

    /// Returns the same with these filters emptied: the output of [`Git::list_filters`].
    pub(super) fn without_filters(mut self, listed: &[u8]) -> Self {
        self.filters =
            listed.split(|byte| *byte == 0).filter(|key| !key.is_empty()).map(<[u8]>::to_vec).collect();
        self
    }

    /// Returns how many variables of filters there are.
    pub(super) fn filters(&self) -> usize {
        self.filters.len()
    }

    /// Tells where git thinks that it is.
    pub(super) fn locate(&self) -> Child {
        self.child(&["rev-parse", "--show-toplevel", "--absolute-git-dir"])
    }

    /// Lists what filters could run; runs nothing itself.
    pub(super) fn list_filters(&self) -> Child {
        self.child(&["config", "-z", "--name-only", "--get-regexp", FILTER_KEYS])
    }

    /// Lists what differs from the last commit. Submodules are not looked into: their own
    /// configuration could name filters too.
    pub(super) fn status(&self) -> Child {
        self.child(&[
            "status",
            "--porcelain=v2",
            "-z",
            "--branch",
            "--no-ahead-behind",
            "--no-renames",
            "--untracked-files=normal",
            "--ignore-submodules=all",
        ])
    }

    /// Lists the last commits.
    pub(super) fn log(&self, count: usize) -> Child {
        let count = format!("--max-count={count}");
        self.child(&[
            "log",
            "-z",
            &count,
            "--no-ext-diff",
            "--no-textconv",
            "--no-show-signature",
            "--no-notes",
            "--no-decorate",
            "--no-patch",
            "--date=iso-strict-local",
            "--format=tformat:%H%x00%an%x00%ae%x00%ad%x00%s",
            "HEAD",
            "--",
        ])
    }

    fn child(&self, words: &[&str]) -> Child {
        let mut args: Vec<OsString> = vec!["--no-pager".into()];
        for setting in OVERRIDES {
            args.extend(["-c".into(), setting.into()]);
        }
        args.extend(words.iter().map(OsString::from));
        Child {
            program: self.program.clone(),
            args,
            cwd: self.root.clone(),
            env: self.environment(),
            output_bytes_max: OUTPUT_BYTES_MAX,
            limit: LIMIT,
        }
    }

    fn environment(&self) -> Vec<(OsString, OsString)> {
        let mut env: Vec<(OsString, OsString)> =
            ENVIRONMENT.iter().map(|(name, value)| (name.into(), value.into())).collect();
        // What lies above the repository is not looked at when its `.git` turns out to be none.
        let ceiling = self.root.parent().unwrap_or(Path::new("/"));
        env.push(("GIT_CEILING_DIRECTORIES".into(), ceiling.into()));
        // Not by `-c NAME=VALUE`: the name of a filter may hold a `=`, and would be split there.
        env.push(("GIT_CONFIG_COUNT".into(), self.filters.len().to_string().into()));
        for (index, key) in self.filters.iter().enumerate() {
            let value = if key.ends_with(b".required") { "false" } else { "" };
            env.push((format!("GIT_CONFIG_KEY_{index}").into(), OsStr::from_bytes(key).to_owned()));
            env.push((format!("GIT_CONFIG_VALUE_{index}").into(), value.into()));
        }
        env
    }
}

/// Returns a path from what git printed.
pub(super) fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes.to_vec()))
}
