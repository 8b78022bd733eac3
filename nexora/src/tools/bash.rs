//! `bash`: runs a script under a guard of its own, so that nothing of it is left when the step ends.
//! Nothing is put into the script by us; values come through its environment.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::time::Duration;

use process::Proof;
use process::capture::{Captured, Stop, Stream};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::child::{Child, find_program, system_folders};
use super::contract::{Contract, Words, answer, contract_methods, schema_texts};
use super::{BoxFuture, Effects, Tool, ToolContext, ToolError, ToolOutput};

/// The tool.
pub(super) struct Bash {
    contract: Contract,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    command: String,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default = "time_wanted")]
    timeout_ms: u64,
    #[serde(default = "output_wanted")]
    output_bytes_max: usize,
}

fn time_wanted() -> u64 {
    120_000
}

fn output_wanted() -> usize {
    64 * 1024
}

#[derive(Debug, Serialize)]
struct Output {
    exit_code: Option<i32>,
    signal: Option<i32>,
    stdout: String,
    stdout_lossy: bool,
    stdout_bytes: u64,
    stderr: String,
    stderr_lossy: bool,
    stderr_bytes: u64,
    truncated: bool,
    timed_out: bool,
    killed: u64,
    proven: bool,
    duration_ms: u64,
}

impl Bash {
    pub(super) fn new() -> Self {
        let words = Words {
            name: "bash",
            title: "Run a script",
            description: "Runs a bash script. Whatever it starts ends with it. Values belong into `env`, not into \
                          the script.",
        };
        Self { contract: Contract::new(words, Effects::Write, &schema_texts!("bash")) }
    }
}

impl Tool for Bash {
    contract_methods!();

    fn call<'a>(
        &'a self,
        arguments: Value,
        context: &'a ToolContext,
    ) -> BoxFuture<'a, Result<ToolOutput, ToolError>> {
        Box::pin(async move {
            let arguments: Arguments = self.contract.parse(&arguments)?;
            let child = child(arguments, context)?;
            let done = child.run(self.contract.name, context).await?;
            context.progress.entries_done(1);
            Ok(tell(done.captured, done.took))
        })
    }
}

fn child(arguments: Arguments, context: &ToolContext) -> Result<Child, ToolError> {
    let path = context.env.get("PATH").map(String::as_str);
    let program = find_program("bash", &system_folders(), path).ok_or_else(|| ToolError::Process {
        action: "find `bash`".to_owned(),
        source: Box::new(std::io::Error::from(std::io::ErrorKind::NotFound)),
    })?;
    let mut env = context.env.clone();
    env.extend(arguments.env);
    let env = env.into_iter().map(|(name, value)| (OsString::from(name), OsString::from(value))).collect();
    // Neither profile nor rc file: a script means the same for everybody.
    let args = ["--noprofile", "--norc", "-c", &arguments.command].map(OsString::from).to_vec();
    Ok(Child {
        program,
        args,
        cwd: context.cwd.clone(),
        env,
        output_bytes_max: arguments.output_bytes_max,
        limit: Duration::from_millis(arguments.timeout_ms),
    })
}

fn tell(captured: Captured, took: Duration) -> ToolOutput {
    let Captured { stdout, stderr, stop, ended } = captured;
    let truncated = stdout.is_truncated() || stderr.is_truncated();
    let (stdout_bytes, stderr_bytes) = (stdout.total, stderr.total);
    let (stdout, stdout_lossy) = text(stdout);
    let (stderr, stderr_lossy) = text(stderr);
    let output = Output {
        exit_code: ended.code,
        signal: ended.signal,
        stdout,
        stdout_lossy,
        stdout_bytes,
        stderr,
        stderr_lossy,
        stderr_bytes,
        truncated,
        timed_out: stop == Stop::TimeLimit,
        killed: ended.killed_total,
        proven: ended.proof == Proof::Proven,
        duration_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
    };
    let how = match (output.timed_out, output.exit_code, output.signal) {
        (true, ..) => "ran out of time".to_owned(),
        (false, Some(code), _) => format!("exit code {code}"),
        (false, None, Some(signal)) => format!("ended by signal {signal}"),
        (false, None, None) => "ended, nobody knows how".to_owned(),
    };
    let killed =
        if output.killed > 0 { format!(", {} processes killed", output.killed) } else { String::new() };
    let is_error = output.timed_out || output.exit_code != Some(0);
    ToolOutput { is_error, ..answer(&output, how + &killed) }
}

/// What was kept of a stream as text. A character that the cap cut through is left out.
fn text(stream: Stream) -> (String, bool) {
    let was_cut = stream.is_truncated();
    let mut bytes = stream.bytes;
    if was_cut
        && let Err(error) = std::str::from_utf8(&bytes)
        && error.error_len().is_none()
    {
        bytes.truncate(error.valid_up_to());
    }
    match String::from_utf8(bytes) {
        Ok(text) => (text, false),
        Err(error) => (String::from_utf8_lossy(error.as_bytes()).into_owned(), true),
    }
}
