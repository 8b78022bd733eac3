//! Rows of escapes as tasks of one `bash` step each: they are handed over together, waited for until each is
//! where it wants to be, and ended in one of three ways.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::{TestEnv, Witness, target_folder, until};

/// How long a cancel may take until nothing lives: the promise is five seconds, a machine under load needs more.
const CANCEL_LIMIT: Duration = Duration::from_secs(20);

/// How the step comes to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By `task cancel`.
    Cancel,
    /// By itself.
    Itself,
    /// By the time limit of the step.
    TimeLimit,
}

/// One escape: what it is called, and the script that lets it happen. The script reads one line from the pipe
/// `$READY` when the escapee is where it wants to be; everything else is added here.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Its name.
    pub name: &'static str,
    /// The script.
    pub script: &'static str,
    /// Whether the step of this row ends by itself at all.
    pub ends: bool,
}

/// What every script begins with: the shell and all that inherits from it holds the lock.
const BEGIN: &str = "set -e; exec 9<\"$WITNESS\"; flock -s 9; rm -f \"$READY\"; mkfifo \"$READY\"\n";

/// What every script ends with: it tells that the escapee is there, then ends by itself or does not.
const FINISH: &str = "\nread -r line <\"$READY\"; : >\"$UP\"\n\
    if [ \"$END\" = itself ]; then exit 0; fi\nwhile :; do sleep 300; done\n";

/// A row that runs as a task.
struct Running<'a> {
    row: &'a Row,
    witness: Witness,
    up: PathBuf,
    id: String,
}

/// Ends the step of each row in this way and checks that nothing of any lives.
pub fn check(env: &TestEnv, end: End, rows: &[Row]) {
    env.config("[host]\nmax_running = 64\n[agents.nexora]\ncommand = \"modelscan\"\nargs = [\"nexora\"]\nmax_running = 64\n");
    let rows: Vec<&Row> = rows.iter().filter(|row| row.ends || end != End::Itself).collect();
    match end {
        End::Cancel => cancelled(env, &rows),
        End::Itself => ended(env, &rows),
        End::TimeLimit => out_of_time(env, &rows),
    }
}

fn cancelled(env: &TestEnv, rows: &[&Row]) {
    let running: Vec<Running<'_>> = rows.iter().map(|row| start(env, End::Cancel, row, None)).collect();
    for one in &running {
        until(&format!("{} to be up", one.row.name), || one.up.exists() || has_ended(env, &one.id));
        assert!(one.witness.is_held(), "{}: {:#}", one.row.name, env.status(&one.id));
    }
    let begun = Instant::now();
    let ids = running.iter().map(|one| one.id.as_str());
    let cancel = env.modelscan(["task", "cancel", "--wait"]).args(ids).run();
    let took = begun.elapsed();
    println!("{} rows cancelled after {took:?}", running.len());
    for one in &running {
        let task = env.status(&one.id);
        assert_eq!(task["state"], "cancelled", "{}: {task:#}; {cancel:?}", one.row.name);
        assert!(!one.witness.is_held(), "{}: it is cancelled, and something lives", one.row.name);
        proven(env, one);
    }
    assert!(took < CANCEL_LIMIT, "{took:?}");
}

fn ended(env: &TestEnv, rows: &[&Row]) {
    let running: Vec<Running<'_>> = rows.iter().map(|row| start(env, End::Itself, row, None)).collect();
    for one in &running {
        env.wait_state(&one.id, "succeeded");
        assert!(!one.witness.is_held(), "{}: its step has ended, and something lives", one.row.name);
        assert!(one.up.exists(), "{}", one.row.name);
        let result = env.modelscan(["task", "result", &one.id]).json()["result"].clone();
        assert_eq!(result["output"]["exit_code"], 0, "{}: {result:#}", one.row.name);
        assert_eq!(result["output"]["proven"], true, "{}: {result:#}", one.row.name);
        assert!(result["output"]["killed"].as_u64() > Some(0), "{}: {result:#}", one.row.name);
        proven(env, one);
    }
}

/// A limit that was over before the escapee was there has shown nothing: it is tried again with twice the time.
fn out_of_time(env: &TestEnv, rows: &[&Row]) {
    let mut rows: Vec<&Row> = rows.to_vec();
    let mut limit = Duration::from_secs(3);
    while !rows.is_empty() {
        assert!(limit < Duration::from_secs(40), "these never come up: {rows:?}");
        let running: Vec<Running<'_>> =
            rows.iter().map(|row| start(env, End::TimeLimit, row, Some(limit))).collect();
        for one in &running {
            env.wait_state(&one.id, "succeeded");
            assert!(!one.witness.is_held(), "{}: its time is over, and something lives", one.row.name);
            let result = env.modelscan(["task", "result", &one.id]).json()["result"].clone();
            assert_eq!(result["is_error"], true, "{}: {result:#}", one.row.name);
            proven(env, one);
        }
        let late: Vec<&Row> = running.iter().filter(|one| !one.up.exists()).map(|one| one.row).collect();
        println!("{} of {} rows were up within {limit:?}", rows.len() - late.len(), rows.len());
        (rows, limit) = (late, limit * 2);
    }
}

/// The instance's own row says that nothing is left.
fn proven(env: &TestEnv, one: &Running<'_>) {
    let shown = env.modelscan(["task", "show", &one.id]).json();
    let attempts = shown["attempts"].as_array().expect("attempts");
    assert_eq!(attempts.len(), 1, "{}: {shown:#}", one.row.name);
    assert_eq!(attempts[0]["instance"]["proven"], true, "{}: {shown:#}", one.row.name);
}

fn has_ended(env: &TestEnv, id: &str) -> bool {
    !env.status(id)["ended_at"].is_null()
}

fn start<'a>(env: &TestEnv, end: End, row: &'a Row, limit: Option<Duration>) -> Running<'a> {
    let file = |suffix: &str| {
        let limit = limit.map_or(0, |limit| limit.as_secs());
        env.root().join(format!("{}-{limit}.{suffix}", row.name))
    };
    let witness =
        Witness::new(env.root(), &format!("{}.{}", row.name, limit.map_or(0, |limit| limit.as_secs())));
    let (up, ready) = (file("up"), file("ready"));
    let word = if end == End::Itself { "itself" } else { "never" };
    let fixture = target_folder().join("process-fixture");
    assert!(fixture.exists(), "build with `cargo build --workspace --all-targets`");
    let mut step = json!({
        "id": "run",
        "tool": "bash",
        "on_error": "continue",
        "arguments": {
            "command": format!("{BEGIN}{}{FINISH}", row.script),
            "env": {
                "WITNESS": witness.path(), "UP": up, "READY": ready, "END": word, "FIXTURE": fixture,
            },
        },
    });
    if let Some(limit) = limit {
        step["timeout"] = Value::from(format!("{}ms", limit.as_millis()));
    }
    env.skill(
        row.name,
        &json!({
            "plan": 1,
            "description": "A plan of a test",
            "effects": "write",
            "steps": [step],
            "result": {
                "output": "{{ steps.run.output }}",
                "text": "{{ steps.run.text }}",
                "is_error": "{{ steps.run.is_error }}",
            },
            "result_schema": { "type": "object" },
        }),
    );
    let id = env.submit(row.name, &[]);
    Running { row, witness, up, id }
}
