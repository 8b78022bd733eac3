//! Starting, reading and ending one child.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use modelscan_process::lines::LineReader;
use modelscan_process::spawn::{StderrLog, TAIL_BYTES};
use modelscan_process::{Launch, Proof, SpawnError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::{FIXTURE, Held, all_lines, direct, launch, line, read, spawner, within};

#[tokio::test]
async fn a_child_reads_writes_and_ends() {
    let spawner = spawner();
    let mut instance =
        within(spawner.spawn(launch(&["say", "cat", "err:last words", "exit:7"]))).await.unwrap();
    let (mut stdin, mut stdout) = (instance.take_stdin().unwrap(), instance.take_stdout().unwrap());
    stdin.write_all(b"there and back").await.unwrap();
    stdin.shutdown().await.unwrap();
    let mut text = String::new();
    within(stdout.read_to_string(&mut text)).await.unwrap();
    assert_eq!(text, "there and back");
    let ended = within(instance.wait()).await;
    assert_eq!((ended.code, ended.signal, &ended.proof), (Some(7), None, &Proof::Proven));
    assert_eq!(ended.stderr_tail, b"last words\n");
    assert!(ended.killed.is_empty() && !ended.is_success());
    within(spawner.wait_all()).await;
}

#[tokio::test]
async fn nothing_is_inherited_that_is_not_said() {
    let spawner = spawner().with_open_files(Some(64)).with_file_mask(Some(0o027));
    let mut launch = launch(&["show"]);
    launch.data_bytes_max = Some(1 << 30);
    launch.env = vec![("B".into(), "2".into()), ("MODELSCAN_INSTANCE".into(), "forged".into())];
    let mark = launch.instance.clone();
    let mut instance = within(spawner.spawn(launch)).await.unwrap();
    let mut lines = LineReader::new(instance.take_stdout().unwrap());
    let lines = all_lines(&mut lines).await.join("\n");
    assert!(lines.contains("open [0, 1, 2]"), "{lines}");
    assert!(lines.contains(&format!("env B=2 MODELSCAN_INSTANCE={mark}")), "{lines}");
    assert!(lines.contains("SigBlk:\t0000000000000000"), "{lines}");
    assert!(lines.contains("Max open files 64 "), "{lines}");
    assert!(lines.contains("Max data size 1073741824 1073741824 "), "{lines}");
    assert!(lines.contains("Umask:\t0027"), "{lines}");
}

#[tokio::test]
async fn a_guard_is_the_same_program_after_its_file_was_replaced() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let program = folder.path().join("program");
    std::fs::hard_link(FIXTURE, &program).unwrap();
    let args = ["later", "host", "plain", folder.path().to_str().unwrap(), "say", "out:the old code"];
    let direct = modelscan_process::direct::Direct {
        program: program.clone(),
        args: args.iter().map(Into::into).collect(),
        env: Vec::new(),
        cwd: "/".into(),
        stderr: modelscan_process::direct::Stderr::Inherit,
    };
    let mut host = direct.spawn().unwrap();
    let other = folder.path().join("other");
    std::fs::write(&other, "no program").unwrap();
    std::fs::rename(&other, &program).unwrap();
    host.stdin.as_mut().unwrap().write_all(b"\n").await.unwrap();
    let mut lines = LineReader::new(host.stdout.take().unwrap());
    assert!(line(&mut lines).await.starts_with('{'));
    assert_eq!(line(&mut lines).await, "the old code");
    assert!(line(&mut lines).await.contains("Proven"));
    within(host.wait()).await.unwrap();
}

#[tokio::test]
async fn what_the_starter_left_reaches_no_child() {
    let held = Held::new();
    // The shell ignores HUP and INT and leaves descriptor 9 open; then TERM is blocked too.
    let script = "trap '' HUP INT; exec 9</dev/null; exec \"$0\" blocked host plain \"$1\" show";
    let direct = modelscan_process::direct::Direct {
        program: "/bin/sh".into(),
        args: vec!["-c".into(), script.into(), FIXTURE.into(), held.folder_text().into()],
        env: Vec::new(),
        cwd: "/".into(),
        stderr: modelscan_process::direct::Stderr::Inherit,
    };
    let mut host = direct.spawn().unwrap();
    let mut lines = LineReader::new(host.stdout.take().unwrap());
    let lines = all_lines(&mut lines).await.join("\n");
    assert!(lines.contains("open [0, 1, 2]"), "{lines}");
    assert!(lines.contains("SigBlk:\t0000000000000000"), "{lines}");
    let ignored = lines.lines().find_map(|line| line.strip_prefix("SigIgn:\t")).unwrap();
    let ignored = u64::from_str_radix(ignored, 16).unwrap();
    // The fixture is a Rust program: it ignores SIGPIPE itself. 32 and 33 are the C library's.
    let allowed = (1 << (13 - 1)) | (1 << (32 - 1)) | (1 << (33 - 1));
    assert_eq!(ignored & !allowed, 0, "{lines}");
    within(host.wait()).await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_executed_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str, text: &str, mode: u32| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    };
    let spawner = spawner();
    let check = async |launch: Launch, expected: std::io::ErrorKind| {
        let program = launch.program.to_string_lossy().into_owned();
        match within(spawner.spawn(launch)).await {
            Err(SpawnError::Execute { program: named, source }) => {
                assert_eq!((named, source.kind()), (program, expected));
            }
            other => panic!("{program}: {other:?}"),
        }
    };
    use std::io::ErrorKind;
    check(Launch::new("a", "/nowhere/program", "/"), ErrorKind::NotFound).await;
    check(Launch::new("a", "program-that-is-not-there", "/"), ErrorKind::NotFound).await;
    check(Launch::new("a", path("plain", "text", 0o644), "/"), ErrorKind::PermissionDenied).await;
    check(Launch::new("a", folder.path(), "/"), ErrorKind::PermissionDenied).await;
    let no_program = within(spawner.spawn(Launch::new("a", path("text", "text", 0o755), "/"))).await;
    assert!(matches!(no_program, Err(SpawnError::Execute { .. })), "{no_program:?}");

    let no_folder = within(spawner.spawn(Launch::new("a", FIXTURE, "/nowhere"))).await;
    assert!(matches!(no_folder, Err(SpawnError::Directory { .. })), "{no_folder:?}");
    let mut launch = launch(&["say"]);
    launch.args.push("a\0b".into());
    assert!(matches!(within(spawner.spawn(launch)).await, Err(SpawnError::Invalid { .. })));
    within(spawner.wait_all()).await;
}

#[tokio::test]
async fn a_name_is_found_in_the_childs_own_path() {
    let spawner = spawner();
    let mut launch = Launch::new("a", "sh", "/");
    launch.args = vec!["-c".into(), "echo $0 $PWD".into()];
    launch.env = vec![("PATH".into(), "/nowhere:/usr/bin:/bin".into())];
    let mut instance = within(spawner.spawn(launch)).await.unwrap();
    let mut lines = LineReader::new(instance.take_stdout().unwrap());
    assert_eq!(line(&mut lines).await, "sh /");
}

#[tokio::test]
async fn large_arguments_and_environment_arrive() {
    let spawner = spawner();
    let mut launch = launch(&["show"]);
    let large = "x".repeat(100_000);
    launch.env = (0..6).map(|number| (format!("V{number}").into(), large.clone().into())).collect();
    let mut instance = within(spawner.spawn(launch)).await.unwrap();
    let mut lines = LineReader::new(instance.take_stdout().unwrap());
    let lines = all_lines(&mut lines).await;
    assert!(lines.iter().any(|line| line.len() > 600_000));
}

#[tokio::test]
async fn a_flood_on_stderr_blocks_nothing_and_is_kept_to_its_caps() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("stderr.log");
    let spawner = spawner();
    let mut launch = launch(&["say", "err*300000", "err:end", "out:done"]);
    launch.stderr_log = Some(StderrLog { path: log.clone(), bytes_max: 1000 });
    let mut instance = within(spawner.spawn(launch)).await.unwrap();
    let mut lines = LineReader::new(instance.take_stdout().unwrap());
    assert_eq!(line(&mut lines).await, "done");
    let ended = within(instance.wait()).await;
    assert_eq!(ended.stderr_tail.len(), TAIL_BYTES);
    assert!(ended.stderr_tail.ends_with(b"eend\n"));
    let log = read(&log);
    assert!(log.starts_with(&"e".repeat(1000)) && log.ends_with("[the log is full]\n"), "{}", log.len());
    assert!(log.len() < 1100);
}

#[tokio::test]
async fn all_that_was_written_is_read_although_somebody_holds_stdout() {
    let held = Held::new();
    let spawner = spawner();
    // The leaf would hold the pipe open for ever.
    let mut instance = within(spawner.spawn(launch(&["escape", "keeps-stdout", held.text()]))).await.unwrap();
    let mut stdout = LineReader::new(instance.take_stdout().unwrap());
    assert!(line(&mut stdout).await.starts_with("up "));
    drop(instance.take_stdin());
    assert_eq!(within(stdout.next()).await.unwrap(), None);
    assert_eq!(within(instance.wait()).await.code, Some(0));

    let mut instance = within(spawner.spawn(launch(&["say", "out*200000", "out:end"]))).await.unwrap();
    // Nobody reads before the wait: more than a pipe holds keeps the child waiting.
    let mut stdout = instance.take_stdout().unwrap();
    let mut bytes = Vec::new();
    within(stdout.read_to_end(&mut bytes)).await.unwrap();
    assert_eq!(bytes.len(), 200_004);
    within(instance.wait()).await;
}

#[tokio::test]
async fn a_start_that_is_given_up_leaves_nothing() {
    let held = Held::new();
    let spawner = spawner();
    for polls in 0..4 {
        let mut spawning = Box::pin(spawner.spawn(launch(&["escape", "deaf-child", held.text()])));
        for _ in 0..polls {
            let step = std::future::poll_fn(|cx| std::task::Poll::Ready(spawning.as_mut().poll(cx)));
            if step.await.is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(spawning);
    }
    within(spawner.wait_all()).await;
    assert!(!held.is_held());
}

#[tokio::test]
async fn a_start_that_takes_too_long_is_given_up() {
    // Not a guard: it never answers.
    let args = vec!["say".into(), "forever".into()];
    let registry = modelscan_process::reaper::Registry::new();
    let broken = modelscan_process::Spawner::with_guard(FIXTURE.into(), args, registry).unwrap();
    let broken = broken.with_guard_patience(Duration::from_millis(100));
    let mut launch = launch(&["say"]);
    launch.start_timeout = Duration::from_millis(10);
    let result = within(broken.spawn(launch)).await;
    assert!(matches!(result, Err(SpawnError::TimedOut { limit_ms: 10, .. })), "{result:?}");
    within(broken.wait_all()).await;
}

#[tokio::test]
async fn a_guard_that_dies_at_once_is_an_error() {
    let args = vec!["say".into(), "exit:1".into()];
    let registry = modelscan_process::reaper::Registry::new();
    let broken = modelscan_process::Spawner::with_guard(FIXTURE.into(), args, registry).unwrap();
    let result = within(broken.spawn(launch(&["say"]))).await;
    assert!(matches!(result, Err(SpawnError::Guard { .. })), "{result:?}");
}

#[tokio::test]
async fn a_dropped_instance_ends() {
    let held = Held::new();
    let spawner = spawner();
    let mut instance = within(spawner.spawn(launch(&["escape", "setsid", held.text()]))).await.unwrap();
    let mut lines = LineReader::new(instance.take_stdout().unwrap());
    line(&mut lines).await;
    let handle = instance.handle();
    drop(instance);
    let ended = within(handle.wait()).await;
    assert_eq!(ended.proof, Proof::Proven);
    assert!(!held.is_held());
}

#[tokio::test]
async fn a_writer_that_waits_is_woken_by_the_end() {
    let spawner = spawner();
    let mut instance = within(spawner.spawn(launch(&["say", "forever"]))).await.unwrap();
    let mut stdin = instance.take_stdin().unwrap();
    let handle = instance.handle();
    // Nobody reads: the pipe fills, then the writer waits.
    let flood = vec![b'x'; 1024 * 1024];
    let (written, ended) = within(async { tokio::join!(stdin.write_all(&flood), handle.end()) }).await;
    assert_eq!(written.unwrap_err().kind(), std::io::ErrorKind::BrokenPipe);
    assert_eq!(ended.unwrap().proof, Proof::Proven);
}

#[tokio::test]
async fn stray_prints_do_not_get_into_a_protocol() {
    let mut child = direct(&["protocol"]);
    let mut lines = LineReader::new(child.stdout.take().unwrap());
    assert_eq!(all_lines(&mut lines).await, ["a protocol line"]);
    within(child.wait()).await.unwrap();
}
