//! What drives an instance: the product's is `agent::Driver`, a test's follows a script.

use std::future::Future;
use std::pin::Pin;

use agent::{AgentError, AgentEvent, Launch, TurnOutcome, TurnRequest};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// A turn that is being driven.
pub type Driven = Pin<Box<dyn Future<Output = Result<TurnOutcome, AgentError>> + Send>>;

/// Starts an instance for one turn and returns when nothing of it is left.
pub trait AttemptDriver: Send + Sync + 'static {
    /// Runs the turn; see `agent::Driver::run`.
    fn run(
        &self,
        launch: Launch,
        turn: TurnRequest,
        events: mpsc::Sender<AgentEvent>,
        stop: CancellationToken,
    ) -> Driven;
}

impl AttemptDriver for agent::Driver {
    fn run(
        &self,
        launch: Launch,
        turn: TurnRequest,
        events: mpsc::Sender<AgentEvent>,
        stop: CancellationToken,
    ) -> Driven {
        let driver = self.clone();
        Box::pin(async move { driver.run(launch, turn, events, stop).await })
    }
}
