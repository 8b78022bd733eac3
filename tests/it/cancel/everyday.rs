//! Escapes by everyday tools, as scripts of people and agents write them.

use support::product_test;

use super::escape::{End, Row, check};

const fn row(name: &'static str, script: &'static str) -> Row {
    Row { name, script, ends: true }
}

/// `$0` of each inner script is the pipe by which it tells that it is there.
const ROWS: &[Row] = &[
    row(
        "ignores-term",
        "trap '' TERM HUP INT; bash -c 'trap \"\" TERM; echo up >\"$0\"; sleep 300' \"$READY\" &",
    ),
    row("background", "bash -c 'echo up >\"$0\"; exec sleep 300' \"$READY\" &"),
    row("double-fork", "( ( bash -c 'echo up >\"$0\"; exec sleep 300' \"$READY\" & ) & )"),
    row("setsid", "setsid bash -c 'echo up >\"$0\"; exec sleep 300' \"$READY\" &"),
    row("setsid-fork", "setsid --fork bash -c 'echo up >\"$0\"; exec sleep 300' \"$READY\""),
    row("nohup", "nohup bash -c 'echo up >\"$0\"; exec sleep 300' \"$READY\" >/dev/null 2>&1 &"),
    row("env-i", "env -i /bin/bash -c 'echo up >\"$0\"; exec /bin/sleep 300' \"$READY\" &"),
    row(
        "env-i-daemon",
        "env -i /usr/bin/setsid --fork /bin/bash -c 'echo up >\"$0\"; exec /bin/sleep 300' \"$READY\"",
    ),
    row(
        "closes-everything",
        "setsid --fork bash -c 'exec <&- >&- 2>&-; echo up >\"$0\"; exec sleep 300' \"$READY\"",
    ),
    // The line is written by another process, since a stopped one writes nothing more.
    row("stops-itself", "bash -c '(kill -STOP $$; echo up >\"$0\") & sleep 300' \"$READY\" &"),
    row(
        "stops-itself-in-a-session",
        "setsid bash -c '(kill -STOP $$; echo up >\"$0\") & sleep 300' \"$READY\" &",
    ),
    row("renamed", "bash -c 'echo up >\"$0\"; exec -a \"[kworker/0:1]\" sleep 300' \"$READY\" &"),
    row("many", "for n in 1 2 3 4 5 6 7 8 9; do setsid --fork sleep 300; done; echo up >\"$READY\" &"),
    Row {
        name: "step-stops-itself",
        script: "(kill -STOP $$; : >\"$UP\"; echo up >\"$READY\") &",
        ends: false,
    },
];

product_test! {
    fn a_cancel_leaves_nothing(env) {
        check(env, End::Cancel, ROWS);
    }
}

product_test! {
    fn the_end_of_a_step_leaves_nothing(env) {
        check(env, End::Itself, ROWS);
    }
}

product_test! {
    fn the_time_limit_of_a_step_leaves_nothing(env) {
        check(env, End::TimeLimit, ROWS);
    }
}
