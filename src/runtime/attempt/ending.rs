//! How an instance and its turn ended, in the words of the domain.

use agent::{AgentError, FailureReason, StopReason, TurnOutcome};
use domain::{Ending, Failure, Reason, Timestamp};
use process::{Ended, Proof};

/// How many lines of stderr go with a failure.
const STDERR_LINES_MAX: usize = 40;

/// How many killed processes are named.
const KILLED_NAMED_MAX: usize = 64;

/// The JSON-RPC code of an agent that wants to be logged in.
const AUTH_REQUIRED: i64 = -32000;

/// Returns how the processes of an instance ended, as the store records it.
pub fn ending_of(ended: &Ended, at: Timestamp) -> Ending {
    let named = ended.killed.iter().take(KILLED_NAMED_MAX);
    let (proven, left) = match &ended.proof {
        Proof::Proven => (true, 0),
        Proof::Unproven { left } => (false, left.len()),
    };
    let mut note = agent::describe_end(ended);
    if ended.killed_from_outside {
        note.push_str(", killed from outside");
    }
    if ended.killed_total > 0 {
        note.push_str(&format!(", {} processes had to be killed", ended.killed_total));
    }
    if !proven {
        note.push_str(", its guard was gone: what could be found was ended");
    }
    if left > 0 {
        note.push_str(&format!(", {left} processes could not be ended"));
    }
    Ending {
        at,
        exit_code: ended.code,
        signal: ended.signal,
        killed: named.map(|killed| format!("{} {}", killed.pid, killed.name)).collect(),
        stderr_tail: agent::stderr_text(ended, STDERR_LINES_MAX),
        proven,
        note,
    }
}

/// Returns why a turn that ended by itself brought no result, if it says so.
pub fn outcome_failure(outcome: &TurnOutcome) -> Option<Failure> {
    if let Some(failure) = &outcome.failure {
        let reason = match failure.reason {
            FailureReason::NotConfigured => Reason::NotConfigured,
            FailureReason::InvalidResult => Reason::InvalidResult,
            FailureReason::TimedOut => Reason::TimedOut,
            FailureReason::LimitReached => Reason::LimitReached,
            FailureReason::Denied => Reason::Denied,
            FailureReason::AgentError => Reason::AgentError,
        };
        return Some(Failure { hint: failure.hint.clone(), ..Failure::new(reason, failure.message.clone()) });
    }
    match outcome.stop_reason {
        StopReason::EndTurn => None,
        StopReason::MaxTokens | StopReason::MaxTurnRequests => Some(Failure::new(
            Reason::LimitReached,
            format!("the agent ended its turn at a limit of its own (`{}`)", outcome.stop_reason.as_str()),
        )),
        StopReason::Refusal => {
            Some(Failure::new(Reason::AgentError, "the agent refused to work on it (`refusal`)"))
        }
        StopReason::Cancelled => Some(Failure::new(
            Reason::AgentError,
            "the agent ended its turn as cancelled, though nobody had cancelled it",
        )),
    }
}

/// Returns why a turn failed; nothing if it was stopped.
pub fn failure_of(error: &AgentError) -> Option<Failure> {
    let reason = match error {
        AgentError::CouldNotStart { .. } => Reason::NotConfigured,
        AgentError::NotNow { .. } | AgentError::ExitedAtStart { .. } | AgentError::Exited { .. } => {
            Reason::AgentError
        }
        AgentError::StartTimeout { .. } => Reason::ProtocolError,
        AgentError::Protocol { code: Some(AUTH_REQUIRED), .. } => Reason::NotConfigured,
        // It answered as the protocol says, and the answer is that it failed.
        AgentError::Protocol { code: Some(_), method: "session/prompt", .. } => Reason::AgentError,
        AgentError::Protocol { .. } => Reason::ProtocolError,
        AgentError::Stopped { .. } => return None,
    };
    let hint = error.hint().map(str::to_owned);
    Some(Failure { hint, ..Failure::new(reason, error.to_string()) })
}
