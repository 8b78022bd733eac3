//! One child of a tool: started under a guard, its output kept up to a cap, and nothing of it left
//! when the call ends, however it ends.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use process::Launch;
use process::capture::{self, Captured, Limits, Stop};
use process::spawn::Stderr;

use super::{ToolContext, ToolError};

/// The variable that marks every process of an instance; children of a tool keep their agent's.
const INSTANCE_VARIABLE: &str = "MODELSCAN_INSTANCE";
/// The mark where there is none to keep.
const NO_INSTANCE: &str = "nexora";

/// What to run. Nothing is inherited that is not said here.
#[derive(Debug)]
pub(super) struct Child {
    pub(super) program: PathBuf,
    pub(super) args: Vec<OsString>,
    pub(super) cwd: PathBuf,
    pub(super) env: Vec<(OsString, OsString)>,
    /// How much of stdout, and of stderr, is kept.
    pub(super) output_bytes_max: usize,
    pub(super) limit: Duration,
}

/// A child that has ended.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) captured: Captured,
    pub(super) took: Duration,
}

impl Child {
    /// Runs the child to its end. That its own limit was reached is told in what was captured.
    pub(super) async fn run(self, tool: &'static str, context: &ToolContext) -> Result<Done, ToolError> {
        let spawner = context.spawner.as_ref().ok_or(ToolError::NoProcesses { tool })?;
        if context.cancel.is_cancelled() {
            return Err(ToolError::Cancelled);
        }
        let instance = context.env.get(INSTANCE_VARIABLE).map_or(NO_INSTANCE, String::as_str);
        let action = format!("run `{}`", self.program.display());
        let mut launch = Launch::new(instance, self.program, self.cwd);
        launch.args = self.args;
        launch.env = self.env;
        launch.stderr = Stderr::Taken;
        let step_limit = context.time_limit.filter(|limit| *limit <= self.limit);
        let time = step_limit.unwrap_or(self.limit);
        let limits = Limits { time, output_bytes_max: self.output_bytes_max, stdin: Vec::new() };
        let started = Instant::now();
        let captured = capture::run(spawner, launch, limits, &context.cancel)
            .await
            .map_err(|error| ToolError::Process { action, source: Box::new(error) })?;
        match (captured.stop, step_limit) {
            (Stop::Cancelled, _) => Err(ToolError::Cancelled),
            (Stop::TimeLimit, Some(limit)) => Err(ToolError::TimedOut { limit }),
            _ => Ok(Done { captured, took: started.elapsed() }),
        }
    }
}

/// Returns a program from the first of `folders`, or else of a PATH, that has it.
pub(super) fn find_program(name: &str, folders: &[PathBuf], path: Option<&str>) -> Option<PathBuf> {
    let runs = |program: &Path| {
        use std::os::unix::fs::PermissionsExt;
        std::fs::metadata(program)
            .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    let further = path.into_iter().flat_map(std::env::split_paths);
    // A relative entry of a PATH would look into the tree that is being worked on.
    let all = folders.iter().cloned().chain(further).filter(|folder| folder.is_absolute());
    all.map(|folder| folder.join(name)).find(|program| runs(program))
}

/// Returns the system's own folders of programs.
pub(super) fn system_folders() -> Vec<PathBuf> {
    ["/usr/bin", "/bin", "/usr/local/bin"].map(PathBuf::from).to_vec()
}
