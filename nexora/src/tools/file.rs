//! Files opened so that nothing can hold us: only regular ones, never waiting for a peer, and only as
//! much of them as was asked for.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// How much of a file is looked at to tell text from data.
pub(super) const PROBE_BYTES: usize = 8 * 1024;

/// `O_NONBLOCK`, without which opening a FIFO waits for a writer. The check of the kind comes first,
/// but the name may be another file by then.
#[cfg(all(
    target_os = "linux",
    not(any(target_arch = "mips", target_arch = "mips64", target_arch = "sparc64"))
))]
const NONBLOCK: i32 = 0o4000;
#[cfg(any(target_os = "macos", target_os = "freebsd"))]
const NONBLOCK: i32 = 0x4;
#[cfg(not(any(
    all(
        target_os = "linux",
        not(any(target_arch = "mips", target_arch = "mips64", target_arch = "sparc64"))
    ),
    target_os = "macos",
    target_os = "freebsd"
)))]
const NONBLOCK: i32 = 0;

/// Whether a link as the last part of a path is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Links {
    /// As the caller named the file.
    Follow,
    /// What a walk found.
    Refuse,
}

/// Opens a regular file for reading.
pub(super) fn open_regular(path: &Path, links: Links) -> io::Result<(File, Metadata)> {
    let before = match links {
        Links::Follow => std::fs::metadata(path)?,
        Links::Refuse => std::fs::symlink_metadata(path)?,
    };
    if !before.is_file() {
        return Err(not_regular(&before));
    }
    open_checked(path)
}

/// Opens what a walk has just seen as a regular file: one look less than [`open_regular`].
pub(super) fn open_walked(path: &Path) -> io::Result<(File, Metadata)> {
    open_checked(path)
}

fn open_checked(path: &Path) -> io::Result<(File, Metadata)> {
    let file = OpenOptions::new().read(true).custom_flags(NONBLOCK).open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_file() { Ok((file, metadata)) } else { Err(not_regular(&metadata)) }
}

fn not_regular(metadata: &Metadata) -> io::Error {
    if metadata.is_dir() {
        io::Error::new(io::ErrorKind::IsADirectory, "is a directory")
    } else {
        io::Error::new(io::ErrorKind::InvalidInput, "is not a regular file")
    }
}

/// Whether these first bytes of a file are data rather than text.
pub(super) fn is_binary(start: &[u8]) -> bool {
    start.iter().take(PROBE_BYTES).any(|byte| *byte == 0)
}

/// Fills `buffer` from its present end up to `length` bytes, or to the end of the file.
pub(super) fn fill(file: &mut File, buffer: &mut Vec<u8>, length: usize) -> io::Result<()> {
    let mut filled = buffer.len();
    buffer.resize(length.max(filled), 0);
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                buffer.truncate(filled);
                return Err(error);
            }
        }
    }
    buffer.truncate(filled);
    Ok(())
}

/// The text of a small file: manifests, licences, ignore rules.
pub(super) struct Small {
    pub(super) text: String,
}

/// Reads a regular file of at most `bytes_max`; a larger one is cut there. Bytes that are not UTF-8
/// are replaced.
pub(super) fn read_small(path: &Path, bytes_max: usize) -> io::Result<Small> {
    let (mut file, metadata) = open_walked(path)?;
    let length = usize::try_from(metadata.len()).unwrap_or(usize::MAX).min(bytes_max);
    let mut bytes = Vec::new();
    fill(&mut file, &mut bytes, length)?;
    Ok(Small { text: String::from_utf8_lossy(&bytes).into_owned() })
}
