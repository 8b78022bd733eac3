//! Streams whose other end is gone or full: nobody waits for ever, and no host dies of it.

use std::path::Path;

use support::{nested, product, until};

#[test]
fn following_ends_when_its_reader_has_left() {
    nested(concat!(module_path!(), "::following_ends_when_its_reader_has_left"), |env| {
        env.modelscan(["task", "submit", "--skill", "survey", "--wait"]).run().expect_code(0);
        // Nothing new comes: only the end of the pipe can tell that nobody reads any more.
        let script = "\"$0\" event list --follow | head -n 1";
        let seen = env.program(Path::new("/bin/sh")).args(["-c", script]).args([product()]).run();
        let seen = seen.expect_code(0);
        assert_eq!(seen.stdout.lines().count(), 1, "{seen:?}");
    });
}

#[test]
fn a_host_whose_log_cannot_be_written_goes_on() {
    nested(concat!(module_path!(), "::a_host_whose_log_cannot_be_written_goes_on"), |env| {
        let script = "exec \"$0\" host run 2> /dev/full";
        let host = env.program(Path::new("/bin/sh")).args(["-c", script]).args([product()]).spawn();
        until("the host's answer", || env.host_pid().is_some());
        env.modelscan(["task", "submit", "--skill", "survey", "--wait"]).run().expect_code(0);
        env.modelscan(["host", "stop"]).run().expect_code(0);
        host.wait().expect_code(0);
    });
}
