//! Records: what is written, what comes late or twice, and which events they write.

use domain::{
    Actor, AttemptOutcome, AttemptState, Ending, EventType, Facts, JsonText, MessageId, MessageKind,
    MessageRecord, Record, StopWhy, ToolCallId, ToolCallRecord, ToolCallStatus, Usage,
};

use super::Recorded;
use crate::testing::{
    NOW, at, bytes, claimed, ended, instance_id, memory, new_task, result, start, step, submit, task_id,
};
use crate::{Error, Writer};

fn record(writer: &mut Writer, record: &Record) -> Recorded {
    writer.turn::<_, Error>(|turn| turn.record(record)).unwrap()
}

fn running() -> Writer {
    let mut writer = memory();
    submit(&mut writer, &new_task(1));
    step(&mut writer, task_id(1), claimed(1), at(1));
    writer
}

fn kinds(writer: &Writer) -> Vec<&'static str> {
    let events = writer.view().events(None, None, 2, 100).unwrap();
    events.into_iter().map(|event| event.kind.as_str()).collect()
}

fn is_written(recorded: Recorded) -> bool {
    matches!(recorded, Recorded::Written { .. })
}

fn call(status: ToolCallStatus, side_effects: bool) -> Record {
    Record::ToolCall(ToolCallRecord {
        id: ToolCallId::from_bytes(bytes(5)),
        task: task_id(1),
        attempt: 1,
        call: "c1".to_owned(),
        tool: None,
        input: None,
        output: None,
        status,
        side_effects,
        at: NOW,
    })
}

fn ending(proven: bool) -> Ending {
    Ending {
        at: at(9),
        exit_code: None,
        signal: Some(9),
        killed: vec!["12 sleep \"x\"".to_owned(), "13 sh".to_owned()],
        stderr_tail: "bye\n".to_owned(),
        proven,
        note: "killed".to_owned(),
    }
}

#[test]
fn an_attempt_moves_only_forward() {
    let mut writer = running();
    let moved = |state, why| Record::Attempt { task: task_id(1), attempt: 1, state, why, at: at(2) };
    assert!(is_written(record(&mut writer, &moved(AttemptState::Running, None))));
    assert_eq!(record(&mut writer, &moved(AttemptState::Running, None)), Recorded::Ignored);
    assert!(is_written(record(&mut writer, &moved(AttemptState::Stopping, Some(StopWhy::Cancel)))));
    assert_eq!(record(&mut writer, &moved(AttemptState::Running, None)), Recorded::Ignored);
    assert_eq!(record(&mut writer, &moved(AttemptState::Stopping, Some(StopWhy::Pause))), Recorded::Ignored);
    assert_eq!(record(&mut writer, &moved(AttemptState::Ended, None)), Recorded::Ignored);
    assert_eq!(kinds(&writer), ["attempt.prompted", "attempt.stopping"]);
    let attempt = writer.view().attempts(task_id(1)).unwrap().remove(0);
    assert_eq!((attempt.state, attempt.stop_why), (AttemptState::Stopping, Some(StopWhy::Cancel)));
    assert_eq!((attempt.prompted_at, attempt.stopping_at), (Some(at(2)), Some(at(2))));
    let other =
        Record::Attempt { task: task_id(1), attempt: 2, state: AttemptState::Running, why: None, at: NOW };
    assert_eq!(record(&mut writer, &other), Recorded::Ignored);
}

#[test]
fn an_instance_is_known_by_guard_then_child_then_end() {
    let mut writer = running();
    let known = |writer: &Writer| writer.view().instance(instance_id(1)).unwrap().unwrap();
    assert!(is_written(record(&mut writer, &Record::InstanceStarted(start(task_id(1), 1, 1, None)))));
    assert_eq!((known(&writer).child, known(&writer).guard.map(|guard| guard.pid)), (None, Some(100)));
    assert_eq!(kinds(&writer), [""; 0]);
    assert!(is_written(record(&mut writer, &Record::InstanceStarted(start(task_id(1), 1, 1, Some(101))))));
    assert_eq!(
        record(&mut writer, &Record::InstanceStarted(start(task_id(1), 1, 1, Some(102)))),
        Recorded::Ignored
    );
    assert_eq!(known(&writer).child.map(|child| child.pid), Some(101));
    assert_eq!(writer.view().open_instances().unwrap(), [known(&writer)]);
    let end = Record::InstanceEnded { instance: instance_id(1), ending: ending(true) };
    assert!(is_written(record(&mut writer, &end)));
    let again = Record::InstanceEnded { instance: instance_id(1), ending: ending(false) };
    assert_eq!(record(&mut writer, &again), Recorded::Ignored);
    assert_eq!(known(&writer).ending, Some(ending(true)));
    assert_eq!(writer.view().open_instances().unwrap(), []);
    assert_eq!(writer.view().instances(task_id(1)).unwrap().len(), 1);
    assert_eq!(kinds(&writer), ["attempt.spawned", "attempt.ended"]);
    let data = writer.view().events(None, None, 3, 1).unwrap().remove(0).data;
    assert!(data.as_str().contains(r#""signal":9,"killed":2,"proven":true"#), "{data:?}");
}

#[test]
fn an_end_whose_start_was_never_recorded_is_kept_too() {
    let mut writer = running();
    let end = Record::InstanceEnded { instance: instance_id(1), ending: ending(false) };
    assert!(is_written(record(&mut writer, &end)));
    let known = writer.view().instance(instance_id(1)).unwrap().unwrap();
    assert_eq!((known.guard, known.started_at, known.ending), (None, None, Some(ending(false))));
    let unknown = Record::InstanceEnded { instance: instance_id(9), ending: ending(false) };
    assert_eq!(record(&mut writer, &unknown), Recorded::Ignored);
    let active = writer.view().load_active().unwrap().remove(0);
    assert_eq!(active.processes.unwrap().ending, Some(ending(false)));
}

#[test]
fn progress_only_rises_and_a_stale_attempt_does_not_move_it() {
    let mut writer = running();
    let told = |writer: &mut Writer, attempt, millionths, text: &str| {
        let text = text.to_owned();
        is_written(record(writer, &Record::Progress { task: task_id(1), attempt, millionths, text, at: NOW }))
    };
    assert!(told(&mut writer, 1, None, "begins"));
    assert!(told(&mut writer, 1, Some(400_000), "reads"));
    assert!(!told(&mut writer, 1, Some(300_000), "back"));
    assert!(told(&mut writer, 1, None, "still"));
    assert!(!told(&mut writer, 2, Some(900_000), "another"));
    let progress = writer.view().task(task_id(1)).unwrap().unwrap().progress;
    assert_eq!((progress.millionths, progress.text.as_deref()), (Some(400_000), Some("still")));
    step(&mut writer, task_id(1), ended(1, AttemptOutcome::Lost { side_effects: false }), at(2));
    assert!(!told(&mut writer, 1, Some(900_000), "late"));
    step(&mut writer, task_id(1), domain::dispatch::TaskEvent::Due, at(3));
    step(&mut writer, task_id(1), claimed(2), at(4));
    let progress = writer.view().task(task_id(1)).unwrap().unwrap().progress;
    assert_eq!((progress.millionths, progress.text), (None, None));
    assert_eq!(kinds(&writer), ["task.requeued", "task.ready", "task.started"]);
}

#[test]
fn usage_is_summed_over_attempts() {
    let mut writer = running();
    let used = |attempt, tool_calls, input_tokens| Record::Usage {
        task: task_id(1),
        attempt,
        usage: Usage { input_tokens, output_tokens: None, tool_calls, turns: 1 },
    };
    assert!(is_written(record(&mut writer, &used(1, 3, Some(10)))));
    step(&mut writer, task_id(1), ended(1, AttemptOutcome::Lost { side_effects: false }), at(2));
    step(&mut writer, task_id(1), domain::dispatch::TaskEvent::Due, at(3));
    step(&mut writer, task_id(1), claimed(2), at(4));
    assert!(is_written(record(&mut writer, &used(2, 4, None))));
    assert_eq!(record(&mut writer, &used(3, 1, None)), Recorded::Ignored);
    let usage = writer.view().task(task_id(1)).unwrap().unwrap().usage;
    assert_eq!(usage, Usage { input_tokens: Some(10), output_tokens: None, tool_calls: 7, turns: 2 });
}

#[test]
fn a_call_with_side_effects_marks_its_attempt_when_it_may_have_acted() {
    for (steps, marked, events) in [
        (vec![(ToolCallStatus::Pending, true)], false, vec![]),
        (vec![(ToolCallStatus::Pending, true), (ToolCallStatus::Refused, true)], false, vec!["tool.ended"]),
        (
            vec![(ToolCallStatus::Running, false), (ToolCallStatus::Completed, false)],
            false,
            vec!["tool.ended"],
        ),
        (vec![(ToolCallStatus::Running, true)], true, vec!["tool.started"]),
        (vec![(ToolCallStatus::Pending, true), (ToolCallStatus::Running, false)], true, vec!["tool.started"]),
        (
            vec![
                (ToolCallStatus::Running, true),
                (ToolCallStatus::Running, true),
                (ToolCallStatus::Failed, false),
            ],
            true,
            vec!["tool.started", "tool.ended"],
        ),
        (vec![(ToolCallStatus::Running, false), (ToolCallStatus::Running, true)], true, vec!["tool.started"]),
        (vec![(ToolCallStatus::Completed, true)], true, vec!["tool.ended"]),
    ] {
        let mut writer = running();
        for (status, side_effects) in &steps {
            assert!(is_written(record(&mut writer, &call(*status, *side_effects))), "{steps:?}");
        }
        assert_eq!(writer.view().load_active().unwrap()[0].side_effects, marked, "{steps:?}");
        assert_eq!(writer.view().attempts(task_id(1)).unwrap()[0].side_effects, marked, "{steps:?}");
        assert_eq!(kinds(&writer), events, "{steps:?}");
    }
}

#[test]
fn a_later_record_of_a_call_fills_in_what_it_names_and_an_ended_call_stays() {
    let mut writer = running();
    let Record::ToolCall(first) = call(ToolCallStatus::Running, true) else { unreachable!() };
    let json = |text: &str| Some(JsonText::from_json(text.to_owned()));
    let first = ToolCallRecord { tool: Some("bash".to_owned()), input: json(r#"{"a":1}"#), ..first };
    record(&mut writer, &Record::ToolCall(first.clone()));
    let pending =
        ToolCallRecord { status: ToolCallStatus::Pending, tool: None, input: None, ..first.clone() };
    record(&mut writer, &Record::ToolCall(pending));
    let done = ToolCallRecord {
        id: ToolCallId::from_bytes(bytes(6)),
        tool: None,
        input: None,
        output: json(r#""äx""#),
        status: ToolCallStatus::Completed,
        side_effects: false,
        at: at(5),
        ..first.clone()
    };
    assert!(is_written(record(&mut writer, &Record::ToolCall(done))));
    assert_eq!(record(&mut writer, &Record::ToolCall(first)), Recorded::Ignored);
    let calls = writer.view().tool_calls(task_id(1), 10).unwrap();
    assert_eq!(calls.len(), 1);
    let call = &calls[0];
    assert_eq!((call.id, call.status), (ToolCallId::from_bytes(bytes(5)), ToolCallStatus::Completed));
    assert_eq!((call.tool.as_deref(), call.side_effects), (Some("bash"), true));
    assert_eq!((call.started_at, call.ended_at), (NOW, Some(at(5))));
    assert_eq!((call.input.clone(), call.output.clone()), (json(r#"{"a":1}"#), json(r#""äx""#)));
    assert_eq!(call.output_bytes, Some(5));
}

#[test]
fn a_message_is_kept_once() {
    let mut writer = running();
    let message = MessageRecord {
        id: MessageId::from_bytes(bytes(7)),
        task: task_id(1),
        attempt: 1,
        from: "agent:nexora".to_owned(),
        to: "caller".to_owned(),
        topic: "task".to_owned(),
        kind: MessageKind::Text,
        content: "hello\0there".to_owned(),
        at: NOW,
    };
    assert!(is_written(record(&mut writer, &Record::Message(message.clone()))));
    assert_eq!(record(&mut writer, &Record::Message(message.clone())), Recorded::Ignored);
    let elsewhere =
        MessageRecord { id: MessageId::from_bytes(bytes(8)), task: task_id(9), ..message.clone() };
    assert_eq!(record(&mut writer, &Record::Message(elsewhere)), Recorded::Ignored);
    let kept = writer.view().messages(Some(task_id(1)), None, 0, 10).unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!((kept[0].id, kept[0].content.as_str()), (message.id, message.content.as_str()));
    let first = |attempt, kind| writer.view().first_message(task_id(1), attempt, kind).unwrap();
    assert_eq!(first(1, MessageKind::Text), Some(kept[0].clone()));
    assert_eq!((first(2, MessageKind::Text), first(1, MessageKind::Result)), (None, None));
}

#[test]
fn what_comes_after_the_end_is_recorded_and_changes_nothing() {
    let mut writer = running();
    step(&mut writer, task_id(1), ended(1, AttemptOutcome::Succeeded(result("{}"))), at(2));
    let before = writer.view().task(task_id(1)).unwrap().unwrap();
    let late = Record::Event {
        task: Some(task_id(1)),
        attempt: 1,
        event: EventType::TaskLate,
        actor: Actor::Agent,
        facts: Facts::none().text("what", "result"),
        at: at(3),
    };
    assert!(is_written(record(&mut writer, &late)));
    assert_eq!(writer.view().task(task_id(1)).unwrap().unwrap(), before);
    assert_eq!(kinds(&writer), ["task.succeeded", "task.late"]);
    let unknown = Record::Event {
        task: Some(task_id(9)),
        attempt: 0,
        event: EventType::TaskLate,
        actor: Actor::Agent,
        facts: Facts::none(),
        at: NOW,
    };
    assert_eq!(record(&mut writer, &unknown), Recorded::Ignored);
}
