//! What the heart is told.

use super::{Held, Limits};
use crate::{
    Ending, InstanceId, InstanceStart, LaneKey, QuestionId, Record, Task, TaskId, TaskResult, TaskState,
};

/// Stands for somebody who waits for an answer; the loop knows whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// What a caller wants of one task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// It should stop for good.
    Cancel {
        /// Why, in the caller's words.
        why: Option<String>,
    },
    /// It should wait.
    Pause,
    /// It may go on.
    Resume,
}

/// What an attempt's turn came to, as its driver saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The agent ended its turn by itself. The result is its joined text, if it reported none and said anything.
    Completed(Option<TaskResult>),
    /// It ended otherwise.
    Failed(crate::Failure),
    /// It ended because it was stopped, or nobody knows how.
    Stopped,
}

/// Something that happened. Every event of an attempt carries its number, the fencing token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// There may be something to claim: a task became ready in this lane.
    Nudged {
        /// The lane.
        lane: LaneKey,
    },
    /// The answer to `Effect::Claim`: the first task of the lanes.
    Claimed {
        /// The task, as it stands.
        task: Task,
        /// The lane that it waits in.
        lane: LaneKey,
        /// The id for the instance that will serve it.
        instance: InstanceId,
    },
    /// The answer to `Effect::Claim`: the lanes are empty.
    NothingToClaim,
    /// A change was not written: somebody had changed the task before.
    Superseded {
        /// The task.
        task: TaskId,
        /// Whether the attempt's `Start` had left the turn already.
        started: bool,
    },
    /// The time was looked at.
    Tick,
    /// The answer to `Effect::LoadDue`: tasks whose time or deadline has come.
    Due {
        /// The tasks, as they stand; none of them is held.
        tasks: Vec<Task>,
    },
    /// The answer to `Effect::LoadDependents`: tasks that need one which has ended.
    NeedEnded {
        /// What they need.
        need: TaskId,
        /// How it ended.
        state: TaskState,
        /// The tasks, as they stand.
        tasks: Vec<Task>,
    },
    /// A caller wants something of a task.
    Asked {
        /// The task.
        task: TaskId,
        /// How it stands, unless the floor holds it; nothing if there is none.
        loaded: Option<Box<Task>>,
        /// What.
        ask: Ask,
        /// Who waits for the answer.
        ticket: Ticket,
    },
    /// An instance lives: its guard, or guard and child.
    Spawned {
        /// Its processes.
        start: InstanceStart,
        /// Who waits until it is on record; the child is told nothing before.
        ticket: Ticket,
    },
    /// The agent has the prompt.
    Prompted {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: u32,
    },
    /// Something to write down about an attempt: messages, progress, usage, tool calls.
    Noted {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: u32,
        /// What.
        record: Record,
    },
    /// A tool call is about to run.
    ToolStarted {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: u32,
        /// The call, as it is recorded.
        record: Record,
        /// Who waits: the call runs when it is on record, and not when it is refused.
        ticket: Ticket,
    },
    /// The agent reports its result; it has been checked.
    Reported {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: u32,
        /// The result.
        result: TaskResult,
        /// The message that records it.
        record: Record,
        /// Who waits until it is on record.
        ticket: Ticket,
    },
    /// The turn is over; the instance is being ended.
    TurnEnded {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: u32,
    },
    /// The instance has ended: nothing of it is left, or nothing can be found any more.
    InstanceEnded {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: u32,
        /// How its processes ended; nothing if none was started.
        ending: Option<Ending>,
        /// What the turn came to.
        verdict: Verdict,
        /// The id for a question, should one have to be asked.
        question: QuestionId,
    },
    /// The host ends: nothing more is claimed.
    HostStopping {
        /// Whether what runs is stopped, too.
        now: bool,
    },
    /// The configuration was read anew.
    Reloaded {
        /// Agents and limits that hold from here on.
        limits: Limits,
    },
    /// An attempt is there from before: of a dead host, or of this one before its floor was loaded anew.
    Found {
        /// The attempt.
        held: Box<Held>,
    },
}
