//! A secret that a file holds reaches the agent, and is nowhere else.

use std::fmt::Write as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};
use support::{hostile_table, product_test};

/// What nobody may find.
const SECRET: &str = "tell-nobody-6f1d0c";

/// Fails if a file below the folder holds the secret.
fn search(folder: &Path) -> usize {
    let mut files = 0;
    for entry in std::fs::read_dir(folder).expect("read a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files += search(&path);
        } else if path.is_file() {
            let bytes = std::fs::read(&path).expect("read a file");
            let found = bytes.windows(SECRET.len()).any(|part| part == SECRET.as_bytes());
            assert!(!found, "the secret is in {}", path.display());
            files += 1;
        }
    }
    files
}

product_test! {
    fn it_reaches_the_agent_and_is_nowhere_else(env) {
        let file = env.root().join("secret");
        std::fs::write(&file, format!("{SECRET}\n")).expect("write the secret");
        let entry = format!("env = {{ SECRET = {{ file = {:?} }} }}", file.to_str().expect("a path"));
        let tables = ["secret", "exit-at-once"].map(|mode| hostile_table(mode, &entry)).concat();
        env.config(&tables);
        let id = env.submit_to("secret", "do it", &["--wait"]);
        let id = id.lines().next().expect("an id");
        let hash = Sha256::digest(SECRET).iter().fold(String::new(), |mut hash, byte| {
            write!(hash, "{byte:02x}").expect("text grows");
            hash
        });
        assert_eq!(env.result(id)["text"], hash.as_str());
        let failed = env.submit_to("exit-at-once", "do it", &[]);
        env.modelscan(["task", "wait", &failed]).run().expect_code(1);

        for shown in [
            env.modelscan(["task", "show", id]).json(),
            env.modelscan(["task", "show", &failed]).json(),
            env.modelscan(["event", "list"]).json(),
            env.modelscan(["message", "list"]).json(),
            env.modelscan(["agent", "show", "secret"]).json(),
            env.modelscan(["host", "status"]).json(),
        ] {
            assert!(!shown.to_string().contains(SECRET), "{shown:#}");
        }
        // A file that is gone is told by its name.
        std::fs::remove_file(&file).expect("remove the secret");
        let task = env.submit_to("secret", "do it", &[]);
        env.modelscan(["task", "wait", &task]).run().expect_code(1);
        let error = env.status(&task)["error"].clone();
        assert_eq!(error["kind"], "not_configured");
        assert!(error["message"].as_str().is_some_and(|text| text.contains("`SECRET`")), "{error:#}");
        // Database, its log, logs and outputs, as they lie there now and after the host's end.
        assert!(search(&env.home()) > 3);
        env.modelscan(["host", "stop"]).run().expect_code(0);
        assert!(search(&env.home()) > 3);
    }
}
