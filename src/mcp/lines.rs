//! Cuts a stream of bytes into lines, each at most a given length. Does no I/O.

/// One line of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// A complete line, without its line feed.
    Whole(Vec<u8>),
    /// A line longer than the limit. Told once, as soon as it is known; its bytes are thrown away.
    TooLong,
}

/// The state between chunks.
#[derive(Debug)]
pub struct Lines {
    limit: usize,
    buffer: Vec<u8>,
    /// Bytes of `buffer` that were given out already.
    start: usize,
    /// Bytes of `buffer`, from its beginning, that hold no line feed.
    scanned: usize,
    discarding: bool,
}

/// Above this an empty buffer gives its memory back.
const IDLE_CAPACITY: usize = 1 << 20;

impl Lines {
    /// Returns an empty splitter for lines of at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { limit, buffer: Vec::new(), start: 0, scanned: 0, discarding: false }
    }

    /// Takes the next bytes of the stream.
    pub fn push(&mut self, mut bytes: &[u8]) {
        if self.discarding {
            let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else { return };
            bytes = &bytes[end + 1..];
            self.discarding = false;
        }
        if self.start > 0 && self.start == self.buffer.len() {
            self.restart();
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Returns the next line, if one is complete or too long.
    pub fn next_line(&mut self) -> Option<Line> {
        let from = self.scanned.max(self.start);
        match self.buffer[from..].iter().position(|byte| *byte == b'\n') {
            Some(offset) => {
                let end = from + offset;
                let whole = end - self.start <= self.limit;
                let line =
                    if whole { Line::Whole(self.buffer[self.start..end].to_vec()) } else { Line::TooLong };
                self.start = end + 1;
                self.scanned = self.start;
                Some(line)
            }
            None if self.buffer.len() - self.start > self.limit => {
                self.restart();
                self.discarding = true;
                Some(Line::TooLong)
            }
            None => {
                if self.start > 0 {
                    self.buffer.drain(..self.start);
                    self.start = 0;
                }
                self.scanned = self.buffer.len();
                None
            }
        }
    }

    /// Returns how many bytes are held.
    pub fn held(&self) -> usize {
        self.buffer.len() - self.start
    }

    /// Ends the stream: returns whether bytes without a line feed are left. A line that was told
    /// to be too long leaves none. Call it when [`next_line`](Self::next_line) has nothing more.
    pub fn finish(&mut self) -> bool {
        let cut =
            !self.discarding && self.buffer[self.start..].iter().any(|byte| !byte.is_ascii_whitespace());
        self.restart();
        cut
    }

    fn restart(&mut self) {
        self.buffer.clear();
        if self.buffer.capacity() > IDLE_CAPACITY {
            self.buffer = Vec::new();
        }
        self.start = 0;
        self.scanned = 0;
    }
}

#[cfg(test)]
mod tests;
