//! Writing one guarded change of a task, with its attempt, question and result and exactly one event.

use domain::dispatch::{AttemptChange, Change};
use domain::{Actor, EventType, Facts, Failure, Question, TaskResult, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use crate::submit::{agent_id, cached};
use crate::{Error, Turn, json};

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// It is written.
    Applied {
        /// The number of its event.
        seq: i64,
    },
    /// Someone was first: the task does not stand where the change begins. Nothing was written.
    Superseded,
}

impl Turn<'_> {
    /// Writes a change, if the task still stands where the change begins. Call it within a savepoint:
    /// after an error a part may be written.
    ///
    /// # Errors
    /// `Damaged` if the task has no such attempt.
    pub fn apply(&self, change: &Change) -> Result<Applied, Error> {
        let db = self.connection()?;
        let Some(id) = move_task(db, change)? else { return Ok(Applied::Superseded) };
        match &change.attempt_change {
            Some(AttemptChange::Begin { agent, instance }) => {
                let agent = agent_id(db, agent, change.at)?;
                cached(
                    db,
                    "INSERT INTO attempt (task_id, number, agent_id, instance, state, started_at)
                     VALUES (?1, ?2, ?3, ?4, 'starting', ?5)",
                )?
                .execute(params![
                    id,
                    change.after.attempt,
                    agent,
                    instance.as_bytes(),
                    change.at.as_millis()
                ])?;
                cached(
                    db,
                    "UPDATE task SET agent_id = ?2, progress_millionths = NULL, progress_text = NULL WHERE id = ?1",
                )?
                .execute([id, agent])?;
            }
            Some(AttemptChange::End { outcome, failure }) => {
                end_attempt(db, id, change, outcome, failure.as_ref())?;
            }
            None => {}
        }
        set_question(db, id, change)?;
        if let Some(result) = &change.result {
            insert_result(db, id, result)?;
        }
        let seq = insert_event(
            db,
            Some(id),
            change.after.attempt,
            change.event,
            change.actor,
            &change.facts,
            change.at,
        )?;
        Ok(Applied::Applied { seq })
    }
}

/// The guarded update; nothing if the task does not stand where the change begins.
fn move_task(db: &Connection, change: &Change) -> Result<Option<i64>, Error> {
    let after = &change.after;
    let failure = after.failure.as_ref();
    let millis = |time: Option<Timestamp>| time.map(Timestamp::as_millis);
    let id = cached(
        db,
        "UPDATE task
            SET state = ?4, attempt = ?5, retried = ?6, lost = ?7, needs_left = ?8, due_at = ?9, ready_at = ?10,
                rank = ?11, started_at = ?12, ended_at = ?13, reason = ?14, error_message = ?15, error_hint = ?16,
                exit_code = ?17, signal = ?18, stderr_tail = ?19
          WHERE uid = ?1 AND state = ?2 AND attempt = ?3
         RETURNING id",
    )?
    .query_row(
        params![
            change.task.as_bytes(),
            change.from.as_str(),
            change.attempt,
            after.state.as_str(),
            after.attempt,
            after.retried,
            after.lost,
            after.needs_left,
            millis(after.due_at),
            after.ready_at.as_millis(),
            after.rank(),
            millis(after.started_at),
            millis(after.ended_at),
            failure.map(|failure| failure.reason.as_str()),
            failure.map(|failure| &failure.message),
            failure.and_then(|failure| failure.hint.as_ref()),
            failure.and_then(|failure| failure.exit_code),
            failure.and_then(|failure| failure.signal),
            failure.and_then(|failure| failure.stderr_tail.as_ref()),
        ],
        |row| row.get(0),
    )
    .optional()?;
    Ok(id)
}

fn end_attempt(
    db: &Connection,
    id: i64,
    change: &Change,
    outcome: &str,
    failure: Option<&Failure>,
) -> Result<(), Error> {
    let ended = cached(
        db,
        "UPDATE attempt
            SET state = 'ended', outcome = ?3, ended_at = ?4, reason = ?5, error_message = ?6, error_hint = ?7,
                exit_code = ?8, signal = ?9, stderr_tail = ?10
          WHERE task_id = ?1 AND number = ?2 AND state <> 'ended'",
    )?
    .execute(params![
        id,
        change.attempt,
        outcome,
        change.at.as_millis(),
        failure.map(|failure| failure.reason.as_str()),
        failure.map(|failure| &failure.message),
        failure.and_then(|failure| failure.hint.as_ref()),
        failure.and_then(|failure| failure.exit_code),
        failure.and_then(|failure| failure.signal),
        failure.and_then(|failure| failure.stderr_tail.as_ref()),
    ])?;
    match ended {
        1 => Ok(()),
        _ => Err(Error::damaged(format!("{} has no open attempt {}", change.task, change.attempt))),
    }
}

/// Makes the task's open question the one of the change, or none.
fn set_question(db: &Connection, id: i64, change: &Change) -> Result<(), Error> {
    let asked = change.after.question.as_ref();
    let kept: Option<[u8; 16]> = asked.map(|question| *question.id.as_bytes());
    cached(
        db,
        "UPDATE question SET closed_at = ?2 WHERE task_id = ?1 AND closed_at IS NULL AND uid IS NOT ?3",
    )?
    .execute(params![id, change.at.as_millis(), kept])?;
    asked.map_or(Ok(()), |question| insert_question(db, id, question))
}

fn insert_question(db: &Connection, id: i64, question: &Question) -> Result<(), Error> {
    let options = question.options.iter().map(|option| {
        json::object([("id", option.id.as_str()), ("label", option.label.as_str())].into_iter())
    });
    cached(
        db,
        "INSERT INTO question (uid, task_id, kind, asked_of, text, options, asked_at, answer_by)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (uid) DO NOTHING",
    )?
    .execute(params![
        question.id.as_bytes(),
        id,
        question.kind.as_str(),
        question.asked_of.as_str(),
        question.text,
        json::array_of_json(options),
        question.asked_at.as_millis(),
        question.answer_by.map(Timestamp::as_millis),
    ])?;
    Ok(())
}

fn insert_result(db: &Connection, id: i64, result: &TaskResult) -> Result<(), Error> {
    cached(db, "INSERT INTO task_result (task_id, result, report) VALUES (?1, ?2, ?3)")?.execute(params![
        id,
        result.json.as_ref().map(domain::JsonText::as_str),
        result.report
    ])?;
    if result.json.is_some() || result.json_bytes > 0 {
        cached(db, "UPDATE task SET result_bytes = ?2 WHERE id = ?1")?
            .execute([id, i64::try_from(result.json_bytes).unwrap_or(i64::MAX)])?;
    }
    for output in &result.outputs {
        cached(
            db,
            "INSERT INTO output (task_id, name, path, bytes, media_type, sha256) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            id,
            output.name,
            output.path,
            i64::try_from(output.bytes).unwrap_or(i64::MAX),
            output.media_type,
            output.sha256
        ])?;
    }
    Ok(())
}

/// Writes one event row and returns its number.
pub(crate) fn insert_event(
    db: &Connection,
    task: Option<i64>,
    attempt: u32,
    event: EventType,
    actor: Actor,
    facts: &Facts,
    at: Timestamp,
) -> Result<i64, Error> {
    let data = facts.to_json();
    let seq = cached(
        db,
        "INSERT INTO event (task_id, attempt, type, actor, at, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .insert(params![task, attempt, event.as_str(), actor.as_str(), at.as_millis(), data.as_str()])?;
    Ok(seq)
}

#[cfg(test)]
mod tests;
