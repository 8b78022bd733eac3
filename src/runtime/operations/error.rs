//! Why an operation was not done, by what the caller can do about it.

use domain::TaskState;

/// An operation that was refused or failed. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OperationError {
    /// What was given cannot be right: repair it.
    #[error("{message}")]
    BadInput {
        /// What is wrong and where.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// It is larger than it may be.
    #[error("{what} has {bytes} bytes; at most {bytes_max} are taken")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// How large it is.
        bytes: u64,
        /// How large it may be.
        bytes_max: u64,
    },
    /// There is no such thing.
    #[error("there is no {noun} `{id}`")]
    NotFound {
        /// `task`, `agent` or `skill`.
        noun: &'static str,
        /// What was asked for.
        id: String,
        /// What to do.
        hint: Option<String>,
    },
    /// A short id fits several tasks.
    #[error("`{id}` fits {count} tasks or more")]
    Ambiguous {
        /// What was given.
        id: String,
        /// How many it fits.
        count: usize,
        /// The first of them.
        examples: Vec<String>,
    },
    /// The task does not stand where this is possible.
    #[error("task {id} is `{state}`: {message}")]
    WrongState {
        /// The task.
        id: String,
        /// Where it stands.
        state: TaskState,
        /// Why that does not do.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// It is not allowed.
    #[error("{message}")]
    Denied {
        /// What is not allowed.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// Too much is under way: ask again later.
    #[error("{message}")]
    Busy {
        /// What is full.
        message: String,
    },
    /// The host ends: ask the next one. Whether the order was taken is not known if it had been handed over.
    #[error("the host is ending")]
    HostEnding,
    /// The store cannot be read or written.
    #[error("{message}")]
    Store {
        /// What was being done.
        message: String,
        /// What to do.
        hint: Option<String>,
        /// The store's own error.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// Our own fault.
    #[error("{message}")]
    Fault {
        /// What went wrong.
        message: String,
    },
}

impl OperationError {
    /// Returns the stable word for programs.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::BadInput { .. } => "bad_input",
            Self::TooLarge { .. } => "too_large",
            Self::NotFound { noun, .. } => match *noun {
                "agent" => "agent_not_found",
                "skill" => "skill_not_found",
                _ => "task_not_found",
            },
            Self::Ambiguous { .. } => "ambiguous_id",
            Self::WrongState { .. } => "wrong_state",
            Self::Denied { .. } => "denied",
            Self::Busy { .. } => "busy",
            Self::HostEnding => "host_ending",
            Self::Store { .. } => "store",
            Self::Fault { .. } => "internal",
        }
    }

    /// Returns what to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::BadInput { hint, .. }
            | Self::NotFound { hint, .. }
            | Self::WrongState { hint, .. }
            | Self::Denied { hint, .. }
            | Self::Store { hint, .. } => hint.clone(),
            Self::TooLarge { .. } => Some("put it into a file and name the file in the prompt".to_owned()),
            Self::Ambiguous { examples, .. } => {
                Some(format!("give more digits, for example {}", examples.join(" or ")))
            }
            Self::Busy { .. } | Self::HostEnding => Some("ask again in a moment".to_owned()),
            Self::Fault { .. } => None,
        }
    }

    /// Returns a bad input with what to do.
    pub fn bad_input(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::BadInput { message: message.into(), hint: Some(hint.into()) }
    }
}

impl From<store::Error> for OperationError {
    fn from(error: store::Error) -> Self {
        let hint = match &error {
            store::Error::Missing { .. } => Some("submit a task: the first one makes the database"),
            store::Error::NotOurs { .. } => Some("name another file with `store.path`"),
            store::Error::Newer { .. } => Some("use the newer program that wrote it"),
            store::Error::Damaged { .. } | store::Error::Row { .. } | store::Error::Replaced { .. } => {
                Some("keep a copy of its folder, then restore a backup")
            }
            store::Error::Full(_) => Some("make room on the disk, then ask again"),
            store::Error::ReadOnly(_) => Some("let the database and its folder be written"),
            store::Error::Busy(_) => Some("ask again in a moment"),
            _ => None,
        };
        Self::Store {
            message: error.to_string(),
            hint: hint.map(str::to_owned),
            source: Some(Box::new(error)),
        }
    }
}

impl From<store::SubmitError> for OperationError {
    fn from(error: store::SubmitError) -> Self {
        match error {
            store::SubmitError::KeyConflict { .. } => {
                Self::bad_input(error.to_string(), "give another key, or none")
            }
            store::SubmitError::UnknownNeed(need) => {
                Self::NotFound { noun: "task", id: need.to_string(), hint: None }
            }
            store::SubmitError::Store(error) => error.into(),
        }
    }
}
