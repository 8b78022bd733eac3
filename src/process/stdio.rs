//! The three standard streams of a process that speaks a protocol, or writes into a pipe whose
//! reader may leave.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::stdio as raw;

/// Takes stdout for a protocol: returns it as a file and lets everything else that is written to
/// stdout go to stderr, so that a stray print cannot break the protocol.
///
/// # Errors
/// No descriptor is free.
pub fn take_protocol_stdout() -> io::Result<File> {
    let taken = io::stdout().as_fd().try_clone_to_owned()?;
    raw::dup2_stdout(raw::stderr())?;
    Ok(File::from(taken))
}

/// Returns a copy of stdin as a file, unbuffered, for one owner.
///
/// # Errors
/// No descriptor is free.
pub fn protocol_stdin() -> io::Result<File> {
    Ok(File::from(io::stdin().as_fd().try_clone_to_owned()?))
}

/// Puts `log` in the place of stdout and stderr.
///
/// # Errors
/// The system refuses.
pub fn redirect_output(log: &File) -> io::Result<()> {
    raw::dup2_stdout(log)?;
    raw::dup2_stderr(log)?;
    Ok(())
}

/// What became of text for a reader who may have left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// All of it.
    Whole,
    /// The reader closed its end: nothing more needs to be said, and it is no error.
    ReaderGone,
}

/// Writes and flushes; a reader who has left is an answer, not an error.
///
/// # Errors
/// Any other failure, such as a full disk.
pub fn write(to: &mut impl Write, bytes: &[u8]) -> io::Result<Written> {
    match to.write_all(bytes).and_then(|()| to.flush()) {
        Ok(()) => Ok(Written::Whole),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Written::ReaderGone),
        Err(error) => Err(error),
    }
}

/// Blocks until nobody can read any more what is written to `to`. For a file that is never.
///
/// # Errors
/// The system refuses.
pub fn wait_reader_gone(to: &impl AsFd) -> io::Result<()> {
    loop {
        let mut watched = [PollFd::new(to, PollFlags::empty())];
        match poll(&mut watched, None) {
            // Nothing was asked for: what is told is the end.
            Ok(count) if count > 0 => return Ok(()),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Returns how many columns the terminal behind stderr has, if it is one.
#[must_use]
pub fn terminal_columns() -> Option<u16> {
    if !io::stderr().is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(raw::stderr()).ok()?;
    (size.ws_col > 0).then_some(size.ws_col)
}

/// Returns how many bytes fit into a pipe before its writer waits.
///
/// # Errors
/// The descriptor is no pipe.
pub fn pipe_bytes(pipe: &impl AsFd) -> io::Result<usize> {
    Ok(rustix::pipe::fcntl_getpipe_size(pipe)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_who_left_is_no_error() {
        let (reader, mut writer) = io::pipe().unwrap();
        assert_eq!(write(&mut writer, b"one").unwrap(), Written::Whole);
        assert!(pipe_bytes(&writer).unwrap() >= 4096);
        let leaving = std::thread::spawn(move || drop(reader));
        wait_reader_gone(&writer).unwrap();
        leaving.join().unwrap();
        assert_eq!(write(&mut writer, b"two").unwrap(), Written::ReaderGone);
    }
}
