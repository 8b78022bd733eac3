//! Runs one instance for one turn, from spawn to the proof that nothing of it is left.

use crate::error::AgentError;
use crate::event::AgentEvent;
use crate::launch::{Launch, TurnRequest};
use crate::outcome::TurnOutcome;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Starts agents and talks to them. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Driver {}

impl Driver {
    /// Runs `turn` by a fresh instance of `launch` and returns when nothing of it is left.
    ///
    /// The caller owns the future and reads `events` meanwhile; should it stop reading, the turn is stopped. When `stop`
    /// is cancelled the agent is told so, has 1.5 s to answer, then its stdin is closed, and after another 0.5 s its
    /// guard ends it. Dropping the future ends the instance too, but without a word to the agent.
    ///
    /// # Errors
    ///
    /// See [`AgentError`]. A turn that was stopped and that the agent answered is an outcome with
    /// [`StopReason::Cancelled`](crate::StopReason::Cancelled), or whatever it answered.
    pub async fn run(
        &self,
        launch: Launch,
        turn: TurnRequest,
        events: mpsc::Sender<AgentEvent>,
        stop: CancellationToken,
    ) -> Result<TurnOutcome, AgentError> {
        let _ = (turn, events, stop);
        let program = format!("{:?}", launch.program);
        Err(AgentError::CouldNotStart { program, why: "the driver is not wired to processes yet".to_owned() })
    }
}
