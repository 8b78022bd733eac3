//! Bytes that wait to be written to the client. Does no I/O.

/// What was said and not yet written.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: Vec<u8>,
    being_written: usize,
    closed: bool,
}

/// What the writer does next.
pub(super) enum Next {
    /// Write these bytes, flush, and say so.
    Write(Vec<u8>),
    /// Wait until there is something.
    Wait,
    /// Everything was written and nothing more will come.
    End,
}

impl Outbox {
    /// Adds one message; the line feed is added here.
    pub(super) fn push(&mut self, message: &[u8]) {
        if !self.closed {
            self.waiting.reserve(message.len() + 1);
            self.waiting.extend_from_slice(message);
            self.waiting.push(b'\n');
        }
    }

    /// Returns how many bytes the client has not taken.
    pub(super) fn unwritten(&self) -> usize {
        self.waiting.len() + self.being_written
    }

    /// Takes all that waits: one write for many answers is what makes many small calls cheap.
    pub(super) fn take(&mut self) -> Next {
        if self.waiting.is_empty() {
            return if self.closed { Next::End } else { Next::Wait };
        }
        let bytes = std::mem::take(&mut self.waiting);
        self.being_written = bytes.len();
        Next::Write(bytes)
    }

    /// What was taken has been written.
    pub(super) fn written(&mut self) {
        self.being_written = 0;
    }

    /// Nothing more is accepted.
    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    /// The client is gone: what waits is thrown away.
    pub(super) fn abandon(&mut self) {
        self.closed = true;
        self.being_written = 0;
        self.waiting = Vec::new();
    }
}
