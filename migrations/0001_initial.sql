-- The first schema: what docs/DATABASE.md explains. Never edited once released: a change is a new file.
-- Times are UTC milliseconds, ids are 16 bytes of UUID version 7 beside an integer row id, durations end in _ms.

CREATE TABLE migration (
    version    INTEGER PRIMARY KEY,
    name       TEXT    NOT NULL,
    sha256     BLOB    NOT NULL CHECK (length(sha256) = 32),
    applied_at INTEGER NOT NULL,
    binary     TEXT    NOT NULL
) STRICT;

CREATE TABLE lane (
    id  INTEGER PRIMARY KEY,
    key TEXT    NOT NULL UNIQUE
) STRICT;

CREATE TABLE agent (
    id            INTEGER PRIMARY KEY,
    name          TEXT    NOT NULL UNIQUE,
    first_seen_at INTEGER NOT NULL
) STRICT;

CREATE TABLE host (
    id          INTEGER PRIMARY KEY,
    uid         BLOB    NOT NULL UNIQUE CHECK (length(uid) = 16),
    pid         INTEGER NOT NULL,
    start_ticks INTEGER NOT NULL,
    boot_id     TEXT    NOT NULL,
    version     TEXT    NOT NULL,
    started_at  INTEGER NOT NULL,
    ended_at    INTEGER,
    ended_how   TEXT CHECK (ended_how IN ('stopped', 'lost')),
    CHECK ((ended_at IS NULL) = (ended_how IS NULL))
) STRICT;

-- What a task is and where it stands. Its long texts are in task_request and task_result, so that
-- a transition rewrites a few hundred bytes however long the prompt is.
-- lane_id has no index of its own: lanes are never deleted.
CREATE TABLE task (
    id                  INTEGER PRIMARY KEY,
    uid                 BLOB    NOT NULL UNIQUE CHECK (length(uid) = 16),
    key                 TEXT,
    state               TEXT    NOT NULL CHECK (state IN ('waiting', 'ready', 'running', 'input_required',
                                'cancelling', 'paused', 'succeeded', 'failed', 'cancelled')),
    lane_id             INTEGER NOT NULL REFERENCES lane (id),
    agent_id            INTEGER REFERENCES agent (id),
    skill               TEXT,
    title               TEXT    NOT NULL CHECK (length(title) <= 120),
    cwd                 TEXT    NOT NULL,
    labels              TEXT CHECK (labels IS NULL OR json_valid(labels)),
    priority            INTEGER NOT NULL CHECK (priority BETWEEN -100 AND 100),
    rank                INTEGER NOT NULL,
    attempt             INTEGER NOT NULL CHECK (attempt >= 0),
    retried             INTEGER NOT NULL CHECK (retried >= 0),
    lost                INTEGER NOT NULL CHECK (lost >= 0),
    needs_left          INTEGER NOT NULL CHECK (needs_left >= 0),
    timeout_ms          INTEGER NOT NULL CHECK (timeout_ms >= 0),
    retry_max           INTEGER NOT NULL CHECK (retry_max >= 0),
    retry_backoff_ms    INTEGER NOT NULL CHECK (retry_backoff_ms >= 0),
    retry_on            TEXT    NOT NULL,
    recovery            TEXT    NOT NULL CHECK (recovery IN ('resume', 'retry', 'fail', 'ask')),
    created_at          INTEGER NOT NULL,
    deadline            INTEGER,
    due_at              INTEGER,
    ready_at            INTEGER NOT NULL,
    started_at          INTEGER,
    ended_at            INTEGER,
    progress_millionths INTEGER CHECK (progress_millionths BETWEEN 0 AND 1000000),
    progress_text       TEXT,
    prompt_bytes        INTEGER NOT NULL,
    result_bytes        INTEGER,
    reason              TEXT CHECK (reason IN ('agent_error', 'protocol_error', 'invalid_result', 'not_configured',
                                'budget_exceeded', 'deadline_exceeded', 'timed_out', 'lost', 'denied',
                                'no_capable_agent', 'dependency_failed', 'limit_reached')),
    error_message       TEXT,
    error_hint          TEXT,
    exit_code           INTEGER,
    signal              INTEGER,
    stderr_tail         TEXT,
    CHECK ((ended_at IS NOT NULL) = (state IN ('succeeded', 'failed', 'cancelled'))),
    CHECK ((reason IS NOT NULL) = (state = 'failed')),
    CHECK ((reason IS NULL) = (error_message IS NULL))
) STRICT;

CREATE UNIQUE INDEX task_key ON task (key) WHERE key IS NOT NULL;
CREATE INDEX task_claim ON task (lane_id, rank, id) WHERE state = 'ready';
CREATE INDEX task_due ON task (due_at, id) WHERE state = 'waiting' AND needs_left = 0 AND due_at IS NOT NULL;
CREATE INDEX task_deadline ON task (deadline, id)
    WHERE deadline IS NOT NULL AND state IN ('waiting', 'ready', 'paused');
CREATE INDEX task_active ON task (id) WHERE state IN ('running', 'input_required', 'cancelling');
CREATE INDEX task_state ON task (state, id);
CREATE INDEX task_agent ON task (agent_id, id);
CREATE INDEX task_cwd ON task (cwd, id);

CREATE TABLE task_request (
    task_id     INTEGER PRIMARY KEY REFERENCES task (id) ON DELETE CASCADE,
    agent       TEXT,
    prompt      TEXT    NOT NULL,
    input       TEXT CHECK (input IS NULL OR json_valid(input)),
    environment TEXT    NOT NULL CHECK (json_valid(environment)),
    not_before  INTEGER
) STRICT;

CREATE TABLE task_result (
    task_id INTEGER PRIMARY KEY REFERENCES task (id) ON DELETE CASCADE,
    result  TEXT CHECK (result IS NULL OR json_valid(result)),
    report  TEXT
) STRICT;

CREATE TABLE task_need (
    task_id  INTEGER NOT NULL REFERENCES task (id) ON DELETE CASCADE,
    needs_id INTEGER NOT NULL REFERENCES task (id) ON DELETE CASCADE,
    PRIMARY KEY (task_id, needs_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX task_need_needs ON task_need (needs_id);

CREATE TABLE attempt (
    id            INTEGER PRIMARY KEY,
    task_id       INTEGER NOT NULL REFERENCES task (id) ON DELETE CASCADE,
    number        INTEGER NOT NULL CHECK (number >= 1),
    agent_id      INTEGER NOT NULL REFERENCES agent (id),
    instance      BLOB    NOT NULL CHECK (length(instance) = 16),
    state         TEXT    NOT NULL CHECK (state IN ('starting', 'running', 'stopping', 'ended')),
    stop_why      TEXT CHECK (stop_why IN ('finished', 'cancel', 'pause', 'timed_out', 'deadline', 'lost')),
    outcome       TEXT CHECK (outcome IN ('succeeded', 'failed', 'lost', 'cancelled', 'paused')),
    side_effects  INTEGER NOT NULL DEFAULT 0 CHECK (side_effects IN (0, 1)),
    started_at    INTEGER NOT NULL,
    prompted_at   INTEGER,
    stopping_at   INTEGER,
    ended_at      INTEGER,
    input_tokens  INTEGER,
    output_tokens INTEGER,
    tool_calls    INTEGER NOT NULL DEFAULT 0,
    turns         INTEGER NOT NULL DEFAULT 0,
    reason        TEXT CHECK (reason IN ('agent_error', 'protocol_error', 'invalid_result', 'not_configured',
                          'budget_exceeded', 'deadline_exceeded', 'timed_out', 'lost', 'denied',
                          'no_capable_agent', 'dependency_failed', 'limit_reached')),
    error_message TEXT,
    error_hint    TEXT,
    exit_code     INTEGER,
    signal        INTEGER,
    stderr_tail   TEXT,
    UNIQUE (task_id, number),
    CHECK ((state = 'ended') = (ended_at IS NOT NULL)),
    CHECK ((state = 'ended') = (outcome IS NOT NULL)),
    CHECK ((reason IS NULL) = (error_message IS NULL))
) STRICT;

CREATE INDEX attempt_agent ON attempt (agent_id, id);
CREATE UNIQUE INDEX attempt_open ON attempt (instance) WHERE ended_at IS NULL;

-- One child process with its guard. Both are known by pid and start time together with the boot.
CREATE TABLE instance (
    id                INTEGER PRIMARY KEY,
    uid               BLOB    NOT NULL UNIQUE CHECK (length(uid) = 16),
    task_id           INTEGER NOT NULL REFERENCES task (id) ON DELETE CASCADE,
    attempt           INTEGER NOT NULL,
    agent_id          INTEGER NOT NULL REFERENCES agent (id),
    host_id           INTEGER REFERENCES host (id),
    guard_pid         INTEGER,
    guard_start_ticks INTEGER,
    child_pid         INTEGER,
    child_start_ticks INTEGER,
    boot_id           TEXT,
    started_at        INTEGER,
    ended_at          INTEGER,
    proven            INTEGER CHECK (proven IN (0, 1)),
    exit_code         INTEGER,
    signal            INTEGER,
    killed            TEXT CHECK (killed IS NULL OR json_valid(killed)),
    stderr_tail       TEXT,
    note              TEXT,
    CHECK ((guard_pid IS NULL) = (guard_start_ticks IS NULL)),
    CHECK ((child_pid IS NULL) = (child_start_ticks IS NULL)),
    CHECK ((guard_pid IS NULL) = (boot_id IS NULL)),
    CHECK ((guard_pid IS NULL) = (started_at IS NULL)),
    CHECK ((ended_at IS NULL) = (proven IS NULL)),
    CHECK ((ended_at IS NULL) = (killed IS NULL)),
    CHECK ((ended_at IS NULL) = (stderr_tail IS NULL)),
    CHECK ((ended_at IS NULL) = (note IS NULL))
) STRICT;

CREATE INDEX instance_task ON instance (task_id, id);
CREATE INDEX instance_agent ON instance (agent_id, id);
CREATE INDEX instance_host ON instance (host_id, id);
CREATE INDEX instance_open ON instance (id) WHERE ended_at IS NULL;

-- seq never comes back after rows were pruned, so that "after seq n" stays true.
-- The type is checked by its shape only: the set grows, and rebuilding the largest table for a new word would
-- stop everybody. Readers check the word itself.
CREATE TABLE event (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    task_id INTEGER REFERENCES task (id) ON DELETE CASCADE,
    attempt INTEGER NOT NULL CHECK (attempt >= 0),
    type    TEXT    NOT NULL CHECK (type GLOB '[a-z]*.[a-z]*' AND type NOT GLOB '*[^a-z_.]*'),
    actor   TEXT    NOT NULL CHECK (actor IN ('caller', 'host', 'agent')),
    at      INTEGER NOT NULL,
    data    TEXT    NOT NULL CHECK (json_valid(data))
) STRICT;

CREATE INDEX event_task ON event (task_id, seq);

CREATE TABLE message (
    id        INTEGER PRIMARY KEY,
    uid       BLOB    NOT NULL UNIQUE CHECK (length(uid) = 16),
    task_id   INTEGER NOT NULL REFERENCES task (id) ON DELETE CASCADE,
    attempt   INTEGER NOT NULL CHECK (attempt >= 0),
    sender    TEXT    NOT NULL,
    recipient TEXT    NOT NULL,
    topic     TEXT    NOT NULL,
    kind      TEXT    NOT NULL CHECK (kind IN ('text', 'task', 'result', 'status', 'error', 'handoff')),
    content   TEXT    NOT NULL,
    at        INTEGER NOT NULL
) STRICT;

CREATE INDEX message_task ON message (task_id, id);

CREATE TABLE tool_call (
    id           INTEGER PRIMARY KEY,
    uid          BLOB    NOT NULL UNIQUE CHECK (length(uid) = 16),
    task_id      INTEGER NOT NULL REFERENCES task (id) ON DELETE CASCADE,
    attempt_id   INTEGER NOT NULL REFERENCES attempt (id) ON DELETE CASCADE,
    call         TEXT    NOT NULL,
    tool         TEXT,
    status       TEXT    NOT NULL CHECK (status IN ('pending', 'running', 'completed', 'failed', 'refused')),
    side_effects INTEGER NOT NULL CHECK (side_effects IN (0, 1)),
    started_at   INTEGER NOT NULL,
    ended_at     INTEGER,
    output_bytes INTEGER,
    input        TEXT CHECK (input IS NULL OR json_valid(input)),
    output       TEXT CHECK (output IS NULL OR json_valid(output)),
    UNIQUE (attempt_id, call)
) STRICT;

CREATE INDEX tool_call_task ON tool_call (task_id, id);

-- At most one question of a task is open; its answer is in the event that closed it.
CREATE TABLE question (
    id        INTEGER PRIMARY KEY,
    uid       BLOB    NOT NULL UNIQUE CHECK (length(uid) = 16),
    task_id   INTEGER NOT NULL REFERENCES task (id) ON DELETE CASCADE,
    kind      TEXT    NOT NULL CHECK (kind IN ('permission', 'recovery', 'text')),
    asked_of  TEXT    NOT NULL CHECK (asked_of IN ('person', 'caller')),
    text      TEXT    NOT NULL,
    options   TEXT    NOT NULL CHECK (json_valid(options)),
    asked_at  INTEGER NOT NULL,
    answer_by INTEGER,
    closed_at INTEGER
) STRICT;

CREATE INDEX question_task ON question (task_id, id);
CREATE UNIQUE INDEX question_open ON question (task_id) WHERE closed_at IS NULL;

CREATE TABLE output (
    id         INTEGER PRIMARY KEY,
    task_id    INTEGER NOT NULL REFERENCES task (id) ON DELETE CASCADE,
    name       TEXT    NOT NULL,
    path       TEXT    NOT NULL,
    bytes      INTEGER NOT NULL CHECK (bytes >= 0),
    media_type TEXT    NOT NULL,
    sha256     BLOB    NOT NULL CHECK (length(sha256) = 32),
    UNIQUE (task_id, name)
) STRICT;

CREATE INDEX output_path ON output (path);

-- One view per noun: ids and times as the command line shows them.

CREATE VIEW task_view AS
SELECT 'task_' || lower(hex(task.uid)) AS id, task.state, task.reason, task.title, task.skill,
       agent.name AS agent, lane.key AS lane, task.priority, task.labels, task.cwd, task.attempt,
       strftime('%Y-%m-%dT%H:%M:%fZ', task.created_at / 1000.0, 'unixepoch') AS created_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', task.ready_at / 1000.0, 'unixepoch') AS ready_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', task.due_at / 1000.0, 'unixepoch') AS due_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', task.started_at / 1000.0, 'unixepoch') AS started_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', task.ended_at / 1000.0, 'unixepoch') AS ended_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', task.deadline / 1000.0, 'unixepoch') AS deadline,
       task.needs_left, task.retried, task.lost, task.recovery, task.timeout_ms,
       task.progress_millionths / 1000000.0 AS progress_fraction, task.progress_text,
       task.error_message, task.error_hint, task.exit_code, task.signal, task.key,
       task_request.prompt, task_request.input, task_result.result, task_result.report
  FROM task
  JOIN lane ON lane.id = task.lane_id
  LEFT JOIN agent ON agent.id = task.agent_id
  LEFT JOIN task_request ON task_request.task_id = task.id
  LEFT JOIN task_result ON task_result.task_id = task.id;

CREATE VIEW attempt_view AS
SELECT 'task_' || lower(hex(task.uid)) AS task, attempt.number, agent.name AS agent,
       'instance_' || lower(hex(attempt.instance)) AS instance, attempt.state, attempt.stop_why, attempt.outcome,
       attempt.side_effects,
       strftime('%Y-%m-%dT%H:%M:%fZ', attempt.started_at / 1000.0, 'unixepoch') AS started_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', attempt.prompted_at / 1000.0, 'unixepoch') AS prompted_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', attempt.stopping_at / 1000.0, 'unixepoch') AS stopping_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', attempt.ended_at / 1000.0, 'unixepoch') AS ended_at,
       attempt.input_tokens, attempt.output_tokens, attempt.tool_calls, attempt.turns,
       attempt.reason, attempt.error_message, attempt.error_hint, attempt.exit_code, attempt.signal
  FROM attempt
  JOIN task ON task.id = attempt.task_id
  JOIN agent ON agent.id = attempt.agent_id;

CREATE VIEW event_view AS
SELECT event.seq, strftime('%Y-%m-%dT%H:%M:%fZ', event.at / 1000.0, 'unixepoch') AS ts,
       CASE WHEN event.task_id IS NOT NULL THEN 'task_' || lower(hex(task.uid)) END AS task,
       event.attempt, event.type, event.actor, event.data
  FROM event
  LEFT JOIN task ON task.id = event.task_id;

CREATE VIEW message_view AS
SELECT 'message_' || lower(hex(message.uid)) AS id,
       strftime('%Y-%m-%dT%H:%M:%fZ', message.at / 1000.0, 'unixepoch') AS ts,
       'task_' || lower(hex(task.uid)) AS task, message.attempt, message.sender AS "from",
       message.recipient AS "to", message.topic, message.kind, message.content
  FROM message
  JOIN task ON task.id = message.task_id;

CREATE VIEW tool_call_view AS
SELECT 'call_' || lower(hex(tool_call.uid)) AS id,
       strftime('%Y-%m-%dT%H:%M:%fZ', tool_call.started_at / 1000.0, 'unixepoch') AS ts,
       'task_' || lower(hex(task.uid)) AS task, attempt.number AS attempt, agent.name AS agent,
       tool_call.call, tool_call.tool, tool_call.status, tool_call.side_effects,
       tool_call.ended_at - tool_call.started_at AS duration_ms, tool_call.output_bytes,
       tool_call.input, tool_call.output
  FROM tool_call
  JOIN task ON task.id = tool_call.task_id
  JOIN attempt ON attempt.id = tool_call.attempt_id
  JOIN agent ON agent.id = attempt.agent_id;

CREATE VIEW instance_view AS
SELECT 'instance_' || lower(hex(instance.uid)) AS id, 'task_' || lower(hex(task.uid)) AS task, instance.attempt,
       agent.name AS agent,
       CASE WHEN instance.host_id IS NOT NULL THEN 'host_' || lower(hex(host.uid)) END AS host,
       instance.guard_pid, instance.guard_start_ticks,
       instance.child_pid, instance.child_start_ticks, instance.boot_id,
       strftime('%Y-%m-%dT%H:%M:%fZ', instance.started_at / 1000.0, 'unixepoch') AS started_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', instance.ended_at / 1000.0, 'unixepoch') AS ended_at,
       instance.proven, instance.exit_code, instance.signal, instance.killed, instance.stderr_tail, instance.note
  FROM instance
  JOIN task ON task.id = instance.task_id
  JOIN agent ON agent.id = instance.agent_id
  LEFT JOIN host ON host.id = instance.host_id;

CREATE VIEW host_view AS
SELECT 'host_' || lower(hex(host.uid)) AS id, host.pid, host.start_ticks, host.boot_id, host.version,
       strftime('%Y-%m-%dT%H:%M:%fZ', host.started_at / 1000.0, 'unixepoch') AS started_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', host.ended_at / 1000.0, 'unixepoch') AS ended_at, host.ended_how
  FROM host;

CREATE VIEW question_view AS
SELECT 'question_' || lower(hex(question.uid)) AS id, 'task_' || lower(hex(task.uid)) AS task, question.kind,
       question.asked_of AS "for", question.text, question.options,
       strftime('%Y-%m-%dT%H:%M:%fZ', question.asked_at / 1000.0, 'unixepoch') AS asked_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', question.answer_by / 1000.0, 'unixepoch') AS answer_by,
       strftime('%Y-%m-%dT%H:%M:%fZ', question.closed_at / 1000.0, 'unixepoch') AS closed_at
  FROM question
  JOIN task ON task.id = question.task_id;

CREATE VIEW output_view AS
SELECT 'task_' || lower(hex(task.uid)) AS task, output.name, output.path, output.bytes, output.media_type,
       lower(hex(output.sha256)) AS sha256
  FROM output
  JOIN task ON task.id = output.task_id;
