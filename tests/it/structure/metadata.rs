//! What `cargo metadata` says, as far as these tests need it.

use std::path::PathBuf;
use std::sync::OnceLock;

use serde_json::Value;

/// The folder of the project.
pub(super) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The metadata of the workspace and of everything that it is built with.
pub(super) fn metadata() -> &'static Value {
    static METADATA: OnceLock<Value> = OnceLock::new();
    METADATA.get_or_init(|| {
        // For this platform alone: what others would need was never downloaded.
        let version = cargo(&["-vV"]);
        let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
        let text =
            cargo(&["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", host]);
        serde_json::from_str(&text).unwrap()
    })
}

fn cargo(args: &[&str]) -> String {
    #[expect(
        clippy::disallowed_methods,
        reason = "cargo is asked about the project, nothing is guarded here"
    )]
    let ran = std::process::Command::new(env!("CARGO"))
        .args(args)
        .current_dir(root())
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    assert!(ran.status.success(), "cargo {args:?}: {}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap()
}

/// The packages of the workspace.
pub(super) fn members() -> Vec<&'static Value> {
    let members: Vec<&str> =
        metadata()["workspace_members"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    packages().into_iter().filter(|package| members.contains(&package["id"].as_str().unwrap())).collect()
}

/// All packages.
pub(super) fn packages() -> Vec<&'static Value> {
    metadata()["packages"].as_array().unwrap().iter().collect()
}

/// The folder name by which the project calls one of its packages: `modelscan-store` is `store`.
pub(super) fn short(name: &str) -> &str {
    name.strip_prefix("modelscan-").unwrap_or(name)
}
