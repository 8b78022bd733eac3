//! Tasks: what is asked for, where it stands, and how it ended.

use std::time::Duration;

pub use crate::word::UnknownWord;
use crate::word::words;
use crate::{AgentName, JsonText, LaneKey, Priority, Question, TaskId, Timestamp};

words! {
    /// Where a task stands.
    TaskState, "task state" {
        /// It waits for dependencies, for its time, or for the end of a back-off.
        Waiting = "waiting",
        /// It can be claimed.
        Ready = "ready",
        /// An attempt holds it.
        Running = "running",
        /// Its attempt waits for an answer.
        InputRequired = "input_required",
        /// A cancel is recorded; processes are being ended.
        Cancelling = "cancelling",
        /// It has no attempt and waits for a person.
        Paused = "paused",
        /// It has its result.
        Succeeded = "succeeded",
        /// It failed, with a reason.
        Failed = "failed",
        /// It was cancelled.
        Cancelled = "cancelled",
    }
}

impl TaskState {
    /// Says whether nothing changes any more.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }

    /// Says whether an attempt holds the task.
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Running | Self::InputRequired | Self::Cancelling)
    }
}

words! {
    /// Why a task failed.
    Reason, "reason" {
        /// The agent failed, or said that it could not do it.
        AgentError = "agent_error",
        /// The agent broke its protocol.
        ProtocolError = "protocol_error",
        /// The result does not fit its schema, or there is none.
        InvalidResult = "invalid_result",
        /// Something has to be configured first.
        NotConfigured = "not_configured",
        /// The budget is used up.
        BudgetExceeded = "budget_exceeded",
        /// The deadline passed.
        DeadlineExceeded = "deadline_exceeded",
        /// An attempt ran longer than the timeout.
        TimedOut = "timed_out",
        /// The attempt was lost and the recovery policy allows no other.
        Lost = "lost",
        /// It is not allowed.
        Denied = "denied",
        /// No agent can ever do it.
        NoCapableAgent = "no_capable_agent",
        /// What it needs did not succeed.
        DependencyFailed = "dependency_failed",
        /// A limit was reached.
        LimitReached = "limit_reached",
    }
}

words! {
    /// What becomes of a task whose attempt was lost.
    Recovery, "recovery policy" {
        /// Without side effects again; with side effects the same session, or a question.
        Resume = "resume",
        /// Again, whatever it did.
        Retry = "retry",
        /// The task fails.
        Fail = "fail",
        /// A person is asked.
        Ask = "ask",
    }
}

/// The waiting time before another attempt: `base`, doubled each time, at most an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The first waiting time.
    pub base: Duration,
}

impl Backoff {
    /// Returns how long to wait after the n-th retried attempt (1 is the first).
    pub fn after(self, retried: u32) -> Duration {
        const LONGEST: Duration = Duration::from_secs(3_600);
        let doubled = 2_u32.saturating_pow(retried.saturating_sub(1).min(16));
        self.base.saturating_mul(doubled).min(LONGEST)
    }
}

/// Which failures are tried again, how often and after which wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts after the first; lost ones do not count.
    pub max: u32,
    /// The wait before each.
    pub backoff: Backoff,
    /// The reasons that are tried again.
    pub on: Vec<Reason>,
}

/// Why something failed, for programs and for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The reason of the closed set.
    pub reason: Reason,
    /// What happened and where.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
    /// The exit code of the agent's process, if that was it.
    pub exit_code: Option<i32>,
    /// The signal that ended the agent's process, if that was it.
    pub signal: Option<i32>,
    /// The last of what it wrote to stderr.
    pub stderr_tail: Option<String>,
}

impl Failure {
    /// Returns a failure of this reason with these words.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), hint: None, exit_code: None, signal: None, stderr_tail: None }
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// A file that belongs to a result, in the outputs folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// What it is: `result`, `report`, or a name that the agent gave.
    pub name: String,
    /// Where it lies, below the outputs folder.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// What it holds, such as `application/json`.
    pub media_type: String,
    /// The SHA-256 of what it holds.
    pub sha256: [u8; 32],
}

/// The result of a task. What is larger than 64 KiB lies in a file among `outputs`, and is `None` here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskResult {
    /// The typed result.
    pub json: Option<JsonText>,
    /// The size of the result as JSON text.
    pub json_bytes: u64,
    /// The report for people, or the agent's last words.
    pub report: Option<String>,
    /// Files.
    pub outputs: Vec<Output>,
}

/// The part of the submitter's environment that goes with a task: `PATH HOME LANG LC_* TZ USER SHELL`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SubmitterEnvironment(pub Vec<(String, String)>);

/// A task that is being submitted: everything that does not change afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTask {
    /// The id, made by the submitter: one seen before answers with that task.
    pub id: TaskId,
    /// The submitter's own key: one seen before answers with that task.
    pub key: Option<String>,
    /// At most 120 characters.
    pub title: String,
    /// The prompt; empty if a skill alone says it all.
    pub prompt: String,
    /// The skill to run.
    pub skill: Option<String>,
    /// The skill's input, an object.
    pub input: Option<JsonText>,
    /// What it queues for.
    pub lane: LaneKey,
    /// The agent, if one was named.
    pub agent: Option<AgentName>,
    /// The priority.
    pub priority: Priority,
    /// The working directory, absolute.
    pub cwd: String,
    /// The submitter's environment.
    pub environment: SubmitterEnvironment,
    /// How long one attempt may run.
    pub timeout: Duration,
    /// By when it has to be done.
    pub deadline: Option<Timestamp>,
    /// Not before this.
    pub not_before: Option<Timestamp>,
    /// What is tried again.
    pub retry: RetryPolicy,
    /// What becomes of a lost attempt.
    pub recovery: Recovery,
    /// Labels, an object of texts.
    pub labels: Option<JsonText>,
    /// Tasks that have to succeed first.
    pub needs: Vec<TaskId>,
    /// When it was submitted.
    pub submitted_at: Timestamp,
}

/// What the rules need to know of a task, and what they change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Its id.
    pub id: TaskId,
    /// Where it stands.
    pub state: TaskState,
    /// The number of its last attempt; zero before the first. It is the fencing token.
    pub attempt: u32,
    /// How many attempts ended for a reason that is retried.
    pub retried: u32,
    /// How many attempts were lost.
    pub lost: u32,
    /// Its priority.
    pub priority: Priority,
    /// How long one attempt may run.
    pub timeout: Duration,
    /// By when it has to be done.
    pub deadline: Option<Timestamp>,
    /// What is tried again.
    pub retry: RetryPolicy,
    /// What becomes of a lost attempt.
    pub recovery: Recovery,
    /// Dependencies that have not succeeded yet.
    pub needs_left: u32,
    /// Until when it waits; nothing if it does not wait for a time.
    pub due_at: Option<Timestamp>,
    /// Since when it can be claimed, or will be: what its rank is made of.
    pub ready_at: Timestamp,
    /// When its first attempt began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// What it waits with.
    pub question: Option<Question>,
}

impl Task {
    /// Returns the task as it stands when it is submitted.
    pub fn submitted(new: &NewTask, needs_left: u32) -> Self {
        let due_at = new.not_before.filter(|at| *at > new.submitted_at);
        let waits = needs_left > 0 || due_at.is_some();
        Self {
            id: new.id,
            state: if waits { TaskState::Waiting } else { TaskState::Ready },
            attempt: 0,
            retried: 0,
            lost: 0,
            priority: new.priority,
            timeout: new.timeout,
            deadline: new.deadline,
            retry: new.retry.clone(),
            recovery: new.recovery,
            needs_left,
            due_at,
            ready_at: due_at.unwrap_or(new.submitted_at),
            started_at: None,
            ended_at: None,
            failure: None,
            question: None,
        }
    }

    /// Returns the key by which the queue is ordered.
    pub fn rank(&self) -> i64 {
        crate::rank(self.ready_at, self.priority, self.deadline, self.timeout)
    }
}
