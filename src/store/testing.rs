//! What the tests of this crate share: places, ids that count up, tasks and their changes.

use std::path::PathBuf;
use std::time::Duration;

use domain::dispatch::{Change, TaskEvent, advance};
use domain::{
    AttemptOutcome, Backoff, InstanceId, InstanceStart, JsonText, LaneKey, NewTask, Priority,
    ProcessIdentity, QuestionId, Reason, Recovery, RetryPolicy, SubmitterEnvironment, Task, TaskId,
    TaskResult, Timestamp,
};
use tempfile::TempDir;

use crate::{Applied, Error, ExclusiveAccess, Opening, Place, Submitted, Turn, Writer, preflight};

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

pub(crate) struct Alone;

impl ExclusiveAccess for Alone {}

pub(crate) const OPENING: Opening<'static> = Opening { now: NOW, binary: "test" };

/// A fresh folder with the place of a store in it.
pub(crate) struct Folder {
    pub(crate) place: Place,
    _folder: TempDir,
}

impl Folder {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = Place { database: folder.path().join("m.db"), outputs: folder.path().join("outputs") };
        Self { place, _folder: folder }
    }

    pub(crate) fn writer(&self) -> Writer {
        Writer::open(&preflight(self.place.clone()).unwrap(), Alone, OPENING).unwrap()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.place.database.parent().unwrap().join(name)
    }
}

pub(crate) fn memory() -> Writer {
    Writer::in_memory(OPENING).unwrap()
}

pub(crate) fn bytes(number: u64) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[0] = 0x01;
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    bytes
}

pub(crate) fn task_id(number: u64) -> TaskId {
    TaskId::from_bytes(bytes(number))
}

pub(crate) fn lane(name: &str) -> LaneKey {
    LaneKey::Agent(name.parse().unwrap())
}

pub(crate) fn at(seconds: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(seconds))
}

pub(crate) fn new_task(number: u64) -> NewTask {
    NewTask {
        id: task_id(number),
        key: None,
        title: format!("task {number}"),
        prompt: "do \"it\"\nwell".to_owned(),
        skill: Some("survey".to_owned()),
        input: Some(JsonText::from_json(r#"{"path":"."}"#.to_owned())),
        lane: lane("nexora"),
        agent: Some("nexora".parse().unwrap()),
        priority: Priority::NORMAL,
        cwd: "/work".to_owned(),
        environment: SubmitterEnvironment(vec![
            ("PATH".to_owned(), "/bin:/usr/bin".to_owned()),
            ("LANG".to_owned(), "C \"quoted\"\n".to_owned()),
        ]),
        timeout: Duration::from_secs(3_600),
        deadline: None,
        not_before: None,
        retry: RetryPolicy {
            max: 2,
            backoff: Backoff { base: Duration::from_secs(2) },
            on: vec![Reason::ProtocolError, Reason::TimedOut],
        },
        recovery: Recovery::Resume,
        labels: None,
        needs: Vec::new(),
        submitted_at: NOW.plus(Duration::from_millis(number)),
    }
}

pub(crate) fn submit(writer: &mut Writer, new: &NewTask) -> Task {
    match writer.turn::<_, crate::SubmitError>(|turn| turn.submit(new)).unwrap() {
        Submitted::New { task, .. } => *task,
        Submitted::Known(id) => panic!("{id} is known"),
    }
}

pub(crate) fn load(writer: &Writer, id: TaskId) -> Task {
    writer.view().load_task(id).unwrap().unwrap()
}

pub(crate) fn apply(writer: &mut Writer, change: &Change) -> Applied {
    writer.turn::<_, Error>(|turn| turn.apply(change)).unwrap()
}

/// Advances the task as it is stored, and says that it was applied.
pub(crate) fn step(writer: &mut Writer, id: TaskId, event: TaskEvent, now: Timestamp) -> Task {
    let change = advance(&load(writer, id), event, now).unwrap();
    assert!(matches!(apply(writer, &change), Applied::Applied { .. }));
    assert_eq!(load(writer, id), change.after);
    change.after
}

pub(crate) fn instance_id(number: u64) -> InstanceId {
    InstanceId::from_bytes(bytes(1_000_000 + number))
}

pub(crate) fn claimed(number: u64) -> TaskEvent {
    TaskEvent::Claimed { agent: "nexora".parse().unwrap(), instance: instance_id(number) }
}

pub(crate) fn question_id(number: u64) -> QuestionId {
    QuestionId::from_bytes(bytes(2_000_000 + number))
}

pub(crate) fn ended(attempt: u32, outcome: AttemptOutcome) -> TaskEvent {
    TaskEvent::AttemptEnded { attempt, outcome, question: question_id(u64::from(attempt)) }
}

pub(crate) fn result(json: &str) -> TaskResult {
    TaskResult {
        json: Some(JsonText::from_json(json.to_owned())),
        json_bytes: json.len() as u64,
        report: Some("all is well".to_owned()),
        outputs: Vec::new(),
    }
}

pub(crate) fn start(task: TaskId, attempt: u32, number: u64, child: Option<i32>) -> InstanceStart {
    InstanceStart {
        instance: instance_id(number),
        task,
        attempt,
        agent: "nexora".parse().unwrap(),
        guard: ProcessIdentity { pid: 100, start_ticks: 7 },
        child: child.map(|pid| ProcessIdentity { pid, start_ticks: 8 }),
        boot_id: "boot".to_owned(),
        at: NOW,
    }
}

pub(crate) fn next_ready(turn: &Turn<'_>, lanes: &[&str]) -> Option<Task> {
    let lanes: Vec<LaneKey> = lanes.iter().map(|name| lane(name)).collect();
    turn.next_ready(&lanes).unwrap().map(|claimable| claimable.task)
}
