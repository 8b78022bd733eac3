//! The face of Nexora: an agent of the Agent Client Protocol over a pair of byte streams.
//!
//! It runs plans and has no model: a prompt is resolved to a skill, the plan runs, and what it does is told as it
//! happens. What a host of ours offers beyond the protocol is used and never needed: `_modelscan/tool_started` before
//! each call with side effects, `_modelscan/result` for the result, progress and the reason of a failure in `_meta`.

mod ledger;
mod session;
mod turn;
mod watch;

use crate::tools::Toolbox;
use acp::{AgentConnection, FromClient, Refusal};
use process::Spawner;
use session::Sessions;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;

/// How long what still runs has to end when the client has gone.
const END_LIMIT: Duration = Duration::from_secs(5);

/// What the face works with.
pub struct Options {
    /// The tools.
    pub toolbox: Toolbox,
    /// The user's own folder of skills, beside those in the program.
    pub skills: Option<PathBuf>,
    /// The environment that children of tools see.
    pub env: BTreeMap<String, String>,
    /// Starts the children of tools; without it those that need one fail.
    pub spawner: Option<Spawner>,
    /// The version that clients are told.
    pub version: String,
}

/// Serves a client until it closes its stream, and returns when nothing that was started is left.
pub async fn run<R, W>(reader: R, writer: W, options: Options)
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    let AgentConnection { client, mut incoming, finish, driver } = acp::connect_client(reader, writer);
    let options = Arc::new(options);
    let serve = async {
        let mut sessions = Sessions::new(client, Arc::clone(&options));
        let mut turns = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                Some(ended) = turns.join_next_with_id(), if !turns.is_empty() => match ended {
                    Ok((turn, ())) => sessions.turn_ended(turn),
                    Err(error) => {
                        tracing::error!(%error, "a turn panicked");
                        sessions.turn_ended(error.id());
                    }
                },
                held = incoming.recv() => match held {
                    Some(held) => take(held.release(), &mut sessions, &mut turns).await,
                    None => break,
                },
            }
        }
        sessions.cancel_all();
        let rest = async { while turns.join_next().await.is_some() {} };
        // A turn that does not end in time is dropped, and what it had started with it.
        let _ = tokio::time::timeout(END_LIMIT, rest).await;
        drop(turns);
        settle(options.spawner.as_ref()).await;
        finish.finish();
    };
    tokio::join!(serve, driver);
}

async fn take(message: FromClient, sessions: &mut Sessions, turns: &mut JoinSet<()>) {
    match message {
        FromClient::Initialize { client, answer } => {
            sessions.greet(client);
            answer.ok(("nexora".to_owned(), sessions.options().version.clone()));
        }
        FromClient::NewSession { cwd, answer } => match sessions.open(cwd).await {
            Ok(id) => {
                answer.ok(id.clone());
                sessions.tell_commands(&id).await;
            }
            Err(refusal) => answer.refuse(refusal),
        },
        FromClient::Prompt { session, text, meta, answer } => match sessions.begin(&session) {
            Ok(turn) => {
                let running = turns.spawn(turn.run(text, meta, answer));
                sessions.turn_runs(running.id(), session);
            }
            Err(refusal) => answer.refuse(refusal),
        },
        FromClient::Cancel { session } => sessions.cancel(&session),
        FromClient::CloseSession { session, answer } => match sessions.close(&session) {
            Ok(()) => answer.ok(()),
            Err(refusal) => answer.refuse(refusal),
        },
        FromClient::Noise(noise) => {
            tracing::warn!(
                kind = noise.kind.as_str(),
                text = noise.text,
                "the client sent what is no message"
            );
        }
    }
}

/// Waits until what tools had started is gone.
async fn settle(spawner: Option<&Spawner>) {
    if let Some(spawner) = spawner
        && tokio::time::timeout(END_LIMIT, spawner.wait_all()).await.is_err()
    {
        tracing::error!("processes of a tool do not end");
    }
}

/// Says that a path is no directory to work in.
fn no_directory(path: &std::path::Path) -> Refusal {
    Refusal::bad_params(format!(
        "the directory `{}` does not exist or is no directory; it must be absolute",
        path.display()
    ))
}

#[cfg(test)]
mod tests;
