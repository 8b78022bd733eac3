//! The entry of a host that was started to live on its own: `modelscan __host`, branched off first thing in
//! `main`, before any thread, runtime or file.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

use process::detach::{Detached, detach};

use super::run::{Manner, run};
use crate::config::{Choices, Environment, load};
use crate::error::Error;
use crate::telemetry::Level;

/// The word behind the program's name by which a host is started. No command for people.
pub const WORD: &str = "__host";

/// Returns the arguments by which a host reads the same configuration as its starter.
pub fn arguments(choices: &Choices) -> Vec<OsString> {
    let mut words = vec![OsString::from(WORD)];
    let mut pair = |name: &str, value: OsString| words.extend([OsString::from(name), value]);
    if let Some(home) = &choices.home {
        pair("--home", home.clone().into_os_string());
    }
    if let Some(config) = &choices.config {
        pair("--config", config.clone().into_os_string());
    }
    if let Some(log) = choices.log {
        pair("--log", OsString::from(log.as_str()));
    }
    for set in &choices.set {
        pair("--set", OsString::from(set));
    }
    words
}

/// Says whether this process is to be a host; `arguments` are those behind the program's name.
pub fn requested(arguments: &[OsString]) -> bool {
    arguments.first().is_some_and(|word| word == OsStr::new(WORD))
}

/// Is the host, to its end. Returns the exit code; what went wrong before it answered was told to the starter
/// as one JSON line.
pub fn run_detached(arguments: &[OsString]) -> u8 {
    let detached = match detach() {
        Ok(detached) => detached,
        Err(error) => return told(&Error::internal(format!("leave the starter's session: {error}"))),
    };
    match host(detached, arguments) {
        Ok(()) => 0,
        Err(error) => told(&error),
    }
}

fn host(detached: Detached, arguments: &[OsString]) -> Result<(), Error> {
    let choices = choices(arguments)?;
    let env = Environment::of_process();
    let loaded = load(&env, &choices)?;
    run(&env, &loaded, Manner::Detached(detached))
}

fn choices(arguments: &[OsString]) -> Result<Choices, Error> {
    let mut choices = Choices::default();
    for pair in arguments[1..].chunks(2) {
        let [name, value] = pair else {
            return Err(Error::internal("a host was started with half an argument"));
        };
        match name.to_str() {
            Some("--home") => choices.home = Some(PathBuf::from(value)),
            Some("--config") => choices.config = Some(PathBuf::from(value)),
            Some("--log") => choices.log = value.to_str().and_then(Level::from_word),
            Some("--set") => {
                choices.set.push(String::from_utf8_lossy(&value.clone().into_vec()).into_owned())
            }
            _ => return Err(Error::internal(format!("a host was started with `{}`", name.display()))),
        }
    }
    Ok(choices)
}

/// Writes the error as one JSON line: the starter reads it, or the log has it.
fn told(error: &Error) -> u8 {
    let line = serde_json::to_string(&error.view()).unwrap_or_default();
    let _ = process::stdio::write(&mut std::io::stderr(), format!("{line}\n").as_bytes());
    error.kind.exit_code()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_starter_was_told_reaches_its_host() {
        let told = Choices {
            home: Some(PathBuf::from("/a b")),
            config: Some(PathBuf::from("c.toml")),
            log: Some(Level::Debug),
            set: vec!["host.max_running=1".to_owned(), "defaults.timeout=1m".to_owned()],
        };
        let words = arguments(&told);
        assert!(requested(&words));
        assert_eq!(choices(&words), Ok(told));
        assert_eq!(choices(&arguments(&Choices::default())), Ok(Choices::default()));
        assert!(choices(&[OsString::from(WORD), OsString::from("--home")]).is_err());
        assert!(!requested(&[OsString::from("host")]));
        assert!(!requested(&[]));
    }
}
