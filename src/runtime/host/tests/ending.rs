//! Tasks that are cancelled, in each state that one can be in, and hosts that end.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};

use super::bench::{Bench, Played, Scene, protocol_error, show, soon, status, stop, until};
use crate::host::{HostHandle, StopMode};
use crate::operations::OperationError;

/// Plays what the prompt says.
async fn play(scene: Scene, begun: Arc<Semaphore>) -> Played {
    match scene.turn.prompt.as_str() {
        "never starts" => {
            begun.add_permits(1);
            scene.until_stopped().await
        }
        "breaks" => protocol_error(),
        "acts" => {
            scene.begin().await;
            assert!(scene.tool("c1", true).await);
            begun.add_permits(1);
            scene.until_stopped().await
        }
        "ends" => {
            scene.begin().await;
            begun.add_permits(1);
            scene.finish("fine").await
        }
        _ => {
            scene.begin().await;
            begun.add_permits(1);
            scene.until_stopped().await
        }
    }
}

fn stage() -> (Bench, Arc<Semaphore>) {
    let begun = Arc::new(Semaphore::new(0));
    let told = Arc::clone(&begun);
    (Bench::new(move |scene| play(scene, Arc::clone(&told))), begun)
}

async fn cancel(host: &HostHandle, id: &str) -> (Option<String>, Option<String>) {
    let ids = [id.to_owned()];
    let view = host.task_cancel(&ids, Some("enough".to_owned())).await.unwrap();
    let item = view.items.into_iter().next().unwrap();
    (item.state, item.error)
}

async fn has_begun(begun: &Semaphore) {
    soon(begun.acquire()).await.unwrap().forget();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_is_cancelled_while_it_runs_and_while_it_starts() {
    let (bench, begun) = stage();
    let host = bench.start();
    for prompt in ["runs", "never starts"] {
        let id = bench.submit(&host, prompt).await.id;
        has_begun(&begun).await;
        assert_eq!(cancel(&host, &id).await, (Some("cancelling".to_owned()), None), "{prompt}");
        let done = until(&host, &id, "cancelled").await;
        assert_eq!(done.reason, None);
        let shown = show(&host, &id).await;
        assert_eq!(shown.attempts[0].outcome.as_deref(), Some("cancelled"));
        assert_eq!(shown.attempts[0].instance.is_some(), prompt == "runs");
        assert_eq!(cancel(&host, &id).await, (Some("cancelled".to_owned()), None));
    }
    stop(host, StopMode::Drain).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_is_cancelled_before_it_runs_and_not_after_its_end() {
    let (bench, begun) = stage();
    let host = bench.start();
    let running = [bench.submit(&host, "runs").await.id, bench.submit(&host, "runs").await.id];
    has_begun(&begun).await;
    has_begun(&begun).await;
    let ready = bench.submit(&host, "no room").await.id;
    assert_eq!(status(&host, &ready).await.state, "ready");
    assert_eq!(cancel(&host, &ready).await.0.as_deref(), Some("cancelled"));
    for id in &running {
        cancel(&host, id).await;
        until(&host, id, "cancelled").await;
    }
    let waiting = bench.submit(&host, "breaks").await.id;
    until(&host, &waiting, "waiting").await;
    assert_eq!(cancel(&host, &waiting).await.0.as_deref(), Some("cancelled"));
    let ended = bench.submit(&host, "ends").await.id;
    until(&host, &ended, "succeeded").await;
    let (state, error) = cancel(&host, &ended).await;
    assert_eq!(state.as_deref(), Some("succeeded"));
    assert!(error.unwrap().contains("already ended"));
    let (state, error) = cancel(&host, "ffffffff").await;
    assert_eq!(state, None);
    assert!(error.unwrap().contains("there is no task"));
    stop(host, StopMode::Drain).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_at_once_loses_what_runs_and_its_policy_decides() {
    let (bench, begun) = stage();
    let host = bench.start();
    let reads = bench.submit(&host, "runs").await.id;
    let acts = bench.submit(&host, "acts").await.id;
    has_begun(&begun).await;
    has_begun(&begun).await;
    stop(host, StopMode::Now).await;
    let host = bench.start();
    let again = until(&host, &reads, "running").await;
    assert_eq!(again.attempt, 2, "nothing was changed by it, so it runs again");
    has_begun(&begun).await;
    let paused = until(&host, &acts, "paused").await;
    let question = paused.question.unwrap();
    assert_eq!((question.kind.as_str(), question.asked_of.as_str()), ("recovery", "person"));
    // A person lets it run again, then ends both.
    assert_eq!(host.task_resume(&acts).await.unwrap().question, None);
    has_begun(&begun).await;
    assert_eq!(until(&host, &acts, "running").await.attempt, 2);
    for id in [&reads, &acts] {
        cancel(&host, id).await;
        until(&host, id, "cancelled").await;
    }
    let refused = host.task_resume(&acts).await;
    assert!(matches!(refused, Err(OperationError::WrongState { .. })));
    stop(host, StopMode::Now).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_task_is_cancelled() {
    let (bench, begun) = stage();
    let host = bench.start();
    let id = bench.submit(&host, "acts").await.id;
    has_begun(&begun).await;
    stop(host, StopMode::Now).await;
    let host = bench.start();
    until(&host, &id, "paused").await;
    assert_eq!(cancel(&host, &id).await.0.as_deref(), Some("cancelled"));
    stop(host, StopMode::Now).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_draining_host_lets_what_runs_end_and_takes_nothing_more() {
    let begun = Arc::new(Notify::new());
    let go = Arc::new(Notify::new());
    let (told, waits) = (Arc::clone(&begun), Arc::clone(&go));
    let bench = Bench::new(move |scene| {
        let (told, waits) = (Arc::clone(&told), Arc::clone(&waits));
        async move {
            scene.begin().await;
            told.notify_one();
            waits.notified().await;
            scene.finish("fine").await
        }
    });
    let host = bench.start();
    let id = bench.submit(&host, "runs").await.id;
    soon(begun.notified()).await;
    host.begin_stop(StopMode::Drain).await;
    let refused = host.task_submit(bench.prepare(bench.request("too late"))).await;
    assert!(matches!(refused, Err(OperationError::HostEnding)), "{refused:?}");
    go.notify_one();
    soon(host.ended()).await.unwrap();
    let host = bench.start();
    assert_eq!(status(&host, &id).await.state, "succeeded");
    stop(host, StopMode::Now).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_host_says_so() {
    let (bench, begun) = stage();
    let host = bench.start();
    let mut busy = host.busy();
    soon(busy.wait_for(|busy| !busy)).await.unwrap();
    let id = bench.submit(&host, "runs").await.id;
    soon(busy.wait_for(|busy| *busy)).await.unwrap();
    has_begun(&begun).await;
    assert_eq!(host.live(3).instances, 1);
    cancel(&host, &id).await;
    soon(busy.wait_for(|busy| !busy)).await.unwrap();
    // A back-off is work to come.
    let waits = bench.submit(&host, "breaks").await.id;
    until(&host, &waits, "waiting").await;
    soon(busy.wait_for(|busy| *busy)).await.unwrap();
    bench.clock.forward(Duration::from_secs(1));
    assert_eq!(status(&host, &waits).await.state, "waiting");
    stop(host, StopMode::Now).await;
}
