//! Joins an agent's chunks of words: until the kind changes, 64 KiB or one second.

use crate::event::MessageKind;
use std::time::Duration;
use tokio::time::Instant;

/// The longest message; a longer chunk is one by itself.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;

/// How long words wait for more.
const WAIT: Duration = Duration::from_secs(1);

/// Words that have not been told yet.
#[derive(Debug, Default)]
pub(crate) struct Joiner {
    waiting: Option<(MessageKind, String, Instant)>,
}

impl Joiner {
    /// Takes a chunk; returns what is complete by it, in order.
    pub(crate) fn push(
        &mut self,
        kind: MessageKind,
        chunk: &str,
        now: Instant,
    ) -> Vec<(MessageKind, String)> {
        let mut complete = Vec::new();
        if chunk.is_empty() {
            return complete;
        }
        let fits = self.waiting.as_ref().is_some_and(|(waiting, text, _)| {
            *waiting == kind && text.len() + chunk.len() <= MESSAGE_BYTES_MAX
        });
        if !fits {
            complete.extend(self.take());
        }
        let (_, text, _) = self.waiting.get_or_insert_with(|| (kind, String::new(), now + WAIT));
        text.push_str(chunk);
        if text.len() >= MESSAGE_BYTES_MAX {
            complete.extend(self.take());
        }
        complete
    }

    /// Returns what waits.
    pub(crate) fn take(&mut self) -> Option<(MessageKind, String)> {
        self.waiting.take().map(|(kind, text, _)| (kind, text))
    }

    /// Returns when what waits has waited long enough.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.waiting.as_ref().map(|(_, _, due)| *due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(joiner: &mut Joiner, kind: MessageKind, chunk: &str) -> Vec<(MessageKind, String)> {
        joiner.push(kind, chunk, Instant::now())
    }

    #[test]
    fn chunks_of_one_kind_are_one_message() {
        let mut joiner = Joiner::default();
        assert_eq!(joiner.due(), None);
        assert!(push(&mut joiner, MessageKind::Text, "a").is_empty());
        let due = joiner.due();
        assert!(push(&mut joiner, MessageKind::Text, "b").is_empty());
        assert_eq!(joiner.due(), due, "the first chunk's time counts");
        let complete = push(&mut joiner, MessageKind::Thought, "c");
        assert_eq!(complete, [(MessageKind::Text, "ab".to_owned())]);
        assert_eq!(joiner.take(), Some((MessageKind::Thought, "c".to_owned())));
        assert_eq!(joiner.take(), None);
    }

    #[test]
    fn a_message_does_not_grow_beyond_its_greatest_length() {
        let mut joiner = Joiner::default();
        let chunk = "x".repeat(40 * 1024);
        assert!(push(&mut joiner, MessageKind::Text, &chunk).is_empty());
        assert_eq!(push(&mut joiner, MessageKind::Text, &chunk).len(), 1);
        let long = "y".repeat(70 * 1024);
        let complete = push(&mut joiner, MessageKind::Text, &long);
        assert_eq!(
            complete.iter().map(|(_, text)| text.len()).collect::<Vec<_>>(),
            [chunk.len(), long.len()]
        );
        assert!(push(&mut joiner, MessageKind::Text, "").is_empty());
        assert_eq!(joiner.due(), None);
    }
}
