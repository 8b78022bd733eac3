//! Ways in which a child's descendants leave its group, session, environment or sight.
//!
//! Every process holds a shared lock on one file, so that "all gone" is that the lock is free.
//! The last one of a chain writes `up PID` on stdout when it is where it wants to be.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode, Stdio};

use nix::sys::signal::{SigSet, Signal};
use rustix::process::{DumpableBehavior, set_child_subreaper, set_dumpable_behavior, setsid};

/// How long a racer may race if nobody stops it.
const RACE_SECONDS: f64 = 60.0;

fn own(words: &[&str]) -> Command {
    #[expect(clippy::disallowed_methods, reason = "the fixture is what escapes from guards")]
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(words);
    command
}

/// Blocked signals stay blocked in what is executed: deaf to all but KILL.
fn deafen() {
    let mut set = SigSet::empty();
    for signal in [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGINT] {
        set.add(signal);
    }
    set.thread_block().unwrap();
}

fn hold(lock: &str) -> File {
    let file = File::open(lock).unwrap();
    file.lock_shared().unwrap();
    file
}

fn up() {
    let mut stdout = std::io::stdout();
    writeln!(stdout, "up {}", std::process::id()).unwrap();
    stdout.flush().unwrap();
}

fn forever() -> ! {
    loop {
        std::thread::park();
    }
}

fn close_output() {
    let null = File::options().read(true).write(true).open("/dev/null").unwrap();
    rustix::stdio::dup2_stdout(&null).unwrap();
    rustix::stdio::dup2_stderr(&null).unwrap();
}

fn uptime() -> f64 {
    let text = std::fs::read_to_string("/proc/uptime").unwrap();
    text.split_ascii_whitespace().next().unwrap().parse().unwrap()
}

/// The direct child: lets something escape, then leaves at the end of its stdin.
pub fn child(kind: &str, lock: &str) -> ExitCode {
    let file = hold(lock);
    let hand_on = || Stdio::from(file.try_clone().unwrap());
    match kind {
        "none" => up(),
        "deaf-child" => {
            deafen();
            up();
            forever();
        }
        "deaf" => {
            deafen();
            own(&["leaf", kind, lock]).stdin(hand_on()).spawn().unwrap();
        }
        "background" | "nohup" | "keeps-stdout" | "setsid" | "renamed" | "stopped" | "stopped-session" => {
            own(&["leaf", kind, lock]).stdin(hand_on()).spawn().unwrap();
        }
        "double-fork" | "daemon-closed" | "daemon-exec" | "daemon-env-i" | "env-i" | "undumpable"
        | "subreaper" => {
            own(&["middle", kind, lock]).stdin(hand_on()).spawn().unwrap();
        }
        "racer" | "racer-session" => {
            let until = format!("{}", uptime() + RACE_SECONDS);
            own(&["racer", kind, &until]).stdin(hand_on()).spawn().unwrap();
        }
        "racers-session" => {
            let until = format!("{}", uptime() + RACE_SECONDS);
            for _ in 0..4 {
                own(&["racer", "racer-session", &until]).stdin(hand_on()).spawn().unwrap();
            }
        }
        other => panic!("unknown escape {other}"),
    }
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    ExitCode::SUCCESS
}

/// The process between the child and a daemon: starts it and leaves, or adopts it.
pub fn middle(kind: &str, lock: &str) -> ExitCode {
    let file = hold(lock);
    if kind != "double-fork" && kind != "env-i" {
        setsid().unwrap();
    }
    if kind == "subreaper" {
        set_child_subreaper(Some(rustix::process::getpid())).unwrap();
        // One more in between, whose orphan comes here.
        own(&["middle", "subreaper-inner", lock]).stdin(file).env_clear().spawn().unwrap();
        forever();
    }
    let mut leaf = own(&["leaf", kind, lock]);
    if matches!(kind, "daemon-env-i" | "env-i" | "undumpable" | "subreaper-inner") {
        leaf.env_clear();
    }
    leaf.stdin(file).spawn().unwrap();
    ExitCode::SUCCESS
}

/// The last one of a chain.
pub fn leaf(kind: &str, lock: &str) -> ExitCode {
    let _held = hold(lock);
    match kind {
        "nohup" => deafen(),
        "setsid" | "stopped-session" => {
            setsid().unwrap();
        }
        "renamed" => {
            setsid().unwrap();
            std::fs::write("/proc/self/comm", "another").unwrap();
        }
        "undumpable" => set_dumpable_behavior(DumpableBehavior::NotDumpable).unwrap(),
        "daemon-exec" => {
            let file = hold(lock);
            let error = own(&["leaf", "daemon-closed", lock]).arg0("another").stdin(file).exec();
            panic!("{error}");
        }
        _ => {}
    }
    up();
    if !matches!(kind, "background" | "keeps-stdout" | "double-fork") {
        close_output();
    }
    if matches!(kind, "stopped" | "stopped-session") {
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP).unwrap();
    }
    forever();
}

/// Starts the next one and leaves, again and again: no walk ever sees the last one.
pub fn racer(kind: &str, until: &str) -> ExitCode {
    if kind == "racer-session" {
        let _leader = setsid();
    }
    if uptime() > until.parse::<f64>().unwrap() {
        return ExitCode::SUCCESS;
    }
    // Only the first of a chain has the child's stdout still open.
    let stdout = std::fs::read_link("/proc/self/fd/1").unwrap();
    if stdout.to_string_lossy() != "/dev/null" {
        up();
        close_output();
    }
    let spawned = own(&["racer", kind, until]).spawn();
    if spawned.is_err() {
        // No room for one more process: try as this one.
        let error = own(&["racer", kind, until]).exec();
        panic!("{error}");
    }
    ExitCode::SUCCESS
}
