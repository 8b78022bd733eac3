//! What an event row says: who acted, and of what kind the event is.

use crate::word::words;

words! {
    /// Who or what brought an event about.
    Actor, "actor" {
        /// A caller of a face: person, editor or program.
        Caller = "caller",
        /// The host, by itself: timers, recovery, clean-up.
        Host = "host",
        /// The agent that works on the task.
        Agent = "agent",
    }
}

words! {
    /// The kinds of event. Each transition of a task writes exactly one of the `task.…` kinds.
    EventType, "event type" {
        /// A task is on disk.
        TaskSubmitted = "task.submitted",
        /// What a task waited for is there.
        TaskReady = "task.ready",
        /// An attempt of a task began.
        TaskStarted = "task.started",
        /// The agent asks something.
        TaskInputRequired = "task.input_required",
        /// The agent's question was answered.
        TaskAnswered = "task.answered",
        /// The task has its result.
        TaskSucceeded = "task.succeeded",
        /// An attempt ended and another follows after a back-off.
        TaskRetrying = "task.retrying",
        /// The task failed for good.
        TaskFailed = "task.failed",
        /// An attempt was lost and another follows.
        TaskRequeued = "task.requeued",
        /// The task waits for a person.
        TaskPaused = "task.paused",
        /// A person let the task go on.
        TaskResumed = "task.resumed",
        /// A cancel is recorded; processes are being ended.
        TaskCancelling = "task.cancelling",
        /// The task is cancelled and nothing of it runs.
        TaskCancelled = "task.cancelled",
        /// A dependency ended, others are still open.
        TaskNeedMet = "task.need_met",
        /// Something came for a task that no longer takes it; nothing changed.
        TaskLate = "task.late",
        /// The processes of an attempt were started.
        AttemptSpawned = "attempt.spawned",
        /// The agent has the prompt.
        AttemptPrompted = "attempt.prompted",
        /// An attempt is being stopped.
        AttemptStopping = "attempt.stopping",
        /// Nothing of an attempt's processes is left.
        AttemptEnded = "attempt.ended",
        /// A tool with side effects is about to run.
        ToolStarted = "tool.started",
        /// A tool call ended.
        ToolEnded = "tool.ended",
        /// An agent asked for a permission and was answered.
        PermissionAnswered = "permission.answered",
        /// An agent's process wrote what is no protocol.
        ProtocolNoise = "protocol.noise",
        /// A host began to answer.
        HostStarted = "host.started",
        /// A host ended in good order.
        HostStopped = "host.stopped",
    }
}
