//! From the submit to the first instruction of the agent that works on it. The agent is this program: it reads
//! the clock before all else and says over a socket what it read.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use domain::TaskId;
use modelscan::serve::client::Session;
use modelscan::system::UuidSource;
use serde_json::{Value, json};
use wire::control::{Ask, SubmitRequest};

use crate::answers::{INITIALIZE, INITIALIZED};
use crate::place::Place;
use crate::report::{Report, shown};
use crate::timing::{medians, wall_clock};

/// The word by which this program is an agent that tells when it began.
pub const STAMP: &str = "stamp";
/// The word by which it is an agent that does nothing until its input ends.
pub const HOLD: &str = "hold";

const ROUNDS: usize = 40;
const LIMIT: Duration = Duration::from_millis(5);

/// Tells when this process began, and ends.
pub fn stamp(arrived: u128, socket: &str) -> ExitCode {
    let mut stream = UnixStream::connect(socket).expect("somebody waits for the stamp");
    stream.write_all(arrived.to_string().as_bytes()).unwrap();
    ExitCode::SUCCESS
}

/// Waits until its input ends.
pub fn hold() -> ExitCode {
    let _ended = io::copy(&mut io::stdin().lock(), &mut io::sink());
    ExitCode::SUCCESS
}

/// Returns how long after `begun` the agent that comes next began.
fn arrival(stamps: &UnixListener, begun: u128) -> Duration {
    let (mut stream, _) = stamps.accept().unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let arrived: u128 = text.parse().unwrap();
    Duration::from_nanos(u64::try_from(arrived.saturating_sub(begun)).unwrap())
}

/// Waits until the machine is quiet again: the task has ended, and so has its guard.
fn wait_for(place: &Place, id: &str) {
    let _ended = place.modelscan(&["task", "wait", id]).status().unwrap();
}

/// Measures the group.
pub fn measure(place: &Place, report: &mut Report) {
    let stamps = UnixListener::bind(place.socket()).unwrap();
    place.start_host();
    let (env, loaded) = place.loaded();
    let session = Session::new(&env, &loaded);
    let request = || SubmitRequest {
        id: TaskId::new(&UuidSource).to_string(),
        prompt: Some("go".to_owned()),
        agent: Some("stamp".to_owned()),
        cwd: place.project().to_str().unwrap().to_owned(),
        env: env.submitted(),
        ..SubmitRequest::default()
    };
    let mut pump = place.talk(place.modelscan(&["mcp"]).stderr(Stdio::inherit()));
    pump.ask(INITIALIZE);
    pump.say(INITIALIZED);
    let mut number = 0;
    let this = std::env::current_exe().unwrap();
    let socket = place.socket();
    let [plain, by_socket, by_mcp] = medians(
        ROUNDS,
        [
            &mut || {
                let begun = wall_clock();
                let mut child = place.program(&this, &[STAMP, socket.to_str().unwrap()]).spawn().unwrap();
                let took = arrival(&stamps, begun);
                child.wait().unwrap();
                took
            },
            &mut || {
                let task = Box::new(request());
                let id = task.id.clone();
                let begun = wall_clock();
                session.call(Ask::Submit { task }).expect("the host takes the task");
                let took = arrival(&stamps, begun);
                wait_for(place, &id);
                took
            },
            &mut || {
                number += 1;
                let call = json!({
                    "jsonrpc": "2.0", "id": number, "method": "tools/call",
                    "params": { "name": "task_submit", "arguments": { "agent": "stamp", "prompt": "go" } },
                });
                let line = format!("{call}\n");
                let begun = wall_clock();
                let answer: Value = serde_json::from_str(pump.ask(&line)).unwrap();
                let took = arrival(&stamps, begun);
                wait_for(place, answer["result"]["structuredContent"]["id"].as_str().expect("an id"));
                took
            },
        ],
    );
    let floor = format!("spawned directly: {}", shown(plain));
    report.within("submit by socket to the child's first instruction", by_socket, &floor, LIMIT);
    report.within("submit by MCP to the child's first instruction", by_mcp, &floor, LIMIT);
}
