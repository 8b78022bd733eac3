//! The three standard streams of a process that speaks a protocol, or writes into a pipe whose
//! reader may leave.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt as _;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::stdio as raw;

/// What a pipe or a socket that has room takes at once (`PIPE_BUF` of pipe(7); a socket has room when a
/// quarter of its buffer is used at most).
const AT_ONCE_BYTES_MAX: usize = 4096;

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

/// A pipe or a socket that is written to without waiting, by its only writer.
#[derive(Debug)]
pub struct AtOnce(File);

impl AtOnce {
    /// Returns a way of writing at once to this stream; nothing if it is neither pipe nor socket, of which
    /// alone it is known when a write does not wait.
    pub fn to(stream: &impl AsFd) -> Option<Self> {
        let file = File::from(stream.as_fd().try_clone_to_owned().ok()?);
        let kind = file.metadata().ok()?.file_type();
        (kind.is_fifo() || kind.is_socket()).then_some(Self(file))
    }

    /// Writes what can be written without waiting and returns how much that was. Nothing, if there is no
    /// room or an error, which the plain write that follows meets again.
    pub fn write(&self, bytes: &[u8]) -> usize {
        let mut polled = [PollFd::new(&self.0, PollFlags::OUT)];
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        let fits = bytes.len() <= AT_ONCE_BYTES_MAX;
        if !fits || poll(&mut polled, Some(&at_once)).is_err() || polled[0].revents() != PollFlags::OUT {
            return 0;
        }
        (&self.0).write(bytes).unwrap_or(0)
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

    #[test]
    fn what_has_no_room_is_not_written_and_nobody_waits() {
        let line = [b'x'; 1000];
        let fill = |at_once: &AtOnce| {
            // Each write is taken whole or not at all, until nobody has read for long.
            let taken: Vec<usize> =
                (0..1_000_000).map(|_| at_once.write(&line)).take_while(|n| *n > 0).collect();
            assert!(!taken.is_empty() && taken.iter().all(|taken| *taken == line.len()));
            assert_eq!(at_once.write(&line), 0);
        };
        let (mut reader, writer) = io::pipe().unwrap();
        let at_once = AtOnce::to(&writer).unwrap();
        assert_eq!(at_once.write(&[0; AT_ONCE_BYTES_MAX + 1]), 0);
        fill(&at_once);
        io::Read::read_exact(&mut reader, &mut [0; 2 * AT_ONCE_BYTES_MAX]).unwrap();
        assert_eq!(at_once.write(&line), line.len(), "there is room again");
        drop(reader);
        assert_eq!(at_once.write(&line), 0);
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        let at_once = AtOnce::to(&ours).unwrap();
        fill(&at_once);
        drop(theirs);
        assert_eq!(at_once.write(&line), 0);
        assert!(AtOnce::to(&File::open("/dev/null").unwrap()).is_none());
    }
}
