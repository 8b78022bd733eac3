//! The skill of the third act: a step whose processes do not want to end.

use std::fs;
use std::path::Path;

use crate::error::{Error, Kind};

/// Its name.
pub const NAME: &str = "stubborn";

/// How many processes of the step write their number down.
pub const EXPECTED: usize = 3;

/// The file, in the folder of the task, in which they do it.
pub const PIDS: &str = "pids";

const SKILL: &str = "---\nname: stubborn\ndescription: Starts processes that ignore TERM and leave their session; \
made by the demo.\n---\n\nNothing to read here: the plan says it all.\n";

/// The shell ignores TERM; one child also leaves its session, another is forked twice so that its
/// parent is gone.
const COMMAND: &str = r#"trap '' TERM
echo $$ >> pids
setsid sh -c 'trap "" TERM; echo $$ >> pids; exec sleep 600' &
( ( trap '' TERM; sleep 600 & echo $! >> pids ) & )
wait"#;

/// Writes the skill into the folder of the user's skills.
///
/// # Errors
/// If it cannot be written.
pub fn write(skills: &Path) -> Result<(), Error> {
    let folder = skills.join(NAME);
    let plan = serde_json::json!({
        "plan": 1,
        "description": "Start processes that do not want to end",
        "effects": "write",
        "steps": [{
            "id": "stay", "tool": "bash", "title": "Starting processes that do not want to end",
            "arguments": { "command": COMMAND },
        }],
        "result": { "ended": true },
    });
    let write = || -> std::io::Result<()> {
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("SKILL.md"), SKILL)?;
        fs::write(folder.join("plan.json"), format!("{plan:#}\n"))
    };
    write().map_err(|error| {
        Error::new(Kind::BadInput, format!("write the demo's skill into `{}`: {error}", folder.display()))
            .hint("the cache folder must be writable")
    })
}
