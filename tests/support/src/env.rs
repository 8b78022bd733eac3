//! The environment of one test: a data folder, a user's home and a project, all below one short temporary
//! folder, and nothing of the surroundings.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{Run, until, until_some, wait_ended};

/// The folder of the project.
pub fn project_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests lie in the project").to_owned()
}

/// The folder that holds the built programs: the one above the test's own.
///
/// # Panics
/// If the test's own path is not known.
pub fn target_folder() -> PathBuf {
    let this = std::env::current_exe().expect("the test's own path");
    let folder = this.parent().expect("it lies in a folder");
    let folder = if folder.ends_with("deps") { folder.parent().expect("above deps") } else { folder };
    folder.to_owned()
}

/// The built product.
pub fn product() -> PathBuf {
    target_folder().join("modelscan")
}

/// A fresh environment.
pub struct TestEnv {
    /// Below `/tmp`, since a socket lies inside and its path must be short.
    root: TempDir,
}

impl TestEnv {
    pub(crate) fn new() -> Self {
        let root =
            tempfile::Builder::new().prefix("mst-").tempdir_in("/tmp").expect("make a temporary folder");
        let env = Self { root };
        for folder in [env.home(), env.user(), env.project()] {
            std::fs::create_dir_all(&folder).expect("make a folder");
        }
        env
    }

    /// The folder that everything of this test lies in.
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// The data folder: `MODELSCAN_HOME`.
    pub fn home(&self) -> PathBuf {
        self.root().join("h")
    }

    /// The user's home folder: `HOME`.
    pub fn user(&self) -> PathBuf {
        self.root().join("u")
    }

    /// The folder that commands are started in.
    pub fn project(&self) -> PathBuf {
        self.root().join("p")
    }

    /// The variables that every command gets, and no others.
    pub fn variables(&self) -> Vec<(OsString, OsString)> {
        [
            ("PATH", OsString::from("/usr/local/bin:/usr/bin:/bin")),
            ("HOME", self.user().into_os_string()),
            ("LANG", OsString::from("C.UTF-8")),
            ("MODELSCAN_HOME", self.home().into_os_string()),
        ]
        .map(|(name, value)| (OsString::from(name), value))
        .to_vec()
    }

    /// The product, to be run in the project folder.
    pub fn modelscan<const N: usize>(&self, args: [&str; N]) -> Run {
        Run::new(&product(), &self.variables(), &self.project()).args(args)
    }

    /// Another program, with the same variables.
    pub fn program(&self, program: &Path) -> Run {
        Run::new(program, &self.variables(), &self.project())
    }

    /// Writes a file of the project, with its folders.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        write(&self.project().join(name), content.as_ref())
    }

    /// Writes the configuration.
    pub fn config(&self, text: &str) -> PathBuf {
        write(&self.home().join("config.toml"), text.as_bytes())
    }

    /// Writes a user's skill that has this plan.
    pub fn skill(&self, name: &str, plan: &Value) -> PathBuf {
        let folder = self.home().join("skills").join(name);
        write(
            &folder.join("SKILL.md"),
            format!("---\nname: {name}\ndescription: A skill of a test\n---\n\nRuns its plan.\n").as_bytes(),
        );
        write(&folder.join("plan.json"), plan.to_string().as_bytes());
        folder
    }

    /// Writes a skill of one `bash` step that runs this script; `variables` reach it through its environment.
    pub fn bash_skill(&self, name: &str, script: &str, variables: &[(&str, &str)]) -> PathBuf {
        let env: serde_json::Map<String, Value> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        self.skill(
            name,
            &json!({
                "plan": 1,
                "description": "Runs a script",
                "effects": "write",
                "steps": [{ "id": "run", "tool": "bash", "arguments": { "command": script, "env": env } }],
                "result": { "code": "{{ steps.run.output.exit_code }}" },
                "result_schema": { "type": "object" },
            }),
        )
    }

    /// Submits a skill and returns the task's id.
    #[track_caller]
    pub fn submit(&self, skill: &str, more: &[&str]) -> String {
        let outcome = self.modelscan(["task", "submit", "--skill", skill]).args(more).run().expect_code(0);
        outcome.stdout.trim().to_owned()
    }

    /// Returns where a task stands: the summary.
    #[track_caller]
    pub fn status(&self, id: &str) -> Value {
        self.modelscan(["task", "status", id]).json()
    }

    /// Waits until a task is in this state.
    ///
    /// # Panics
    /// If it ends in another, or takes too long.
    #[track_caller]
    pub fn wait_state(&self, id: &str, state: &str) -> Value {
        until_some(&format!("{id} to be {state}"), || {
            let task = self.status(id);
            let now = task["state"].as_str().expect("a state").to_owned();
            assert!(
                now == state || !matches!(now.as_str(), "succeeded" | "failed" | "cancelled"),
                "{id} ended `{now}`, not `{state}`: {task:#}"
            );
            (now == state).then_some(task)
        })
    }

    /// The process id of the host, if one lives.
    pub fn host_pid(&self) -> Option<i32> {
        let status = self.modelscan(["host", "status"]).json();
        status["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok())
    }

    /// Waits until no host lives, without asking one: who asks is a client, and keeps an idle host alive.
    ///
    /// # Panics
    /// If it does not end in time, or the lock cannot be tried.
    #[track_caller]
    pub fn wait_no_host(&self) {
        let lock = self.home().join("modelscan.db.lock");
        until("the host to let go of the lock", || {
            process::lock::DatabaseLock::try_acquire(&lock).expect("try the lock").is_some()
        });
    }

    /// Ends the host with SIGKILL and waits until it is gone.
    ///
    /// # Panics
    /// If none lives.
    pub fn kill_host(&self) {
        let pid = self.host_pid().expect("a host lives");
        let host = process::Identity::of(pid).expect("it is in /proc");
        host.signal(process::Signal::Kill).expect("kill the host");
        wait_ended(host);
    }

    pub(crate) fn close(self) {
        self.modelscan(["host", "stop", "--now"]).run().expect_code(0);
    }
}

impl Drop for TestEnv {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let log = std::fs::read_to_string(self.home().join("logs/host.log")).unwrap_or_default();
        let from = log.len().saturating_sub(4_000);
        eprintln!("the end of the host's log:\n{}", log.get(from..).unwrap_or(&log));
        let _ = self.modelscan(["host", "stop", "--now"]).run();
    }
}

fn write(path: &Path, content: &[u8]) -> PathBuf {
    std::fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("make a folder");
    std::fs::write(path, content).expect("write a file");
    path.to_owned()
}
