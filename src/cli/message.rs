//! `modelscan message list`: what was said, in its order.

use runtime::operations::{StreamFilter, message_list};
use wire::views::MessageView;

use super::arguments::MessageVerb;
use super::context::Context;
use super::follow::{self, Item, Wanted};
use super::output::Outcome;
use super::show;

impl Item for MessageView {
    fn seq(&self) -> i64 {
        self.seq
    }

    fn line(&self, palette: super::output::Palette) -> String {
        show::record::message(self, palette)
    }
}

/// Runs a verb.
pub fn run(ctx: &Context<'_>, verb: MessageVerb) -> Outcome {
    let MessageVerb::List { task, agent, after_seq, limit, follow } = verb;
    let wanted = Wanted { task, after_seq, limit, follow };
    let party = agent.map(|name| format!("agent:{name}"));
    let fits = |message: &MessageView| {
        party.as_ref().is_none_or(|party| message.from == *party || message.to == *party)
    };
    follow::run(ctx, &wanted, |reading, filter: StreamFilter| message_list(reading, filter), fits)
}
