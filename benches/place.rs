//! Where one group works: a data folder and a project of its own below a temporary folder, and nothing left
//! of it afterwards.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use modelscan::config::{self, Choices, Environment, Loaded};
use serde_json::Value;
use tempfile::TempDir;

use crate::child::{HOLD, STAMP};
use crate::timing::timed;

/// A folder of its own, with a configuration.
pub struct Place {
    root: TempDir,
}

impl Place {
    /// Makes it.
    pub fn new() -> Self {
        let root = tempfile::Builder::new().prefix("modelscan-bench-").tempdir().expect("a temporary folder");
        let place = Self { root };
        for folder in [place.home(), place.project()] {
            std::fs::create_dir_all(folder).unwrap();
        }
        let this = std::env::current_exe().unwrap();
        let configuration = format!(
            "[defaults.retries]\nmax = 0\n\n\
             [agents.stamp]\ncommand = {this:?}\nargs = [{STAMP:?}, {:?}]\n\n\
             [agents.hold]\ncommand = {this:?}\nargs = [{HOLD:?}]\nmax_running = 1\n",
            place.socket()
        );
        std::fs::write(place.home().join("config.toml"), configuration).unwrap();
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn home(&self) -> PathBuf {
        self.path("home")
    }

    pub fn project(&self) -> PathBuf {
        self.path("project")
    }

    /// Where an agent that is measured says when it began.
    pub fn socket(&self) -> PathBuf {
        self.path("stamps")
    }

    fn variables(&self) -> Vec<(OsString, OsString)> {
        [
            ("PATH", OsString::from("/usr/local/bin:/usr/bin:/bin")),
            ("HOME", self.path("user").into_os_string()),
            ("LANG", OsString::from("C.UTF-8")),
            ("MODELSCAN_HOME", self.home().into_os_string()),
        ]
        .map(|(name, value)| (OsString::from(name), value))
        .to_vec()
    }

    /// A program in the project folder, with nothing but these variables, mute.
    pub fn program(&self, program: impl AsRef<OsStr>, args: &[&str]) -> Command {
        #[expect(clippy::disallowed_methods, reason = "the programs that are measured, and their floors")]
        let mut command = Command::new(program);
        command.args(args).env_clear().envs(self.variables()).current_dir(self.project());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// The product.
    pub fn modelscan(&self, args: &[&str]) -> Command {
        self.program(product(), args)
    }

    /// Runs the product and takes the time.
    pub fn time(&self, args: &[&str]) -> Duration {
        run(&mut self.modelscan(args))
    }

    /// What the product prints.
    pub fn answer(&self, args: &[&str]) -> String {
        let output = self.modelscan(args).stdout(Stdio::piped()).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// The environment and the configuration, as the product reads them.
    pub fn loaded(&self) -> (Environment, Loaded) {
        let env = Environment::made_of(self.variables(), Some(self.project()));
        let loaded = config::load(&env, &Choices::default()).expect("the configuration is right");
        (env, loaded)
    }

    pub fn start_host(&self) {
        self.time(&["host", "start"]);
    }

    pub fn stop_host(&self) {
        self.time(&["host", "stop", "--now"]);
    }

    pub fn host_pid(&self) -> u32 {
        let status: Value = serde_json::from_str(&self.answer(&["host", "status", "--json"])).unwrap();
        u32::try_from(status["pid"].as_u64().expect("a host lives")).unwrap()
    }

    /// Starts a program that speaks in lines.
    pub fn talk(&self, command: &mut Command) -> Talk {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let to = child.stdin.take();
        let from = BufReader::new(child.stdout.take().unwrap());
        Talk { child, to, from, line: String::new() }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.stop_host();
    }
}

/// A running program that answers lines with lines.
pub struct Talk {
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
    line: String,
}

impl Talk {
    /// Sends a line, whose end is already there, and reads the next one.
    pub fn ask(&mut self, line: &str) -> &str {
        self.say(line);
        self.hear()
    }

    pub fn say(&mut self, line: &str) {
        self.to.as_mut().unwrap().write_all(line.as_bytes()).unwrap();
    }

    pub fn hear(&mut self) -> &str {
        self.line.clear();
        let count = self.from.read_line(&mut self.line).unwrap();
        assert!(count > 0, "the program has ended");
        &self.line
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Closes its input and waits for its end.
    pub fn end(mut self) {
        self.finish();
    }

    fn finish(&mut self) {
        drop(self.to.take());
        self.child.wait().unwrap();
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        self.finish();
    }
}

/// Runs a program to its end and takes the time.
pub fn run(command: &mut Command) -> Duration {
    timed(|| {
        let ended = command.status().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        assert!(ended.success(), "{command:?}: {ended}");
    })
}

/// The product, built beside this program.
pub fn product() -> PathBuf {
    let this = std::env::current_exe().unwrap();
    this.parent().unwrap_or(Path::new(".")).join("modelscan")
}
