//! The places of a host: folders that are its user's own, the socket and its name, the log.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use crate::config::Places;
use crate::error::{Error, Kind};

/// The name of the host's log.
pub(super) const LOG: &str = "host.log";

/// A log that is longer when a host starts is put aside; one that was put aside before is lost.
const LOG_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// Makes the folders that a database and its host need.
///
/// # Errors
/// If one cannot be made, or others than its owner may write there.
pub fn make_folders(places: &Places) -> Result<(), Error> {
    let socket = socket(places);
    for folder in
        [places.data_dir(), &places.outputs, &places.logs, socket.parent().unwrap_or(Path::new("/"))]
    {
        make_folder(folder)?;
    }
    refuse_network(places.data_dir())
}

/// Refuses a database that other machines may write, too: neither its log nor its lock holds there.
fn refuse_network(folder: &Path) -> Result<(), Error> {
    // `9p` is what some containers show for a disk of their own machine. What cannot be looked at is no network.
    match process::filesystem::network(folder) {
        Ok(Some(name)) if name != "9p" => Err(Error::new(
            Kind::BadInput,
            format!("the folder `{}` is on a network file system ({name})", folder.display()),
        )
        .hint("name a folder on a disk of this machine with `--home DIR` or MODELSCAN_HOME")),
        _ => Ok(()),
    }
}

/// Makes one folder, and those above it, that only its owner may enter.
///
/// # Errors
/// If it cannot be made, or others than its owner may write there.
pub fn make_folder(folder: &Path) -> Result<(), Error> {
    let fail = |error: io::Error| {
        let kind = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Kind::StoreFull,
            io::ErrorKind::ReadOnlyFilesystem => Kind::StoreReadOnly,
            _ => Kind::BadInput,
        };
        Error::new(kind, format!("make the folder `{}`: {error}", folder.display()))
            .hint("name another folder with `--home DIR` or MODELSCAN_HOME")
    };
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(fail)?;
    let found = std::fs::metadata(folder).map_err(fail)?;
    let refused = |what: &str| {
        Error::new(Kind::Denied, format!("the folder `{}` {what}", folder.display()))
            .hint("use a folder of your own that nobody else may write")
    };
    if found.uid() != process::peer::own_uid() {
        return Err(refused("belongs to somebody else"));
    }
    if found.mode() & 0o022 != 0 {
        return Err(refused("may be written by others"));
    }
    Ok(())
}

/// Returns where the socket of this database lies: its usual place, or a short one if that is too long.
pub fn socket(places: &Places) -> PathBuf {
    process::socket::fitting_path(&places.socket, &places.runtime)
}

/// Returns where the socket of this database was last: as the lock file says, which counts if the host that
/// wrote it still answers.
pub fn published_socket(places: &Places) -> PathBuf {
    match process::lock::published(&places.lock) {
        Ok(text) if text.starts_with('/') => PathBuf::from(text.trim_end()),
        Ok(_) | Err(_) => socket(places),
    }
}

/// Returns why a lock cannot be taken: a disk that takes nothing is told as such.
pub fn lock_error(error: &process::lock::LockError) -> Error {
    let source = std::error::Error::source(error);
    let why = source.map_or_else(String::new, |source| format!(": {source}"));
    let kind = source.and_then(|source| source.downcast_ref::<io::Error>()).map(io::Error::kind);
    let (kind, hint) = match kind {
        Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => {
            (Kind::StoreFull, "make room on the disk and run the command again")
        }
        _ => (Kind::StoreReadOnly, "look at the rights of that folder"),
    };
    Error::new(kind, format!("{error}{why}")).hint(hint)
}

/// Listens on the socket; only the holder of the lock may.
///
/// # Errors
/// If the folder cannot be written.
pub(super) fn listen(path: &Path) -> Result<UnixListener, Error> {
    process::socket::bind(path).map_err(|error| {
        Error::new(Kind::HostUnreachable, format!("listen on `{}`: {error}", path.display()))
            .hint("look at the rights of that folder and at the room on its disk")
    })
}

/// Says whether the path still names the socket that was bound: device and inode.
pub(super) fn identity(path: &Path) -> Option<(u64, u64)> {
    std::fs::symlink_metadata(path).ok().map(|found| (found.dev(), found.ino()))
}

/// Opens the host's log for appending; a long one is put aside first.
///
/// # Errors
/// If the folder cannot be written.
pub(super) fn open_log(places: &Places) -> Result<File, Error> {
    let path = places.logs.join(LOG);
    if std::fs::metadata(&path).is_ok_and(|log| log.len() > LOG_BYTES_MAX) {
        let _ = std::fs::rename(&path, places.logs.join("host.log.1"));
    }
    File::options().append(true).create(true).mode(0o600).open(&path).map_err(|error| {
        Error::new(Kind::StoreFull, format!("open the log `{}`: {error}", path.display()))
            .hint("look at the rights of that folder and at the room on its disk")
    })
}
