//! The next host: what it makes of the instances that a dead one has recorded.

use modelscan_process::sweep::{Verdict, recover};
use modelscan_process::{Identity, InstanceRecord, Signal};

use crate::support::{Hosted, escaped, hosted, spawner, within};

async fn kill_host(hosted: &mut Hosted) {
    hosted.host.identity.signal(Signal::Kill).unwrap();
    within(hosted.host.wait()).await.unwrap();
}

async fn verdict(record: &InstanceRecord) -> Verdict {
    within(recover(std::slice::from_ref(record))).await.unwrap().remove(0).verdict
}

#[tokio::test]
async fn a_guard_that_saw_its_hosts_death_has_left_its_word() {
    let mut hosted = hosted("plain", "daemon-env-i").await;
    kill_host(&mut hosted).await;
    let Verdict::Recorded(record) = verdict(&hosted.record).await else { panic!("no record") };
    assert_eq!(Some(record.child), hosted.record.child);
    assert!(!hosted.held.is_held());
}

#[tokio::test]
async fn a_stopped_guard_is_continued_and_waited_for() {
    let mut hosted = hosted("plain", "daemon-env-i").await;
    hosted.record.guard.unwrap().signal(Signal::Stop).unwrap();
    kill_host(&mut hosted).await;
    assert!(hosted.held.is_held());
    assert!(matches!(verdict(&hosted.record).await, Verdict::Recorded(_)));
    assert!(!hosted.held.is_held());
}

#[tokio::test]
async fn without_a_guard_what_is_found_is_ended_and_nothing_is_claimed() {
    for kind in ["deaf", "setsid", "stopped-session", "racer"] {
        let mut hosted = hosted("plain", kind).await;
        // A stopped host does not sweep when its guard dies.
        hosted.host.identity.signal(Signal::Stop).unwrap();
        hosted.record.guard.unwrap().signal(Signal::Kill).unwrap();
        kill_host(&mut hosted).await;
        let Verdict::Unproven(findings) = verdict(&hosted.record).await else { panic!("{kind}: a record") };
        assert!(findings.left.is_empty(), "{kind}: {findings:?}");
        assert!(findings.killed_total > 0, "{kind}: {findings:?}");
        hosted.held.wait_free();
    }
}

#[tokio::test]
async fn nothing_is_signalled_by_a_record_of_another_boot_or_process() {
    let spawner = spawner();
    let escaped = escaped(&spawner, "setsid").await;
    let real = escaped.instance.record().clone();
    let other_boot = InstanceRecord { boot_id: "another".into(), end_record: None, ..real.clone() };
    assert_eq!(verdict(&other_boot).await, Verdict::OtherBoot);
    let later = |identity: Option<Identity>| identity.map(|one| Identity { start: one.start + 1, ..one });
    let reused = InstanceRecord {
        instance: "another".into(),
        guard: later(real.guard),
        child: later(real.child),
        end_record: None,
        ..real.clone()
    };
    let Verdict::Unproven(findings) = verdict(&reused).await else { panic!("a record") };
    assert_eq!(findings.killed_total, 0, "{findings:?}");
    assert!(real.guard.unwrap().is_alive() && real.child.unwrap().is_alive());
    within(escaped.instance.end()).await.unwrap();
}
