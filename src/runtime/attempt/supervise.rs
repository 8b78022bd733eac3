//! The life of one attempt: its driver, the notes of what it says, and one end that is always told.

use std::ffi::OsString;
use std::panic;
use std::sync::Arc;

use agent::{AgentError, AgentEvent, Reply, TurnOutcome};
use domain::dispatch::{Answer, Event, Verdict};
use domain::{
    AgentName, Clock, Failure, IdSource, InstanceId, InstanceStart, MessageKind, NewTask, ProcessIdentity,
    QuestionId, Reason, Record, TaskId, Usage,
};
use process::InstanceRecord;
use store::Place;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet, spawn_blocking};
use tokio_util::sync::CancellationToken;
use wire::config::AgentConfig;

use super::driver::AttemptDriver;
use super::ending::{ending_of, failure_of, outcome_failure};
use super::note::Writer;
use crate::queue::Queue;
use crate::registry::{self, Folders};
use crate::result;

/// Events of an instance that wait to be noted: few, so that an agent that floods is slowed down.
const EVENTS_MAX: usize = 32;

/// How many messages, tool calls and other records of one attempt are kept.
const RECORDS_MAX: u64 = 50_000;

/// How many bytes of messages of one attempt are kept.
const MESSAGE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// What all attempts of a host share.
pub struct Around {
    /// What drives instances.
    pub driver: Arc<dyn AttemptDriver>,
    /// The way into the turn.
    pub queue: Queue,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Makes ids.
    pub ids: Arc<dyn IdSource>,
    /// Where the store is.
    pub place: Place,
    /// Where instances leave what outlives them.
    pub folders: Folders,
    /// Variables that our own executable gets, such as where the user's configuration is.
    pub own_env: Vec<(OsString, OsString)>,
}

/// One attempt to run.
pub struct AttemptPlan {
    /// The task as it was submitted.
    pub request: NewTask,
    /// The attempt.
    pub attempt: u32,
    /// The instance.
    pub instance: InstanceId,
    /// Who works on it.
    pub agent: AgentName,
    /// Its definition; nothing if it has gone from the configuration meanwhile.
    pub config: Option<AgentConfig>,
}

/// How a driven turn ended.
type Driven = Result<Result<TurnOutcome, AgentError>, JoinError>;

/// Runs an attempt and returns when its end is on disk and nothing of its instance is left. A panic in what
/// drives or notes it becomes the failure of this task alone.
pub async fn supervise(plan: Arc<AttemptPlan>, around: Arc<Around>, stop: CancellationToken) {
    let (driven, noted) = match start(&plan, &around).await {
        Ok(launch) => run(&plan, &around, launch, &stop).await,
        Err(failure) => return end(&plan, &around, None, Verdict::Failed(failure)).await,
    };
    let ended = match &driven {
        Ok(Ok(outcome)) => Some(outcome.ended.clone()),
        Ok(Err(error)) => error.ended().cloned(),
        Err(_) => None,
    };
    let ending = ended.map(|ended| ending_of(&ended, around.clock.now()));
    let verdict = match (driven, noted) {
        (Err(error), _) | (_, Err(error)) => Verdict::Failed(fault(&error)),
        (Ok(Ok(outcome)), Ok(noted)) => {
            note_usage(&plan, &around, noted).await;
            completed(&plan, &around, &outcome).await
        }
        (Ok(Err(error)), Ok(noted)) => {
            note_usage(&plan, &around, noted).await;
            failure_of(&error).map_or(Verdict::Stopped, Verdict::Failed)
        }
    };
    end(&plan, &around, ending, verdict).await;
}

async fn start(plan: &Arc<AttemptPlan>, around: &Arc<Around>) -> Result<agent::Launch, Failure> {
    let (plan, around) = (Arc::clone(plan), Arc::clone(around));
    let made = spawn_blocking(move || {
        let Some(config) = &plan.config else {
            let message = format!("the agent `{}` is no longer configured", plan.agent);
            return Err(Failure::new(Reason::NotConfigured, message));
        };
        registry::launch(&plan.agent, config, &plan.request, plan.instance, &around.folders, &around.own_env)
    });
    made.await.unwrap_or_else(|error| Err(fault(&error)))
}

async fn run(
    plan: &Arc<AttemptPlan>,
    around: &Arc<Around>,
    launch: agent::Launch,
    stop: &CancellationToken,
) -> (Driven, Result<Noted, JoinError>) {
    let (events, taken) = mpsc::channel(EVENTS_MAX);
    let turn = registry::turn_request(&plan.request, plan.instance);
    let mut driving = JoinSet::new();
    let (driver, stopped) = (Arc::clone(&around.driver), stop.clone());
    driving.spawn(async move { driver.run(launch, turn, events, stopped).await });
    let mut noting = JoinSet::new();
    noting.spawn(take_notes(Arc::clone(plan), Arc::clone(around), taken));
    let (mut driven, mut noted) = (None, None);
    while driven.is_none() || noted.is_none() {
        tokio::select! {
            Some(ended) = noting.join_next(), if noted.is_none() => {
                // Nobody reads any more: whatever it was, the instance must not go on alone.
                stop.cancel();
                noted = Some(ended);
            }
            Some(ended) = driving.join_next(), if driven.is_none() => driven = Some(ended),
            else => break,
        }
    }
    match (driven, noted) {
        (Some(driven), Some(noted)) => (driven, noted),
        // Each set held one task, and each `join_next` above gave its end.
        _ => unreachable!("both tasks have ended"),
    }
}

/// What was counted on the way.
#[derive(Debug, Clone, Copy, Default)]
struct Noted {
    tool_calls: u64,
    /// Records that were made of what the agent said by itself, and the bytes of its messages.
    records: u64,
    bytes: u64,
    /// Whether a tool call with side effects is among them.
    acted: bool,
}

impl Noted {
    /// Says whether one more record is made. When there are too many, only the first side effect still counts,
    /// since recovery asks for it; `told` is true once, when the first is left out.
    fn takes(&mut self, record: &Record) -> Taken {
        let (bytes, acts) = match record {
            Record::Message(message) => (message.content.len(), false),
            Record::ToolCall(call) => (0, call.side_effects),
            _ => (0, false),
        };
        let was_full = self.is_full();
        let first_act = acts && !self.acted;
        self.acted |= acts;
        if !was_full || first_act {
            self.records += 1;
            self.bytes += u64::try_from(bytes).unwrap_or(u64::MAX);
        }
        match (was_full, self.is_full()) {
            (true, _) if !first_act => Taken::No,
            (false, true) => Taken::Last,
            _ => Taken::Yes,
        }
    }

    fn is_full(&self) -> bool {
        self.records >= RECORDS_MAX || self.bytes >= MESSAGE_BYTES_MAX
    }
}

/// Whether a record is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    Yes,
    /// It is, and no more after it.
    Last,
    No,
}

async fn take_notes(
    plan: Arc<AttemptPlan>,
    around: Arc<Around>,
    mut events: mpsc::Receiver<AgentEvent>,
) -> Noted {
    let mut noted = Noted::default();
    let writer = Writer {
        task: plan.request.id,
        attempt: plan.attempt,
        agent: &plan.agent,
        ids: &*around.ids,
        tells_side_effects: plan.config.as_ref().is_some_and(registry::is_own),
    };
    while let Some(event) = events.recv().await {
        if matches!(event, AgentEvent::ToolCall { first: true, .. }) {
            noted.tool_calls += 1;
        }
        take_note(&plan, &around, &writer, event, &mut noted).await;
    }
    noted
}

/// Tells the heart of one event and answers it. A host that ends meanwhile leaves it unanswered, which refuses.
async fn take_note(
    plan: &AttemptPlan,
    around: &Arc<Around>,
    writer: &Writer<'_>,
    event: AgentEvent,
    noted: &mut Noted,
) {
    let (task, attempt) = (plan.request.id, plan.attempt);
    let at = around.clock.now();
    match event {
        AgentEvent::Spawned { record, recorded } => {
            let start = instance_start(plan, &record, at);
            let told = around.queue.ask(|ticket| Event::Spawned { start, ticket }).await;
            answer(recorded, told);
        }
        AgentEvent::Prompted => {
            // A closed queue shows at the next event that is answered, or at the end.
            let _ = around.queue.tell(Event::Prompted { task, attempt }).await;
        }
        AgentEvent::ToolStarted { call, tool, input, side_effects, reply } => {
            let record = writer.tool_started(call, tool, &input, side_effects, at);
            let told = around.queue.ask(|ticket| Event::ToolStarted { task, attempt, record, ticket }).await;
            answer(reply, told);
        }
        AgentEvent::Result { result, report, late: _, reply } => {
            report_result(plan, around, writer, (result, report), reply).await;
        }
        AgentEvent::Stopping => {
            let _ = around.queue.tell(Event::TurnEnded { task, attempt }).await;
        }
        event => {
            let Some(record) = writer.record(&event, at) else { return };
            // A fraction replaces the one before it: it needs no room.
            let is_progress = matches!(record, Record::Progress { .. });
            let taken = if is_progress { Taken::Yes } else { noted.takes(&record) };
            if taken != Taken::No {
                let _ = around.queue.tell(Event::Noted { task, attempt, record }).await;
            }
            if taken == Taken::Last {
                let record = writer.left_out(at);
                let _ = around.queue.tell(Event::Noted { task, attempt, record }).await;
            }
        }
    }
}

async fn report_result(
    plan: &AttemptPlan,
    around: &Arc<Around>,
    writer: &Writer<'_>,
    (value, report): (serde_json::Value, Option<String>),
    reply: Reply,
) {
    let (task, attempt) = (plan.request.id, plan.attempt);
    let place = around.place.clone();
    let made = spawn_blocking(move || result::make_result(&place, task, &value, report)).await;
    let result = match made {
        Ok(Ok(result)) => result,
        Ok(Err(error)) => return reply.refuse(format!("the result could not be written: {error}")),
        Err(error) => panic::resume_unwind(error.into_panic()),
    };
    let content = result::message_content(&result);
    let record = writer.message(MessageKind::Result, "task", content, around.clock.now());
    let told = around.queue.ask(|ticket| Event::Reported { task, attempt, result, record, ticket }).await;
    answer(reply, told);
}

fn answer(reply: Reply, told: Result<Answer, crate::operations::OperationError>) {
    match told {
        Ok(Answer::Recorded) => reply.accept(),
        Ok(_) => reply.refuse("the task no longer takes it: the attempt is being stopped"),
        Err(error) => reply.refuse(error.to_string()),
    }
}

fn instance_start(plan: &AttemptPlan, record: &InstanceRecord, at: domain::Timestamp) -> InstanceStart {
    let identity =
        |process: process::Identity| ProcessIdentity { pid: process.pid, start_ticks: process.start };
    InstanceStart {
        instance: plan.instance,
        task: plan.request.id,
        attempt: plan.attempt,
        agent: plan.agent.clone(),
        guard: record.guard.map_or(ProcessIdentity { pid: 0, start_ticks: 0 }, identity),
        child: record.child.map(identity),
        boot_id: record.boot_id.clone(),
        at,
    }
}

async fn note_usage(plan: &AttemptPlan, around: &Around, noted: Noted) {
    let usage = Usage { tool_calls: noted.tool_calls, turns: 1, ..Usage::default() };
    let record = Record::Usage { task: plan.request.id, attempt: plan.attempt, usage };
    let event = Event::Noted { task: plan.request.id, attempt: plan.attempt, record };
    // The end that follows tells whether the host is still there.
    let _ = around.queue.tell(event).await;
}

async fn completed(plan: &AttemptPlan, around: &Around, outcome: &TurnOutcome) -> Verdict {
    if let Some(failure) = outcome_failure(outcome) {
        return Verdict::Failed(failure);
    }
    if outcome.text.trim().is_empty() {
        return Verdict::Completed(None);
    }
    let (place, task): (Place, TaskId) = (around.place.clone(), plan.request.id);
    let text = outcome.text.clone();
    match spawn_blocking(move || result::text_result(&place, task, &text)).await {
        Ok(Ok(result)) => Verdict::Completed(Some(result)),
        Ok(Err(error)) => {
            let message = format!("the result could not be written: {error}");
            Verdict::Failed(Failure::new(Reason::AgentError, message))
        }
        Err(error) => Verdict::Failed(fault(&error)),
    }
}

fn fault(error: &JoinError) -> Failure {
    tracing::error!(%error, "what drives an attempt has failed");
    Failure::new(Reason::AgentError, format!("a fault of our own ended the attempt: {error}"))
        .hint("please report it with the host's log")
}

async fn end(plan: &AttemptPlan, around: &Around, ending: Option<domain::Ending>, verdict: Verdict) {
    let event = Event::InstanceEnded {
        task: plan.request.id,
        attempt: plan.attempt,
        ending,
        verdict,
        question: QuestionId::new(&*around.ids),
    };
    if around.queue.tell_and_wait(event).await.is_ok() {
        // It is in the store now; an error leaves a file that the next host removes.
        let _ = std::fs::remove_file(around.folders.end_record(plan.instance));
        around.folders.forget_empty_log(plan.instance);
    }
}

#[cfg(test)]
mod tests {
    use domain::{Actor, EventType, Facts, Timestamp, ToolCallId, ToolCallRecord, ToolCallStatus};

    use super::*;

    fn told(task: TaskId) -> Record {
        let (event, facts) = (EventType::ProtocolNoise, Facts::none());
        let at = Timestamp::default();
        Record::Event { task: Some(task), attempt: 1, event, actor: Actor::Agent, facts, at }
    }

    fn acted(task: TaskId, ids: &dyn IdSource) -> Record {
        Record::ToolCall(ToolCallRecord {
            id: ToolCallId::new(ids),
            task,
            attempt: 1,
            call: "1".to_owned(),
            tool: None,
            input: None,
            output: None,
            status: ToolCallStatus::Running,
            side_effects: true,
            at: Timestamp::default(),
        })
    }

    struct Ids;

    impl IdSource for Ids {
        fn next_bytes(&self) -> [u8; 16] {
            [7; 16]
        }
    }

    #[test]
    fn an_agent_that_never_stops_talking_is_not_recorded_without_end() {
        let task = TaskId::new(&Ids);
        let mut noted = Noted { records: RECORDS_MAX - 2, ..Noted::default() };
        let taken: Vec<Taken> = (0..4).map(|_| noted.takes(&told(task))).collect();
        assert_eq!(taken, [Taken::Yes, Taken::Last, Taken::No, Taken::No]);
        assert_eq!(noted.takes(&acted(task, &Ids)), Taken::Yes, "recovery asks whether it acted");
        assert_eq!(noted.takes(&acted(task, &Ids)), Taken::No);
    }
}
