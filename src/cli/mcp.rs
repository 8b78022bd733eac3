//! `modelscan mcp`: the pump between an editor's stdio and the host.

use std::path::PathBuf;

use mcp::pump::NoHost;

use super::context::{Context, text_of};
use super::output::{Exit, Outcome};
use crate::config::{Environment, Loaded, absolute};
use crate::error::{Error, Kind};
use crate::serve::client::{Session, connect_pump};
use crate::serve::pump::{Connect, PumpError, run_on_stdio};

/// Runs the command. Nothing but the protocol goes to stdout.
pub fn run(ctx: &Context<'_>, cwd: Option<PathBuf>) -> Outcome {
    let loaded = ctx.load()?;
    let cwd = cwd.map(|cwd| folder(ctx, &cwd)).transpose()?;
    run_on_stdio(b"", connect(ctx.env.clone(), loaded, cwd)).map_err(|error| broken(&error))?;
    Ok(Exit::OK)
}

fn folder(ctx: &Context<'_>, cwd: &std::path::Path) -> Result<String, Error> {
    let path = absolute(ctx.env, cwd)?;
    if !path.is_dir() {
        return Err(Error::new(Kind::BadInput, format!("`--cwd {}` is no folder", path.display()))
            .hint("name a folder that exists"));
    }
    text_of(&path).map(str::to_owned)
}

fn connect(env: Environment, loaded: Loaded, cwd: Option<String>) -> Connect {
    Box::new(move || {
        connect_pump(&Session::new(&env, &loaded), cwd.as_deref()).map_err(|error| NoHost {
            kind: error.kind.as_str().to_owned(),
            message: error.message,
            hint: error.hint.unwrap_or_default(),
        })
    })
}

fn broken(error: &PumpError) -> Error {
    let why = std::error::Error::source(error).map_or_else(String::new, |source| format!(": {source}"));
    match error {
        PumpError::OtherVersion { .. } => Error::new(Kind::HostUnreachable, error.to_string())
            .hint("restart the client, so that both begin anew"),
        PumpError::Thread(_) | PumpError::Stdio(_) => {
            Error::new(Kind::HostUnreachable, format!("{error}{why}"))
                .hint("is there room for one more process?")
        }
    }
}
