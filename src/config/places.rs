//! Where everything lies: under one folder with `MODELSCAN_HOME` or `--home`, else in the XDG folders.

use std::ffi::OsString;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::Environment;
use crate::error::{Error, Kind};

/// The places of files; nothing is created by looking them up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The one folder that holds everything, if one was named.
    pub home: Option<PathBuf>,
    /// The user's configuration file.
    pub config_file: PathBuf,
    /// The user's skills.
    pub skills: PathBuf,
    /// The database.
    pub database: PathBuf,
    /// The lock of the one process that writes the database.
    pub lock: PathBuf,
    /// The lock under which the other one is tried and a host is started.
    pub start_lock: PathBuf,
    /// The socket of the host, if its path is short enough.
    pub socket: PathBuf,
    /// The folder for a socket whose usual path is too long; private to the user.
    pub runtime: PathBuf,
    /// Logs of the host and of children.
    pub logs: PathBuf,
    /// Files that belong to results.
    pub outputs: PathBuf,
    /// The folder for what can be made again.
    pub cache: PathBuf,
}

impl Places {
    /// Finds the places.
    ///
    /// # Errors
    /// `ConfigError` if neither a home folder nor the folders of XDG are known.
    pub fn find(env: &Environment, home: Option<&Path>, config: Option<&Path>) -> Result<Self, Error> {
        let home = home.map(Path::to_owned).or_else(|| env.get("MODELSCAN_HOME").map(PathBuf::from));
        let mut places = match home {
            Some(home) => Self::under(absolute(env, &home)?, env),
            None => Self::of_xdg(env)?,
        };
        if let Some(config) = config {
            places.config_file = absolute(env, config)?;
        }
        Ok(places)
    }

    fn under(home: PathBuf, env: &Environment) -> Self {
        let database = home.join("modelscan.db");
        Self {
            config_file: home.join("config.toml"),
            skills: home.join("skills"),
            lock: beside(&database, ".lock"),
            start_lock: beside(&database, ".start.lock"),
            socket: home.join("host.sock"),
            runtime: runtime(env),
            logs: home.join("logs"),
            outputs: home.join("outputs"),
            cache: home.join("cache"),
            database,
            home: Some(home),
        }
    }

    fn of_xdg(env: &Environment) -> Result<Self, Error> {
        let user = env.absolute("HOME");
        let folder = |variable: &str, below_home: &str| {
            env.absolute(variable)
                .or_else(|| user.as_ref().map(|user| user.join(below_home)))
                .map(|folder| folder.join("modelscan"))
                .ok_or_else(|| {
                    Error::new(
                        Kind::ConfigError,
                        format!("no place for files: neither `HOME` nor `{variable}` is an absolute path"),
                    )
                    .hint("set HOME, or name a folder with `--home DIR` or MODELSCAN_HOME")
                })
        };
        let config = folder("XDG_CONFIG_HOME", ".config")?;
        let data = folder("XDG_DATA_HOME", ".local/share")?;
        let state = folder("XDG_STATE_HOME", ".local/state")?;
        let cache = folder("XDG_CACHE_HOME", ".cache")?;
        let socket =
            env.absolute("XDG_RUNTIME_DIR").map_or_else(|| state.clone(), |dir| dir.join("modelscan"));
        let database = data.join("modelscan.db");
        Ok(Self {
            home: None,
            config_file: config.join("config.toml"),
            skills: config.join("skills"),
            lock: beside(&database, ".lock"),
            start_lock: beside(&database, ".start.lock"),
            socket: socket.join("host.sock"),
            runtime: runtime(env),
            logs: state.join("logs"),
            outputs: data.join("outputs"),
            cache,
            database,
        })
    }

    /// Moves the database, and with it what belongs to this one database alone.
    pub fn move_database(&mut self, database: PathBuf) {
        if database == self.database {
            return;
        }
        let tag = tag(&database);
        self.lock = beside(&database, ".lock");
        self.start_lock = beside(&database, ".start.lock");
        self.outputs = beside(&database, ".outputs");
        self.socket = self.socket.with_file_name(format!("host-{tag}.sock"));
        self.database = database;
    }

    /// Returns the folder of the database.
    pub fn data_dir(&self) -> &Path {
        self.database.parent().unwrap_or(Path::new("/"))
    }

    /// Returns a short path for the socket, for when the usual one is too long for the system.
    pub fn short_socket(&self) -> PathBuf {
        self.runtime.join(format!("{}.sock", tag(&self.database)))
    }
}

/// Returns the path made absolute by the working directory.
pub fn absolute(env: &Environment, path: &Path) -> Result<PathBuf, Error> {
    if path.is_absolute() {
        return Ok(path.to_owned());
    }
    env.cwd().map(|cwd| cwd.join(path)).ok_or_else(|| {
        Error::new(
            Kind::BadInput,
            format!("the working directory is gone, so `{}` names nothing", path.display()),
        )
        .hint("change to a folder that exists, or give an absolute path")
    })
}

/// Returns the folder for sockets that must have a short path.
fn runtime(env: &Environment) -> PathBuf {
    env.absolute("XDG_RUNTIME_DIR").map_or_else(
        || {
            let uid = std::fs::metadata("/proc/self").map_or(0, |process| process.uid());
            PathBuf::from(format!("/tmp/modelscan-{uid}"))
        },
        |dir| dir.join("modelscan"),
    )
}

fn beside(database: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(database);
    name.push(ending);
    PathBuf::from(name)
}

fn tag(database: &Path) -> String {
    use std::os::unix::ffi::OsStrExt as _;
    let digest = Sha256::digest(database.as_os_str().as_bytes());
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
