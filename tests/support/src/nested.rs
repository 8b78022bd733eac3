//! Running a test below the support program.

use std::process::{Command, Stdio};

use crate::TestEnv;
use crate::env::target_folder;

/// The variable by which the inner process knows that it is the inner one.
const INSIDE: &str = "MODELSCAN_TEST_INSIDE";

/// Runs the body in a process of its own, whose parent sees what it leaves behind. `path` is the full path of
/// the test, with the name of its binary in front.
///
/// # Panics
/// If the test fails, or leaves a process.
#[allow(clippy::disallowed_methods, reason = "a test's process is started by the test")]
pub fn nested(path: &str, body: impl FnOnce(&TestEnv)) {
    let name = path.split_once("::").map_or(path, |(_, name)| name);
    if std::env::var(INSIDE).is_ok_and(|inside| inside == name) {
        let env = TestEnv::new();
        body(&env);
        env.close();
        return;
    }
    let this = std::env::current_exe().expect("the test's own path");
    let status = Command::new(target_folder().join("nest"))
        .arg(this)
        .args([name, "--exact", "--nocapture", "--test-threads=1"])
        .env(INSIDE, name)
        .stdin(Stdio::null())
        .status()
        .expect("start the support program: build with `cargo build --workspace --all-targets`");
    match status.code() {
        Some(0) => {}
        Some(86) => panic!("{name}: processes were left, see above"),
        code => panic!("{name} failed, see above ({code:?})"),
    }
}
