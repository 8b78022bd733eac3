//! `modelscan event list`: what happened, in its order.

use runtime::operations::{StreamFilter, event_list};
use wire::views::EventView;

use super::arguments::EventVerb;
use super::context::Context;
use super::follow::{self, Item, Wanted};
use super::output::Outcome;
use super::show;

impl Item for EventView {
    fn seq(&self) -> i64 {
        self.seq
    }

    fn line(&self, palette: super::output::Palette) -> String {
        show::record::event(self, palette)
    }
}

/// Runs a verb.
pub fn run(ctx: &Context<'_>, verb: EventVerb) -> Outcome {
    let EventVerb::List { task, after_seq, limit, follow } = verb;
    let wanted = Wanted { task, after_seq, limit, follow };
    follow::run(ctx, &wanted, |reading, filter: StreamFilter| event_list(reading, filter), |_| true)
}
