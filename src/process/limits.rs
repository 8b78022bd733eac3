//! Resource limits of this process that its children inherit.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The soft limit of open files before and after it was raised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenFiles {
    /// What the process was started with; its children get this back. `None`: unlimited.
    pub before: Option<u64>,
    /// What it has now.
    pub now: Option<u64>,
}

/// Raises the soft limit of open files to the hard one.
///
/// # Errors
/// The system refuses.
pub fn raise_open_files() -> io::Result<OpenFiles> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if limit.current != limit.maximum {
        setrlimit(Resource::Nofile, raised)?;
    }
    Ok(OpenFiles { before: limit.current, now: raised.current })
}

/// Returns the soft limit of open files; `None` is unlimited.
#[must_use]
pub fn open_files() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

/// Sets the soft limit of open files, at most to the hard one.
pub(crate) fn set_open_files(soft: u64) -> io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let current = limit.maximum.map_or(soft, |maximum| soft.min(maximum));
    Ok(setrlimit(Resource::Nofile, Rlimit { current: Some(current), maximum: limit.maximum })?)
}

/// Limits the private writable memory of this process and its children.
pub(crate) fn set_data(bytes: u64) -> io::Result<()> {
    let limit = getrlimit(Resource::Data);
    let bytes = limit.maximum.map_or(bytes, |maximum| bytes.min(maximum));
    Ok(setrlimit(Resource::Data, Rlimit { current: Some(bytes), maximum: Some(bytes) })?)
}
