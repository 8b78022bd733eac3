//! One guarded change of a task: what the store writes in one piece, or not at all.

use crate::{
    Actor, AgentName, EventType, Facts, Failure, InstanceId, Task, TaskId, TaskResult, TaskState, Timestamp,
};

/// What becomes of the attempt with a change of its task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptChange {
    /// A new attempt begins, with the number that the task has after the change.
    Begin {
        /// Who works on it.
        agent: AgentName,
        /// The instance that will be started for it.
        instance: InstanceId,
    },
    /// The task's attempt has ended.
    End {
        /// The word of the outcome: `succeeded failed lost cancelled paused`.
        outcome: &'static str,
        /// Why, if it failed.
        failure: Option<Failure>,
    },
}

/// One change. It is written only if the task still is in `from` with the attempt `attempt`, and
/// then together with exactly one event row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The task.
    pub task: TaskId,
    /// Where the task must stand.
    pub from: TaskState,
    /// The attempt that the task must have.
    pub attempt: u32,
    /// The task as it stands afterwards.
    pub after: Task,
    /// What becomes of the attempt.
    pub attempt_change: Option<AttemptChange>,
    /// The result, if the task has one now.
    pub result: Option<TaskResult>,
    /// The event that is written.
    pub event: EventType,
    /// What the event says.
    pub facts: Facts,
    /// Who acted.
    pub actor: Actor,
    /// When.
    pub at: Timestamp,
}
