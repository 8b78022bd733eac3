//! What pump and transport add to a call: a ping there and back, against `cat`, which says the line again.

use std::io::{BufRead as _, BufReader, Write as _};
use std::time::Duration;

use modelscan::serve::client::{Session, connect_pump};

use crate::answers::{INITIALIZE, INITIALIZED};
use crate::place::Place;
use crate::report::{Report, shown};
use crate::timing::{medians, timed};

/// The cheapest call.
pub const PING: &str = concat!(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#, "\n");

const ROUNDS: usize = 2_000;

/// Measures the group.
pub fn measure(place: &Place, report: &mut Report) {
    place.start_host();
    let mut echo = place.talk(&mut place.program("cat", &[]));
    let mut pump = place.talk(&mut place.modelscan(&["mcp"]));
    pump.ask(INITIALIZE);
    pump.say(INITIALIZED);
    // The same without the pump: the host's socket itself.
    let (env, loaded) = place.loaded();
    let mut to = connect_pump(&Session::new(&env, &loaded), None).expect("the host takes the connection");
    let mut from = BufReader::new(to.try_clone().unwrap());
    let mut line = String::new();
    to.write_all(INITIALIZE.as_bytes()).unwrap();
    from.read_line(&mut line).unwrap();
    to.write_all(INITIALIZED.as_bytes()).unwrap();
    let [plain, direct, pumped] = medians(
        ROUNDS,
        [
            &mut || timed(|| assert_eq!(echo.ask(PING), PING)),
            &mut || {
                timed(|| {
                    to.write_all(PING.as_bytes()).unwrap();
                    line.clear();
                    from.read_line(&mut line).unwrap();
                    assert!(line.contains("\"result\""));
                })
            },
            &mut || timed(|| assert!(pump.ask(PING).contains("\"result\""))),
        ],
    );
    let added = pumped.saturating_sub(plain);
    let floor = format!("`cat`: {}, with pump and host: {}", shown(plain), shown(pumped));
    report.within("what pump and transport add to a call", added, &floor, Duration::from_micros(100));
    report.note(format!(
        "a ping over the host's socket, without the pump, takes {}; the pump adds {}",
        shown(direct),
        shown(pumped.saturating_sub(direct))
    ));
}
