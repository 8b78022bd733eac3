//! The demo's data folder: fresh, below the cache folder; old ones that nobody uses are taken away.

use std::fs::{self, File};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use domain::TaskId;

use super::super::context::Context;
use crate::config::{self, Choices, Environment, Loaded, Places};
use crate::error::{Error, Kind};
use crate::serve::client::Session;
use crate::system::UuidSource;

/// The name of the file whose lock says that a folder is in use.
const IN_USE: &str = "in-use.lock";

/// How many folders of earlier demos are kept, to look at.
const KEPT: usize = 1;

/// How soon the demo's host ends by itself, should the demo be killed.
const CONFIG: &str = "[host]\nidle_timeout = \"1m\"\n";

/// The demo's folder and what was read for it.
pub struct Stage<'c> {
    ctx: &'c Context<'c>,
    folder: PathBuf,
    env: Environment,
    loaded: Loaded,
    program: PathBuf,
    _in_use: File,
}

impl<'c> Stage<'c> {
    /// Makes the folder.
    ///
    /// # Errors
    /// If it cannot be made, or this program cannot be found.
    pub fn make(ctx: &'c Context<'c>) -> Result<Self, Error> {
        // The cache folder is the user's usual one; nothing else of the usual places is touched.
        let env = ctx.env.without_prefix("MODELSCAN_");
        let places = Places::find(&ctx.env.clone(), ctx.choices.home.as_deref(), None)?;
        let above = places.cache.join("demo");
        take_away_old(&above);
        let folder = above.join(TaskId::new(&UuidSource).short());
        let home = folder.join("home");
        make_private(&home)?;
        let in_use = File::create(folder.join(IN_USE)).map_err(|error| fails(&folder, &error))?;
        in_use.try_lock().map_err(|error| fails(&folder, &std::io::Error::from(error)))?;
        fs::write(home.join("config.toml"), CONFIG).map_err(|error| fails(&home, &error))?;
        let choices = Choices { home: Some(home), ..Choices::default() };
        let loaded = config::load(&env, &choices)?;
        let program = ctx.env.executable().map(Path::to_owned).ok_or_else(|| {
            Error::new(Kind::NotFound, "this program's own file cannot be found").hint("is /proc mounted?")
        })?;
        Ok(Self { ctx, folder, env, loaded, program, _in_use: in_use })
    }

    /// Returns the folder that stands for the data folder of a user.
    pub fn home(&self) -> PathBuf {
        self.folder.join("home")
    }

    /// Returns the configuration.
    pub const fn loaded(&self) -> &Loaded {
        &self.loaded
    }

    /// Returns the environment, without variables that would change the configuration.
    pub const fn env(&self) -> &Environment {
        &self.env
    }

    /// Returns this program's file.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Makes a folder to work in.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn work_folder(&self, name: &str) -> Result<PathBuf, Error> {
        let folder = self.folder.join(name);
        make_private(&folder)?;
        Ok(folder)
    }

    /// Returns the way to the demo's host.
    pub fn session(&self) -> Session<'_> {
        Session::new(&self.env, &self.loaded)
    }

    /// Ends the demo's host, if it lives.
    ///
    /// # Errors
    /// If it does not end.
    pub fn end_host(&self) -> Result<(), Error> {
        let ended = self.session().stop(true).map(drop);
        if let Err(error) = &ended {
            self.ctx.out.warning(&error.message, error.hint.as_deref());
        }
        ended
    }
}

fn make_private(folder: &Path) -> Result<(), Error> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| fails(folder, &error))
}

fn fails(folder: &Path, error: &std::io::Error) -> Error {
    Error::new(Kind::BadInput, format!("make the demo's folder `{}`: {error}", folder.display()))
        .hint("the cache folder must be writable: set XDG_CACHE_HOME to one that is, or give `--home DIR`")
}

/// Says whether a host lives for the database of this folder: somebody tries what a demo proposed.
fn is_worked_with(home: &Path) -> bool {
    match File::open(home.join("modelscan.db.lock")) {
        Ok(lock) => lock.try_lock_shared().is_err(),
        Err(_) => false,
    }
}

/// Takes away folders of earlier demos that nobody uses, but for the newest. What cannot be taken away
/// stays.
fn take_away_old(above: &Path) {
    let Ok(entries) = fs::read_dir(above) else { return };
    let mut unused: Vec<(std::time::SystemTime, PathBuf, File)> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| {
            // Only what a demo made is taken away: it holds the file that says so.
            let in_use = File::open(entry.path().join(IN_USE)).ok()?;
            in_use.try_lock().ok()?;
            if is_worked_with(&entry.path().join("home")) {
                return None;
            }
            let made = in_use.metadata().ok()?.modified().ok()?;
            Some((made, entry.path(), in_use))
        })
        .collect();
    unused.sort_by_key(|(made, _, _)| std::cmp::Reverse(*made));
    for (_, folder, _in_use) in unused.into_iter().skip(KEPT) {
        let _stays = fs::remove_dir_all(folder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_uses_is_taken_away() {
        let above = tempfile::tempdir().unwrap();
        let demo = |name: &str| {
            let home = above.path().join(name).join("home");
            fs::create_dir_all(&home).unwrap();
            File::create(home.join("modelscan.db.lock")).unwrap();
            File::create(above.path().join(name).join(IN_USE)).unwrap()
        };
        let playing = demo("playing");
        playing.try_lock().unwrap();
        demo("tried");
        let host = File::open(above.path().join("tried/home/modelscan.db.lock")).unwrap();
        host.try_lock().unwrap();
        fs::create_dir(above.path().join("not a demo")).unwrap();
        (0..3).for_each(|number| drop(demo(&format!("old{number}"))));
        take_away_old(above.path());
        let mut left: Vec<String> = fs::read_dir(above.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left.len(), 3 + KEPT, "{left:?}");
        for kept in ["not a demo", "playing", "tried"] {
            assert!(left.iter().any(|name| name == kept), "{left:?}");
        }
    }
}
