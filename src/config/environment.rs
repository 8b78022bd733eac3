//! What the process was started with: read once, at the edge, and handed down.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// The variables and the working directory of the process.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Environment {
    variables: BTreeMap<OsString, OsString>,
    cwd: Option<PathBuf>,
    executable: Option<PathBuf>,
}

/// The variables that go with a task, beside `LC_*`.
const PASSED_ON: [&str; 6] = ["PATH", "HOME", "LANG", "TZ", "USER", "SHELL"];

impl Environment {
    /// Reads the environment of this process.
    pub fn of_process() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the one place where the environment is read")]
        let variables = std::env::vars_os().collect();
        Self { variables, cwd: std::env::current_dir().ok(), executable: std::env::current_exe().ok() }
    }

    /// Returns an environment that is made up, as a test needs it.
    pub fn made_of<K: Into<OsString>, V: Into<OsString>>(
        variables: impl IntoIterator<Item = (K, V)>,
        cwd: Option<PathBuf>,
    ) -> Self {
        let variables = variables.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        Self { variables, cwd, executable: None }
    }

    /// Returns a variable; nothing if it is not set or empty.
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// Returns a variable that holds a path; nothing if it is not absolute, as the XDG rules want it.
    pub fn absolute(&self, name: &str) -> Option<PathBuf> {
        self.get(name).map(PathBuf::from).filter(|path| path.is_absolute())
    }

    /// Returns the variables whose names begin like this, as far as they are text.
    pub fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a OsStr)> {
        self.variables
            .iter()
            .filter_map(move |(key, value)| Some((key.to_str()?, value.as_os_str())))
            .filter(move |(key, _)| key.starts_with(prefix))
    }

    /// Returns this environment without the variables whose names begin like this.
    #[must_use]
    pub fn without_prefix(&self, prefix: &str) -> Self {
        let mut other = self.clone();
        other.variables.retain(|key, _| !key.to_string_lossy().starts_with(prefix));
        other
    }

    /// Returns the working directory; nothing if it is gone or may not be read.
    pub fn cwd(&self) -> Option<&Path> {
        self.cwd.as_deref()
    }

    /// Returns the path of this program, as far as it is known.
    pub fn executable(&self) -> Option<&Path> {
        self.executable.as_deref()
    }

    /// Returns the variables that are text.
    pub fn text(&self) -> BTreeMap<String, String> {
        let pairs = self.variables.iter().filter_map(|(key, value)| Some((key.to_str()?, value.to_str()?)));
        pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    /// Returns the part that goes with a task: `PATH HOME LANG LC_* TZ USER SHELL`, as far as it is text.
    pub fn submitted(&self) -> BTreeMap<String, String> {
        self.variables
            .iter()
            .filter_map(|(key, value)| Some((key.to_str()?, value.to_str()?)))
            .filter(|(key, _)| PASSED_ON.contains(key) || key.starts_with("LC_"))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    }
}
