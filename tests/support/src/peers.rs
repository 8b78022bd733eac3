//! Programs that others wrote and that tests run: Python, and agents in it, as entries of the configuration.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::project_root;

/// The folders of the tests' own PATH.
const FOLDERS: [&str; 3] = ["/usr/local/bin", "/usr/bin", "/bin"];

/// Returns the Python that scripts of tests run with, as a path that needs no variables: the system's, else the
/// one that `python3` means to whoever runs the tests.
///
/// # Panics
/// If there is none.
pub fn python() -> PathBuf {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND
        .get_or_init(|| {
            let of_system = FOLDERS.map(|folder| Path::new(folder).join("python3"));
            of_system.into_iter().find(|path| path.is_file()).unwrap_or_else(of_caller)
        })
        .clone()
}

/// A `python3` of somebody's own may be a script that needs their variables: the program behind it does not.
#[allow(clippy::disallowed_methods, reason = "a program of the test's surroundings is asked by the test")]
fn of_caller() -> PathBuf {
    let missing = "Python 3.11 or newer is needed for the tests: install it (`apt-get install python3`)";
    let output =
        Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output().expect(missing);
    assert!(output.status.success(), "{missing}: {}", String::from_utf8_lossy(&output.stderr));
    PathBuf::from(String::from_utf8(output.stdout).expect("a path").trim_end())
}

/// Returns the table of an agent for the configuration; `more` are lines of TOML.
pub fn agent_table(name: &str, command: &Path, args: &[&str], more: &str) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let args: Vec<String> = args.iter().map(|arg| quoted(arg)).collect();
    let command = quoted(command.to_str().expect("a command in UTF-8"));
    format!("[agents.{name}]\ndriver = \"acp\"\ncommand = {command}\nargs = [{}]\n{more}\n", args.join(", "))
}

/// Returns the table of the agent that misbehaves in this way; it is called like the way.
pub fn hostile_table(mode: &str, more: &str) -> String {
    let script = project_root().join("tests/support/agents/hostile.py");
    agent_table(mode, &python(), &[script.to_str().expect("a path in UTF-8"), mode], more)
}
