//! A guard's duty from its first instruction to its last: receive the launch, start the child,
//! watch it, say how it ended. No runtime, no configuration, no logger.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, IoSliceMut, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use rustix::process::Pid;

use super::ladder::Prepared;
use super::message::{LAUNCH_BYTES_MAX, LaunchMessage, Report, Stage};
use crate::identity::Identity;
use crate::{descriptors, identity, limits, signals};

/// The one argument that makes this product's executable a guard.
pub const WORD: &str = "__guard";

/// What a guard is called in lists of processes; the kernel keeps 15 bytes.
const NAME: &str = "modelscan-guard";

/// What a guard's exit says when it never had a child: the launch did not arrive.
const EXIT_NO_LAUNCH: u8 = 70;

/// A host that does not read its guard's answers is waited for no longer than this.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// A program that is being written by somebody is tried again this often, 10 ms apart.
const BUSY_TRIES: u32 = 10;

/// Whether these arguments (the program's name first) ask for a guard.
///
/// `main` asks this before it does anything else.
#[must_use]
pub fn requested<I: IntoIterator<Item = OsString>>(args: I) -> bool {
    let mut rest = args.into_iter().skip(1);
    rest.next().is_some_and(|word| word == WORD) && rest.next().is_none()
}

/// Serves as a guard on stdin until nothing of the child is left.
///
/// Errors that nobody else can be told of are one line on stderr.
#[must_use]
pub fn run() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _unheard = writeln!(io::stderr(), "guard: {error}");
            ExitCode::from(EXIT_NO_LAUNCH)
        }
    }
}

/// What arrived: the message, the child's stdin and where to leave the end record.
struct Received {
    message: LaunchMessage,
    stdin: OwnedFd,
    end_file: Option<File>,
}

fn serve() -> io::Result<()> {
    descriptors::close_inherited()?;
    // Started by a link, it would be called `exe` in every list of processes.
    let _unnamed = std::fs::write("/proc/self/comm", NAME);
    signals::reset_inherited()?;
    let mut socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    socket.set_write_timeout(Some(ANSWER_TIMEOUT))?;
    let received = receive(&socket)?;
    // A guard that leads a group already is in a session of its own: nothing to gain.
    let _leader = rustix::process::setsid();
    identity::set_subreaper()?;
    let null = File::options().read(true).write(true).open("/dev/null")?;
    let end_file = received.end_file;
    let prepared = Prepared::new(socket.try_clone()?)?;
    // Once there is a child nothing may end this process before it.
    let (child, pid) = match start(received.message, received.stdin) {
        Ok(started) => started,
        Err((stage, error)) => {
            let errno = error.raw_os_error().unwrap_or(rustix::io::Errno::INVAL.raw_os_error());
            return answer(&mut socket, &Report::Failed { stage, errno });
        }
    };
    // From here on a signal to the guard ends the child first.
    let watch = prepared.begin(child, pid);
    // The agent's pipes must end with the agent: a guard that held them would hide their end.
    let _cannot_fail = rustix::stdio::dup2_stdin(&null);
    let _cannot_fail = rustix::stdio::dup2_stdout(&null);
    let _cannot_fail = rustix::stdio::dup2_stderr(&null);
    let _stays = std::env::set_current_dir("/");
    // A host that does not hear this is gone, and the watch sees that as well.
    let _unheard = answer(&mut socket, &Report::Started(child));
    let record = watch.attend();
    if let Some(mut file) = end_file {
        let _unheard = serde_json::to_vec(&record).map(|line| file.write_all(&line));
    }
    let _unheard = answer(&mut socket, &Report::Ended(record));
    Ok(())
}

/// Writes one report as a line.
pub(super) fn answer(socket: &mut UnixStream, report: &Report) -> io::Result<()> {
    let mut line = serde_json::to_vec(report)?;
    line.push(b'\n');
    socket.write_all(&line)
}

/// Receives the launch message and the descriptors that come with its first byte.
fn receive(socket: &UnixStream) -> io::Result<Received> {
    let mut bytes = Vec::new();
    let mut descriptors: Vec<OwnedFd> = Vec::new();
    let mut buffer = vec![0u8; 64 * 1024];
    loop {
        if let Some(body) = whole(&bytes)? {
            let message = LaunchMessage::decode(body)?;
            let mut descriptors = descriptors.into_iter();
            let stdin =
                descriptors.next().ok_or_else(|| io::Error::other("no stdin came with the launch"))?;
            return Ok(Received { message, stdin, end_file: descriptors.next().map(File::from) });
        }
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut parts = [IoSliceMut::new(&mut buffer)];
        let count = match recvmsg(socket, &mut parts, &mut control, RecvFlags::CMSG_CLOEXEC) {
            Ok(received) => received.bytes,
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        };
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(rights) = message {
                descriptors.extend(rights);
            }
        }
        if count == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the launch did not arrive"));
        }
        bytes.extend_from_slice(&buffer[..count]);
    }
}

/// The body of a message that has arrived whole.
fn whole(bytes: &[u8]) -> io::Result<Option<&[u8]>> {
    let Some((length, body)) = bytes.split_first_chunk::<4>() else { return Ok(None) };
    let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
    if length > LAUNCH_BYTES_MAX {
        return Err(io::Error::other("the launch message is too long"));
    }
    Ok(body.get(..length))
}

/// Starts the child in a group of its own; it inherits the guard's stdout and stderr.
fn start(message: LaunchMessage, stdin: OwnedFd) -> Result<(Identity, Pid), (Stage, io::Error)> {
    if let Some(soft) = message.open_files {
        limits::set_open_files(soft).map_err(|error| (Stage::Limits, error))?;
    }
    if let Some(bytes) = message.data_bytes {
        limits::set_data(bytes).map_err(|error| (Stage::Limits, error))?;
    }
    if let Some(mask) = message.file_mask.and_then(|mask| u32::try_from(mask).ok()) {
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(mask));
    }
    std::env::set_current_dir(&message.cwd).map_err(|error| (Stage::Directory, error))?;
    let program = find(&message.program, &message.env).map_err(|error| (Stage::Execute, error))?;
    #[expect(clippy::disallowed_methods, reason = "this is the guard: the one place that starts a child")]
    let mut command = Command::new(&program);
    let name = if program == Path::new(crate::spawn::OWN_EXECUTABLE) {
        OsStr::new("modelscan")
    } else {
        message.program.as_os_str()
    };
    command.arg0(name).args(&message.args).env_clear().envs(message.env).process_group(0);
    command.stdin(Stdio::from(stdin)).stdout(Stdio::inherit()).stderr(Stdio::inherit());
    let mut tries = 0;
    let child = loop {
        match command.spawn() {
            Ok(child) => break child,
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy && tries < BUSY_TRIES => {
                tries += 1;
                super::ladder::pause(Duration::from_millis(10));
            }
            Err(error) => return Err((Stage::Execute, error)),
        }
    };
    let pid = Pid::from_child(&child);
    // Nobody but this process can reap it, so its line in the table is still there.
    let number = pid.as_raw_nonzero().get();
    Ok((Identity::of(number).unwrap_or(Identity { pid: number, start: 0 }), pid))
}

/// Finds a program as the child's own PATH says; a name with a slash is taken as it is.
fn find(program: &OsStr, env: &[(OsString, OsString)]) -> io::Result<PathBuf> {
    if program.is_empty() {
        return Err(io::Error::from(rustix::io::Errno::NOENT));
    }
    if program.as_bytes().contains(&b'/') {
        return Ok(PathBuf::from(program));
    }
    let path = env.iter().rev().find(|(name, _)| name == "PATH").map(|(_, value)| value.as_os_str());
    let mut refused = None;
    for folder in std::env::split_paths(path.unwrap_or_default()) {
        // An empty entry means the working directory to `exec`; here it means nothing.
        if folder.as_os_str().is_empty() {
            continue;
        }
        let candidate = folder.join(program);
        match rustix::fs::access(&candidate, rustix::fs::Access::EXEC_OK) {
            Ok(()) if candidate.is_file() => return Ok(candidate),
            Ok(()) | Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => {}
            Err(error) => refused = Some(error),
        }
    }
    Err(io::Error::from(refused.unwrap_or(rustix::io::Errno::NOENT)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_word_alone_asks_for_a_guard() {
        let check = |args: &[&str], expected: bool| {
            assert_eq!(requested(args.iter().map(OsString::from)), expected, "{args:?}");
        };
        check(&["modelscan", WORD], true);
        check(&["modelscan"], false);
        check(&[], false);
        check(&[WORD], false);
        check(&["modelscan", WORD, "more"], false);
        check(&["modelscan", "task", WORD], false);
    }

    #[test]
    fn a_name_is_looked_for_in_the_childs_own_path() {
        let env = |path: &str| vec![(OsString::from("PATH"), OsString::from(path))];
        assert_eq!(find(OsStr::new("sh"), &env("/nowhere::/bin")).unwrap(), Path::new("/bin/sh"));
        assert_eq!(find(OsStr::new("./sh"), &[]).unwrap(), Path::new("./sh"));
        for (name, path) in [("sh", ""), ("sh", "/nowhere"), ("", "/bin"), ("tmp", "/")] {
            let error = find(OsStr::new(name), &env(path)).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::NotFound, "{name} in {path}");
        }
    }
}
