//! Bytes into lines, with a cap. Garbage, half lines and floods are events for the caller, not
//! errors; not reading is the back-pressure.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// The longest line that is taken from a child, unless the caller says otherwise.
pub const LINE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How much is read at once: what a pipe holds.
const CHUNK_BYTES: usize = 64 * 1024;

/// How much of the beginning of an over-long line is kept, to show what it was.
const HEAD_BYTES: usize = 256;

/// One line, or what came in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// A whole line without its end (`\n` or `\r\n`); may hold any bytes.
    Whole(Vec<u8>),
    /// A line longer than the cap; it was skipped to its end.
    TooLong {
        /// Its first bytes.
        head: Vec<u8>,
        /// Its whole length.
        bytes: u64,
    },
    /// What came after the last line's end before the stream ended.
    Unfinished(Vec<u8>),
}

/// Splits bytes into lines; synchronous, holds at most the cap and one push.
#[derive(Debug)]
pub struct Splitter {
    buffer: Vec<u8>,
    /// Where the next line begins.
    begin: usize,
    /// Up to where no line's end was found.
    searched: usize,
    skipping: Option<Skipped>,
    line_bytes_max: usize,
}

#[derive(Debug)]
struct Skipped {
    head: Vec<u8>,
    bytes: u64,
}

impl Splitter {
    /// Returns a splitter that holds no bytes.
    #[must_use]
    pub fn new(line_bytes_max: usize) -> Self {
        Self { buffer: Vec::new(), begin: 0, searched: 0, skipping: None, line_bytes_max }
    }

    /// Adds bytes; take the lines out before the next push.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.begin > 0 {
            self.buffer.drain(..self.begin);
            self.searched -= self.begin;
            self.begin = 0;
        }
        // A single large line leaves no large buffer behind it.
        if self.buffer.is_empty() && self.buffer.capacity() > 4 * CHUNK_BYTES {
            self.buffer.shrink_to(CHUNK_BYTES);
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Returns the next line that is complete.
    pub fn next_line(&mut self) -> Option<Line> {
        let found = self.buffer[self.searched..].iter().position(|&byte| byte == b'\n');
        let end = found.map_or(self.buffer.len(), |at| self.searched + at);
        if self.skipping.is_some() || end - self.begin > self.line_bytes_max {
            self.skip(end);
            found?;
            self.begin = end + 1;
            self.searched = self.begin;
            let skipped = self.skipping.take()?;
            return Some(Line::TooLong { head: skipped.head, bytes: skipped.bytes });
        }
        self.searched = end;
        found?;
        let line = &self.buffer[self.begin..end];
        let line = line.strip_suffix(b"\r").unwrap_or(line).to_vec();
        self.begin = end + 1;
        self.searched = self.begin;
        Some(Line::Whole(line))
    }

    /// Returns what is left when the stream has ended.
    pub fn finish(&mut self) -> Option<Line> {
        if let Some(skipped) = self.skipping.take() {
            return Some(Line::TooLong { head: skipped.head, bytes: skipped.bytes });
        }
        let rest = self.buffer.split_off(self.begin);
        (self.begin, self.searched) = (0, 0);
        self.buffer.clear();
        (!rest.is_empty()).then_some(Line::Unfinished(rest))
    }

    /// Counts the bytes up to `end` as skipped and lets them go.
    fn skip(&mut self, end: usize) {
        let part = &self.buffer[self.begin..end];
        let skipped = self.skipping.get_or_insert_with(|| Skipped { head: Vec::new(), bytes: 0 });
        let room = HEAD_BYTES.saturating_sub(skipped.head.len()).min(part.len());
        skipped.head.extend_from_slice(&part[..room]);
        skipped.bytes += part.len() as u64;
        self.begin = end;
        self.searched = end;
    }
}

/// Reads lines from a child's output.
#[derive(Debug)]
pub struct LineReader<R> {
    reader: R,
    chunk: Vec<u8>,
    splitter: Splitter,
    ended: bool,
}

impl<R: AsyncRead + Unpin> LineReader<R> {
    /// Returns a reader with the usual cap.
    pub fn new(reader: R) -> Self {
        Self::with_max(reader, LINE_BYTES_MAX)
    }

    /// Returns a reader with a cap of its own.
    pub fn with_max(reader: R, line_bytes_max: usize) -> Self {
        let splitter = Splitter::new(line_bytes_max);
        Self { reader, chunk: vec![0; CHUNK_BYTES], splitter, ended: false }
    }

    /// Returns the next line, or `None` at the end. Cancel-safe: nothing read is lost.
    ///
    /// # Errors
    /// The stream cannot be read.
    pub async fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            if let Some(line) = self.splitter.next_line() {
                return Ok(Some(line));
            }
            if self.ended {
                return Ok(self.splitter.finish());
            }
            match self.reader.read(&mut self.chunk).await {
                Ok(0) => self.ended = true,
                Ok(count) => self.splitter.push(&self.chunk[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(splitter: &mut Splitter, chunks: &[&[u8]]) -> Vec<Line> {
        let mut lines = Vec::new();
        for chunk in chunks {
            splitter.push(chunk);
            while let Some(line) = splitter.next_line() {
                lines.push(line);
            }
        }
        lines.extend(splitter.finish());
        lines
    }

    fn whole(text: &str) -> Line {
        Line::Whole(text.into())
    }

    #[test]
    fn lines_are_told_by_their_ends() {
        let check = |chunks: &[&[u8]], expected: &[Line]| {
            assert_eq!(all(&mut Splitter::new(8), chunks), expected, "{chunks:?}");
        };
        check(&[], &[]);
        check(&[b"a\nb\n"], &[whole("a"), whole("b")]);
        check(&[b"a\r\n\r\n\n"], &[whole("a"), whole(""), whole("")]);
        check(&[b"a", b"b", b"\n", b"c"], &[whole("ab"), Line::Unfinished(b"c".to_vec())]);
        check(&[b"\xff\xfe\n"], &[Line::Whole(vec![0xff, 0xfe])]);
        check(&[b"12345678\n"], &[whole("12345678")]);
        check(&[b"123456789\nx\n"], &[Line::TooLong { head: b"123456789".to_vec(), bytes: 9 }, whole("x")]);
        check(
            &[b"12345", b"6789", b"0\nx\n"],
            &[Line::TooLong { head: b"1234567890".to_vec(), bytes: 10 }, whole("x")],
        );
        check(&[b"123456789", b"0"], &[Line::TooLong { head: b"1234567890".to_vec(), bytes: 10 }]);
    }

    #[test]
    fn an_over_long_line_is_not_kept() {
        let mut splitter = Splitter::new(1000);
        for _ in 0..1000 {
            splitter.push(&[b'x'; 1000]);
            assert_eq!(splitter.next_line(), None);
            assert!(splitter.buffer.len() <= 2000);
        }
        splitter.push(b"\nnext\n");
        let Some(Line::TooLong { head, bytes }) = splitter.next_line() else { panic!("it is too long") };
        assert_eq!((head.len(), bytes), (HEAD_BYTES, 1_000_000));
        assert_eq!(splitter.next_line(), Some(whole("next")));
    }

    proptest! {
        #[test]
        fn how_the_bytes_arrive_changes_nothing(
            bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), Just(b'x')], 0..200),
            cuts in proptest::collection::vec(1usize..20, 0..40),
        ) {
            let at_once = all(&mut Splitter::new(16), &[&bytes]);
            let mut rest = bytes.as_slice();
            let mut chunks = Vec::new();
            for cut in cuts {
                let (chunk, tail) = rest.split_at(cut.min(rest.len()));
                chunks.push(chunk);
                rest = tail;
            }
            chunks.push(rest);
            prop_assert_eq!(all(&mut Splitter::new(16), &chunks), at_once);
        }
    }

    #[tokio::test]
    async fn a_reader_ends_with_its_stream() {
        let mut reader = LineReader::with_max(&b"one\ntwo"[..], 100);
        assert_eq!(reader.next().await.unwrap(), Some(whole("one")));
        assert_eq!(reader.next().await.unwrap(), Some(Line::Unfinished(b"two".to_vec())));
        assert_eq!(reader.next().await.unwrap(), None);
        assert_eq!(reader.next().await.unwrap(), None);
    }
}
