//! Writing down what happens during an attempt without changing where its task stands.

use domain::{
    Actor, AttemptState, Ending, EventType, Facts, InstanceStart, MessageRecord, Record, StopWhy, TaskId,
    Timestamp, ToolCallRecord, ToolCallStatus,
};
use rusqlite::{Connection, OptionalExtension, params};

use crate::apply::insert_event;
use crate::hosts::ticks;
use crate::submit::{agent_id, cached, row_id, size};
use crate::{Error, Turn, json};

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// It is written.
    Written {
        /// The number of its event, if it writes one.
        seq: Option<i64>,
    },
    /// It came too late, twice, or for what is not there. Nothing was written.
    Ignored,
}

const WRITTEN: Recorded = Recorded::Written { seq: None };

impl Turn<'_> {
    /// Writes a record. What comes late or twice is ignored. Call it within a savepoint: after an error a
    /// part may be written.
    ///
    /// # Errors
    /// What SQLite met.
    pub fn record(&self, record: &Record) -> Result<Recorded, Error> {
        let db = self.connection()?;
        match record {
            Record::Event { task, attempt, event, actor, facts, at } => {
                let id = match task {
                    Some(task) => match row_id(db, *task)? {
                        Some(id) => Some(id),
                        None => return Ok(Recorded::Ignored),
                    },
                    None => None,
                };
                written(insert_event(db, id, *attempt, *event, *actor, facts, *at))
            }
            Record::Attempt { task, attempt, state, why, at } => {
                attempt_moved(db, *task, *attempt, *state, *why, *at)
            }
            Record::InstanceStarted(start) => instance_started(db, start),
            Record::InstanceEnded { instance, ending } => instance_ended(db, *instance.as_bytes(), ending),
            Record::Progress { task, attempt, millionths, text, at: _ } => {
                // Only ever more within an attempt; an unknown fraction leaves the known one.
                let changed = cached(
                    db,
                    "UPDATE task SET progress_millionths = coalesce(?3, progress_millionths), progress_text = ?4
                      WHERE uid = ?1 AND attempt = ?2 AND state IN ('running', 'input_required')
                        AND coalesce(?3, 1000000) >= coalesce(progress_millionths, 0)",
                )?
                .execute(params![task.as_bytes(), attempt, millionths, text])?;
                Ok(if changed == 1 { WRITTEN } else { Recorded::Ignored })
            }
            Record::Usage { task, attempt, usage } => {
                let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
                let changed = cached(
                    db,
                    "UPDATE attempt
                        SET input_tokens = coalesce(?3, input_tokens), output_tokens = coalesce(?4, output_tokens),
                            tool_calls = ?5, turns = ?6
                      WHERE task_id = (SELECT id FROM task WHERE uid = ?1) AND number = ?2",
                )?
                .execute(params![
                    task.as_bytes(),
                    attempt,
                    usage.input_tokens.map(number),
                    usage.output_tokens.map(number),
                    number(usage.tool_calls),
                    number(usage.turns),
                ])?;
                Ok(if changed == 1 { WRITTEN } else { Recorded::Ignored })
            }
            Record::ToolCall(call) => tool_call(db, call),
            Record::Message(message) => insert_message(db, message),
        }
    }
}

fn written(seq: Result<i64, Error>) -> Result<Recorded, Error> {
    seq.map(|seq| Recorded::Written { seq: Some(seq) })
}

fn attempt_moved(
    db: &Connection,
    task: TaskId,
    attempt: u32,
    state: AttemptState,
    why: Option<StopWhy>,
    at: Timestamp,
) -> Result<Recorded, Error> {
    let (sql, event) = match state {
        AttemptState::Running => (
            "UPDATE attempt SET state = 'running', prompted_at = ?3
              WHERE task_id = (SELECT id FROM task WHERE uid = ?1) AND number = ?2 AND state = 'starting'
                AND ?4 IS NULL
             RETURNING task_id",
            EventType::AttemptPrompted,
        ),
        AttemptState::Stopping => (
            "UPDATE attempt SET state = 'stopping', stopping_at = ?3, stop_why = ?4
              WHERE task_id = (SELECT id FROM task WHERE uid = ?1) AND number = ?2
                AND state IN ('starting', 'running')
             RETURNING task_id",
            EventType::AttemptStopping,
        ),
        // It begins and ends with its task's change.
        AttemptState::Starting | AttemptState::Ended => return Ok(Recorded::Ignored),
    };
    let why = why.map(StopWhy::as_str);
    let id: Option<i64> = cached(db, sql)?
        .query_row(params![task.as_bytes(), attempt, at.as_millis(), why], |row| row.get(0))
        .optional()?;
    let Some(id) = id else { return Ok(Recorded::Ignored) };
    let facts = why.map_or(Facts::none(), |why| Facts::none().text("why", why));
    written(insert_event(db, Some(id), attempt, event, Actor::Host, &facts, at))
}

fn instance_started(db: &Connection, start: &InstanceStart) -> Result<Recorded, Error> {
    let Some(task) = row_id(db, start.task)? else { return Ok(Recorded::Ignored) };
    let agent = agent_id(db, &start.agent, start.at)?;
    // A row that has its child, or has ended, is left as it is.
    let changed = cached(
        db,
        "INSERT INTO instance (uid, task_id, attempt, agent_id, host_id, guard_pid, guard_start_ticks, child_pid,
                               child_start_ticks, boot_id, started_at)
         VALUES (?1, ?2, ?3, ?4, (SELECT max(id) FROM host WHERE ended_at IS NULL), ?5, ?6, ?7, ?8, ?9, ?10)
         ON CONFLICT (uid) DO UPDATE
            SET guard_pid = excluded.guard_pid, guard_start_ticks = excluded.guard_start_ticks,
                child_pid = excluded.child_pid, child_start_ticks = excluded.child_start_ticks,
                boot_id = excluded.boot_id, started_at = excluded.started_at
          WHERE instance.child_pid IS NULL AND instance.ended_at IS NULL",
    )?
    .execute(params![
        start.instance.as_bytes(),
        task,
        start.attempt,
        agent,
        start.guard.pid,
        ticks(start.guard.start_ticks),
        start.child.map(|child| child.pid),
        start.child.map(|child| ticks(child.start_ticks)),
        start.boot_id,
        start.at.as_millis(),
    ])?;
    let Some(child) = start.child.filter(|_| changed == 1) else {
        return Ok(if changed == 1 { WRITTEN } else { Recorded::Ignored });
    };
    let facts = Facts::none()
        .text("instance", start.instance.to_string())
        .text("agent", start.agent.as_str())
        .number("guard_pid", i64::from(start.guard.pid))
        .number("child_pid", i64::from(child.pid));
    written(insert_event(
        db,
        Some(task),
        start.attempt,
        EventType::AttemptSpawned,
        Actor::Host,
        &facts,
        start.at,
    ))
}

fn instance_ended(db: &Connection, instance: [u8; 16], ending: &Ending) -> Result<Recorded, Error> {
    // Its start may never have been recorded: the host died between the spawn and the record.
    cached(
        db,
        "INSERT INTO instance (uid, task_id, attempt, agent_id)
         SELECT instance, task_id, number, agent_id FROM attempt WHERE instance = ?1 AND ended_at IS NULL
         ON CONFLICT (uid) DO NOTHING",
    )?
    .execute([instance])?;
    let ended: Option<(i64, u32)> = cached(
        db,
        "UPDATE instance
            SET ended_at = ?2, exit_code = ?3, signal = ?4, killed = ?5, stderr_tail = ?6, proven = ?7, note = ?8
          WHERE uid = ?1 AND ended_at IS NULL
         RETURNING task_id, attempt",
    )?
    .query_row(
        params![
            instance,
            ending.at.as_millis(),
            ending.exit_code,
            ending.signal,
            json::array(ending.killed.iter().map(String::as_str)),
            ending.stderr_tail,
            ending.proven,
            ending.note,
        ],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
    .optional()?;
    let Some((task, attempt)) = ended else { return Ok(Recorded::Ignored) };
    let mut facts = Facts::none().text("instance", domain::InstanceId::from_bytes(instance).to_string());
    if let Some(code) = ending.exit_code {
        facts = facts.number("exit_code", i64::from(code));
    }
    if let Some(signal) = ending.signal {
        facts = facts.number("signal", i64::from(signal));
    }
    let killed = i64::try_from(ending.killed.len()).unwrap_or(i64::MAX);
    let facts =
        facts.number("killed", killed).flag("proven", ending.proven).text("note", ending.note.clone());
    written(insert_event(db, Some(task), attempt, EventType::AttemptEnded, Actor::Host, &facts, ending.at))
}

/// Where a call stood before, and what its attempt is.
struct KnownCall {
    status: ToolCallStatus,
    side_effects: bool,
    tool: Option<String>,
}

fn tool_call(db: &Connection, call: &ToolCallRecord) -> Result<Recorded, Error> {
    let attempt: Option<(i64, i64)> = cached(
        db,
        "SELECT attempt.task_id, attempt.id FROM attempt JOIN task ON task.id = attempt.task_id
          WHERE task.uid = ?1 AND attempt.number = ?2",
    )?
    .query_row(params![call.task.as_bytes(), call.attempt], |row| Ok((row.get(0)?, row.get(1)?)))
    .optional()?;
    let Some((task, attempt)) = attempt else { return Ok(Recorded::Ignored) };
    let known = known_call(db, attempt, &call.call)?;
    if known.as_ref().is_some_and(|known| is_over(known.status)) {
        return Ok(Recorded::Ignored);
    }
    // A call that runs is not announced again.
    let running = known.as_ref().is_some_and(|known| known.status == ToolCallStatus::Running);
    let status =
        if running && call.status == ToolCallStatus::Pending { ToolCallStatus::Running } else { call.status };
    let output_bytes = call.output.as_ref().map(|output| size(output.as_str().len()));
    cached(
        db,
        "INSERT INTO tool_call (uid, task_id, attempt_id, call, tool, status, side_effects, started_at, ended_at,
                                output_bytes, input, output)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
         ON CONFLICT (attempt_id, call) DO UPDATE
            SET tool = coalesce(excluded.tool, tool), status = excluded.status,
                side_effects = max(side_effects, excluded.side_effects), ended_at = excluded.ended_at,
                output_bytes = coalesce(excluded.output_bytes, output_bytes),
                input = coalesce(excluded.input, input), output = coalesce(excluded.output, output)",
    )?
    .execute(params![
        call.id.as_bytes(),
        task,
        attempt,
        call.call,
        call.tool,
        status.as_str(),
        call.side_effects,
        call.at.as_millis(),
        is_over(status).then(|| call.at.as_millis()),
        output_bytes,
        call.input.as_ref().map(domain::JsonText::as_str),
        call.output.as_ref().map(domain::JsonText::as_str),
    ])?;
    let had = known.as_ref().is_some_and(|known| known.side_effects);
    let may_have_acted = !matches!(status, ToolCallStatus::Pending | ToolCallStatus::Refused);
    if (call.side_effects || had) && may_have_acted {
        cached(db, "UPDATE attempt SET side_effects = 1 WHERE id = ?1 AND side_effects = 0")?
            .execute([attempt])?;
    }
    let event = match status {
        ToolCallStatus::Running if (call.side_effects || had) && !(running && had) => EventType::ToolStarted,
        ToolCallStatus::Completed | ToolCallStatus::Failed | ToolCallStatus::Refused => EventType::ToolEnded,
        _ => return Ok(WRITTEN),
    };
    let tool = call.tool.clone().or_else(|| known.and_then(|known| known.tool));
    let facts =
        Facts::none().text("call", call.call.clone()).maybe("tool", tool).text("status", status.as_str());
    written(insert_event(db, Some(task), call.attempt, event, Actor::Agent, &facts, call.at))
}

fn known_call(db: &Connection, attempt: i64, call: &str) -> Result<Option<KnownCall>, Error> {
    let mut statement = cached(
        db,
        "SELECT id, status, side_effects, tool FROM tool_call WHERE attempt_id = ?1 AND call = ?2",
    )?;
    let mut rows = statement.query(params![attempt, call])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let mut fields = crate::fields::Fields::new(row, "tool_call")?;
    Ok(Some(KnownCall {
        status: fields.parsed("status")?,
        side_effects: fields.flag("side_effects")?,
        tool: fields.maybe("tool")?,
    }))
}

fn is_over(status: ToolCallStatus) -> bool {
    matches!(status, ToolCallStatus::Completed | ToolCallStatus::Failed | ToolCallStatus::Refused)
}

fn insert_message(db: &Connection, message: &MessageRecord) -> Result<Recorded, Error> {
    let changed = cached(
        db,
        "INSERT INTO message (uid, task_id, attempt, sender, recipient, topic, kind, content, at)
         SELECT ?1, id, ?3, ?4, ?5, ?6, ?7, ?8, ?9 FROM task WHERE uid = ?2
         ON CONFLICT (uid) DO NOTHING",
    )?
    .execute(params![
        message.id.as_bytes(),
        message.task.as_bytes(),
        message.attempt,
        message.from,
        message.to,
        message.topic,
        message.kind.as_str(),
        message.content,
        message.at.as_millis(),
    ])?;
    Ok(if changed == 1 { WRITTEN } else { Recorded::Ignored })
}

#[cfg(test)]
mod tests;
