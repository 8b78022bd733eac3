//! The one error of the faces, and the one table of kinds: exit code and JSON-RPC code.

use std::fmt;
use std::path::Path;

use runtime::operations::OperationError;
use wire::views::{ErrorBody, ErrorView};

/// Defines the kinds: word, exit code (contract, section 1) and JSON-RPC code (`data.kind` carries
/// the word there).
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $word:literal, exit $exit:literal, rpc $rpc:literal;)+) => {
        /// What kind of error it is: a stable word for programs.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Kind { $($(#[$doc])* $kind),+ }

        impl Kind {
            /// All kinds, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$kind),+];

            /// Returns the word.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$kind => $word),+ }
            }

            /// Returns the exit code of a command that ends with it.
            pub const fn exit_code(self) -> u8 {
                match self { $(Self::$kind => $exit),+ }
            }

            /// Returns the JSON-RPC code of an answer that carries it.
            pub const fn json_rpc_code(self) -> i32 {
                match self { $(Self::$kind => $rpc),+ }
            }

            /// Returns the kind with this word.
            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|kind| kind.as_str() == word)
            }
        }
    };
}

kinds! {
    /// The command line is wrong.
    Usage = "usage", exit 2, rpc -32602;
    /// What was given cannot be used: a text, a folder, a JSON value.
    BadInput = "bad_input", exit 2, rpc -32602;
    /// What was given is larger than allowed.
    TooLarge = "too_large", exit 2, rpc -32602;
    /// The beginning or end of an id fits several.
    AmbiguousId = "ambiguous_id", exit 2, rpc -32602;
    /// The configuration cannot be used.
    ConfigError = "config_error", exit 2, rpc -32603;
    /// A state does not allow it: resuming what is not paused.
    NotAllowed = "not_allowed", exit 2, rpc -32602;
    /// There is no such task.
    TaskNotFound = "task_not_found", exit 4, rpc -32002;
    /// There is no such agent.
    UnknownAgent = "unknown_agent", exit 4, rpc -32002;
    /// There is no such skill.
    UnknownSkill = "unknown_skill", exit 4, rpc -32002;
    /// There is no such thing of another kind.
    NotFound = "not_found", exit 4, rpc -32002;
    /// The one who asks may not.
    Denied = "denied", exit 5, rpc -32003;
    /// No host answers and none could be started; safe to repeat.
    HostUnreachable = "host_unreachable", exit 8, rpc -32004;
    /// The host went away before it answered; what was asked may have been done.
    OutcomeUnknown = "outcome_unknown", exit 8, rpc -32004;
    /// The database is damaged, or is none.
    StoreDamaged = "store_damaged", exit 9, rpc -32005;
    /// There is no room left on the disk.
    StoreFull = "store_full", exit 9, rpc -32005;
    /// The database cannot be written.
    StoreReadOnly = "store_read_only", exit 9, rpc -32005;
    /// The database was written by a newer program.
    StoreNewer = "store_newer", exit 9, rpc -32005;
    /// The database did not answer in time.
    StoreBusy = "store_busy", exit 9, rpc -32005;
    /// The answer could not be written to stdout.
    OutputFailed = "output_failed", exit 2, rpc -32603;
    /// Too much is under way; safe to repeat.
    Busy = "busy", exit 8, rpc -32004;
    /// Our own fault.
    Internal = "internal", exit 70, rpc -32603;
    /// The wait ended before the task did.
    WaitEnded = "wait_ended", exit 124, rpc -32603;
    /// The command was interrupted.
    Interrupted = "interrupted", exit 130, rpc -32603;
}

/// Why a command or a call ended without its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// What kind of error it is.
    pub kind: Kind,
    /// What happened and where.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
}

impl Error {
    /// Returns an error of this kind with these words.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None }
    }

    /// Returns an error that is our own fault.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Kind::Internal, message).hint(
            "this is a bug in modelscan: please report it with this message and the output of `modelscan version`",
        )
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says which database it is about, if it is about one and does not say so.
    #[must_use]
    pub fn about(mut self, database: &Path) -> Self {
        let is_of_store = matches!(
            self.kind,
            Kind::StoreDamaged | Kind::StoreFull | Kind::StoreReadOnly | Kind::StoreNewer | Kind::StoreBusy
        );
        let place = database.display().to_string();
        if is_of_store && !self.message.contains(&place) {
            self.message = format!("`{place}`: {}", self.message);
        }
        self
    }

    /// Returns the error as `--json` shows it and as it crosses the host's socket.
    pub fn body(&self) -> ErrorBody {
        ErrorBody {
            kind: self.kind.as_str().to_owned(),
            message: self.message.clone(),
            hint: self.hint.clone(),
            exit_code: self.kind.exit_code(),
        }
    }

    /// Returns what stands on stdout in place of an answer.
    pub fn view(&self) -> ErrorView {
        ErrorView { error: self.body() }
    }
}

impl From<ErrorBody> for Error {
    /// Takes an error that came over the socket; a kind that is not known here is our own fault.
    fn from(body: ErrorBody) -> Self {
        let kind = Kind::from_word(&body.kind).unwrap_or(Kind::Internal);
        Self { kind, message: body.message, hint: body.hint }
    }
}

impl From<OperationError> for Error {
    fn from(error: OperationError) -> Self {
        if let OperationError::Store { message, hint, source } = &error
            && let Some(cause) = source.as_ref().and_then(|source| source.downcast_ref::<store::Error>())
        {
            let inner = Self::of_store(cause);
            // The operation often says no more than the store itself did.
            let says_all = inner.message.starts_with(message.as_str());
            let message = if says_all { inner.message } else { format!("{message}: {}", inner.message) };
            return Self { message, hint: inner.hint.or_else(|| hint.clone()), ..inner };
        }
        let kind = match &error {
            OperationError::BadInput { .. } => Kind::BadInput,
            OperationError::TooLarge { .. } => Kind::TooLarge,
            OperationError::NotFound { noun, .. } => match *noun {
                "task" => Kind::TaskNotFound,
                "agent" => Kind::UnknownAgent,
                "skill" => Kind::UnknownSkill,
                _ => Kind::NotFound,
            },
            OperationError::Ambiguous { .. } => Kind::AmbiguousId,
            OperationError::WrongState { .. } => Kind::NotAllowed,
            OperationError::Denied { .. } => Kind::Denied,
            OperationError::Busy { .. } => Kind::Busy,
            OperationError::HostEnding => Kind::HostUnreachable,
            OperationError::Store { .. } => Kind::StoreDamaged,
            OperationError::Fault { message } => return Self::internal(message.clone()),
        };
        Self { kind, message: with_causes(&error), hint: error.hint() }
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        Self::of_store(&error)
    }
}

impl Error {
    /// Returns an error of the store, in words for people.
    fn of_store(error: &store::Error) -> Self {
        let (kind, hint) = match error {
            store::Error::NotOurs { .. } => {
                (Kind::StoreDamaged, "name another place with `--set store.path=FILE` or `--home DIR`")
            }
            store::Error::Newer { .. } => {
                (Kind::StoreNewer, "use the newer modelscan that wrote it; it was left untouched")
            }
            store::Error::Missing { .. } | store::Error::Replaced { .. } => {
                (Kind::StoreDamaged, "put the file back, or stop the host and start it again")
            }
            store::Error::Damaged { .. } | store::Error::Row { .. } => (
                Kind::StoreDamaged,
                "keep the file with its `-wal` and `-shm` beside it, and put a copy from before in its place",
            ),
            store::Error::ReadOnly(_) => {
                (Kind::StoreReadOnly, "give this user the right to write the database and its folder")
            }
            store::Error::Full(_) => (Kind::StoreFull, "make room on the disk and run the command again"),
            store::Error::Busy(_) | store::Error::TurnLost => (Kind::StoreBusy, "run the command again"),
            store::Error::OutcomeUnknown(_) => {
                (Kind::OutcomeUnknown, "look with `modelscan task list --all` whether it was done")
            }
            store::Error::Access { source, .. } => match source.kind() {
                std::io::ErrorKind::StorageFull => {
                    (Kind::StoreFull, "make room on the disk and run the command again")
                }
                _ => (
                    Kind::StoreReadOnly,
                    "give this user the right to read and write the database and its folder",
                ),
            },
            store::Error::Bug { .. } => return Self::internal(with_causes(error)),
        };
        Self { kind, message: with_causes(error), hint: Some(hint.to_owned()) }
    }
}

/// Returns an error's words and those of its causes, each once.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut last = text.clone();
    let mut next = error.source();
    while let Some(cause) = next {
        let words = cause.to_string();
        // A cause that repeats what was said before, with a number in front, says nothing new.
        if !text.contains(&words) && !words.ends_with(&last) {
            last.clone_from(&words);
            text.push_str(": ");
            text.push_str(&words);
        }
        next = cause.source();
    }
    text
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests;
