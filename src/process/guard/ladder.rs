//! The ladder: how a guard ends its child and everything that descends from it.
//!
//! TERM and CONT to the group, KILL to the group, then KILL to every child that the guard
//! adopts, until its `wait` says that there is none. Only that answer is a proof.

use std::collections::HashSet;
use std::io;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal as Caught};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{RecvFlags, recv};
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, WaitOptions, WaitStatus, kill_process, kill_process_group, waitid,
    waitpid,
};

use super::duty::answer;
use super::message::{COMMAND_END, COMMAND_KILL, Report};
use super::record::{Cause, EndRecord, KILLED_NAMED_MAX, Killed, Left};
use crate::identity::{Identity, Signal as Sent};
use crate::table::{self, Stat};

/// What a child gets to end at will after TERM.
const TERM_WAIT: Duration = Duration::from_millis(500);
/// After this long in the last loop the host is told what does not end.
const STUCK_AFTER: Duration = Duration::from_secs(5);
/// The pause of the last loop when nothing has changed.
const PAUSE_SHORT: Duration = Duration::from_micros(200);
/// The same once something is stuck.
const PAUSE_LONG: Duration = Duration::from_millis(20);
/// How many killed processes are told apart and counted; whoever had more had a fork bomb.
const SEEN_MAX: usize = 10_000;

/// A guard at its watch over one child.
pub(super) struct Watch {
    socket: UnixStream,
    socket_open: bool,
    signals: SignalFd,
    guard: Identity,
    child: Identity,
    child_pid: Pid,
    child_status: Option<WaitStatus>,
    kill_sent: bool,
    kill_at_once: bool,
    seen: HashSet<Identity>,
    killed: Vec<Killed>,
    killed_total: u64,
}

/// What woke a guard.
#[derive(Default)]
struct Woken {
    command: Option<u8>,
    end_of_socket: bool,
    told_to_end: bool,
}

/// Everything that a watch needs and that can fail, made before there is a child.
pub(super) struct Prepared {
    socket: UnixStream,
    signals: SignalFd,
    set: SigSet,
    guard: Identity,
}

impl Prepared {
    pub(super) fn new(socket: UnixStream) -> io::Result<Self> {
        let mut set = SigSet::empty();
        for signal in [Caught::SIGCHLD, Caught::SIGTERM, Caught::SIGINT, Caught::SIGHUP, Caught::SIGQUIT] {
            set.add(signal);
        }
        let signals = SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        let guard = Identity::current().ok_or_else(|| io::Error::other("this process is not in /proc"))?;
        Ok(Self { socket, signals, set, guard })
    }

    /// Begins the watch. Signals are blocked from here on, after the child was started, so that
    /// the child does not inherit the mask.
    pub(super) fn begin(self, child: Identity, child_pid: Pid) -> Watch {
        let _cannot_fail = self.set.thread_block();
        Watch {
            socket: self.socket,
            socket_open: true,
            signals: self.signals,
            guard: self.guard,
            child,
            child_pid,
            child_status: None,
            kill_sent: false,
            kill_at_once: false,
            seen: HashSet::new(),
            killed: Vec::new(),
            killed_total: 0,
        }
    }
}

impl Watch {
    /// Watches until the end begins, then climbs the ladder; returns when nothing is left.
    pub(super) fn attend(mut self) -> EndRecord {
        let cause = self.wait_for_end();
        if cause != Cause::Exited && !self.kill_at_once {
            self.terminate();
        }
        self.kill_all();
        self.into_record(cause)
    }

    fn wait_for_end(&mut self) -> Cause {
        loop {
            if self.child_has_ended() {
                return Cause::Exited;
            }
            self.reap_orphans();
            let woken = self.wait(None);
            match woken.command {
                Some(COMMAND_KILL) => {
                    self.kill_at_once = true;
                    return Cause::Asked;
                }
                Some(COMMAND_END) => return Cause::Asked,
                _ if woken.told_to_end => return Cause::Signalled,
                _ if woken.end_of_socket => return Cause::HostGone,
                _ => {}
            }
        }
    }

    /// TERM and CONT: a stopped process keeps TERM pending until it goes on.
    fn terminate(&mut self) {
        for signal in [Signal::TERM, Signal::CONT] {
            // A child that left its own group is still the child.
            if kill_process_group(self.child_pid, signal).is_err() {
                let _gone = kill_process(self.child_pid, signal);
            }
        }
        let until = Instant::now() + TERM_WAIT;
        while !self.child_has_ended() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || self.wait(Some(left)).command == Some(COMMAND_KILL) {
                return;
            }
            self.reap_orphans();
        }
    }

    /// KILL to the group, which is atomic against forks inside it, then to all that is adopted.
    ///
    /// The child is not reaped before its group was killed: until then its number is taken,
    /// so that the group's number means this group.
    fn kill_all(&mut self) {
        for stat in table::descendants(self.guard.pid) {
            if !stat.is_dead() {
                self.note(&stat);
                self.kill_sent |= stat.pid == self.child.pid;
            }
        }
        let _gone = kill_process_group(self.child_pid, Signal::KILL);
        let begun = Instant::now();
        let mut before = Vec::new();
        let mut stuck = false;
        loop {
            let now = table::children(self.guard.pid);
            self.kill_pass(&now);
            let peek = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
            if waitid(WaitId::All, peek).is_err_and(|error| error == rustix::io::Errno::CHILD) {
                return;
            }
            if !stuck && begun.elapsed() >= STUCK_AFTER {
                stuck = true;
                let report = Report::Stuck(self.left());
                let _unheard = answer(&mut self.socket, &report);
            }
            if now == before {
                pause(if stuck { PAUSE_LONG } else { PAUSE_SHORT });
            }
            before = now;
        }
    }

    /// One pass over the guard's children: reaps the dead, kills the living and their children.
    fn kill_pass(&mut self, children: &[i32]) {
        for &pid in children {
            let (Some(stat), Some(raw)) = (Stat::read(pid), table::raw(pid)) else { continue };
            if stat.is_dead() && self.reap(raw, &stat) {
                continue;
            }
            self.note(&stat);
            self.kill_sent |= pid == self.child.pid;
            // A direct child that only this process reaps cannot be another by the same number.
            let _refused = kill_process(raw, Signal::KILL);
            for grandchild in table::children(pid) {
                if let Some(stat) = Stat::read(grandchild)
                    && stat.parent == pid
                    && !stat.is_dead()
                {
                    self.note(&stat);
                    let _refused = Identity { pid: grandchild, start: stat.start }.signal(Sent::Kill);
                }
            }
        }
    }

    /// Reaps one child; its name is taken before, since nobody can tell it afterwards.
    fn reap(&mut self, pid: Pid, stat: &Stat) -> bool {
        let Ok(Some((_, status))) = waitpid(Some(pid), WaitOptions::NOHANG) else { return false };
        if stat.pid == self.child.pid {
            self.child_status = Some(status);
        } else if status.terminating_signal() == Some(Signal::KILL.as_raw()) {
            self.note(stat);
        }
        true
    }

    /// Reaps adopted orphans while the child lives: their zombies would fill the user's limit.
    fn reap_orphans(&mut self) {
        for pid in table::children(self.guard.pid) {
            if pid == self.child.pid || !Stat::read(pid).is_some_and(|stat| stat.is_dead()) {
                continue;
            }
            let _reaped = waitpid(table::raw(pid), WaitOptions::NOHANG);
        }
    }

    /// Whether the child has ended, without reaping it.
    fn child_has_ended(&self) -> bool {
        let peek = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        !matches!(waitid(WaitId::Pid(self.child_pid), peek), Ok(None) | Err(rustix::io::Errno::INTR))
    }

    fn note(&mut self, stat: &Stat) {
        let identity = Identity { pid: stat.pid, start: stat.start };
        if self.seen.len() >= SEEN_MAX || !self.seen.insert(identity) {
            return;
        }
        self.killed_total += 1;
        if self.killed.len() < KILLED_NAMED_MAX {
            self.killed.push(Killed { pid: stat.pid, name: stat.name.clone() });
        }
    }

    fn left(&self) -> Vec<Left> {
        let mut left = table::descendants(self.guard.pid);
        left.truncate(KILLED_NAMED_MAX);
        left.into_iter()
            .map(|stat| Left { pid: stat.pid, uid: table::owner(stat.pid), name: stat.name })
            .collect()
    }

    /// Waits for the host, a signal, or the end of `limit`.
    fn wait(&mut self, limit: Option<Duration>) -> Woken {
        let mut woken = Woken::default();
        let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
        let mut watched = vec![PollFd::new(&self.signals, PollFlags::IN)];
        if self.socket_open {
            watched.push(PollFd::new(&self.socket, PollFlags::IN));
        }
        if poll(&mut watched, limit.as_ref()).is_err() {
            return woken;
        }
        while let Ok(Some(info)) = self.signals.read_signal() {
            woken.told_to_end |= info.ssi_signo != Caught::SIGCHLD as u32;
        }
        while self.socket_open {
            let mut byte = [0u8; 1];
            match recv(&self.socket, &mut byte, RecvFlags::DONTWAIT) {
                Ok((_, 0)) => {
                    woken.end_of_socket = true;
                    self.socket_open = false;
                }
                Ok(_) if woken.command == Some(COMMAND_KILL) => {}
                Ok(_) => woken.command = Some(byte[0]),
                Err(rustix::io::Errno::AGAIN) => break,
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => {
                    woken.end_of_socket = true;
                    self.socket_open = false;
                }
            }
        }
        woken
    }

    fn into_record(self, cause: Cause) -> EndRecord {
        EndRecord {
            v: 1,
            guard: self.guard,
            child: self.child,
            status: self.child_status.map_or(0, WaitStatus::as_raw),
            code: self.child_status.and_then(WaitStatus::exit_status),
            signal: self.child_status.and_then(WaitStatus::terminating_signal),
            cause,
            kill_sent: self.kill_sent,
            killed: self.killed,
            killed_total: self.killed_total,
        }
    }
}

/// Waits without a runtime, for the few places where nothing tells that it is time.
pub(super) fn pause(time: Duration) {
    let time = Timespec::try_from(time).ok();
    let _interrupted = poll(&mut [], time.as_ref());
}
