//! The host's Unix socket: a path that fits, a folder that is private, a name without a gap.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, fchmod};
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind as bind_to, listen, socket_with,
};

/// What the system's address holds.
pub const PATH_BYTES_MAX: usize = 107;

/// What is put behind the name while the socket is being made.
const NEW_SUFFIX: &str = ".new";

/// The kernel cuts this down to its own limit.
const BACKLOG: i32 = 4096;

/// Returns `wanted` if it fits into a socket's address, else a short path below `runtime` that is
/// the same for the same `wanted`. The caller tells others which it was.
#[must_use]
pub fn fitting_path(wanted: &Path, runtime: &Path) -> PathBuf {
    if fits(wanted) {
        return wanted.to_owned();
    }
    let name = format!("modelscan-{:016x}", fingerprint(wanted.as_os_str().as_bytes()));
    let short = runtime.join(&name).join("host.sock");
    if fits(&short) {
        return short;
    }
    let user = rustix::process::geteuid().as_raw();
    Path::new("/tmp").join(format!("modelscan-{user}")).join(name).join("host.sock")
}

fn fits(path: &Path) -> bool {
    path.as_os_str().len() + NEW_SUFFIX.len() <= PATH_BYTES_MAX
}

/// FNV-1a: short, and the same in every version.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Makes a folder, and those above it, that only its owner may enter; refuses one that is not so.
///
/// # Errors
/// It cannot be made, is a link, or belongs to somebody else or to more than its owner.
pub fn private_folder(path: &Path) -> io::Result<()> {
    if let Some(parent) = path.parent()
        && !parent.exists()
    {
        DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
    }
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let found = std::fs::symlink_metadata(path)?;
    if !found.is_dir() || found.uid() != rustix::process::geteuid().as_raw() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "the folder belongs to somebody else"));
    }
    if found.mode() & 0o077 != 0 {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "others may enter the folder"));
    }
    Ok(())
}

/// Binds a listener with mode 0600 under another name and moves it over `path`: no gap, and
/// whatever lay there is gone. Only the holder of the database's lock may do this.
///
/// The listener is non-blocking.
///
/// # Errors
/// The path does not fit, or the folder cannot be written.
pub fn bind(path: &Path) -> io::Result<UnixListener> {
    let mut new = path.as_os_str().to_owned();
    new.push(NEW_SUFFIX);
    let new = PathBuf::from(new);
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    fchmod(&socket, Mode::from_raw_mode(0o600))?;
    match std::fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    bind_to(&socket, &SocketAddrUnix::new(new.as_os_str().as_bytes())?)?;
    listen(&socket, BACKLOG)?;
    std::fs::rename(&new, path)?;
    Ok(UnixListener::from(socket))
}

/// Whether the other side of a connection has closed it for both directions, as it does when its process
/// ends: what is written now reaches nobody, though what it said before may still be unread.
#[must_use]
pub fn is_closed_by_peer(stream: &UnixStream) -> bool {
    let mut watched = [PollFd::new(stream, PollFlags::empty())];
    // What is not asked for is told nevertheless: a hang-up, an error.
    let polled = poll(&mut watched, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
    polled.is_ok() && watched[0].revents().intersects(PollFlags::HUP | PollFlags::ERR)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::os::unix::net::UnixStream;

    #[test]
    fn a_path_that_fits_is_kept() {
        let runtime = Path::new("/run/user/1000");
        let path = |length: usize| PathBuf::from(format!("/{}", "x".repeat(length - 1)));
        assert_eq!(fitting_path(&path(103), runtime), path(103));
        let short = fitting_path(&path(104), runtime);
        assert!(short.starts_with(runtime) && short.as_os_str().len() <= 103);
        assert_eq!(short, fitting_path(&path(104), runtime));
        assert_ne!(short, fitting_path(&path(105), runtime));
        let short = fitting_path(&path(104), &path(90));
        assert!(short.starts_with("/tmp") && short.as_os_str().len() <= 103);
    }

    #[test]
    fn the_socket_is_private_and_replaces_what_lay_there() {
        let folder = tempfile::Builder::new().prefix("s").tempdir_in("/tmp").unwrap();
        let private = folder.path().join("p");
        private_folder(&private).unwrap();
        private_folder(&private).unwrap();
        let path = private.join("host.sock");
        std::fs::write(&path, "a plain file").unwrap();
        drop(bind(&path).unwrap());
        let listener = bind(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        listener.set_nonblocking(false).unwrap();
        let mut client = UnixStream::connect(&path).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        client.write_all(b"x").unwrap();
        let mut byte = [0u8; 1];
        server.read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"x");
    }

    #[test]
    fn a_folder_that_others_may_enter_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let open = folder.path().join("open");
        std::fs::create_dir(&open).unwrap();
        std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(private_folder(&open).is_err());
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/", &link).unwrap();
        assert!(private_folder(&link).is_err());
    }
}
