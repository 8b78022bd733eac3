//! The exit code that says how a task ended.

use domain::{Reason, TaskState};
use wire::views::TaskSummary;

use crate::cli::output::Exit;

/// The code of a wait that ended before its task did.
pub const STILL_GOING: Exit = Exit(124);

/// Returns the exit code for a task as it stands; one that is not done has the code of a wait that ended
/// too early.
pub fn exit_of(task: &TaskSummary) -> Exit {
    let reason = task.reason.as_deref().and_then(|word| word.parse().ok());
    Exit(match task.state.parse() {
        Ok(state) => code(state, reason),
        // A state that a newer host knows: not the success that was asked for.
        Err(_) => 1,
    })
}

/// The codes of the contract.
pub const fn code(state: TaskState, reason: Option<Reason>) -> u8 {
    match (state, reason) {
        (TaskState::Succeeded, _) => 0,
        (TaskState::Failed, Some(Reason::TimedOut | Reason::DeadlineExceeded)) => 3,
        (TaskState::Failed, Some(Reason::Denied)) => 5,
        (TaskState::Failed, Some(Reason::BudgetExceeded | Reason::LimitReached)) => 6,
        (TaskState::Failed, _) => 1,
        (TaskState::Cancelled, _) => 7,
        (TaskState::Paused | TaskState::InputRequired, _) => 10,
        (TaskState::Waiting | TaskState::Ready | TaskState::Running | TaskState::Cancelling, _) => 124,
    }
}

/// Returns the code of several: the first that is not 0, in the order asked.
pub fn first_bad(exits: impl IntoIterator<Item = Exit>) -> Exit {
    exits.into_iter().find(|exit| *exit != Exit::OK).unwrap_or(Exit::OK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ending_has_its_code() {
        #[rustfmt::skip]
        let table = [
            (TaskState::Succeeded, None, 0), (TaskState::Failed, Some(Reason::AgentError), 1),
            (TaskState::Failed, Some(Reason::TimedOut), 3), (TaskState::Failed, Some(Reason::DeadlineExceeded), 3),
            (TaskState::Failed, Some(Reason::Denied), 5), (TaskState::Failed, Some(Reason::BudgetExceeded), 6),
            (TaskState::Failed, Some(Reason::LimitReached), 6), (TaskState::Failed, Some(Reason::Lost), 1),
            (TaskState::Failed, None, 1), (TaskState::Cancelled, None, 7), (TaskState::Paused, None, 10),
            (TaskState::InputRequired, None, 10), (TaskState::Running, None, 124), (TaskState::Waiting, None, 124),
        ];
        for (state, reason, expected) in table {
            assert_eq!(code(state, reason), expected, "{state} {reason:?}");
        }
    }

    #[test]
    fn the_first_that_is_not_zero_counts() {
        assert_eq!(first_bad([Exit(0), Exit(7), Exit(1)]), Exit(7));
        assert_eq!(first_bad([Exit(0), Exit(0)]), Exit(0));
        assert_eq!(first_bad([]), Exit(0));
    }
}
