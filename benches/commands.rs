//! Commands: `version`, `task list`, `task submit`, against `git --version` and a durable insert.

use std::time::{Duration, Instant};

use domain::{
    Backoff, Clock as _, JsonText, LaneKey, NewTask, Priority, Recovery, RetryPolicy, SubmitterEnvironment,
    TaskId,
};
use modelscan::system::{SystemClock, UuidSource};

use crate::place::{Place, run};
use crate::report::{Report, shown};
use crate::timing::{medians, timed};

const ROUNDS: usize = 80;

/// How many tasks are in the store that is listed.
const TASKS: usize = 50;

struct Alone;

impl store::ExclusiveAccess for Alone {}

/// A store of its own on the same disk: what one durable insert costs.
struct Floor(store::Writer);

impl Floor {
    fn new(place: &Place) -> Self {
        let at = store::Place { database: place.path("floor.db"), outputs: place.path("floor-outputs") };
        let checked = store::preflight(at).unwrap();
        let opening = store::Opening { now: SystemClock.now(), binary: "bench" };
        Self(store::Writer::open(&checked, Alone, opening).unwrap())
    }

    fn insert(&mut self) -> Duration {
        let new = NewTask {
            id: TaskId::new(&UuidSource),
            key: None,
            title: "survey".to_owned(),
            prompt: String::new(),
            skill: Some("survey".to_owned()),
            input: Some(JsonText::from_json(r#"{"path":"."}"#.to_owned())),
            lane: LaneKey::Agent("nexora".parse().unwrap()),
            agent: Some("nexora".parse().unwrap()),
            priority: Priority::NORMAL,
            cwd: "/work".to_owned(),
            environment: SubmitterEnvironment(vec![("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
            timeout: Duration::from_secs(3_600),
            deadline: None,
            not_before: None,
            retry: RetryPolicy { max: 0, backoff: Backoff { base: Duration::from_secs(2) }, on: Vec::new() },
            recovery: Recovery::Resume,
            labels: None,
            needs: Vec::new(),
            submitted_at: SystemClock.now(),
        };
        let begun = Instant::now();
        self.0.turn::<_, store::SubmitError>(|turn| turn.submit(&new)).unwrap();
        begun.elapsed()
    }
}

/// Measures the group.
pub fn measure(place: &Place, report: &mut Report) {
    place.start_host();
    // Ended tasks: a prompt without a model fails at once.
    let ids: Vec<String> = (0..TASKS).map(|_| place.answer(&["task", "submit", "no model"])).collect();
    for id in &ids {
        let _ended = place.modelscan(&["task", "wait", id]).status().unwrap();
    }
    let git = || run(&mut place.program("git", &["--version"]));
    let [git_warm, nothing, version, listed, empty_help] = medians(
        ROUNDS,
        [
            &mut || git(),
            &mut || run(&mut place.program("true", &[])),
            &mut || place.time(&["version"]),
            &mut || place.time(&["task", "list"]),
            &mut || place.time(&["--help"]),
        ],
    );
    place.stop_host();
    let [git_alone, listed_alone] = medians(ROUNDS, [&mut || git(), &mut || place.time(&["task", "list"])]);
    place.start_host();
    let mut floor = Floor::new(place);
    let submit = ["task", "submit", "--agent", "stamp", "go"];
    let [listed_again, insert, submitted] = medians(
        ROUNDS,
        [&mut || place.time(&["task", "list", "--state", "failed"]), &mut || floor.insert(), &mut || {
            let mut id = String::new();
            let took = timed(|| id = place.answer(&submit));
            let _ended = place.modelscan(&["task", "wait", &id]).status().unwrap();
            took
        }],
    );
    // One that holds its agent: what is submitted behind it only queues.
    place.answer(&["task", "submit", "--agent", "hold", "stay"]);
    let [queued] = medians(ROUNDS, [&mut || place.time(&["task", "submit", "--agent", "hold", "wait"])]);

    report.times("`modelscan version`", version, ("`git --version`", git_warm), 2.0);
    report.times("`task list`, 50 rows, a host lives", listed, ("`git --version`", git_warm), 3.0);
    report.times("`task list`, 50 rows, no host", listed_alone, ("`git --version`", git_alone), 3.0);
    let most = listed_again + 2 * insert;
    let made_of = format!("list {} + 2 × durable insert {}", shown(listed_again), shown(insert));
    report.within("`task submit`, warm host, starts at once", submitted, &made_of, most);
    report.within("`task submit`, warm host, queues", queued, &made_of, most);
    report.note(format!("`true` {}, `modelscan --help` {}", shown(nothing), shown(empty_help)));
}
