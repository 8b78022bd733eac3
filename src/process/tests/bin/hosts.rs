//! Hosts, starters and children that show what they got.

use std::fs::File;
use std::io::{BufRead as _, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use modelscan_process::detach::{HostStart, StartError};
use modelscan_process::lock::{DatabaseLock, StartLock, published};
use modelscan_process::reaper::{Reaper, Registry};
use modelscan_process::{Launch, Spawner, descriptors, detach, nest as nests, signals as requests, stdio};
use tokio_util::sync::CancellationToken;

fn print(line: &str) {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{line}").unwrap();
    stdout.flush().unwrap();
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Says things in order: `out:TEXT`, `err:TEXT`, `out*N`, `err*N`, `exit:N`, `cat`, `hold`, `wait`.
pub fn say(words: &[&str]) -> ExitCode {
    let (mut stdout, mut stderr) = (std::io::stdout(), std::io::stderr());
    for word in words {
        if let Some(text) = word.strip_prefix("out:") {
            writeln!(stdout, "{text}").unwrap();
        } else if let Some(text) = word.strip_prefix("err:") {
            writeln!(stderr, "{text}").unwrap();
        } else if let Some(count) = word.strip_prefix("out*") {
            stdout.write_all(&vec![b'o'; count.parse().unwrap()]).unwrap();
        } else if let Some(count) = word.strip_prefix("err*") {
            stderr.write_all(&vec![b'e'; count.parse().unwrap()]).unwrap();
        } else if let Some(code) = word.strip_prefix("exit:") {
            return ExitCode::from(code.parse::<u8>().unwrap());
        } else if *word == "cat" {
            std::io::copy(&mut std::io::stdin(), &mut stdout).unwrap();
        } else if *word == "wait" {
            std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
        } else if *word == "forever" {
            stdout.flush().unwrap();
            loop {
                std::thread::park();
            }
        } else {
            panic!("cannot say {word}");
        }
        stdout.flush().unwrap();
    }
    ExitCode::SUCCESS
}

/// Blocks TERM and becomes another mode of this program.
pub fn blocked(words: &[&str]) -> ExitCode {
    let mut set = nix::sys::signal::SigSet::empty();
    set.add(nix::sys::signal::Signal::SIGTERM);
    set.thread_block().unwrap();
    #[expect(clippy::disallowed_methods, reason = "a fixture replaces itself")]
    let error = Command::new("/proc/self/exe").args(words).exec();
    panic!("{error}");
}

/// Shows what this process inherited.
pub fn show() -> ExitCode {
    let open = descriptors::open().unwrap();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    for line in status.lines().filter(|line| line.starts_with("SigBlk") || line.starts_with("SigIgn")) {
        print(line);
    }
    print(&format!("open {open:?}"));
    for limit in std::fs::read_to_string("/proc/self/limits").unwrap().lines() {
        print(&limit.split_ascii_whitespace().collect::<Vec<_>>().join(" "));
    }
    for line in status.lines().filter(|line| line.starts_with("Umask")) {
        print(line);
    }
    let mut names: Vec<_> =
        std::fs::read("/proc/self/environ").unwrap().split(|&byte| byte == 0).map(<[u8]>::to_vec).collect();
    names.retain(|name| !name.is_empty());
    names.sort();
    let names: Vec<_> = names.iter().map(|name| String::from_utf8_lossy(name)).collect();
    print(&format!("env {}", names.join(" ")));
    ExitCode::SUCCESS
}

/// Says where another process stands.
pub fn standing(pid: &str) -> ExitCode {
    let standing = match pid {
        "self" => modelscan_process::peer::own_standing(),
        _ => modelscan_process::peer::standing(pid.parse().unwrap()),
    };
    print(&format!("{standing:?}"));
    ExitCode::SUCCESS
}

/// Writes one protocol line; a stray print must not get between.
pub fn protocol() -> ExitCode {
    let mut protocol = stdio::take_protocol_stdout().unwrap();
    print("a stray print");
    protocol.write_all(b"a protocol line\n").unwrap();
    ExitCode::SUCCESS
}

/// A host that starts one child of this program and tells everything about it in lines.
pub fn plain(folder: &str, words: &[&str]) -> ExitCode {
    requests::reset_inherited().unwrap();
    runtime().block_on(host(folder, words, Registry::new()))
}

/// As `plain`, but a subreaper with a reaper.
pub fn adopting(folder: &str, words: &[&str]) -> ExitCode {
    requests::reset_inherited().unwrap();
    runtime().block_on(async {
        let registry = Registry::new();
        let cancel = CancellationToken::new();
        let reaper = Reaper::new(registry.clone()).unwrap();
        let mut owned = tokio::task::JoinSet::new();
        owned.spawn(reaper.run(cancel.clone()));
        let code = host(folder, words, registry).await;
        tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await.unwrap().unwrap();
        cancel.cancel();
        owned.join_all().await;
        code
    })
}

async fn host(folder: &str, words: &[&str], registry: Registry) -> ExitCode {
    let spawner = Spawner::new(registry).unwrap();
    let mut launch = Launch::new(folder, "/proc/self/exe", "/");
    launch.args = words.iter().map(Into::into).collect();
    launch.end_record = Some(Path::new(folder).join("end.json"));
    let mut instance = spawner.spawn(launch).await.unwrap();
    print(&serde_json::to_string(instance.record()).unwrap());
    let mut lines = modelscan_process::lines::LineReader::new(instance.take_stdout().unwrap());
    while let Some(line) = lines.next().await.unwrap() {
        if let modelscan_process::lines::Line::Whole(line) = line {
            print(&String::from_utf8_lossy(&line));
        }
    }
    let ended = instance.wait().await;
    print(&format!("ended {ended:?}"));
    ExitCode::SUCCESS
}

/// Waits for many children while many orphans come; says how many waits were right.
pub fn reaping(count: &str) -> ExitCode {
    let count: usize = count.parse().unwrap();
    runtime().block_on(async {
        let registry = Registry::new();
        let cancel = CancellationToken::new();
        let mut owned = tokio::task::JoinSet::new();
        owned.spawn(Reaper::new(registry.clone()).unwrap().run(cancel.clone()));
        let spawner = Spawner::new(registry.clone()).unwrap();
        // Not a guard: it leaves five children behind and dies.
        let broken = Spawner::with_guard("/proc/self/exe".into(), vec!["orphans".into()], registry).unwrap();
        let mut waits = tokio::task::JoinSet::new();
        for number in 0..count {
            let (spawner, broken) = (spawner.clone(), broken.clone());
            waits.spawn(async move {
                let lost = broken.spawn(Launch::new("lost", "/proc/self/exe", "/")).await;
                assert!(lost.is_err());
                let mut launch = Launch::new("kept", "/proc/self/exe", "/");
                let code = i32::try_from(number % 100).unwrap();
                launch.args = vec!["say".into(), format!("exit:{code}").into()];
                let ended = spawner.spawn(launch).await.unwrap().wait().await;
                ended.code == Some(code) && ended.proof == modelscan_process::Proof::Proven
            });
        }
        let right = waits.join_all().await.into_iter().filter(|right| *right).count();
        spawner.wait_all().await;
        broken.wait_all().await;
        print(&format!("right {right}"));
        // Orphans that still leave are reaped as they end: wait for none, as long as it takes.
        let this = i32::try_from(std::process::id()).unwrap();
        while !modelscan_process::identity::children(this).is_empty() {
            tokio::task::yield_now().await;
        }
        print("none left");
        cancel.cancel();
        owned.join_all().await;
        ExitCode::SUCCESS
    })
}

/// Leaves five children that end at once.
pub fn orphans() -> ExitCode {
    for _ in 0..5 {
        #[expect(clippy::disallowed_methods, reason = "a fixture leaves orphans")]
        let mut command = Command::new("/proc/self/exe");
        command.args(["say"]).stdin(std::process::Stdio::null()).spawn().unwrap();
    }
    ExitCode::SUCCESS
}

/// Says which request each signal is, until a shutdown.
pub fn signals() -> ExitCode {
    runtime().block_on(async {
        let mut requests = requests::Requests::new().unwrap();
        print("listening");
        loop {
            let request = requests.next().await;
            print(&format!("{request:?}"));
            if request == requests::Request::Shutdown {
                return ExitCode::SUCCESS;
            }
        }
    })
}

/// A detached host that holds a lock until it is told to end.
pub fn daemon(folder: &str) -> ExitCode {
    let detached = detach::detach().unwrap();
    let folder = Path::new(folder);
    let Some(mut lock) = DatabaseLock::try_acquire(&folder.join("lock")).unwrap() else {
        print("somebody has the lock");
        return ExitCode::from(3);
    };
    lock.publish(&std::process::id().to_string()).unwrap();
    runtime().block_on(async {
        let mut requests = requests::Requests::new().unwrap();
        let log = File::create(folder.join("log")).unwrap();
        detached.ready("listening", &log).unwrap();
        print("this goes to the log");
        requests.next().await;
        ExitCode::SUCCESS
    })
}

/// A host that cannot start.
pub fn daemon_dies() -> ExitCode {
    let _detached = detach::detach().unwrap();
    print("there is no room");
    ExitCode::from(9)
}

/// Starts a daemon if none lives; prints the pid of the one that does.
pub fn starter(folder: &str) -> ExitCode {
    // All starters are let go at once, by the end of their stdin.
    std::io::stdin().lock().read_until(b'\n', &mut Vec::new()).unwrap();
    let path = Path::new(folder);
    let lock = path.join("lock");
    let _start = StartLock::acquire(&path.join("start.lock")).unwrap();
    if let Some(free) = DatabaseLock::try_acquire(&lock).unwrap() {
        drop(free);
        let start = HostStart::new(vec!["daemon".into(), folder.into()], Vec::new(), Duration::from_secs(30));
        match start.start() {
            Ok(host) => assert_eq!(host.text, "listening"),
            Err(error @ (StartError::Execute(_) | StartError::Died { .. } | StartError::TimedOut { .. })) => {
                panic!("{error}")
            }
        }
    }
    print(&published(&lock).unwrap());
    ExitCode::SUCCESS
}

/// Runs another mode nested and names what it left.
pub fn nest(words: &[&str]) -> ExitCode {
    let args: Vec<_> = words.iter().map(Into::into).collect();
    let nested = nests::run("/proc/self/exe".as_ref(), &args, Duration::from_millis(100)).unwrap();
    for survivor in nested.survivors {
        print(&format!("survivor {} {}", survivor.pid, survivor.command));
    }
    print(&format!("code {:?}", nested.code));
    ExitCode::SUCCESS
}
