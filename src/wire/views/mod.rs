//! What `--json` shows, word for word the shapes of the contract. Every key is always there; what is
//! not known is null. Readers must accept keys, states and types that they do not know.

mod agent;
mod error;
mod host;
mod record;
mod task;

pub use agent::{AgentView, SkillView};
pub use error::{ErrorBody, ErrorView};
pub use host::{DemoView, HostTasks, HostView, OverviewView, VersionView};
pub use record::{EventView, MessageView, ToolCallView};
pub use task::{
    AttemptView, CancelItem, Cost, InstanceView, OutputView, ProgressView, QuestionOptionView, QuestionView,
    ResultView, TaskCancelView, TaskErrorView, TaskShowView, TaskSummary, TaskView, TaskWaitView, UsageView,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ListView<T> {
    /// The items of this page.
    pub items: Vec<T>,
    /// What to give as `--cursor` for the next page; null on the last one.
    pub next_cursor: Option<String>,
}
