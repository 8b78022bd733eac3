//! When a host is idle: no work and no clients, for a while.

use std::time::Duration;

use tokio::sync::watch;

/// Returns when there was neither work nor a client for `limit` without a break.
pub(super) async fn idle(
    mut busy: watch::Receiver<bool>,
    mut clients: watch::Receiver<u64>,
    limit: Duration,
) {
    loop {
        let active = *busy.borrow_and_update() || *clients.borrow_and_update() > 0;
        if active {
            tokio::select! {
                changed = busy.changed() => if changed.is_err() { return },
                changed = clients.changed() => if changed.is_err() { return },
            }
        } else {
            tokio::select! {
                () = tokio::time::sleep(limit) => return,
                changed = busy.changed() => if changed.is_err() { return },
                changed = clients.changed() => if changed.is_err() { return },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_idle_after_a_while_without_work_and_clients() {
        let limit = Duration::from_secs(600);
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let (busy, clients) = (watch::Sender::new(true), watch::Sender::new(0_u64));
            let mut idle = std::pin::pin!(idle(busy.subscribe(), clients.subscribe(), limit));
            let an_hour = Duration::from_secs(3_600);
            assert!(tokio::time::timeout(an_hour, &mut idle).await.is_err(), "there is work");
            busy.send_replace(false);
            clients.send_replace(1);
            assert!(tokio::time::timeout(an_hour, &mut idle).await.is_err(), "there is a client");
            clients.send_replace(0);
            assert!(
                tokio::time::timeout(limit - Duration::from_secs(1), &mut idle).await.is_err(),
                "not yet"
            );
            clients.send_replace(1);
            clients.send_replace(0);
            assert!(
                tokio::time::timeout(limit - Duration::from_secs(1), &mut idle).await.is_err(),
                "counted anew"
            );
            assert!(tokio::time::timeout(Duration::from_secs(2), &mut idle).await.is_ok());
        });
    }
}
