//! Measures the goals of `docs/PERFORMANCE.md`, each with its floor in the same run, and says which are met.
//! It fails only if something cannot be measured: a machine that is busy makes nothing wrong.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "what cannot be measured ends the run")]

mod answers;
mod calls;
mod child;
mod commands;
mod memory;
mod place;
mod report;
mod survey;
mod timing;

use std::process::ExitCode;

use place::Place;
use report::Report;

type Group = (&'static str, fn(&Place, &mut Report));

/// What is measured, in this order: the first ones find a store that the later ones have not filled yet.
const GROUPS: [Group; 6] = [
    ("memory", memory::measure),
    ("commands", commands::measure),
    ("answers", answers::measure),
    ("child", child::measure),
    ("calls", calls::measure),
    ("survey", survey::measure),
];

fn main() -> ExitCode {
    // As an agent of its own: the very first thing that it does is what is measured.
    let arrived = timing::wall_clock();
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.first().map(String::as_str) {
        Some(child::STAMP) => return child::stamp(arrived, &words[1]),
        Some(child::HOLD) => return child::hold(),
        _ => {}
    }
    if let Some(unknown) = words.iter().find(|word| GROUPS.iter().all(|(name, _)| name != word)) {
        eprintln!("there is no group `{unknown}`: {:?}", GROUPS.map(|(name, _)| name));
        return ExitCode::from(2);
    }
    let mut report = Report::begin();
    for (name, measure) in GROUPS {
        if words.is_empty() || words.iter().any(|word| word == name) {
            eprintln!("measuring: {name}");
            // A place of its own: what one group leaves in the store is not the next one's.
            measure(&Place::new(), &mut report);
        }
    }
    report.print();
    ExitCode::SUCCESS
}
