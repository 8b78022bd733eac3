//! What happens to a guard itself, and to its child by somebody else's hand.

use modelscan_process::guard::Cause;
use modelscan_process::identity::{Delivery, start_time};
use modelscan_process::lines::LineReader;
use modelscan_process::peer::{Standing, standing};
use modelscan_process::{Identity, Proof, Signal};

use crate::support::{direct, escaped, hosted, launch, line, spawner, within};

#[tokio::test]
async fn a_child_killed_from_outside_is_told_from_one_that_we_killed() {
    for kind in ["background", "setsid", "subreaper"] {
        let spawner = spawner();
        let escaped = escaped(&spawner, kind).await;
        let child = escaped.instance.record().child.unwrap();
        assert_eq!(child.signal(Signal::Kill).unwrap(), Delivery::Delivered);
        let ended = within(escaped.instance.wait()).await;
        assert_eq!((ended.signal, ended.cause), (Some(9), Some(Cause::Exited)));
        assert!(ended.killed_from_outside);
        let named =
            ended.killed.iter().find(|one| one.pid == escaped.pid).expect("what outlived it is named");
        assert_eq!(named.name, "process-fixture");
        assert!(ended.killed.iter().all(|one| one.pid != child.pid));
        assert_eq!(ended.proof, Proof::Proven);
        assert!(!escaped.held.is_held());
    }
}

#[tokio::test]
async fn a_guard_that_is_told_to_end_ends_its_child_first() {
    for signal in [Signal::Terminate, Signal::Interrupt, Signal::Hangup] {
        let spawner = spawner();
        let escaped = escaped(&spawner, "setsid").await;
        escaped.instance.record().guard.unwrap().signal(signal).unwrap();
        let ended = within(escaped.instance.wait()).await;
        assert_eq!((ended.cause, &ended.proof), (Some(Cause::Signalled), &Proof::Proven));
        assert!(!escaped.held.is_held());
    }
}

#[tokio::test]
async fn a_stopped_guard_goes_on_when_it_is_needed() {
    let spawner = spawner();
    let escaped = escaped(&spawner, "setsid").await;
    escaped.instance.record().guard.unwrap().signal(Signal::Stop).unwrap();
    let ended = within(escaped.instance.end()).await.unwrap();
    assert_eq!(ended.proof, Proof::Proven);
    assert!(!escaped.held.is_held());
}

#[tokio::test]
async fn after_a_guards_death_the_host_ends_what_it_finds_and_says_so() {
    for kind in ["deaf", "background", "double-fork", "setsid"] {
        let spawner = spawner();
        let escaped = escaped(&spawner, kind).await;
        escaped.instance.record().guard.unwrap().signal(Signal::Kill).unwrap();
        let ended = within(escaped.instance.wait()).await;
        assert_eq!(ended.proof, Proof::Unproven { left: Vec::new() }, "{kind}");
        assert_eq!((ended.code, ended.signal, ended.cause), (None, None, None));
        assert!(ended.killed.iter().any(|one| one.pid == escaped.pid), "{kind}: {ended:?}");
        escaped.held.wait_free();
    }
}

#[tokio::test]
async fn a_host_that_adopts_ends_even_what_lost_every_mark() {
    for kind in ["daemon-env-i", "subreaper", "racer", "racer-session", "racers-session"] {
        let mut hosted = hosted("adopting", kind).await;
        hosted.record.guard.unwrap().signal(Signal::Kill).unwrap();
        let ended = line(&mut hosted.lines).await;
        assert!(ended.starts_with("ended ") && ended.contains("Unproven { left: [] }"), "{kind}: {ended}");
        // The host lives on until its stdin ends, and so does its second line.
        hosted.held.wait_free();
        within(hosted.host.wait()).await.unwrap();
    }
}

#[tokio::test]
async fn whoever_descends_from_a_guard_is_known_by_its_parents() {
    for kind in ["none", "env-i", "daemon-env-i", "subreaper"] {
        let spawner = spawner();
        let escaped = escaped(&spawner, kind).await;
        let guard = escaped.instance.record().guard.unwrap();
        // Asked by another process of the same program, as a host is.
        let mut other = direct(&["standing", &escaped.pid.to_string()]);
        let mut lines = LineReader::new(other.stdout.take().unwrap());
        assert_eq!(line(&mut lines).await, format!("{:?}", Standing::BelowGuard(guard.pid)), "{kind}");
        within(other.wait()).await.unwrap();
        // For this program the fixture is no guard, but whoever descends from a host is not free.
        assert!(!standing(escaped.pid).is_free());
        assert_eq!(start_time(guard.pid), Some(guard.start));
        within(escaped.instance.end()).await.unwrap();
        assert_eq!(standing(escaped.pid), Standing::Unknown);
    }
}

#[tokio::test]
async fn a_child_knows_where_it_stands_itself() {
    let spawner = spawner();
    let mut instance = within(spawner.spawn(launch(&["standing", "self"]))).await.unwrap();
    let guard = instance.record().guard.unwrap();
    let mut lines = LineReader::new(instance.take_stdout().unwrap());
    assert_eq!(line(&mut lines).await, format!("{:?}", Standing::BelowGuard(guard.pid)));
    within(instance.wait()).await;
}

#[tokio::test]
async fn a_signal_for_a_process_that_is_gone_reaches_nobody() {
    let spawner = spawner();
    let escaped = escaped(&spawner, "none").await;
    let child = escaped.instance.record().child.unwrap();
    assert!(child.is_alive());
    let reused = Identity { start: child.start + 1, ..child };
    assert_eq!(reused.signal(Signal::Kill).unwrap(), Delivery::Gone);
    assert!(child.is_alive());
    within(escaped.instance.end()).await.unwrap();
    assert_eq!(child.signal(Signal::Kill).unwrap(), Delivery::Gone);
}

#[tokio::test]
async fn asked_to_kill_it_does_not_wait() {
    let spawner = spawner();
    let escaped = escaped(&spawner, "deaf-child").await;
    let ended = within(escaped.instance.handle().kill()).await.unwrap();
    assert_eq!((ended.signal, ended.killed_from_outside), (Some(9), false));
    assert!(!escaped.held.is_held());
}
