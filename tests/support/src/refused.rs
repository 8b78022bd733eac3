//! Commands that are refused, in the form for people and in the form for programs; and answers against
//! their schemas.

use std::path::Path;

use serde_json::Value;

use crate::{Run, TestEnv, project_root};

/// What a command said when it refused.
#[derive(Debug, Clone)]
pub struct Refused {
    /// What is wrong and where.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl Refused {
    /// Checks that the message holds this.
    ///
    /// # Panics
    /// If it does not.
    #[track_caller]
    pub fn says(self, words: &str) -> Self {
        assert!(self.message.contains(words), "`{}` does not say `{words}`", self.message);
        self
    }

    /// Checks that the hint holds this.
    ///
    /// # Panics
    /// If it does not.
    #[track_caller]
    pub fn hints(self, words: &str) -> Self {
        assert!(self.hint.contains(words), "the hint `{}` does not say `{words}`", self.hint);
        self
    }
}

/// Runs a command twice, for people and for programs, and checks that both refuse in the same words: one error
/// and one hint, nothing else, with this exit code and kind. `make` makes the command.
///
/// # Panics
/// If anything else is said.
#[track_caller]
pub fn refused(code: i32, kind: &str, make: impl Fn() -> Run) -> Refused {
    let told = make().run().expect_code(code);
    let coded = make().args(["--json"]).run().expect_code(code);
    assert_eq!(coded.stderr, "", "{}: stderr", coded.words);
    assert_eq!(coded.stdout.lines().count(), 1, "{}: one line: {}", coded.words, coded.stdout);
    let error = coded.json();
    expect_shape("error", &error);
    let error = &error["error"];
    assert_eq!(error["kind"], kind, "{}: {error}", coded.words);
    assert_eq!(error["exit_code"], code, "{}: {error}", coded.words);
    let text = |key: &str| {
        let text = error[key].as_str();
        text.unwrap_or_else(|| panic!("{}: no {key}: {error}", coded.words)).to_owned()
    };
    let refused = Refused { message: text("message"), hint: text("hint") };
    let expected = format!("error: {}\nhint: {}\n", refused.message, refused.hint);
    // How to write a command is said with the flags that were given.
    let without_flag = expected.replace(" --json", "");
    if told.stderr != without_flag {
        assert_eq!(told.stderr, expected, "{}: for people", told.words);
    }
    assert_eq!(told.stdout, "", "{}: stdout", told.words);
    assert_clear(&refused, &told.words);
    refused
}

/// One clear error: no panic, no words of ours for inner things, nothing said twice.
#[track_caller]
fn assert_clear(refused: &Refused, words: &str) {
    for text in [&refused.message, &refused.hint] {
        assert!(!text.is_empty() && text.len() < 1_500, "{words}: `{text}`");
        for inner in ["panicked", "unwrap", "RUST_BACKTRACE", "Some(", "None)", "Err("] {
            assert!(!text.contains(inner), "{words}: `{text}`");
        }
        let mut parts: Vec<&str> = text.split(": ").filter(|part| part.len() > 12).collect();
        let all = parts.len();
        parts.sort_unstable();
        parts.dedup();
        assert_eq!(parts.len(), all, "{words}: it says something twice: `{text}`");
    }
}

/// Checks a value against the file of this name in `schemas/`.
///
/// # Panics
/// If it does not fit.
#[track_caller]
pub fn expect_shape(name: &str, value: &Value) {
    let path = project_root().join("schemas").join(format!("{name}.schema.json"));
    expect_shape_of(&path, value);
}

/// Checks a value against this schema.
///
/// # Panics
/// If it does not fit.
#[track_caller]
pub fn expect_shape_of(path: &Path, value: &Value) {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let text: Value = serde_json::from_str(&text).expect("a schema is JSON");
    let checker = schema::compile(&text, &[]).expect("a schema that compiles");
    let problems = checker.check(value);
    assert!(problems.is_empty(), "{}: {problems:?}\n{value:#}", path.display());
}

/// Checks each row of a table and names all that do not hold, not only the first.
///
/// # Panics
/// If one does not hold.
pub fn check_rows<T>(rows: impl IntoIterator<Item = T>, check: impl Fn(&T)) {
    let mut failed = Vec::new();
    for row in rows {
        let checked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(&row)));
        if let Err(why) = checked {
            let words = why.downcast_ref::<String>().cloned();
            failed.push(words.or_else(|| why.downcast_ref::<&str>().map(|text| (*text).to_owned())));
        }
    }
    let failed: Vec<String> = failed.into_iter().map(Option::unwrap_or_default).collect();
    assert!(failed.is_empty(), "{} rows do not hold:\nROW {}", failed.len(), failed.join("\nROW "));
}

/// How many rows there are of what a command can leave behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rows {
    /// Tasks.
    pub tasks: usize,
    /// The number of the last event; every change of a task is one.
    pub last_event: i64,
    /// Messages.
    pub messages: usize,
}

impl TestEnv {
    /// Counts the rows; nothing if there is no database.
    ///
    /// # Panics
    /// If there are too many to count.
    #[track_caller]
    pub fn rows(&self) -> Option<Rows> {
        if !self.home().join("modelscan.db").exists() {
            return None;
        }
        let list = |args: [&str; 4]| {
            let page = self.modelscan(args).args(["--limit", "1000"]).json();
            assert!(page["next_cursor"].is_null(), "too many rows: {args:?}");
            page["items"].as_array().expect("items").clone()
        };
        let events = list(["event", "list", "--after-seq", "0"]);
        Some(Rows {
            tasks: list(["task", "list", "--all", "--quiet"]).len(),
            last_event: events.last().map_or(0, |event| event["seq"].as_i64().expect("a number")),
            messages: list(["message", "list", "--after-seq", "0"]).len(),
        })
    }
}
