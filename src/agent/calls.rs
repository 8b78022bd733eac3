//! The tool calls of a turn by id: each change gives the whole call.

use acp::{ToolCall, ToolCallChange};
use std::collections::{HashMap, VecDeque};

/// How many calls are remembered. A change of one that was forgotten begins it anew.
const CALLS_MAX: usize = 1024;

/// The calls that have been told so far.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    by_id: HashMap<String, ToolCall>,
    order: VecDeque<String>,
}

impl Calls {
    /// Applies a change and returns the call as it is now, and whether it is new.
    pub(crate) fn apply(&mut self, change: ToolCallChange) -> (ToolCall, bool) {
        let first = !self.by_id.contains_key(&change.id);
        if first {
            if self.order.len() >= CALLS_MAX
                && let Some(oldest) = self.order.pop_front()
            {
                self.by_id.remove(&oldest);
            }
            self.order.push_back(change.id.clone());
        }
        let call = self.by_id.entry(change.id.clone()).or_insert_with(|| ToolCall::unknown(&change.id));
        call.apply(change);
        let told = call.clone();
        // What came out has been told; a turn of many calls would otherwise hold it all.
        call.output = None;
        call.text = None;
        (told, first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use acp::ToolStatus;
    use serde_json::json;

    #[test]
    fn a_change_of_a_call_that_was_never_told_begins_it() {
        let mut calls = Calls::default();
        let change = ToolCallChange { id: "t".into(), title: Some("rm".into()), ..ToolCallChange::default() };
        let (call, first) = calls.apply(change);
        assert!(first);
        assert_eq!((call.title.as_str(), call.status), ("rm", ToolStatus::Pending));
        let change = ToolCallChange {
            id: "t".into(),
            status: Some(ToolStatus::Completed),
            output: Some(json!("gone")),
            ..ToolCallChange::default()
        };
        let (call, first) = calls.apply(change);
        assert!(!first);
        assert_eq!((call.title.as_str(), call.status), ("rm", ToolStatus::Completed));
        assert_eq!(call.output, Some(json!("gone")));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut calls = Calls::default();
        for number in 0..CALLS_MAX * 2 {
            calls.apply(ToolCallChange { id: number.to_string(), ..ToolCallChange::default() });
        }
        assert_eq!((calls.by_id.len(), calls.order.len()), (CALLS_MAX, CALLS_MAX));
    }
}
