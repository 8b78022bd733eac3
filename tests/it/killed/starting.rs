//! One host, however many want one; and one that is stopped is told from one that is gone.

use std::collections::BTreeSet;

use process::{Identity, Signal};
use support::{Outcome, product_test};

/// How many commands race.
const RACERS: usize = 50;

product_test! {
    fn fifty_commands_that_find_no_host_start_one(env) {
        env.bash_skill("holds", "sleep 300", &[]);
        let racing: Vec<_> =
            (0..RACERS).map(|_| env.modelscan(["task", "submit", "--skill", "holds"]).spawn()).collect();
        let ids: BTreeSet<String> = racing
            .into_iter()
            .map(|one| one.wait().expect_code(0).stdout.trim().to_owned())
            .collect();
        assert_eq!(ids.len(), RACERS);
        let started = env.events(None).iter().filter(|event| event["type"] == "host.started").count();
        assert_eq!(started, 1);
        let list = env.modelscan(["task", "list", "-n", "1000"]).json();
        let listed: BTreeSet<String> = list["items"].as_array().expect("items").iter().map(|task| task["id"].as_str().expect("an id").to_owned()).collect();
        assert_eq!(listed, ids);
        let _ = env.modelscan(["task", "cancel", "--wait"]).args(&ids).run();
        assert!(ids.iter().all(|id| env.status(id)["state"] == "cancelled"));
    }
}

product_test! {
    // Over two seconds: a host has ten to say welcome, since one under load may be slow, and that is what passes.
    fn a_stopped_host_is_told_from_one_that_is_gone(env) {
        env.modelscan(["host", "start"]).run().expect_code(0);
        let host = Identity::of(env.host_pid().expect("a host")).expect("it lives");
        host.signal(Signal::Stop).expect("stop it");
        let Outcome { code, stderr, .. } = env.modelscan(["host", "status"]).run();
        host.signal(Signal::Continue).expect("let it go on");
        assert_eq!(code, Some(8), "{stderr}");
        assert!(stderr.contains(&format!("process {}) is stopped", host.pid)), "{stderr}");
        assert!(stderr.contains(&format!("kill -CONT {}", host.pid)), "{stderr}");
        // It was only stopped.
        assert_eq!(env.host_pid(), Some(host.pid));
    }
}
