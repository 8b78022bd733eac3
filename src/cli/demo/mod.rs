//! `modelscan demo`: the whole path on real input, in a data folder of its own. Three acts: work handed
//! over as an editor does it; client and host killed in the middle of it; a cancel that leaves nothing.

mod acts;
mod client;
mod closing;
mod narrator;
mod stage;
mod stubborn;
mod tree;

use std::path::Path;

use wire::views::DemoView;

use self::acts::{cancelled, handed_over, interrupted};
use self::narrator::Narrator;
use self::stage::Stage;
use super::context::Context;
use super::output::{Exit, Outcome};
use crate::config::absolute;
use crate::error::{Error, Kind};

/// Runs the command.
pub fn run(ctx: &Context<'_>, path: &Path) -> Outcome {
    let surveyed = folder(ctx, path)?;
    if !process::peer::own_standing().is_free() {
        return Err(Error::new(Kind::Denied, "the demo starts a host of its own, which an agent may not")
            .hint("run it in a terminal")
            .into());
    }
    let stage = Stage::make(ctx)?;
    let told = play(ctx, &stage, &surveyed);
    // Whatever happened, nothing stays behind that runs.
    let ended = stage.end_host();
    let view = told?;
    ended?;
    closing::tell(ctx, &stage, &view)?;
    if ctx.out.is_json() {
        ctx.out.json(&view)?;
    }
    Ok(Exit::OK)
}

fn folder(ctx: &Context<'_>, path: &Path) -> Result<std::path::PathBuf, Error> {
    let given = absolute(ctx.env, path)?;
    let fails = |what: String| {
        Error::new(Kind::BadInput, format!("the folder `{}` {what}", given.display()))
            .hint("name a folder that can be read: `modelscan demo PATH`")
    };
    let found = given.canonicalize().map_err(|error| fails(format!("cannot be surveyed: {error}")))?;
    std::fs::read_dir(&found).map_err(|error| fails(format!("cannot be read: {error}")))?;
    Ok(found)
}

/// Plays the acts; ends early when it is interrupted.
fn play(ctx: &Context<'_>, stage: &Stage<'_>, surveyed: &Path) -> Result<DemoView, super::output::Ended> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::internal(format!("the demo's runtime cannot be made: {error}")))?;
    let narrator = Narrator::new(ctx.out);
    runtime.block_on(async {
        tokio::select! {
            biased;
            () = interrupted_by_signal() => {
                Err(Error::new(Kind::Interrupted, "interrupted").hint("the demo's host was ended too").into())
            }
            played = acts(stage, surveyed, &narrator) => played,
        }
    })
}

async fn acts(
    stage: &Stage<'_>,
    surveyed: &Path,
    narrator: &Narrator,
) -> Result<DemoView, super::output::Ended> {
    let tasks = vec![
        handed_over::play(stage, surveyed, narrator).await?,
        interrupted::play(stage, narrator).await?,
        cancelled::play(stage, narrator).await?,
    ];
    Ok(DemoView {
        home: stage.home().display().to_string(),
        database: stage.loaded().places.database.display().to_string(),
        tasks,
    })
}

/// Returns when the demo is asked to end; never, where signals cannot be listened to.
async fn interrupted_by_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return std::future::pending().await };
    tokio::select! {
        _ = terminate.recv() => {}
        interrupted = tokio::signal::ctrl_c() => {
            if interrupted.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}
