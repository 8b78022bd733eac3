//! A folder, a toolbox and a context for one test.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nexora::tools::{ToolContext, ToolError, ToolOutput, Toolbox, builtin};
use process::Spawner;
use process::reaper::Registry;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// What no step of a test should need; past it the test fails instead of hanging.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub struct Bench {
    _folder: TempDir,
    pub context: ToolContext,
    toolbox: Toolbox,
}

impl Bench {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut context = ToolContext::new(folder.path().canonicalize().unwrap(), CancellationToken::new());
        context.env.insert("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned());
        Self { _folder: folder, context, toolbox: builtin() }
    }

    /// Children need a runtime, so a spawner is made inside one.
    pub fn with_children(mut self) -> Self {
        let guard = PathBuf::from(env!("CARGO_BIN_EXE_nexora-test-guard"));
        self.context.spawner = Some(Spawner::with_guard(guard, Vec::new(), Registry::new()).unwrap());
        self
    }

    pub fn path(&self) -> &Path {
        &self.context.cwd
    }

    pub fn write(&self, name: impl AsRef<Path>, content: impl AsRef<[u8]>) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// Calls a tool, and holds what it gives against its schema.
    pub async fn call(&self, tool: &str, arguments: Value) -> Result<ToolOutput, ToolError> {
        let tool = self.toolbox.get(tool).unwrap();
        let called = tokio::time::timeout(PATIENCE, tool.call(arguments, &self.context));
        let output = called.await.expect("the tool answers in time")?;
        let checker = schema::compile(tool.output_schema(), &[]).unwrap();
        let problems = checker.check(&output.output);
        assert!(problems.is_empty(), "{}: {problems:?}\n{:#}", tool.name(), output.output);
        assert_eq!(keys(&output.output), keys_of_schema(tool.output_schema()), "keys of {}", tool.name());
        Ok(output)
    }

    /// Calls a tool that is expected to answer.
    pub async fn output(&self, tool: &str, arguments: Value) -> Value {
        self.call(tool, arguments).await.unwrap().output
    }

    /// Calls a tool that is expected to find fault with its arguments; returns path and message.
    pub async fn refusal(&self, tool: &str, arguments: Value) -> (String, String) {
        match self.call(tool, arguments.clone()).await {
            Err(ToolError::BadArguments { path, message, .. }) => (path, message),
            other => panic!("{arguments} gave {other:?}"),
        }
    }
}

fn keys(output: &Value) -> Vec<String> {
    let mut keys: Vec<String> = output.as_object().unwrap().keys().cloned().collect();
    keys.sort();
    keys
}

fn keys_of_schema(schema: &Value) -> Vec<String> {
    keys(&schema["properties"])
}

/// A name from bytes.
pub fn name(bytes: &[u8]) -> &OsStr {
    OsStr::from_bytes(bytes)
}

/// Makes a FIFO, which blocks whoever opens it.
pub fn fifo(path: &Path) {
    run("mkfifo", &[path.as_os_str()], Path::new("/"));
}

/// Runs a program for a test's preparation; it must succeed.
pub fn run(program: &str, args: &[&OsStr], cwd: &Path) -> Vec<u8> {
    let output = command(program, cwd).args(args).output().unwrap();
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// A program with an environment of nothing but a PATH.
pub fn command(program: &str, cwd: &Path) -> std::process::Command {
    #[expect(clippy::disallowed_methods, reason = "prepares and controls tests, without the code under test")]
    let mut command = std::process::Command::new(program);
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("HOME", cwd).current_dir(cwd);
    command.stdin(std::process::Stdio::null());
    command
}

/// Every tool is there, its schemas compile, and its input is closed.
#[test]
fn every_tool_has_two_schemas_and_a_closed_input() {
    let toolbox = builtin();
    let expected = ["bash", "code_stats", "git_info", "glob", "grep", "ls", "project_info", "view"];
    assert_eq!(toolbox.names(), expected);
    for tool in toolbox.iter() {
        schema::compile(tool.output_schema(), &[]).unwrap();
        let input = tool.input_schema();
        schema::compile(input, &[]).unwrap();
        assert_eq!(input["additionalProperties"], json!(false), "{}", tool.name());
        for (key, property) in input["properties"].as_object().unwrap() {
            assert!(property["description"].is_string(), "{}: {key}", tool.name());
            let required =
                input["required"].as_array().is_some_and(|required| required.contains(&json!(key)));
            assert_ne!(required, property.get("default").is_some(), "{}: {key}", tool.name());
        }
        let (path, message) = match tool.check(&json!({ "no_such_key": 1 })) {
            Err(ToolError::BadArguments { path, message, .. }) => (path, message),
            other => panic!("{other:?}"),
        };
        assert!(message.contains("no_such_key") || message.contains("missing"), "{path}: {message}");
    }
}

/// The defaults that the schemas promise are those that the code takes.
#[tokio::test]
async fn what_is_left_out_is_what_the_schema_says() {
    let bench = Bench::new();
    bench.write("a.rs", "// TODO\nfn main() {}\n");
    bench.write("b/c.txt", "x\n");
    let required = |tool: &str| match tool {
        "view" => json!({ "path": "a.rs" }),
        "glob" => json!({ "pattern": "**" }),
        "grep" => json!({ "pattern": "TODO" }),
        _ => json!({}),
    };
    for tool in builtin().iter().filter(|tool| !matches!(tool.name(), "bash" | "git_info")) {
        let short = required(tool.name());
        let mut long = short.clone();
        for (key, property) in tool.input_schema()["properties"].as_object().unwrap() {
            if let Some(default) = property.get("default") {
                long[key] = default.clone();
            }
        }
        assert_eq!(bench.output(tool.name(), short).await, bench.output(tool.name(), long).await);
    }
}
