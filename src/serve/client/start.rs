//! Starting a host: once, also when many commands come at the same time. Who holds the start lock looks
//! again, starts, and waits for the host's word; nobody polls.

use std::ffi::OsString;
use std::time::Duration;

use process::detach::{HostStart, StartError};
use process::lock::StartLock;
use wire::views::ErrorView;

use super::connection::Connection;
use super::session::Session;
use crate::config::Environment;
use crate::error::{Error, Kind};
use crate::serve::host::{arguments, place};

/// How long a new host may take to answer: a migration, a dying host before it, a machine under load.
const START_LIMIT: Duration = Duration::from_secs(60);

/// Variables that a host is given beside those that go with a task.
const PASSED_ON: [&str; 7] = [
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_STATE_HOME",
    "XDG_CACHE_HOME",
    "XDG_RUNTIME_DIR",
    "TMPDIR",
    "RUST_BACKTRACE",
];

/// Variables of ours that say who a child is; a host is nobody's child.
const NOT_PASSED_ON: [&str; 3] = ["MODELSCAN_INSTANCE", "MODELSCAN_TASK", "MODELSCAN_AGENT"];

/// Returns a connection to a host that was started, by us or by somebody who was faster.
pub(super) fn start(session: &Session<'_>) -> Result<Connection, Error> {
    let loaded = session.loaded();
    place::make_folders(&loaded.places)?;
    let _starting =
        StartLock::acquire(&loaded.places.start_lock).map_err(|error| place::lock_error(&error))?;
    if let Some(connection) = session.connect()? {
        return Ok(connection);
    }
    HostStart::new(arguments(&loaded.choices), environment(session.env()), START_LIMIT)
        .start()
        .map_err(unreachable)?;
    session.connect()?.ok_or_else(|| {
        Error::new(Kind::HostUnreachable, "the host that was started ended at once")
            .hint(format!("look at its log in `{}`", loaded.places.logs.display()))
    })
}

/// Returns the environment of a host: what its configuration is read with, and nothing of the shell that
/// happened to start it.
fn environment(env: &Environment) -> Vec<(OsString, OsString)> {
    let mut passed: Vec<(OsString, OsString)> =
        env.submitted().into_iter().map(|(key, value)| (key.into(), value.into())).collect();
    passed.extend(PASSED_ON.iter().filter_map(|name| Some(((*name).into(), env.get(name)?.to_owned()))));
    passed.extend(
        env.with_prefix("MODELSCAN_")
            .filter(|(name, _)| !NOT_PASSED_ON.contains(name))
            .map(|(name, value)| (name.into(), value.to_owned())),
    );
    passed
}

fn unreachable(error: StartError) -> Error {
    if let StartError::Died { output, .. } = &error {
        let told = output.lines().rev().find_map(|line| serde_json::from_str::<ErrorView>(line).ok());
        if let Some(told) = told {
            return Error::from(told.error);
        }
    }
    let why = std::error::Error::source(&error).map_or_else(String::new, |source| format!(": {source}"));
    Error::new(Kind::HostUnreachable, format!("{error}{why}"))
        .hint("run `modelscan host run` to see what it says")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_gets_what_it_needs_and_nothing_of_the_shell() {
        let env = Environment::made_of(
            [
                ("PATH", "/bin"),
                ("LC_TIME", "C"),
                ("XDG_DATA_HOME", "/d"),
                ("MODELSCAN_HOST__MAX_RUNNING", "1"),
                ("MODELSCAN_INSTANCE", "x"),
                ("SECRET", "s"),
                ("LD_PRELOAD", "evil"),
            ],
            None,
        );
        let names: Vec<OsString> = environment(&env).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["LC_TIME", "PATH", "XDG_DATA_HOME", "MODELSCAN_HOST__MAX_RUNNING"]);
    }

    #[test]
    fn what_a_dying_host_said_is_told() {
        let line = r#"{"error":{"kind":"store_newer","message":"m","hint":"h","exit_code":9}}"#;
        let died = |output: &str| StartError::Died { output: output.to_owned(), code: Some(9) };
        let error = unreachable(died(&format!("a warning\n{line}\n")));
        assert_eq!(
            (error.kind, error.message.as_str(), error.hint.as_deref()),
            (Kind::StoreNewer, "m", Some("h"))
        );
        assert_eq!(unreachable(died("panic\n")).kind, Kind::HostUnreachable);
    }
}
