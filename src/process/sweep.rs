//! The search for what is left of instances whose guard cannot answer: by record, group and
//! session, mark, and descent. It ends what it finds; that it finds nothing proves nothing.

use std::collections::HashMap;
use std::io;
use std::time::Duration;

use rustix::process::kill_process_group;
use tokio::time::{Instant, sleep, timeout};

use crate::guard::{EndRecord, Killed, Left};
use crate::identity::{Identity, Signal};
use crate::reaper::Registry;
use crate::spawn::{INSTANCE_VARIABLE, InstanceRecord};
use crate::table::{self, Stat};

/// What the guards of a dead host get to end theirs.
const GUARDS_MAX: Duration = Duration::from_secs(5);
/// How often a guard is continued while it is waited for: its child may stop it again.
const CONTINUE_EVERY: Duration = Duration::from_millis(200);
/// How long one search goes on while it still finds something.
const SWEEP_MAX: Duration = Duration::from_secs(5);
/// How many passes in a row must find nothing.
const EMPTY_PASSES: u32 = 2;
/// The pause between two passes.
const PASS_PAUSE: Duration = Duration::from_millis(2);
/// How many killed processes are named; the rest is counted only.
const NAMED_MAX: usize = 200;

/// What a search found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// What was killed.
    pub killed: Vec<Killed>,
    /// How many were killed, also those not named.
    pub killed_total: u64,
    /// What could not be ended.
    pub left: Vec<Left>,
}

/// What is known about the end of one recorded instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The machine has been started anew since: nothing of it can live.
    OtherBoot,
    /// Its guard left a record: nothing of it lives.
    Recorded(EndRecord),
    /// Its guard said nothing; this was found.
    Unproven(Findings),
}

/// One recorded instance and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// The instance's id.
    pub instance: String,
    /// What is known about its end.
    pub verdict: Verdict,
}

/// Ends what is left of the instances that a dead host has recorded.
///
/// Living guards are continued and waited for, at most five seconds together; then the rest is
/// looked for. Nothing is signalled whose boot or start time is another.
///
/// # Errors
/// `/proc` does not name this boot.
pub async fn recover(records: &[InstanceRecord]) -> io::Result<Vec<Recovered>> {
    let boot_id = table::boot_id()?;
    let until = Instant::now() + GUARDS_MAX;
    let here = || records.iter().filter(|record| record.boot_id == boot_id);
    for guard in here().filter_map(|record| record.guard) {
        let _gone = guard.signal(Signal::Continue);
    }
    for guard in here().filter_map(|record| record.guard) {
        wait_for_guard(guard, until).await;
    }
    let mut recovered = Vec::new();
    for record in records {
        let verdict = if let Some(end) = record.end_record.as_deref().and_then(EndRecord::read) {
            Verdict::Recorded(end)
        } else if record.boot_id == boot_id {
            Verdict::Unproven(sweep(record, None).await)
        } else {
            Verdict::OtherBoot
        };
        recovered.push(Recovered { instance: record.instance.clone(), verdict });
    }
    Ok(recovered)
}

async fn wait_for_guard(guard: Identity, until: Instant) {
    while Instant::now() < until {
        match timeout(CONTINUE_EVERY, guard.wait_gone(GUARDS_MAX)).await {
            Ok(Ok(true) | Err(_)) => return,
            Ok(Ok(false)) | Err(_) => {
                let _gone = guard.signal(Signal::Continue);
            }
        }
    }
}

/// Searches and kills until two passes in a row have found nothing living.
pub(crate) async fn sweep(record: &InstanceRecord, registry: Option<&Registry>) -> Findings {
    let until = Instant::now() + SWEEP_MAX;
    let mut killed: HashMap<Identity, ()> = HashMap::new();
    let mut findings = Findings::default();
    let mut empty = 0;
    while empty < EMPTY_PASSES && Instant::now() < until {
        let mut found = find(record);
        kill(record, &found);
        found.extend(registry.map(Registry::kill_adopted).unwrap_or_default());
        empty = if found.is_empty() { empty + 1 } else { 0 };
        for stat in found {
            let identity = Identity { pid: stat.pid, start: stat.start };
            if killed.len() < 10 * NAMED_MAX && killed.insert(identity, ()).is_none() {
                findings.killed_total += 1;
                if findings.killed.len() < NAMED_MAX {
                    findings.killed.push(Killed { pid: stat.pid, name: stat.name });
                }
            }
        }
        sleep(PASS_PAUSE).await;
    }
    let left = find(record);
    findings.killed.retain(|one| left.iter().all(|stat| stat.pid != one.pid));
    findings.killed_total = findings.killed_total.saturating_sub(left.len() as u64);
    findings.left = left.into_iter().take(NAMED_MAX).map(into_left).collect();
    findings
}

fn into_left(stat: Stat) -> Left {
    Left { pid: stat.pid, uid: table::owner(stat.pid), name: stat.name }
}

/// The living processes that belong to a record, and all that descend from them.
fn find(record: &InstanceRecord) -> Vec<Stat> {
    let this = i32::try_from(std::process::id()).unwrap_or_default();
    let mut never = table::ancestors(this);
    never.push(this);
    let guard = record.guard;
    // A guard that still lives is left to its work; what descends from it is not.
    never.extend(guard.map(|guard| guard.pid));
    let stats: Vec<Stat> = table::all().into_iter().filter_map(Stat::read).collect();
    let mut belongs: HashMap<i32, bool> = stats.iter().map(|stat| (stat.pid, is_of(record, stat))).collect();
    // Parents may come after their children in the list: repeat until nothing is added.
    let mut grown = true;
    while grown {
        grown = false;
        for stat in &stats {
            let parent = belongs.get(&stat.parent).copied().unwrap_or(false);
            let excluded = never.contains(&stat.parent) && Some(stat.parent) != guard.map(|guard| guard.pid);
            if parent && !excluded && belongs.insert(stat.pid, true) != Some(true) {
                grown = true;
            }
        }
    }
    let found = stats.into_iter().filter(|stat| belongs.get(&stat.pid) == Some(&true));
    found.filter(|stat| !stat.is_dead() && !never.contains(&stat.pid)).collect()
}

/// Whether a process is one of a record's by what it shows itself.
fn is_of(record: &InstanceRecord, stat: &Stat) -> bool {
    let same = |identity: Option<Identity>| {
        identity.is_some_and(|identity| identity.pid == stat.pid && identity.start == stat.start)
    };
    let marked = || {
        table::started_with(stat.pid, INSTANCE_VARIABLE)
            .is_some_and(|mark| !mark.is_empty() && mark == record.instance.as_bytes())
    };
    same(record.child) || same(record.guard) || is_in_group(record, stat) || (!stat.is_dead() && marked())
}

/// Group and session both as recorded, and not older than the child that led the group.
fn is_in_group(record: &InstanceRecord, stat: &Stat) -> bool {
    let (Some(guard), Some(child)) = (record.guard, record.child) else { return false };
    stat.group == child.pid && stat.session == guard.pid && stat.start >= child.start
}

fn kill(record: &InstanceRecord, found: &[Stat]) {
    if let Some(stat) = found.iter().find(|stat| is_in_group(record, stat))
        && let Some(group) = table::raw(stat.group)
    {
        // One signal for the whole group, which no fork inside it can escape.
        let _gone = kill_process_group(group, Signal::Kill.raw());
    }
    for stat in found {
        let _gone = Identity { pid: stat.pid, start: stat.start }.signal(Signal::Kill);
    }
}
