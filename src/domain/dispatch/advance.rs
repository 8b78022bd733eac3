//! The transition table of a task. No transition is decided anywhere else.

use super::{AttemptChange, Change};
use crate::{
    Actor, AgentName, AttemptOutcome, EventType, Facts, Failure, InstanceId, Question, QuestionFor,
    QuestionId, QuestionKind, QuestionOption, Reason, Recovery, Task, TaskId, TaskResult, TaskState,
    Timestamp,
};

/// How many lost attempts a task may have; with the next one it fails.
pub const LOST_MAX: u32 = 3;

/// What happened to a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskEvent {
    /// Its time has come: `not_before` or the back-off is over.
    Due,
    /// Something that it needs succeeded.
    NeedSucceeded,
    /// Something that it needs ended otherwise.
    NeedFailed {
        /// What it needed.
        need: TaskId,
        /// How that ended.
        state: TaskState,
    },
    /// An agent with room takes it.
    Claimed {
        /// Who.
        agent: AgentName,
        /// The instance that will be started.
        instance: InstanceId,
    },
    /// No agent can ever do it.
    NeverCapable {
        /// Why not, for people.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// The agent asks.
    Asked {
        /// The attempt that asks.
        attempt: u32,
        /// What.
        question: Question,
    },
    /// The question was answered, or refused because nobody did in time.
    Answered {
        /// Who answered.
        actor: Actor,
        /// The answer, as it is recorded.
        answer: String,
    },
    /// The attempt has ended: its processes are gone.
    AttemptEnded {
        /// The attempt.
        attempt: u32,
        /// How.
        outcome: AttemptOutcome,
        /// The id of the question, should one have to be asked.
        question: QuestionId,
    },
    /// Somebody wants it to stop for good.
    Cancel {
        /// Why, in the caller's words.
        why: Option<String>,
    },
    /// Somebody wants it to wait.
    Pause,
    /// A person lets it go on.
    Resume,
    /// Its deadline passed.
    DeadlinePassed,
}

impl TaskEvent {
    /// Returns the name of the event, for refusals.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::NeedSucceeded => "need succeeded",
            Self::NeedFailed { .. } => "need failed",
            Self::Claimed { .. } => "claimed",
            Self::NeverCapable { .. } => "never capable",
            Self::Asked { .. } => "asked",
            Self::Answered { .. } => "answered",
            Self::AttemptEnded { .. } => "attempt ended",
            Self::Cancel { .. } => "cancel",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::DeadlinePassed => "deadline passed",
        }
    }
}

/// Why an event changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The task has ended.
    #[error("the task is `{state}`, which is final: `{event}` changes nothing")]
    Final {
        /// How it ended.
        state: TaskState,
        /// What came.
        event: &'static str,
    },
    /// The table has no such move.
    #[error("the task is `{state}`: `{event}` is not possible now")]
    NotAllowed {
        /// Where it stands.
        state: TaskState,
        /// What came.
        event: &'static str,
    },
    /// It came from an attempt that no longer holds the task.
    #[error("attempt {attempt} no longer holds the task: attempt {current} does")]
    StaleAttempt {
        /// Who it came from.
        attempt: u32,
        /// Who holds the task.
        current: u32,
    },
    /// Nothing to do yet: the task still waits for something else.
    #[error("the task still waits: for {needs_left} others, or for its time")]
    StillWaiting {
        /// How many it still needs.
        needs_left: u32,
    },
}

/// Returns the change that the event brings about.
///
/// # Errors
/// A refusal if the table has no such move; then nothing changes.
pub fn advance(task: &Task, event: TaskEvent, now: Timestamp) -> Result<Change, Refusal> {
    if task.state.is_final() {
        return Err(Refusal::Final { state: task.state, event: event.name() });
    }
    let refused = Refusal::NotAllowed { state: task.state, event: event.name() };
    let waits_or_ready = matches!(task.state, TaskState::Waiting | TaskState::Ready);
    let idle = waits_or_ready || task.state == TaskState::Paused;
    let held = matches!(task.state, TaskState::Running | TaskState::InputRequired);
    let draft = Draft::new(task, now);
    match event {
        TaskEvent::Due if task.state == TaskState::Waiting => due(draft, now),
        TaskEvent::NeedSucceeded if task.state == TaskState::Waiting || task.state == TaskState::Paused => {
            Ok(need_succeeded(draft, now))
        }
        TaskEvent::NeedFailed { need, state } if task.state == TaskState::Waiting => {
            let message = format!("{need}, which it needs, ended `{state}`");
            Ok(draft.fail(Failure::new(Reason::DependencyFailed, message)))
        }
        TaskEvent::Claimed { agent, instance } if task.state == TaskState::Ready => {
            Ok(claimed(draft, agent, instance, now))
        }
        TaskEvent::NeverCapable { message, hint } if task.state == TaskState::Ready => {
            Ok(draft.fail(Failure { hint, ..Failure::new(Reason::NoCapableAgent, message) }))
        }
        TaskEvent::Asked { attempt, question } if task.state == TaskState::Running => {
            current(task, attempt)?;
            Ok(draft
                .to(TaskState::InputRequired)
                .asks(question)
                .event(EventType::TaskInputRequired, Actor::Agent))
        }
        TaskEvent::Answered { actor, answer } if task.state == TaskState::InputRequired => Ok(draft
            .to(TaskState::Running)
            .asks_nothing()
            .facts(Facts::none().text("answer", answer))
            .event(EventType::TaskAnswered, actor)),
        TaskEvent::AttemptEnded { attempt, outcome, question } if held => {
            current(task, attempt)?;
            Ok(attempt_ended(draft, outcome, question))
        }
        TaskEvent::AttemptEnded { attempt, .. } if task.state == TaskState::Cancelling => {
            current(task, attempt)?;
            Ok(draft
                .ends_attempt("cancelled", None)
                .end(TaskState::Cancelled)
                .event(EventType::TaskCancelled, Actor::Host))
        }
        TaskEvent::Cancel { why } if held => Ok(draft
            .to(TaskState::Cancelling)
            .asks_nothing()
            .facts(Facts::none().maybe("why", why))
            .event(EventType::TaskCancelling, Actor::Caller)),
        TaskEvent::Cancel { why } if idle => Ok(draft
            .asks_nothing()
            .facts(Facts::none().maybe("why", why))
            .end(TaskState::Cancelled)
            .event(EventType::TaskCancelled, Actor::Caller)),
        TaskEvent::Pause if waits_or_ready => {
            Ok(draft.to(TaskState::Paused).event(EventType::TaskPaused, Actor::Caller))
        }
        TaskEvent::Resume if task.state == TaskState::Paused => Ok(resumed(draft, now)),
        TaskEvent::DeadlinePassed if idle => {
            let message = "its deadline passed before it was done".to_owned();
            Ok(draft.asks_nothing().fail(Failure::new(Reason::DeadlineExceeded, message)))
        }
        _ => Err(refused),
    }
}

fn current(task: &Task, attempt: u32) -> Result<(), Refusal> {
    if attempt == task.attempt {
        Ok(())
    } else {
        Err(Refusal::StaleAttempt { attempt, current: task.attempt })
    }
}

fn due(draft: Draft, now: Timestamp) -> Result<Change, Refusal> {
    let task = &draft.after;
    if task.needs_left > 0 || task.due_at.is_some_and(|due| due > now) {
        return Err(Refusal::StillWaiting { needs_left: task.needs_left });
    }
    Ok(draft.ready(now).event(EventType::TaskReady, Actor::Host))
}

fn need_succeeded(mut draft: Draft, now: Timestamp) -> Change {
    draft.after.needs_left = draft.after.needs_left.saturating_sub(1);
    let waits = draft.after.needs_left > 0 || draft.after.due_at.is_some_and(|due| due > now);
    if waits || draft.from == TaskState::Paused {
        draft.event(EventType::TaskNeedMet, Actor::Host)
    } else {
        draft.ready(now).event(EventType::TaskReady, Actor::Host)
    }
}

fn claimed(mut draft: Draft, agent: AgentName, instance: InstanceId, now: Timestamp) -> Change {
    draft.after.attempt += 1;
    draft.after.started_at = draft.after.started_at.or(Some(now));
    let facts = Facts::none().text("agent", agent.as_str()).text("instance", instance.to_string());
    draft.attempt_change = Some(AttemptChange::Begin { agent, instance });
    draft.to(TaskState::Running).facts(facts).event(EventType::TaskStarted, Actor::Host)
}

fn resumed(mut draft: Draft, now: Timestamp) -> Change {
    draft = draft.asks_nothing();
    // A person has looked: losses are counted anew from here.
    draft.after.lost = 0;
    let waits = draft.after.needs_left > 0 || draft.after.due_at.is_some_and(|due| due > now);
    let draft = if waits { draft.to(TaskState::Waiting) } else { draft.ready(now) };
    draft.event(EventType::TaskResumed, Actor::Caller)
}

fn attempt_ended(draft: Draft, outcome: AttemptOutcome, question: QuestionId) -> Change {
    let word = outcome.as_str();
    let draft = draft.asks_nothing();
    match outcome {
        AttemptOutcome::Succeeded(result) => draft
            .ends_attempt(word, None)
            .result(result)
            .end(TaskState::Succeeded)
            .event(EventType::TaskSucceeded, Actor::Agent),
        AttemptOutcome::Failed(failure) => failed(draft, failure),
        AttemptOutcome::Lost { side_effects } => lost(draft.ends_attempt(word, None), side_effects, question),
        AttemptOutcome::Cancelled => draft
            .ends_attempt(word, None)
            .end(TaskState::Cancelled)
            .event(EventType::TaskCancelled, Actor::Host),
        AttemptOutcome::Paused => {
            draft.ends_attempt(word, None).to(TaskState::Paused).event(EventType::TaskPaused, Actor::Caller)
        }
    }
}

fn failed(mut draft: Draft, failure: Failure) -> Change {
    let task = &draft.after;
    let retried = task.retry.on.contains(&failure.reason) && task.retried < task.retry.max;
    draft = draft.ends_attempt("failed", Some(failure.clone()));
    if !retried {
        return draft.fail(failure);
    }
    draft.after.retried += 1;
    let wait = draft.after.retry.backoff.after(draft.after.retried);
    let facts = Facts::none()
        .text("reason", failure.reason.as_str())
        .text("message", failure.message)
        .number("wait_ms", i64::try_from(wait.as_millis()).unwrap_or(i64::MAX));
    let due = draft.at.plus(wait);
    draft.waits_until(due).facts(facts).event(EventType::TaskRetrying, Actor::Host)
}

fn lost(mut draft: Draft, side_effects: bool, question: QuestionId) -> Change {
    draft.after.lost += 1;
    let facts = Facts::none()
        .flag("side_effects", side_effects)
        .number("lost", i64::from(draft.after.lost))
        .text("recovery", draft.after.recovery.as_str());
    let again = match draft.after.recovery {
        Recovery::Fail => return draft.fail(lost_for_good("its recovery policy is `fail`")),
        Recovery::Ask => false,
        Recovery::Retry => true,
        Recovery::Resume => !side_effects,
    };
    if draft.after.lost > LOST_MAX {
        return draft.fail(lost_for_good("it was lost more than three times"));
    }
    if again {
        // No back-off: the loss was the host's, and the fourth one ends it.
        let now = draft.at;
        return draft.waits_until(now).facts(facts).event(EventType::TaskRequeued, Actor::Host);
    }
    let text = if side_effects {
        "The host died or stopped while an attempt was running that had already used a tool with side effects. \
         Look at what it did, then let the task run again from its beginning, or cancel it."
    } else {
        "The host died or stopped while an attempt was running. Let the task run again, or cancel it."
    };
    let asked = Question {
        id: question,
        kind: QuestionKind::Recovery,
        asked_of: QuestionFor::Person,
        text: text.to_owned(),
        options: vec![
            QuestionOption { id: "resume".to_owned(), label: "Run the task again".to_owned() },
            QuestionOption { id: "cancel".to_owned(), label: "Cancel the task".to_owned() },
        ],
        asked_at: draft.at,
        answer_by: None,
    };
    draft.to(TaskState::Paused).asks(asked).facts(facts).event(EventType::TaskPaused, Actor::Host)
}

fn lost_for_good(why: &str) -> Failure {
    Failure::new(Reason::Lost, format!("the host died or stopped while the attempt was running, and {why}"))
        .hint("submit the task again, or look at what it had done with `modelscan task show ID`")
}

/// A change in the making.
struct Draft {
    from: TaskState,
    attempt: u32,
    after: Task,
    attempt_change: Option<AttemptChange>,
    result: Option<TaskResult>,
    facts: Facts,
    at: Timestamp,
}

impl Draft {
    fn new(task: &Task, at: Timestamp) -> Self {
        Self {
            from: task.state,
            attempt: task.attempt,
            after: task.clone(),
            attempt_change: None,
            result: None,
            facts: Facts::none(),
            at,
        }
    }

    fn to(mut self, state: TaskState) -> Self {
        self.after.state = state;
        self
    }

    fn ready(mut self, now: Timestamp) -> Self {
        // What it waited for counts from when it was due, not from when somebody looked.
        self.after.ready_at =
            self.after.due_at.map_or(now, |due| due.min(now)).max(self.after.ready_at.min(now));
        self.after.due_at = None;
        self.to(TaskState::Ready)
    }

    fn waits_until(mut self, due: Timestamp) -> Self {
        self.after.due_at = Some(due);
        self.after.ready_at = due;
        self.to(TaskState::Waiting)
    }

    fn end(mut self, state: TaskState) -> Self {
        self.after.ended_at = Some(self.at);
        self.after.due_at = None;
        self.to(state)
    }

    fn fail(mut self, failure: Failure) -> Change {
        let facts = Facts::none()
            .text("reason", failure.reason.as_str())
            .text("message", failure.message.clone())
            .maybe("hint", failure.hint.clone());
        self.after.failure = Some(failure);
        self.facts(facts).end(TaskState::Failed).event(EventType::TaskFailed, Actor::Host)
    }

    fn asks(mut self, question: Question) -> Self {
        self.after.question = Some(question);
        self
    }

    fn asks_nothing(mut self) -> Self {
        self.after.question = None;
        self
    }

    fn ends_attempt(mut self, outcome: &'static str, failure: Option<Failure>) -> Self {
        self.attempt_change = Some(AttemptChange::End { outcome, failure });
        self
    }

    fn result(mut self, result: TaskResult) -> Self {
        self.result = Some(result);
        self
    }

    fn facts(mut self, facts: Facts) -> Self {
        self.facts = facts;
        self
    }

    fn event(self, event: EventType, actor: Actor) -> Change {
        Change {
            task: self.after.id,
            from: self.from,
            attempt: self.attempt,
            after: self.after,
            attempt_change: self.attempt_change,
            result: self.result,
            event,
            facts: self.facts,
            actor,
            at: self.at,
        }
    }
}

#[cfg(test)]
mod tests;
