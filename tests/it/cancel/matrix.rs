//! The whole matrix of escapes, by the program that the guard's own tests drive, below a step of a plan.

use support::product_test;

use super::escape::{End, Row, check};

/// A row of the matrix: the program writes a line when the escapee is where it wants to be, and leaves at the
/// end of its stdin, which the shell holds open unless the step ends by itself.
macro_rules! row {
    ($kind:literal) => {
        Row {
            name: $kind,
            script: concat!(
                "coproc escape { exec \"$FIXTURE\" escape ",
                $kind,
                " \"$WITNESS\" 9<&-; }\n",
                "child=$escape_PID\n",
                "exec {in}>&\"${escape[1]}\" {out}<&\"${escape[0]}\"\n",
                "read -r up <&$out; echo \"$up\" >\"$READY\" &\n",
            ),
            ends: true,
        }
    };
}

const CALM: &[Row] = &[
    row!("deaf"),
    row!("background"),
    row!("nohup"),
    row!("double-fork"),
    row!("env-i"),
    row!("keeps-stdout"),
    row!("setsid"),
    row!("renamed"),
    row!("stopped"),
    row!("stopped-session"),
    row!("daemon-closed"),
    row!("daemon-exec"),
    row!("daemon-env-i"),
    row!("undumpable"),
    row!("subreaper"),
    row!("deaf-child"),
];

const RACERS: &[Row] = &[row!("racer"), row!("racer-session"), row!("racers-session")];

product_test! {
    fn a_cancel_leaves_nothing(env) {
        check(env, End::Cancel, CALM);
    }
}

product_test! {
    fn the_end_of_a_step_leaves_nothing(env) {
        check(env, End::Itself, CALM);
    }
}

product_test! {
    fn the_time_limit_of_a_step_leaves_nothing(env) {
        check(env, End::TimeLimit, CALM);
    }
}

product_test! {
    fn a_cancel_ends_racers(env) {
        check(env, End::Cancel, RACERS);
    }
}

product_test! {
    fn the_end_of_a_step_ends_racers(env) {
        check(env, End::Itself, RACERS);
    }
}

product_test! {
    fn the_time_limit_of_a_step_ends_racers(env) {
        check(env, End::TimeLimit, RACERS);
    }
}
