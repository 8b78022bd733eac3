//! Running the product: one command to its end, or one that goes on while the test talks to it.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;

use crate::LIMIT;

/// How many lines of a running command wait to be read by the test; then the command waits.
const LINES_MAX: usize = 100_000;

/// A command of the product, not yet started.
pub struct Run {
    command: Command,
    stdin: Vec<u8>,
    words: String,
}

/// What came of a command.
#[derive(Debug)]
pub struct Outcome {
    /// The exit code; nothing if a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// What it wrote to stdout.
    pub stdout: String,
    /// What it wrote to stderr.
    pub stderr: String,
    /// The command, for messages.
    pub words: String,
}

impl Outcome {
    /// Checks the exit code.
    ///
    /// # Panics
    /// If it is another.
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "{}: signal {:?}\nstdout: {}\nstderr: {}",
            self.words,
            self.signal,
            self.stdout,
            self.stderr
        );
        self
    }

    /// Checks that it went well and said nothing on stderr.
    #[track_caller]
    pub fn expect_clean(self) -> Self {
        let outcome = self.expect_code(0);
        assert_eq!(outcome.stderr, "", "{}: stderr", outcome.words);
        outcome
    }

    /// Reads stdout as one JSON value.
    ///
    /// # Panics
    /// If it is none.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| {
            panic!("{}: {error}: stdout {:?} stderr {:?}", self.words, self.stdout, self.stderr)
        })
    }
}

impl Run {
    pub(crate) fn new(program: &Path, env: &[(OsString, OsString)], cwd: &Path) -> Self {
        #[allow(clippy::disallowed_methods, reason = "the product is started by the test")]
        let mut command = Command::new(program);
        command.env_clear().envs(env.iter().map(|(name, value)| (name, value))).current_dir(cwd);
        Self { command, stdin: Vec::new(), words: program.display().to_string() }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        for arg in args {
            self.words.push(' ');
            self.words.push_str(&arg.as_ref().to_string_lossy());
            self.command.arg(arg);
        }
        self
    }

    /// Gives stdin; without it stdin is empty.
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Starts it in another folder.
    #[must_use]
    pub fn cwd(mut self, cwd: &Path) -> Self {
        self.command.current_dir(cwd);
        self
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// If it cannot be started or does not end in time.
    #[must_use]
    #[track_caller]
    pub fn run(self) -> Outcome {
        let words = self.words.clone();
        let input = self.stdin.clone();
        let mut child = self.pipes();
        let mut stdin = child.stdin.take().expect("stdin is a pipe");
        // A command that does not read its stdin to the end closes it: no error of the test.
        let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let stdout = drain(child.stdout.take().expect("stdout is a pipe"));
        let stderr = drain(child.stderr.take().expect("stderr is a pipe"));
        let status = wait_for(&mut child, &words);
        writer.join().expect("the writer of stdin");
        let text = |bytes: mpsc::Receiver<Vec<u8>>, name: &str| {
            let bytes = bytes.recv_timeout(LIMIT).unwrap_or_else(|_| panic!("{words}: {name} stays open"));
            String::from_utf8_lossy(&bytes).into_owned()
        };
        Outcome {
            code: status.code(),
            signal: status.signal(),
            stdout: text(stdout, "stdout"),
            stderr: text(stderr, "stderr"),
            words: words.clone(),
        }
    }

    /// Runs it to its end and returns what it said as JSON; `--json` is added.
    #[track_caller]
    pub fn json(self) -> Value {
        self.args(["--json"]).run().expect_code(0).json()
    }

    /// Starts it and returns at once.
    ///
    /// # Panics
    /// If it cannot be started.
    #[track_caller]
    pub fn spawn(self) -> Running {
        let words = self.words.clone();
        let mut child = self.pipes();
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().expect("stdout is a pipe");
        let (sender, lines) = mpsc::sync_channel(LINES_MAX);
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).split(b'\n') {
                let Ok(line) = line else { return };
                if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    return;
                }
            }
        });
        let stderr = drain(child.stderr.take().expect("stderr is a pipe"));
        Running { child, stdin, lines, stderr, words }
    }

    fn pipes(mut self) -> Child {
        let words = &self.words;
        self.command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("start {words}: {error}"))
    }
}

/// A command that runs beside the test.
pub struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: mpsc::Receiver<String>,
    stderr: mpsc::Receiver<Vec<u8>>,
    words: String,
}

impl Running {
    /// Its process id.
    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).expect("a pid")
    }

    /// Writes to its stdin.
    ///
    /// # Panics
    /// If it has closed it.
    #[track_caller]
    pub fn write(&mut self, bytes: impl AsRef<[u8]>) {
        let stdin = self.stdin.as_mut().expect("stdin is open");
        stdin
            .write_all(bytes.as_ref())
            .and_then(|()| stdin.flush())
            .unwrap_or_else(|error| panic!("{}: {error}", self.words));
    }

    /// Writes one line.
    #[track_caller]
    pub fn line(&mut self, text: impl AsRef<str>) {
        self.write(format!("{}\n", text.as_ref()));
    }

    /// Closes its stdin.
    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Returns the next line of its stdout; nothing at the end.
    ///
    /// # Panics
    /// If none comes in time.
    #[track_caller]
    pub fn next_line(&mut self) -> Option<String> {
        match self.lines.recv_timeout(LIMIT) {
            Ok(line) => Some(line),
            Err(mpsc::RecvTimeoutError::Disconnected) => None,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("{}: no line within {LIMIT:?}", self.words),
        }
    }

    /// Returns the next line of its stdout if one comes within `limit`.
    pub fn line_within(&mut self, limit: Duration) -> Option<String> {
        self.lines.recv_timeout(limit).ok()
    }

    /// Returns the next line of its stdout as JSON.
    #[track_caller]
    pub fn next_json(&mut self) -> Value {
        let line = self.next_line().unwrap_or_else(|| panic!("{}: stdout has ended", self.words));
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{}: {error}: {line}", self.words))
    }

    /// Ends it with SIGKILL and waits for its end.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// If it does not end in time.
    #[track_caller]
    pub fn wait(mut self) -> Outcome {
        self.stdin = None;
        let status = wait_for(&mut self.child, &self.words);
        let stderr = self.stderr.recv_timeout(LIMIT).unwrap_or_default();
        Outcome {
            code: status.code(),
            signal: status.signal(),
            stdout: self.lines.iter().fold(String::new(), |all, line| all + &line + "\n"),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
            words: self.words,
        }
    }
}

#[track_caller]
fn wait_for(child: &mut Child, words: &str) -> std::process::ExitStatus {
    crate::until_some(&format!("the end of {words}"), || child.try_wait().expect("wait for a child"))
}

/// Reads to the end in a thread of its own.
fn drain(mut from: impl std::io::Read + Send + 'static) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = from.by_ref().read_to_end(&mut bytes);
        let _ = sender.send(bytes);
    });
    receiver
}
