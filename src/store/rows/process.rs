//! Hosts and instances: which processes there were and how they ended.

use domain::{AgentName, Ending, HostId, InstanceId, ProcessIdentity, TaskId, Timestamp};
use rusqlite::{Connection, Row};

use crate::Error;
use crate::fields::Fields;
use crate::submit::cached;

/// One instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceRow {
    /// Its id.
    pub id: InstanceId,
    /// The task.
    pub task: TaskId,
    /// The attempt.
    pub attempt: u32,
    /// The agent that it is an instance of.
    pub agent: AgentName,
    /// The host that started it, if that was recorded.
    pub host: Option<HostId>,
    /// Its guard, if it was recorded.
    pub guard: Option<ProcessIdentity>,
    /// Its child, if it was recorded.
    pub child: Option<ProcessIdentity>,
    /// The boot in which they run.
    pub boot_id: Option<String>,
    /// When they were started.
    pub started_at: Option<Timestamp>,
    /// How they ended; nothing while they run.
    pub ending: Option<Ending>,
}

/// How a host ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostEnd {
    /// In good order.
    Stopped,
    /// It was gone when the next one began.
    Lost,
}

/// One life of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostRow {
    /// Its id.
    pub id: HostId,
    /// Its process.
    pub process: ProcessIdentity,
    /// The boot in which it ran.
    pub boot_id: String,
    /// The version of its program.
    pub version: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When and how it ended, as far as is known.
    pub ended: Option<(Timestamp, HostEnd)>,
}

/// From which `instance_of` reads, in its order; joined with `task`, `agent` and, on the left, `host`.
pub(crate) const INSTANCE_COLUMNS: &str =
    "instance.id, instance.uid AS instance_uid, task.uid, instance.attempt,
    agent.name, host.uid AS host_uid, instance.guard_pid, instance.guard_start_ticks, instance.child_pid,
    instance.child_start_ticks, instance.boot_id, instance.started_at, instance.ended_at, instance.exit_code,
    instance.signal, instance.stderr_tail, instance.proven, instance.note";

/// From which `host_of` reads, in its order.
pub(crate) const HOST_COLUMNS: &str =
    "host.id, host.uid, host.pid, host.start_ticks, host.boot_id, host.version,
    host.started_at, host.ended_at, host.ended_how";

/// Reads an instance.
pub(crate) fn instance_of(db: &Connection, row: &Row<'_>) -> Result<InstanceRow, Error> {
    let mut fields = Fields::new(row, "instance")?;
    Ok(InstanceRow {
        id: fields.id("instance_uid", InstanceId::from_bytes)?,
        task: fields.id("uid", TaskId::from_bytes)?,
        attempt: fields.get("attempt")?,
        agent: fields.parsed("name")?,
        host: fields.maybe_id("host_uid", HostId::from_bytes)?,
        guard: identity(&mut fields, "guard_pid", "guard_start_ticks")?,
        child: identity(&mut fields, "child_pid", "child_start_ticks")?,
        boot_id: fields.maybe("boot_id")?,
        started_at: fields.maybe_time("started_at")?,
        ending: ending(db, &mut fields)?,
    })
}

fn identity(
    fields: &mut Fields<'_, '_>,
    pid: &'static str,
    ticks: &'static str,
) -> Result<Option<ProcessIdentity>, Error> {
    let id = fields.maybe(pid)?;
    let start = fields.maybe_number(ticks)?;
    match (id, start) {
        (Some(pid), Some(start_ticks)) => Ok(Some(ProcessIdentity { pid, start_ticks })),
        (None, None) => Ok(None),
        _ => Err(fields.wrong(ticks, "does not go with the process id")),
    }
}

fn ending(db: &Connection, fields: &mut Fields<'_, '_>) -> Result<Option<Ending>, Error> {
    let Some(at) = fields.maybe_time("ended_at")? else { return Ok(None) };
    Ok(Some(Ending {
        at,
        exit_code: fields.maybe("exit_code")?,
        signal: fields.maybe("signal")?,
        killed: killed(db, fields)?,
        stderr_tail: fields.get("stderr_tail")?,
        proven: fields.flag("proven")?,
        note: fields.get("note")?,
    }))
}

fn killed(db: &Connection, fields: &Fields<'_, '_>) -> Result<Vec<String>, Error> {
    let mut statement = cached(
        db,
        "SELECT CASE process.type WHEN 'text' THEN process.value END FROM instance, json_each(instance.killed) AS process
          WHERE instance.id = ?1 ORDER BY process.key",
    )?;
    let rows = statement.query_map([fields.key()], |row| row.get(0))?;
    rows.map(|text| text.map_err(|error| fields.wrong("killed", error.to_string()))).collect()
}

/// Reads a host.
pub(crate) fn host_of(row: &Row<'_>) -> Result<HostRow, Error> {
    let mut fields = Fields::new(row, "host")?;
    Ok(HostRow {
        id: fields.id("uid", HostId::from_bytes)?,
        process: ProcessIdentity { pid: fields.get("pid")?, start_ticks: fields.number("start_ticks")? },
        boot_id: fields.get("boot_id")?,
        version: fields.get("version")?,
        started_at: fields.time("started_at")?,
        ended: match (fields.maybe_time("ended_at")?, fields.maybe::<String>("ended_how")?.as_deref()) {
            (None, None) => None,
            (Some(at), Some("stopped")) => Some((at, HostEnd::Stopped)),
            (Some(at), Some("lost")) => Some((at, HostEnd::Lost)),
            _ => return Err(fields.wrong("ended_how", "does not say how the host ended")),
        },
    })
}
