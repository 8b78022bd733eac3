//! The program that the tests drive: a guard, a host, and every way to escape from them.

#![expect(clippy::unwrap_used, reason = "a fixture that cannot go on fails its test loudly")]
#![expect(clippy::zombie_processes, reason = "what escapes is waited for by nobody")]

mod escape;
mod hosts;

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().collect();
    if modelscan_process::guard::requested(args.iter().cloned()) {
        return modelscan_process::guard::run();
    }
    let words: Vec<String> = args.iter().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    run(&words)
}

fn run(words: &[&str]) -> ExitCode {
    match words {
        ["later", rest @ ..] => {
            std::io::stdin().read_line(&mut String::new()).unwrap();
            run(rest)
        }
        ["escape", kind, lock] => escape::child(kind, lock),
        ["leaf", kind, lock] => escape::leaf(kind, lock),
        ["middle", kind, lock] => escape::middle(kind, lock),
        ["racer", kind, until] => escape::racer(kind, until),
        ["say", rest @ ..] => hosts::say(rest),
        ["blocked", rest @ ..] => hosts::blocked(rest),
        ["standing", pid] => hosts::standing(pid),
        ["show"] => hosts::show(),
        ["protocol"] => hosts::protocol(),
        ["host", "plain", folder, rest @ ..] => hosts::plain(folder, rest),
        ["host", "adopting", folder, rest @ ..] => hosts::adopting(folder, rest),
        ["reaping", count] => hosts::reaping(count),
        ["orphans"] => hosts::orphans(),
        ["signals"] => hosts::signals(),
        ["daemon", folder] => hosts::daemon(folder),
        ["daemon-dies"] => hosts::daemon_dies(),
        ["starter", folder] => hosts::starter(folder),
        ["nest", rest @ ..] => hosts::nest(rest),
        other => panic!("unknown mode {other:?}"),
    }
}
