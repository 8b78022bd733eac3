//! What processes hold while they wait: host, pump and Nexora; and how soon Nexora is ready.

use std::time::{Duration, Instant};

use crate::answers::{INITIALIZE, INITIALIZED};
use crate::calls::PING;
use crate::place::{Place, Talk, run};
use crate::report::{Report, shown};
use crate::timing::medians;

const ROUNDS: usize = 40;

/// What a client of an agent says first.
const INITIALIZE_AGENT: &str = concat!(
    r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":1,"clientCapabilities":{}}}"#,
    "\n"
);

/// Resident memory of one process, in kilobytes of 1000 bytes.
struct Resident {
    all: u64,
    /// What is its own and no file's.
    anonymous: u64,
}

impl Resident {
    fn of(pid: u32) -> Self {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let read = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
            let kibibytes: u64 = line.trim_start_matches(':').trim().trim_end_matches(" kB").parse().unwrap();
            kibibytes * 1024 / 1000
        };
        Self { all: read("VmRSS"), anonymous: read("RssAnon") }
    }

    fn floor(&self) -> String {
        let tenths = (self.anonymous + 50) / 100;
        format!("of it anonymous: {}.{} MB", tenths / 10, tenths % 10)
    }

    fn tell(&self, what: &str, report: &mut Report, most_mb: u64) {
        report.memory(what, self.all, &self.floor(), most_mb);
    }
}

fn agent(place: &Place) -> Talk {
    let mut agent = place.talk(&mut place.modelscan(&["nexora"]));
    assert!(agent.ask(INITIALIZE_AGENT).contains("\"result\""));
    agent
}

/// Measures the group.
pub fn measure(place: &Place, report: &mut Report) {
    place.start_host();
    Resident::of(place.host_pid()).tell("idle host, just started", report, 16);
    let mut pump = place.talk(&mut place.modelscan(&["mcp"]));
    pump.ask(INITIALIZE);
    pump.say(INITIALIZED);
    for _ in 0..100 {
        pump.ask(PING);
    }
    let of_pump = Resident::of(pump.pid());
    pump.end();
    for _ in 0..20 {
        let id = place.answer(&["task", "submit", "--skill", "survey"]);
        let _ended = place.modelscan(&["task", "wait", &id]).status().unwrap();
    }
    Resident::of(place.host_pid()).tell("idle host, after 20 surveys and a client", report, 16);
    of_pump.tell("pump, after 100 calls", report, 4);

    let waiting = agent(place);
    Resident::of(waiting.pid()).tell("Nexora, ready", report, 15);
    waiting.end();
    let [nothing, ready] = medians(
        ROUNDS,
        [&mut || run(&mut place.program("true", &[])), &mut || {
            let begun = Instant::now();
            let ready = agent(place);
            let took = begun.elapsed();
            ready.end();
            took
        }],
    );
    let floor = format!("`true`: {}", shown(nothing));
    report.within("Nexora, start to ready", ready, &floor, Duration::from_millis(30));
}
