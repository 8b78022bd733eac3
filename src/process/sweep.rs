//! The search for what is left of instances whose guard cannot answer: by record, group and
//! session, mark, and descent. It ends what it finds; that it finds nothing proves nothing.

use std::collections::{HashMap, HashSet};
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
/// How many are told apart at all.
const SEEN_MAX: usize = 10_000;

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
    let mut search = Search::new(record);
    let mut empty = 0;
    while empty < EMPTY_PASSES && Instant::now() < until {
        let mut quiet = search.pass();
        let (killed, total) = registry.map(Registry::take_killed).unwrap_or_default();
        search.findings.killed_total += total - killed.len() as u64;
        for stat in killed {
            quiet = false;
            search.note(&stat);
        }
        empty = if quiet { empty + 1 } else { 0 };
        sleep(PASS_PAUSE).await;
    }
    search.into_findings()
}

/// One search for what is left of one instance.
struct Search<'a> {
    record: &'a InstanceRecord,
    /// Whether the recorded group was killed, or is known to be somebody else's.
    group_is_done: bool,
    seen: HashSet<Identity>,
    findings: Findings,
}

impl<'a> Search<'a> {
    fn new(record: &'a InstanceRecord) -> Self {
        Self { record, group_is_done: false, seen: HashSet::new(), findings: Findings::default() }
    }

    /// One walk: kills what it finds; says whether there was nothing to kill.
    fn pass(&mut self) -> bool {
        let stats: Vec<Stat> = table::all().into_iter().filter_map(Stat::read).collect();
        self.kill_group(&stats);
        let found = find(self.record, stats);
        for stat in &found {
            self.note(stat);
            let _refused = Identity { pid: stat.pid, start: stat.start }.signal(Signal::Kill);
        }
        found.is_empty() && (self.group_is_done || !self.group_exists())
    }

    /// Whether the recorded group has members, seen or not: a walk may miss all of a racer's.
    fn group_exists(&self) -> bool {
        let group = self.record.child.and_then(|child| table::raw(child.pid));
        group.is_some_and(|group| rustix::process::test_kill_process_group(group).is_ok())
    }

    /// Kills the recorded group once a member, dead or alive, has shown that it is the recorded
    /// one. One signal for all of it, which no fork inside the group can escape.
    fn kill_group(&mut self, stats: &[Stat]) {
        let (Some(child), false) = (self.record.child, self.group_is_done) else { return };
        let Some(member) = stats.iter().find(|stat| stat.group == child.pid) else { return };
        self.group_is_done = true;
        if is_in_group(self.record, member)
            && let Some(group) = table::raw(child.pid)
            && kill_process_group(group, Signal::Kill.raw()).is_ok()
        {
            self.note(member);
        }
    }

    fn note(&mut self, stat: &Stat) {
        let identity = Identity { pid: stat.pid, start: stat.start };
        if self.seen.len() >= SEEN_MAX || !self.seen.insert(identity) {
            return;
        }
        self.findings.killed_total += 1;
        if self.findings.killed.len() < NAMED_MAX {
            self.findings.killed.push(Killed { pid: stat.pid, name: stat.name.clone() });
        }
    }

    /// A last look: what still lives was not ended.
    fn into_findings(self) -> Findings {
        let stats = table::all().into_iter().filter_map(Stat::read).collect();
        let left = find(self.record, stats);
        let mut findings = self.findings;
        let before = findings.killed.len();
        findings.killed.retain(|one| left.iter().all(|stat| stat.pid != one.pid));
        findings.killed_total -= (before - findings.killed.len()) as u64;
        findings.left = left.into_iter().take(NAMED_MAX).map(into_left).collect();
        findings
    }
}

fn into_left(stat: Stat) -> Left {
    Left { pid: stat.pid, uid: table::owner(stat.pid), name: stat.name }
}

/// The living processes that belong to a record, and all that descend from them.
fn find(record: &InstanceRecord, stats: Vec<Stat>) -> Vec<Stat> {
    let this = i32::try_from(std::process::id()).unwrap_or_default();
    let mut never = table::ancestors(this);
    never.push(this);
    let guard = record.guard;
    // A guard that still lives is left to its work; what descends from it is not.
    never.extend(guard.map(|guard| guard.pid));
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
