//! What every command is given, and how it gets at the configuration and at the store.

use std::cell::RefCell;
use std::path::Path;

use domain::{Clock as _, TaskId, TaskState};
use runtime::operations::{self, OperationError, Reading};
use wire::control::Ask;
use wire::views::TaskSummary;

use super::output::Output;
use crate::config::{self, Choices, Environment, Loaded};
use crate::error::{Error, Kind};
use crate::serve::client::Session;
use crate::system::SystemClock;

/// What every command is given.
pub struct Context<'a> {
    /// The environment of the process.
    pub env: &'a Environment,
    /// What the command line says about the configuration.
    pub choices: Choices,
    /// The way out.
    pub out: Output,
}

impl Context<'_> {
    /// Reads the configuration.
    ///
    /// # Errors
    /// If it cannot be used.
    pub fn load(&self) -> Result<Loaded, Error> {
        config::load(self.env, &self.choices)
    }

    /// Reads the configuration for a command that has to work although it is broken, and says so.
    ///
    /// # Errors
    /// If there is no place for files at all.
    pub fn load_in_spite(&self) -> Result<Loaded, Error> {
        let loaded = config::load_lenient(self.env, &self.choices)?;
        if let Some(problem) = &loaded.problem {
            self.out.warning(&problem.message, problem.hint.as_deref());
        }
        Ok(loaded)
    }

    /// Returns the directory that the command works in.
    ///
    /// # Errors
    /// If it is gone, or its name is not UTF-8.
    pub fn cwd(&self) -> Result<&str, Error> {
        let cwd = self.env.cwd().ok_or_else(|| {
            Error::new(Kind::BadInput, "the working directory is gone or may not be read")
                .hint("change to a folder that exists, or name one with `--cwd DIR`")
        })?;
        text_of(cwd)
    }

    /// Refuses what only a person may decide, below an agent.
    ///
    /// # Errors
    /// `Denied` if this process runs below a guard.
    pub fn refuse_below_guard(&self, what: &str) -> Result<(), Error> {
        if !process::peer::own_standing().is_free() {
            return Err(Error::new(Kind::Denied, format!("{what} is not for an agent to decide"))
                .hint("ask a person to run it in a terminal"));
        }
        Ok(())
    }
}

/// Returns a path as text.
///
/// # Errors
/// `BadInput` if its name is not UTF-8: tasks keep their folder as text.
pub fn text_of(path: &Path) -> Result<&str, Error> {
    path.to_str().ok_or_else(|| {
        Error::new(Kind::BadInput, format!("the name of the folder `{}` is not UTF-8 text", path.display()))
            .hint("use a folder whose name is UTF-8")
    })
}

/// The store, opened once for reading.
pub struct Books<'a> {
    loaded: &'a Loaded,
    place: store::Place,
    reader: RefCell<Opened>,
}

/// What a reader reads.
enum Opened {
    /// There was no database: nothing, until there is one.
    Nothing(store::Reader),
    /// The database.
    Database(store::Reader),
}

impl<'a> Books<'a> {
    /// Opens the store for reading; one that is not there yet is empty.
    ///
    /// # Errors
    /// If it is damaged, newer than this program, or may not be read.
    pub fn open(loaded: &'a Loaded) -> Result<Self, Error> {
        let place =
            store::Place { database: loaded.places.database.clone(), outputs: loaded.places.outputs.clone() };
        let reader = RefCell::new(Opened::at(&place).map_err(|error| error.about(&place.database))?);
        Ok(Self { loaded, place, reader })
    }

    /// Reads something.
    ///
    /// # Errors
    /// What the operation refuses.
    pub fn read<T>(
        &self,
        operation: impl FnOnce(&Reading<'_>) -> Result<T, OperationError>,
    ) -> Result<T, Error> {
        self.read_opened(operation).map_err(|error| error.about(&self.place.database))
    }

    fn read_opened<T>(
        &self,
        operation: impl FnOnce(&Reading<'_>) -> Result<T, OperationError>,
    ) -> Result<T, Error> {
        let created = matches!(*self.reader.borrow(), Opened::Nothing(_)) && self.place.database.exists();
        if created {
            *self.reader.borrow_mut() = Opened::at(&self.place)?;
        }
        let opened = self.reader.borrow();
        let (Opened::Nothing(reader) | Opened::Database(reader)) = &*opened;
        let view = reader.snapshot()?;
        let reading =
            Reading { view: &view, config: &self.loaded.config, place: &self.place, now: SystemClock.now() };
        operation(&reading).map_err(Error::from)
    }

    /// Returns the id of the task that was named.
    ///
    /// # Errors
    /// If it names none, or several.
    pub fn find(&self, env: &Environment, text: &str) -> Result<TaskId, Error> {
        let cwd = env.cwd().and_then(Path::to_str);
        self.read(|reading| operations::task_find(reading, text, cwd))
    }
}

impl Opened {
    fn at(place: &store::Place) -> Result<Self, Error> {
        let checked = store::preflight(place.clone())?;
        Ok(match checked.found() {
            store::Found::Nothing => Self::Nothing(store::Reader::open_or_empty(&checked)?),
            store::Found::Database => Self::Database(store::Reader::open(&checked)?),
        })
    }
}

/// Starts a host if one of the tasks is in progress and nobody alive works on it: a status must not lie
/// for long. What goes wrong with that is told, and is no error of the command.
pub fn look_after<'t>(ctx: &Context<'_>, loaded: &Loaded, tasks: impl IntoIterator<Item = &'t TaskSummary>) {
    let in_progress = tasks.into_iter().any(|task| is_in_progress(&task.state));
    if in_progress && let Err(error) = Session::new(ctx.env, loaded).look_after() {
        ctx.out.warning(&error.message, error.hint.as_deref());
    }
}

/// Says whether a task in this state is being worked on, or will be by itself.
fn is_in_progress(state: &str) -> bool {
    let goes_on =
        |state: TaskState| state.is_active() || matches!(state, TaskState::Ready | TaskState::Waiting);
    state.parse().is_ok_and(goes_on)
}

/// Asks the host and reads its answer.
///
/// # Errors
/// What was refused.
pub fn ask<T: serde::de::DeserializeOwned>(ctx: &Context<'_>, loaded: &Loaded, ask: Ask) -> Result<T, Error> {
    read_answer(Session::new(ctx.env, loaded).call(ask)?)
}

/// Reads a host's answer.
///
/// # Errors
/// If it is not what was asked for, which is our own fault.
pub fn read_answer<T: serde::de::DeserializeOwned>(answer: serde_json::Value) -> Result<T, Error> {
    serde_json::from_value(answer)
        .map_err(|error| Error::internal(format!("the host's answer cannot be read: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Alone;
    impl store::ExclusiveAccess for Alone {}

    #[test]
    fn a_database_that_is_made_later_is_read() {
        let home = tempfile::tempdir().unwrap();
        let env = Environment::made_of([("MODELSCAN_HOME", home.path())], None);
        let loaded = config::load(&env, &Choices::default()).unwrap();
        let books = Books::open(&loaded).unwrap();
        assert_eq!(books.read(operations::last_seq).unwrap(), 0);
        assert!(matches!(*books.reader.borrow(), Opened::Nothing(_)));
        let checked = store::preflight(books.place.clone()).unwrap();
        let opening = store::Opening { binary: "test", now: SystemClock.now() };
        let _writer = store::Writer::open(&checked, Alone, opening).unwrap();
        assert_eq!(books.read(operations::last_seq).unwrap(), 0);
        assert!(matches!(*books.reader.borrow(), Opened::Database(_)));
    }
}
