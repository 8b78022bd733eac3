//! Where an agent stands among processes: below its guard, which is below the host.

use process::{Identity, Signal, identity};
use support::{TestEnv, below, hostile_table, product_test, until, wait_gone};

/// Starts tasks of an agent that ignores every polite request, and waits until each has its prompt.
fn talking(env: &TestEnv, count: usize) -> Vec<String> {
    env.config(&format!("[host]\nmax_running = 32\n{}", hostile_table("ignore-cancel", "max_running = 32")));
    let ids: Vec<String> = (0..count).map(|_| env.submit_to("ignore-cancel", "do it", &[])).collect();
    for id in &ids {
        until("the agent to have its prompt", || !env.events_of(id, "attempt.prompted").is_empty());
    }
    ids
}

product_test! {
    fn a_child_is_below_its_guard_and_the_guard_below_the_host(env) {
        let ids = talking(env, 1);
        let host = env.host_pid().expect("a host");
        let instance = env.last_attempt(&ids[0])["instance"].clone();
        let pids = |of: i32| identity::children(of).iter().map(|one| i64::from(one.pid)).collect::<Vec<_>>();
        let guard = instance["guard_pid"].as_i64().expect("a guard");
        assert_eq!(pids(host), [guard]);
        assert_eq!(pids(i32::try_from(guard).expect("a pid")), [instance["pid"].as_i64().expect("a child")]);
        // Neither shows on its command line what it runs with.
        let words = std::fs::read(format!("/proc/{guard}/cmdline")).expect("its command line");
        let words = String::from_utf8_lossy(&words).replace('\0', " ");
        assert!(!words.contains("ignore-cancel") && !words.contains("python"), "{words}");
        let _ = env.modelscan(["task", "cancel", "--wait", &ids[0]]).run();
        assert_eq!(pids(host), [0_i64; 0]);
    }
}

product_test! {
    fn sixteen_agents_end_at_once(env) {
        let ids = talking(env, 16);
        let host = env.host_pid().expect("a host");
        let there = below(host);
        assert_eq!(there.len(), 32, "{there:?}");
        let begun = std::time::Instant::now();
        let _ = env.modelscan(["task", "cancel", "--wait"]).args(&ids).run();
        println!("16 agents cancelled after {:?}", begun.elapsed());
        for id in &ids {
            assert_eq!(env.status(id)["state"], "cancelled");
            assert_eq!(env.last_attempt(id)["instance"]["proven"], true);
        }
        assert!(!there.iter().any(Identity::is_alive), "{there:?}");
    }
}

product_test! {
    fn a_host_that_stops_now_leaves_nothing(env) {
        let ids = talking(env, 4);
        let host = Identity::of(env.host_pid().expect("a host")).expect("it lives");
        let there = below(host.pid);
        assert_eq!(there.len(), 8, "{there:?}");
        let view = env.modelscan(["host", "stop", "--now"]).json();
        assert_eq!(view["state"], "stopped", "{view:#}");
        assert!(!host.is_alive());
        assert!(!there.iter().any(Identity::is_alive), "{there:?}");
        // What ran is lost by the host's own doing: it had no side effects, so it runs again when one comes.
        let attempts = env.show(&ids[0])["attempts"].clone();
        assert_eq!(attempts[0]["outcome"], "lost", "{attempts:#}");
        assert_eq!(attempts[0]["instance"]["proven"], true, "{attempts:#}");
        let _ = env.modelscan(["task", "cancel", "--wait"]).args(&ids).run();
    }
}

product_test! {
    fn nothing_is_left_below_a_host_that_is_killed(env) {
        let ids = talking(env, 4);
        let there = below(env.host_pid().expect("a host"));
        assert_eq!(there.len(), 8, "{there:?}");
        env.kill_host();
        // Nobody comes: their guards see to it.
        let begun = std::time::Instant::now();
        wait_gone("the agents of a dead host", &there);
        println!("nothing was left {:?} after the host", begun.elapsed());
        assert_eq!(env.host_pid(), None, "a dead host is found to be dead, and looking starts none");
        let _ = env.modelscan(["task", "cancel", "--wait"]).args(&ids).run();
        for id in &ids {
            let shown = env.show(id);
            assert_eq!(shown["task"]["state"], "cancelled", "{shown:#}");
            assert_eq!(shown["attempts"][0]["instance"]["proven"], true, "{shown:#}");
        }
    }
}

product_test! {
    fn a_stopped_guard_of_a_dead_host_goes_on_when_the_next_host_comes(env) {
        let ids = talking(env, 1);
        let host = env.host_pid().expect("a host");
        let there = below(host);
        let guard = there.first().expect("a guard");
        guard.signal(Signal::Stop).expect("stop the guard");
        env.kill_host();
        assert!(there.iter().all(Identity::is_alive), "who is stopped ends nothing: {there:?}");
        // Whoever comes next continues it, and its word is the proof.
        let _ = env.modelscan(["task", "cancel", "--wait", &ids[0]]).run();
        assert_eq!(env.status(&ids[0])["state"], "cancelled");
        let attempts = env.show(&ids[0])["attempts"].clone();
        assert_eq!(attempts[0]["instance"]["proven"], true, "{attempts:#}");
        assert!(!there.iter().any(Identity::is_alive), "{there:?}");
    }
}

product_test! {
    fn one_whose_time_is_over_is_ended(env) {
        env.config(&hostile_table("ignore-cancel", ""));
        let id = env.submit_to("ignore-cancel", "do it", &["--timeout", "2s"]);
        env.modelscan(["task", "wait", &id]).run().expect_code(3);
        let shown = env.show(&id);
        assert_eq!(shown["task"]["reason"], "timed_out", "{shown:#}");
        let instance = &shown["attempts"][0]["instance"];
        assert!(instance.is_null() || instance["proven"] == true, "{shown:#}");
        assert_eq!(below(env.host_pid().expect("a host")), []);
    }
}
