//! `modelscan host …`.

use super::arguments::HostVerb;
use super::context::Context;
use super::output::{Exit, Outcome};
use super::show;
use crate::serve::client::Session;

/// Runs a verb.
pub fn run(ctx: &Context<'_>, verb: &HostVerb) -> Outcome {
    match verb {
        HostVerb::Start => {
            ctx.refuse_below_guard("`host start`")?;
            let loaded = ctx.load()?;
            let session = Session::new(ctx.env, &loaded);
            let started = session.start()?;
            let view = session.status()?;
            if !ctx.out.is_json() {
                ctx.out.note(if started { "started" } else { "a host runs already" });
            }
            ctx.out.answer(&view, |palette| show::host::status(&view, palette))?;
        }
        HostVerb::Stop { now } => {
            ctx.refuse_below_guard("`host stop`")?;
            let loaded = ctx.load_in_spite()?;
            let session = Session::new(ctx.env, &loaded);
            let ended = session.stop(*now)?;
            let view = session.status()?;
            if !ctx.out.is_json() {
                ctx.out.note(if ended { "stopped" } else { "no host ran" });
            }
            ctx.out.answer(&view, |palette| show::host::status(&view, palette))?;
        }
        HostVerb::Status => {
            let loaded = ctx.load_in_spite()?;
            let view = Session::new(ctx.env, &loaded).status()?;
            ctx.out.answer(&view, |palette| show::host::status(&view, palette))?;
        }
        HostVerb::Run => {
            ctx.refuse_below_guard("`host run`")?;
            let loaded = ctx.load()?;
            Session::new(ctx.env, &loaded).run_foreground()?;
        }
    }
    Ok(Exit::OK)
}
