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
        #[expect(
            clippy::disallowed_methods,
            reason = "cargo is asked about the project, nothing is guarded here"
        )]
        let ran = std::process::Command::new(env!("CARGO"))
            .args(["metadata", "--format-version", "1", "--locked", "--offline"])
            .current_dir(root())
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        assert!(ran.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&ran.stderr));
        serde_json::from_slice(&ran.stdout).unwrap()
    })
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
