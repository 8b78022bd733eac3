//! SIGKILL to the host at twenty points over spawn, prompt, tool and result: the n-th event row or the n-th
//! line of the child, chosen by seeds that are printed.

use std::path::PathBuf;

use process::{Identity, Signal};
use serde_json::{Value, json};
use support::{
    Running, TestEnv, Witness, agent_table, below, product, product_test, project_root, python, until,
    wait_ended, wait_gone,
};

/// One point each: they are spread over the whole life of a task, and moved by the seed within their share.
const SEEDS: [u64; 5] = [11, 223, 3_571, 47_629, 590_041];

/// Returns which of `total` rows or lines the point of this number and seed is, from 1.
fn point(number: usize, seed: u64, total: usize) -> usize {
    let mixed = (seed ^ (seed << 13)).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33;
    let share = usize::try_from(mixed).expect("31 bits") % total;
    1 + (number * total + share) / SEEDS.len()
}

/// What runs: reading only, or with a side effect in its middle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    Survey,
    Writes,
}

/// One environment for several kills.
struct Scene<'a> {
    env: &'a TestEnv,
    work: Work,
    /// Held by what runs below an instance; by the survey of our own agent only through the relay.
    witness: Witness,
    /// Where the step with side effects writes a line each time that it runs.
    ran: PathBuf,
    /// What an undisturbed run results in.
    result: Value,
}

impl<'a> Scene<'a> {
    fn new(env: &'a TestEnv, work: Work) -> Self {
        for number in 0..40 {
            env.file(&format!("src/part{number}.rs"), "// TODO: more\nfn main() {}\n".repeat(30));
        }
        let (witness, ran) = (Witness::new(env.root(), "witness"), env.root().join("ran"));
        env.skill(
            "writes",
            &json!({
                "plan": 1,
                "description": "A plan of a test",
                "effects": "write",
                "steps": [
                    { "id": "look", "tool": "ls", "arguments": { "path": "." } },
                    { "id": "count", "tool": "code_stats", "arguments": { "path": "." } },
                    { "id": "run", "tool": "bash", "arguments": {
                        "command": "exec 9<\"$WITNESS\"; flock -s 9; echo ran >>\"$RAN\"; setsid --fork sleep 300",
                        "env": { "WITNESS": witness.path(), "RAN": ran },
                    } },
                    { "id": "again", "tool": "ls", "arguments": { "path": "." } },
                ],
                "result": { "done": true },
                "result_schema": { "type": "object" },
            }),
        );
        Self { env, work, witness, ran, result: Value::Null }
    }

    fn skill(&self) -> &'static str {
        if self.work == Work::Survey { "survey" } else { "writes" }
    }

    fn submit(&self, agent: &str) -> Running {
        self.env.modelscan(["task", "submit", "--agent", agent, "--skill", self.skill()]).spawn()
    }

    /// How often the step with side effects has run.
    fn runs(&self) -> usize {
        std::fs::read_to_string(&self.ran).unwrap_or_default().lines().count()
    }

    /// The result, without what differs from run to run.
    fn result_of(&self, id: &str) -> Value {
        let result = self.env.result(id);
        if self.work == Work::Survey { result["languages"].clone() } else { result }
    }

    /// Checks that the task has come to its one end, and that this was right.
    fn check(&self, id: &str, runs_before: usize, answer: Answer) {
        let env = self.env;
        let wait = env.modelscan(["task", "wait", id]).run();
        let wrote = |attempt: i64| {
            let events = env.events(Some(id));
            events.iter().any(|event| event["type"] == "tool.started" && event["attempt"] == attempt)
        };
        let task = env.status(id);
        let context = || format!("{:#}\n{:#?}", env.show(id), env.events(Some(id)));
        if task["state"] == "paused" {
            assert_eq!(wait.code, Some(10), "{wait:?}");
            assert!(wrote(1), "paused, but nothing was written: {}", context());
            assert_eq!(task["question"]["kind"], "recovery", "{task:#}");
            assert_eq!(task["question"]["for"], "person", "{task:#}");
            assert!(self.runs() <= runs_before + 1, "{}", context());
            self.answer(id, answer);
        } else {
            assert_eq!(wait.code, Some(0), "{wait:?} {}", context());
            let attempt = task["attempt"].as_i64().expect("a number");
            assert!(attempt == 1 || !wrote(1), "it wrote, and ran again unasked: {}", context());
            if self.work == Work::Writes {
                assert_eq!(self.runs(), runs_before + 1, "{}", context());
            }
        }
        self.check_attempts(id);
    }

    /// A person lets it go on, or does not.
    fn answer(&self, id: &str, answer: Answer) {
        let env = self.env;
        let runs = self.runs();
        match answer {
            Answer::Resume => {
                env.modelscan(["task", "resume", id]).run().expect_code(0);
                env.modelscan(["task", "wait", id]).run().expect_code(0);
                assert_eq!(self.runs(), runs + 1);
            }
            Answer::Cancel => {
                env.modelscan(["task", "cancel", id]).run().expect_code(0);
                env.modelscan(["task", "wait", id]).run().expect_code(7);
                assert_eq!(self.runs(), runs);
            }
        }
    }

    /// At most one attempt was lost, its processes are proven to be gone, and there is one end and one result.
    fn check_attempts(&self, id: &str) {
        let shown = self.env.show(id);
        let attempts = shown["attempts"].as_array().expect("attempts");
        let outcomes: Vec<&str> = attempts.iter().filter_map(|attempt| attempt["outcome"].as_str()).collect();
        let expected: &[&[&str]] = &[&["succeeded"], &["lost", "succeeded"], &["lost"]];
        assert!(expected.contains(&&outcomes[..]), "{outcomes:?} {shown:#}");
        for attempt in attempts {
            let instance = &attempt["instance"];
            assert!(instance.is_null() || instance["proven"] == true, "{attempt:#}");
        }
        let ends = ["task.succeeded", "task.failed", "task.cancelled"];
        let count: usize = ends.iter().map(|end| self.env.events_of(id, end).len()).sum();
        assert_eq!(count, 1, "{shown:#}");
        if shown["task"]["state"] == "succeeded" {
            assert_eq!(self.result_of(id), self.result, "{shown:#}");
        }
        assert!(!self.witness.is_held(), "something of {id} lives");
    }
}

/// What a person says to a paused task.
#[derive(Debug, Clone, Copy)]
enum Answer {
    Resume,
    Cancel,
}

impl Answer {
    fn of(number: usize) -> Self {
        if number.is_multiple_of(2) { Self::Resume } else { Self::Cancel }
    }
}

/// Reads rows of the follower until the n-th that belongs to a task.
fn nth_row(follower: &mut Running, number: usize) -> Value {
    let mut rows = 0;
    loop {
        let row = follower.next_json();
        if !row["task"].is_null() {
            rows += 1;
            if rows == number {
                return row;
            }
        }
    }
}

fn follow(env: &TestEnv) -> Running {
    let last = env.events(None).last().map_or(0, |event| event["seq"].as_i64().expect("a number"));
    env.modelscan(["event", "list", "--follow", "--json", "--after-seq", &last.to_string()]).spawn()
}

/// The living host: the last task may have been over without one.
fn started(env: &TestEnv) -> Identity {
    env.modelscan(["host", "start"]).run().expect_code(0);
    Identity::of(env.host_pid().expect("a host")).expect("it lives")
}

/// Kills the host when it has written a certain row.
fn by_rows(env: &TestEnv, work: Work) {
    let mut scene = Scene::new(env, work);
    let first = scene.submit("nexora").wait().expect_code(0);
    let first = first.stdout.trim();
    env.modelscan(["task", "wait", first]).run().expect_code(0);
    scene.result = scene.result_of(first);
    let total = env.events(Some(first)).len();
    for (number, seed) in SEEDS.into_iter().enumerate() {
        let nth = point(number, seed, total);
        let runs_before = scene.runs();
        let host = started(env);
        let mut follower = follow(env);
        let submit = scene.submit("nexora");
        let row = nth_row(&mut follower, nth);
        // Whoever watches would look for the next host at once; here nobody comes.
        follower.kill();
        let there = below(host.pid);
        host.signal(Signal::Kill).expect("kill the host");
        wait_ended(host);
        println!("seed {seed}: killed after event row {nth} of {total}: {}", row["type"]);
        wait_gone("what a dead host left", &there);
        scene.witness.wait_free();
        let id = submit.wait().expect_code(0).stdout.trim().to_owned();
        assert_eq!(row["task"], id.as_str());
        scene.check(&id, runs_before, Answer::of(number));
    }
}

/// Kills the host when the child has written a certain line.
fn by_lines(env: &TestEnv, work: Work) {
    let mut scene = Scene::new(env, work);
    let product = product();
    let (mark, script) = (env.root().join("mark"), project_root().join("tests/support/agents/relay.py"));
    let configure = |number: usize, scene: &Scene<'_>| {
        let paths =
            [&script, &mark, scene.witness.path(), &product].map(|path| path.to_str().expect("UTF-8"));
        let [script, mark, witness, product] = paths;
        let args = [script, &number.to_string(), mark, witness, product, "nexora"];
        let home = env.home();
        let more = format!(
            "env = {{ MODELSCAN_HOME = {:?} }}\nskills = [\"survey\", \"writes\"]",
            home.to_str().expect("UTF-8")
        );
        env.config(&agent_table("relay", &python(), &args, &more));
    };
    configure(0, &scene);
    let first = scene.submit("relay").wait().expect_code(0);
    let first = first.stdout.trim();
    env.modelscan(["task", "wait", first]).run().expect_code(0);
    scene.result = scene.result_of(first);
    until("the relay to have counted", || mark.exists());
    let total: usize = std::fs::read_to_string(&mark).expect("a count").parse().expect("a number");
    for (number, seed) in SEEDS.into_iter().enumerate() {
        let nth = point(number, seed, total);
        let runs_before = scene.runs();
        std::fs::remove_file(&mark).expect("it was made");
        configure(nth, &scene);
        let host = started(env);
        let id = scene.submit("relay").wait().expect_code(0).stdout.trim().to_owned();
        wait_ended(host);
        println!("seed {seed}: killed after line {nth} of {total} of the child");
        scene.witness.wait_free();
        scene.check(&id, runs_before, Answer::of(number));
    }
}

product_test! {
    fn a_survey_at_five_event_rows(env) {
        by_rows(env, Work::Survey);
    }
}

product_test! {
    fn a_survey_at_five_lines_of_the_child(env) {
        by_lines(env, Work::Survey);
    }
}

product_test! {
    fn a_plan_that_writes_at_five_event_rows(env) {
        by_rows(env, Work::Writes);
    }
}

product_test! {
    fn a_plan_that_writes_at_five_lines_of_the_child(env) {
        by_lines(env, Work::Writes);
    }
}

product_test! {
    fn a_step_with_side_effects_that_was_recorded_pauses_its_task(env) {
        for answer in ["resume", "cancel"] {
            let witness = Witness::new(env.root(), answer);
            let script = "exec 9<\"$WITNESS\"; flock -s 9; [ -e \"$GO\" ] || { : >\"$GO\"; sleep 300; }";
            let go = env.root().join(format!("{answer}.go"));
            let variables = [("WITNESS", witness.path()), ("GO", &go)].map(|(name, path)| (name, path.to_str().expect("UTF-8")));
            env.bash_skill("holds", script, &variables);
            let id = env.submit("holds", &[]);
            until("the step to run", || go.exists());
            // This one waits already; the host's death makes it look for the next one.
            let waiting = env.modelscan(["task", "wait", &id]).spawn();
            until("two clients", || env.modelscan(["host", "status"]).json()["clients"].as_i64() >= Some(1));
            env.kill_host();
            let waited = waiting.wait().expect_code(10);
            assert!(waited.stdout.contains("task resume"), "{waited:?}");
            assert!(!witness.is_held(), "its step lives on");
            let task = env.status(&id);
            assert_eq!((&task["state"], &task["attempt"]), (&json!("paused"), &json!(1)), "{task:#}");
            let options = task["question"]["options"].as_array().expect("options");
            assert_eq!(options.iter().map(|option| &option["id"]).collect::<Vec<_>>(), ["resume", "cancel"]);
            let attempt = env.last_attempt(&id);
            assert_eq!((&attempt["outcome"], &attempt["instance"]["proven"]), (&json!("lost"), &json!(true)), "{attempt:#}");
            env.modelscan(["task", "result", &id]).run().expect_code(10);
            env.modelscan(["task", answer, &id]).run().expect_code(0);
            env.modelscan(["task", "wait", &id]).run().expect_code(if answer == "resume" { 0 } else { 7 });
            assert!(env.status(&id)["question"].is_null());
        }
    }
}
