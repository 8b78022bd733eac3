//! What a dead host left: its attempts load as lost, what still lives of them is ended, and each task
//! follows its recovery policy.

use std::future::Future;
use std::pin::Pin;

use domain::dispatch::{Event, Held, Phase, Verdict};
use domain::{
    Clock, Ending, IdSource, InstanceId, ProcessIdentity, QuestionId, StopWhy, TaskId, TaskState, Timestamp,
};
use process::sweep::{Recovered, Verdict as Found};
use process::{Identity, InstanceRecord};
use store::{ActiveTask, Snapshot};

use crate::registry::Folders;
use crate::result::recorded_result;

/// How many killed processes are named.
const KILLED_NAMED_MAX: usize = 64;

/// The instances that were looked at and what became of each.
pub type Settled = Pin<Box<dyn Future<Output = std::io::Result<Vec<Recovered>>> + Send>>;

/// Ends what is left of instances whose host is dead: the product's is `process::sweep`, a test's follows
/// a script.
pub trait Sweeper: Send + Sync + 'static {
    /// Waits for the guards, at most five seconds, then looks for the rest and ends it.
    fn settle(&self, records: Vec<InstanceRecord>) -> Settled;
}

/// Looks at the processes of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct MachineSweeper;

impl Sweeper for MachineSweeper {
    fn settle(&self, records: Vec<InstanceRecord>) -> Settled {
        Box::pin(async move { process::sweep::recover(&records).await })
    }
}

/// One attempt that a dead host left.
#[derive(Debug, Clone)]
pub struct LeftOver {
    /// The task.
    pub task: TaskId,
    /// The attempt.
    pub attempt: u32,
    /// The instance.
    pub instance: InstanceId,
    /// What is known of its processes.
    pub record: InstanceRecord,
    /// Whether its processes were on record.
    pub recorded: bool,
}

/// Returns what a dead host left, and the events by which the floor takes it over: each attempt as
/// `stopping`, for the reason that was on record or because it is lost.
///
/// # Errors
/// What the store met.
pub fn left_over(
    view: &Snapshot<'_>,
    folders: &Folders,
    boot_id: &str,
) -> Result<Vec<(Event, LeftOver)>, store::Error> {
    let active = view.load_active()?;
    active.into_iter().map(|active| take_over(view, folders, boot_id, active)).collect()
}

fn take_over(
    view: &Snapshot<'_>,
    folders: &Folders,
    boot_id: &str,
    active: ActiveTask,
) -> Result<(Event, LeftOver), store::Error> {
    let why = match (active.task.state, active.stop_why) {
        (TaskState::Cancelling, _) => StopWhy::Cancel,
        // A person's wish that was on record holds; a limit that had passed, too.
        (_, Some(why @ (StopWhy::Pause | StopWhy::TimedOut | StopWhy::Deadline))) => why,
        _ => StopWhy::Lost,
    };
    let processes = active.processes.as_ref();
    let identity = |process: ProcessIdentity| {
        (process.pid > 0).then_some(Identity { pid: process.pid, start: process.start_ticks })
    };
    let record = InstanceRecord {
        instance: active.instance.to_string(),
        boot_id: processes.and_then(|row| row.boot_id.clone()).unwrap_or_else(|| boot_id.to_owned()),
        guard: processes.and_then(|row| row.guard).and_then(identity),
        child: processes.and_then(|row| row.child).and_then(identity),
        end_record: Some(folders.end_record(active.instance)),
    };
    let left = LeftOver {
        task: active.task.id,
        attempt: active.task.attempt,
        instance: active.instance,
        recorded: record.guard.is_some(),
        record,
    };
    let result = recorded_result(view, active.task.id, active.task.attempt)?;
    let held = Held {
        began: active.task.started_at.unwrap_or_default(),
        agent: active.agent,
        instance: active.instance,
        phase: Phase::Stopping(why),
        side_effects: active.side_effects,
        result,
        disowned: false,
        task: active.task,
    };
    Ok((Event::Found { held: Box::new(held) }, left))
}

/// Settles what is left and returns the end of each attempt. What could not be looked at at all is recorded as
/// unproven, so that its task moves on.
pub async fn settle(
    sweeper: &dyn Sweeper,
    left: &[LeftOver],
    clock: &dyn Clock,
    ids: &dyn IdSource,
) -> Vec<Event> {
    if left.is_empty() {
        return Vec::new();
    }
    let records = left.iter().map(|left| left.record.clone()).collect();
    let settled = sweeper.settle(records).await;
    if let Err(error) = &settled {
        tracing::error!(%error, "what a dead host left could not be looked at");
    }
    let settled = settled.unwrap_or_default();
    let at = clock.now();
    left.iter()
        .map(|left| {
            let found = settled.iter().find(|found| found.instance == left.record.instance);
            Event::InstanceEnded {
                task: left.task,
                attempt: left.attempt,
                ending: ending(left, found.map(|found| &found.verdict), at),
                verdict: Verdict::Stopped,
                question: QuestionId::new(ids),
            }
        })
        .collect()
}

fn ending(left: &LeftOver, found: Option<&Found>, at: Timestamp) -> Option<Ending> {
    let base = Ending {
        at,
        exit_code: None,
        signal: None,
        killed: Vec::new(),
        stderr_tail: String::new(),
        proven: true,
        note: String::new(),
    };
    let name = |killed: &process::guard::Killed| format!("{} {}", killed.pid, killed.name);
    match found {
        Some(Found::Recorded(end)) => Some(Ending {
            exit_code: end.code,
            signal: end.signal,
            killed: end.killed.iter().take(KILLED_NAMED_MAX).map(name).collect(),
            note: "its guard ended it when its host was gone".to_owned(),
            ..base
        }),
        Some(Found::OtherBoot) => left
            .recorded
            .then(|| Ending { note: "the machine has been started anew since".to_owned(), ..base }),
        Some(Found::Unproven(findings)) => {
            let seen = left.recorded || findings.killed_total > 0 || !findings.left.is_empty();
            let mut note = format!(
                "neither host nor guard saw its end; {} processes were found and ended",
                findings.killed_total
            );
            if !findings.left.is_empty() {
                note.push_str(&format!(", {} could not be ended", findings.left.len()));
            }
            seen.then(|| Ending {
                killed: findings.killed.iter().take(KILLED_NAMED_MAX).map(name).collect(),
                proven: false,
                note,
                ..base
            })
        }
        None => left.recorded.then(|| Ending {
            proven: false,
            note: "neither host nor guard saw its end, and nobody could look".to_owned(),
            ..base
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use process::guard::{Cause, EndRecord, Killed};
    use process::sweep::Findings;

    fn left(recorded: bool) -> LeftOver {
        LeftOver {
            task: TaskId::from_bytes([1; 16]),
            attempt: 1,
            instance: InstanceId::from_bytes([2; 16]),
            record: InstanceRecord {
                instance: "instance".to_owned(),
                boot_id: "boot".to_owned(),
                guard: None,
                child: None,
                end_record: None,
            },
            recorded,
        }
    }

    fn at() -> Timestamp {
        Timestamp::from_millis(5)
    }

    #[test]
    fn the_word_of_a_guard_is_the_proof() {
        let identity = Identity { pid: 7, start: 7 };
        let end = EndRecord {
            v: 1,
            guard: identity,
            child: identity,
            status: 9,
            code: None,
            signal: Some(9),
            cause: Cause::HostGone,
            kill_sent: true,
            killed: vec![Killed { pid: 8, name: "sleep".to_owned() }],
            killed_total: 1,
        };
        let ending = ending(&left(false), Some(&Found::Recorded(end)), at()).unwrap();
        assert_eq!(
            (ending.proven, ending.signal, ending.killed),
            (true, Some(9), vec!["8 sleep".to_owned()])
        );
    }

    #[test]
    fn without_a_guard_an_end_is_unproven_and_what_never_started_has_none() {
        let nothing = Found::Unproven(Findings::default());
        assert!(!ending(&left(true), Some(&nothing), at()).unwrap().proven);
        assert_eq!(ending(&left(false), Some(&nothing), at()), None);
        let something = Found::Unproven(Findings { killed_total: 1, ..Findings::default() });
        assert!(!ending(&left(false), Some(&something), at()).unwrap().proven);
        assert!(!ending(&left(true), None, at()).unwrap().proven);
        assert_eq!(ending(&left(false), None, at()), None);
        assert!(ending(&left(true), Some(&Found::OtherBoot), at()).unwrap().proven);
    }
}
