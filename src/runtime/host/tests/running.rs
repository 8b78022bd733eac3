//! Tasks that come to their end: results, retries, limits of time and room, waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use agent::{AgentEvent, MessageKind, StopReason, ToolCall, ToolKind, ToolStatus};
use domain::TaskId;
use serde_json::json;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;

use super::bench::{Bench, events, outcome, protocol_error, show, soon, status, stop, until};
use crate::host::StopMode;
use crate::operations::{self, OperationError, ResultPart, StreamFilter, TaskFilter, WaitMode, task_wait};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_runs_and_everything_is_on_record() {
    let bench = Bench::new(|scene| async move {
        scene.begin().await;
        scene.say(AgentEvent::Message { kind: MessageKind::Text, text: "I look".into() }).await;
        assert!(scene.tool("c1", true).await);
        let call = ToolCall {
            id: "c1".into(),
            kind: ToolKind::Execute,
            status: ToolStatus::Completed,
            output: Some(json!("ok")),
            ..ToolCall::default()
        };
        scene.say(AgentEvent::ToolCall { call, first: true }).await;
        scene.say(AgentEvent::Progress { fraction: 0.5, text: "half".into() }).await;
        assert!(scene.report(json!({"answer": 42})).await);
        scene.finish("").await
    });
    let host = bench.start();
    let submitted = bench.submit(&host, "do it\nnow").await;
    let done = until(&host, &submitted.id, "succeeded").await;
    assert_eq!((done.title.as_str(), done.attempt), ("do it", 1));
    let shown = show(&host, &done.id).await;
    assert_eq!(shown.task.result, Some(json!({"answer": 42})));
    assert_eq!(shown.task.report.as_deref(), Some("done"));
    assert_eq!(shown.task.progress.fraction, Some(0.5));
    assert_eq!(shown.attempts[0].outcome.as_deref(), Some("succeeded"));
    let instance = shown.attempts[0].instance.as_ref().unwrap();
    assert_eq!((instance.pid, instance.exit_code, instance.proven), (Some(102), Some(0), Some(true)));
    let call = &shown.tool_calls[0];
    assert_eq!((call.tool.as_str(), call.side_effects, call.status.as_str()), ("bash", true, "completed"));
    assert_eq!(
        events(&host, &done.id).await,
        [
            "task.submitted",
            "task.started",
            "attempt.spawned",
            "attempt.prompted",
            "tool.started",
            "tool.ended",
            "attempt.stopping",
            "attempt.ended",
            "task.succeeded"
        ]
    );
    let filter = StreamFilter { task: Some(done.id.parse().unwrap()), ..StreamFilter::default() };
    let messages = host.read(move |reading| operations::message_list(reading, filter)).await.unwrap();
    let kinds: Vec<&str> = messages.items.iter().map(|message| message.kind.as_str()).collect();
    assert_eq!(kinds, ["text", "result"]);
    assert_eq!(messages.items[0].from, "agent:other");
    stop(host, StopMode::Drain).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn words_are_a_result_and_silence_is_none() {
    let bench = Bench::new(|scene| async move {
        scene.begin().await;
        let text = scene.turn.prompt.clone();
        if text == "refuse" {
            return outcome(StopReason::Refusal, "no");
        }
        scene.finish(text.strip_prefix("say ").unwrap_or_default()).await
    });
    let host = bench.start();
    let said = until(&host, &bench.submit(&host, "say hello").await.id, "succeeded").await;
    assert_eq!(show(&host, &said.id).await.task.result, Some(json!({"text": "hello"})));
    let silent = until(&host, &bench.submit(&host, "nothing").await.id, "failed").await;
    assert_eq!(silent.reason.as_deref(), Some("invalid_result"));
    assert_eq!(silent.error.unwrap().stderr_tail.as_deref(), Some("last words"));
    let refused = until(&host, &bench.submit(&host, "refuse").await.id, "failed").await;
    assert_eq!(refused.reason.as_deref(), Some("agent_error"));
    stop(host, StopMode::Drain).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_result_is_a_file_and_read_in_parts() {
    let bench = Bench::new(|scene| async move {
        scene.begin().await;
        assert!(scene.report(json!({"big": "ä".repeat(100_000)})).await);
        scene.finish("").await
    });
    let host = bench.start();
    let done = until(&host, &bench.submit(&host, "big").await.id, "succeeded").await;
    let id: TaskId = done.id.parse().unwrap();
    let whole = json!({"big": "ä".repeat(100_000)}).to_string();
    assert_eq!(done.result_bytes, Some(whole.len() as u64));
    let shown = show(&host, &done.id).await;
    assert_eq!((shown.task.result, shown.task.outputs.len()), (None, 1));
    let mut text = String::new();
    let mut offset = Some(0);
    while let Some(at) = offset {
        let part = ResultPart { offset: at, max_bytes: Some(24_001), ..ResultPart::default() };
        let view = host.read(move |reading| operations::task_result(reading, id, &part)).await.unwrap();
        assert!(view.truncated);
        assert_eq!(view.total_bytes, whole.len() as u64);
        text.push_str(view.result.unwrap().as_str().unwrap());
        offset = view.next_offset;
    }
    assert_eq!(text, whole);
    let part = ResultPart { pointer: Some("/nowhere".into()), ..ResultPart::default() };
    let missing = host.read(move |reading| operations::task_result(reading, id, &part)).await;
    assert!(matches!(missing, Err(OperationError::BadInput { .. })));
    stop(host, StopMode::Drain).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_protocol_is_tried_again_after_a_back_off() {
    let tries = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&tries);
    let bench = Bench::new(move |scene| {
        let number = counted.fetch_add(1, Ordering::SeqCst);
        async move {
            if number < 2 {
                return protocol_error();
            }
            scene.begin().await;
            scene.finish("at last").await
        }
    });
    let host = bench.start();
    let task = bench.submit(&host, "try").await;
    for (attempt, wait) in [(1, 2), (2, 4)] {
        let waiting = until(&host, &task.id, "waiting").await;
        assert_eq!(waiting.attempt, attempt);
        assert!(waiting.progress.text.unwrap().starts_with("waits until"));
        bench.clock.forward(Duration::from_secs(wait));
        host.wake().await;
        if attempt == 1 {
            let id = task.id.clone();
            soon(async {
                while status(&host, &id).await.attempt < 2 {
                    host.watch().changed().await.unwrap();
                }
            })
            .await;
        }
    }
    let done = until(&host, &task.id, "succeeded").await;
    assert_eq!((done.attempt, tries.load(Ordering::SeqCst)), (3, 3));
    stop(host, StopMode::Drain).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_that_takes_too_long_is_stopped() {
    let begun = Arc::new(Notify::new());
    let told = Arc::clone(&begun);
    let bench = Bench::new(move |scene| {
        let told = Arc::clone(&told);
        async move {
            scene.begin().await;
            told.notify_one();
            let stopped = scene.until_stopped().await;
            assert!(!scene.report(json!("late")).await, "a late result does not count");
            stopped
        }
    });
    let host = bench.start();
    let request = wire::control::SubmitRequest { timeout_ms: Some(60_000), ..bench.request("slow") };
    let task = host.task_submit(bench.prepare(request)).await.unwrap();
    soon(begun.notified()).await;
    bench.clock.forward(Duration::from_secs(61));
    host.wake().await;
    let failed = until(&host, &task.id, "failed").await;
    assert_eq!(failed.reason.as_deref(), Some("timed_out"));
    assert!(events(&host, &task.id).await.contains(&"task.late".to_owned()));
    stop(host, StopMode::Drain).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_run_at_once_than_there_is_room_for_and_nobody_who_waits_misses_the_end() {
    let now = Arc::new(AtomicU32::new(0));
    let most = Arc::new(AtomicU32::new(0));
    let (current, highest) = (Arc::clone(&now), Arc::clone(&most));
    let bench = Bench::new(move |scene| {
        let (current, highest) = (Arc::clone(&current), Arc::clone(&highest));
        async move {
            highest.fetch_max(current.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            scene.begin().await;
            current.fetch_sub(1, Ordering::SeqCst);
            scene.finish("done").await
        }
    });
    let host = bench.start();
    let mut waiting = JoinSet::new();
    for number in 0..30 {
        let id = bench.submit(&host, &format!("task {number}")).await.id;
        let host = host.clone();
        waiting
            .spawn(async move { task_wait(&host, &[id], WaitMode::All, super::bench::LONG).await.unwrap() });
    }
    while let Some(view) = soon(waiting.join_next()).await {
        assert_eq!(view.unwrap().pending, Vec::<String>::new());
    }
    assert!((1..=2).contains(&most.load(Ordering::SeqCst)));
    let list = host.read(|reading| operations::task_list(reading, &TaskFilter::default())).await.unwrap();
    assert_eq!(list.items.len(), 30);
    assert!(list.items.iter().all(|task| task.state == "succeeded" && task.attempt == 1));
    stop(host, StopMode::Drain).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wait_ends_with_its_limit_or_when_a_person_is_needed() {
    let acted = Arc::new(Notify::new());
    let told = Arc::clone(&acted);
    let bench = Bench::new(move |scene| {
        let told = Arc::clone(&told);
        async move {
            scene.begin().await;
            assert!(scene.tool("c1", true).await);
            told.notify_one();
            scene.until_stopped().await
        }
    });
    let host = bench.start();
    let id = bench.submit(&host, "wait").await.id;
    let short = task_wait(&host, std::slice::from_ref(&id), WaitMode::All, Duration::from_millis(1)).await;
    assert_eq!(short.unwrap().pending, std::slice::from_ref(&id));
    soon(acted.notified()).await;
    let unknown = task_wait(&host, &["0000".to_owned()], WaitMode::All, super::bench::LONG).await;
    assert!(matches!(unknown, Err(OperationError::NotFound { noun: "task", .. })));
    stop(host, StopMode::Now).await;
    let host = bench.start();
    let over = soon(task_wait(&host, std::slice::from_ref(&id), WaitMode::Any, super::bench::LONG)).await;
    assert_eq!(over.unwrap().tasks[0].state, "paused");
    stop(host, StopMode::Now).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_side_effect_is_on_disk_before_it_may_happen() {
    let allowed = Arc::new(Semaphore::new(0));
    let seen = Arc::clone(&allowed);
    let bench = Bench::new(move |scene| {
        let seen = Arc::clone(&seen);
        async move {
            scene.begin().await;
            assert!(scene.tool("c1", true).await);
            seen.add_permits(1);
            scene.until_stopped().await
        }
    });
    let host = bench.start();
    let id = bench.submit(&host, "act").await.id;
    soon(allowed.acquire()).await.unwrap().forget();
    // What another process would see.
    let reader = store::Reader::open(&store::preflight(bench.place()).unwrap()).unwrap();
    let calls = reader.snapshot().unwrap().tool_calls(id.parse().unwrap(), 10).unwrap();
    assert_eq!((calls.len(), calls[0].side_effects), (1, true));
    stop(host, StopMode::Now).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_ends_its_task_alone() {
    let bench = Bench::new(|scene| async move {
        scene.begin().await;
        assert_ne!(scene.turn.prompt, "break", "as the test wants it");
        scene.finish("fine").await
    });
    let host = bench.start();
    let broken = bench.submit(&host, "break").await;
    let fine = bench.submit(&host, "work").await;
    let failed = until(&host, &broken.id, "failed").await;
    assert_eq!(failed.reason.as_deref(), Some("agent_error"));
    until(&host, &fine.id, "succeeded").await;
    stop(host, StopMode::Drain).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_whose_agent_left_the_configuration_waits_for_it() {
    let bench = Bench::new(|scene| async move {
        scene.begin().await;
        scene.finish("fine").await
    });
    let host = bench.start();
    let submission = bench.prepare(bench.request("later"));
    let mut without = bench.config.clone();
    without.agents.retain(|name, _| name.as_str() != "other");
    host.reload(without).await.unwrap();
    let task = host.task_submit(submission).await.unwrap();
    assert_eq!(task.state, "ready");
    assert_eq!(task.progress.text.as_deref(), Some("waits for the agent `other`, which is not configured"));
    let mut busy = host.busy();
    soon(busy.wait_for(|busy| !busy)).await.unwrap();
    host.reload(bench.config.clone()).await.unwrap();
    until(&host, &task.id, "succeeded").await;
    stop(host, StopMode::Drain).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_or_a_key_seen_before_is_that_task() {
    let bench = Bench::new(|scene| async move {
        scene.begin().await;
        scene.finish("fine").await
    });
    let host = bench.start();
    let request = wire::control::SubmitRequest { key: Some("k".into()), ..bench.request("once") };
    let first = host.task_submit(bench.prepare(request.clone())).await.unwrap();
    let again = host.task_submit(bench.prepare(request.clone())).await.unwrap();
    assert_eq!(again.id, first.id);
    let by_key = wire::control::SubmitRequest { id: bench.request("").id, ..request.clone() };
    assert_eq!(host.task_submit(bench.prepare(by_key.clone())).await.unwrap().id, first.id);
    let other = wire::control::SubmitRequest { prompt: Some("twice".into()), ..by_key };
    let conflict = host.task_submit(bench.prepare(other)).await;
    assert!(matches!(conflict, Err(OperationError::BadInput { .. })), "{conflict:?}");
    until(&host, &first.id, "succeeded").await;
    stop(host, StopMode::Drain).await;
}
