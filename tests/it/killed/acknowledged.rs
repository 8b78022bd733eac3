//! Whatever was told an id is there, however the host ends meanwhile.

use std::sync::Mutex;

use process::{Identity, Signal};
use support::{TestEnv, product_test, until};

/// How many clients hand over work at once.
const CLIENTS: usize = 4;

/// How many tasks each hands over.
const TASKS: usize = 12;

/// After how many acknowledged tasks the host is killed.
const KILLED_AFTER: [usize; 3] = [5, 17, 31];

fn ids_of_list(env: &TestEnv) -> Vec<String> {
    let list = env.modelscan(["task", "list", "--all", "-n", "1000"]).json();
    let items = list["items"].as_array().expect("items");
    items.iter().map(|task| task["id"].as_str().expect("an id").to_owned()).collect()
}

product_test! {
    fn nothing_that_was_acknowledged_is_missing(env) {
        // One task runs, which does not end; the others wait behind it.
        env.config("[host]\nmax_running = 1\n");
        env.bash_skill("holds", "sleep 300", &[]);
        let first = env.submit("holds", &["--recovery", "retry"]);
        let told = Mutex::new(vec![first.clone()]);
        std::thread::scope(|scope| {
            for _ in 0..CLIENTS {
                scope.spawn(|| {
                    for _ in 0..TASKS {
                        let id = env.submit("holds", &[]);
                        told.lock().expect("no client has failed").push(id);
                    }
                });
            }
            for count in KILLED_AFTER {
                until(&format!("{count} tasks"), || told.lock().expect("no client has failed").len() > count);
                let host = until_host(env);
                host.signal(Signal::Kill).expect("kill it");
                println!("killed host {} after {count} tasks", host.pid);
            }
        });
        let told = told.into_inner().expect("no client has failed");
        assert_eq!(told.len(), 1 + CLIENTS * TASKS);
        let listed = ids_of_list(env);
        for id in &told {
            assert!(listed.contains(id), "{id} was acknowledged and is not there");
        }
        // A lost answer was asked for again, which makes no second task.
        assert_eq!(listed.len(), told.len());
        // Attempts of the first were lost as often as a host died that had begun one, and none overlapped.
        let _ = env.modelscan(["task", "cancel", "--wait"]).args(&told).run();
        for id in &told {
            assert_eq!(env.status(id)["state"], "cancelled");
        }
        for attempt in env.show(&first)["attempts"].as_array().expect("attempts") {
            assert!(["lost", "cancelled"].contains(&attempt["outcome"].as_str().unwrap_or_default()), "{attempt:#}");
        }
    }
}

/// The host that lives now; clients that submit start one.
fn until_host(env: &TestEnv) -> Identity {
    support::until_some("a host", || {
        let status = env.modelscan(["host", "status"]).args(["--json"]).run();
        let status: serde_json::Value = serde_json::from_str(&status.stdout).ok()?;
        Identity::of(i32::try_from(status["pid"].as_i64()?).ok()?)
    })
}

product_test! {
    fn a_key_names_one_task_also_across_hosts(env) {
        env.bash_skill("quick", "true", &[]);
        let first = env.submit("quick", &["--key", "the one"]);
        env.modelscan(["task", "wait", &first]).run().expect_code(0);
        env.kill_host();
        assert_eq!(env.submit("quick", &["--key", "the one"]), first);
        let shown = env.show(&first);
        assert_eq!(shown["attempts"].as_array().map(Vec::len), Some(1), "{shown:#}");
    }
}
