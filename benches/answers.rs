//! The first MCP answer: from the start of `modelscan mcp` to the first line that it writes.

use std::time::{Duration, Instant};

use crate::place::{Place, run};
use crate::report::{Report, shown};
use crate::timing::{median, medians};

const ROUNDS: usize = 60;
const COLD_ROUNDS: usize = 20;

/// What an editor says first.
pub const INITIALIZE: &str = concat!(
    r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","#,
    r#""capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}"#,
    "\n"
);

/// What it says then.
pub const INITIALIZED: &str = concat!(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#, "\n");

fn first_answer(place: &Place) -> Duration {
    let begun = Instant::now();
    let mut pump = place.talk(&mut place.modelscan(&["mcp"]));
    assert!(pump.ask(INITIALIZE).contains("\"result\""));
    let took = begun.elapsed();
    pump.end();
    took
}

/// Measures the group.
pub fn measure(place: &Place, report: &mut Report) {
    place.start_host();
    let [nothing, warm] =
        medians(ROUNDS, [&mut || run(&mut place.program("true", &[])), &mut || first_answer(place)]);
    let cold = (0..COLD_ROUNDS).map(|_| {
        place.stop_host();
        first_answer(place)
    });
    let cold = median(cold.collect());
    let floor = format!("`true`: {}", shown(nothing));
    report.within("first MCP answer, warm host", warm, &floor, Duration::from_millis(10));
    report.within("first MCP answer, host is started", cold, &floor, Duration::from_millis(50));
}
