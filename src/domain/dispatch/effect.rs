//! What the heart wants done. Effects are data: the loop does the first five within the turn's
//! transaction, and the others once it is on disk.

use super::{Change, Refusal, Ticket};
use crate::{AgentName, InstanceId, LaneKey, Record, StopWhy, TaskId, TaskState};

/// What somebody who waits is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It was taken; the task stands here now.
    Stands(TaskState),
    /// It changes nothing.
    Refused(Refusal),
    /// There is no such task.
    NoSuchTask,
    /// It is on record.
    Recorded,
    /// It came too late and does not count.
    Late,
}

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Write this change, at once; if the task stands elsewhere, tell `Event::Superseded`.
    Persist(Box<Change>),
    /// Write this down, at once.
    Record(Box<Record>),
    /// Look for the first ready task of these lanes, at once: `Event::Claimed` or `NothingToClaim`.
    Claim {
        /// The lanes that have an agent with room.
        lanes: Vec<LaneKey>,
    },
    /// Look for tasks whose time or deadline has come, at once: `Event::Due`.
    LoadDue,
    /// Look for tasks that need this one, at once: `Event::NeedEnded`.
    LoadDependents {
        /// What has ended.
        need: TaskId,
        /// How.
        state: TaskState,
    },
    /// Start an instance for this attempt.
    Start {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: u32,
        /// Who works on it.
        agent: AgentName,
        /// The instance.
        instance: InstanceId,
    },
    /// Stop this instance, also while it is being started.
    Stop {
        /// The task that it serves.
        task: TaskId,
        /// The instance.
        instance: InstanceId,
        /// Why.
        why: StopWhy,
    },
    /// Answer somebody.
    Answer {
        /// Whom.
        ticket: Ticket,
        /// What.
        answer: Answer,
    },
}
