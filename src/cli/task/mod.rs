//! `modelscan task …`.

mod cancel;
mod ending;
mod list;
mod result;
mod resume;
mod show;
mod submit;
mod wait;

use super::arguments::TaskVerb;
use super::context::Context;
use super::output::Outcome;

/// Runs a verb.
pub fn run(ctx: &Context<'_>, verb: TaskVerb) -> Outcome {
    match verb {
        TaskVerb::Submit(flags) => submit::run(ctx, *flags),
        TaskVerb::List { state, agent, limit, cursor, all } => {
            list::run(ctx, list::Wanted { state, agent, limit, cursor, all })
        }
        TaskVerb::Show { id } => show::show(ctx, &id),
        TaskVerb::Status { id } => show::status(ctx, &id),
        TaskVerb::Wait { ids, any, wait_limit } => wait::run(ctx, &ids, any, wait_limit),
        TaskVerb::Result { id } => result::run(ctx, &id),
        TaskVerb::Cancel { ids, why, wait } => cancel::run(ctx, &ids, why, wait),
        TaskVerb::Resume { id } => resume::run(ctx, &id),
    }
}
