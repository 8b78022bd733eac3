//! Splits a byte stream into lines with a cap; what is no text, or too long, is told as such and skipped.

use std::io;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// The longest line that is taken or written.
pub const LINE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How much of a line that is thrown away is kept to be shown.
const KEPT_BYTES: usize = 800;

/// One line, without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Line {
    /// Text, never blank.
    Text(String),
    /// Bytes that are not UTF-8: their beginning.
    NotUtf8(Vec<u8>),
    /// Longer than the cap: its beginning.
    TooLong(Vec<u8>),
}

/// Reads lines. Each call of [`Lines::next`] may be dropped and made again without losing a byte.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    reader: BufReader<R>,
    cap: usize,
    line: Vec<u8>,
    /// Bytes of this line that did not fit.
    over: bool,
    ended: bool,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(crate) fn new(reader: R, cap: usize) -> Self {
        let reader = BufReader::with_capacity(64 * 1024, reader);
        Self { reader, cap, line: Vec::new(), over: false, ended: false }
    }

    /// Returns the next line that is not blank; nothing at the end of the stream. A last line without an end counts.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Line>> {
        while !self.ended {
            let bytes = self.reader.fill_buf().await?;
            let (taken, whole) = match bytes.iter().position(|byte| *byte == b'\n') {
                Some(end) => (end + 1, true),
                None => (bytes.len(), false),
            };
            self.ended = taken == 0;
            let content = &bytes[..taken - usize::from(whole)];
            if self.over || self.line.len() + content.len() > self.cap {
                let room = KEPT_BYTES.saturating_sub(self.line.len()).min(content.len());
                self.line.extend_from_slice(&content[..room]);
                self.line.truncate(KEPT_BYTES);
                self.line.shrink_to(KEPT_BYTES);
                self.over = true;
            } else {
                self.line.extend_from_slice(content);
            }
            self.reader.consume(taken);
            if (whole || self.ended)
                && let Some(line) = self.finish()
            {
                return Ok(Some(line));
            }
        }
        Ok(None)
    }

    fn finish(&mut self) -> Option<Line> {
        let mut line = std::mem::take(&mut self.line);
        if std::mem::take(&mut self.over) {
            return Some(Line::TooLong(line));
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            return None;
        }
        Some(match String::from_utf8(line) {
            Ok(text) => Line::Text(text),
            Err(error) => {
                let mut bytes = error.into_bytes();
                bytes.truncate(KEPT_BYTES);
                Line::NotUtf8(bytes)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    async fn all(bytes: &[u8], cap: usize) -> Vec<Line> {
        let mut lines = Lines::new(bytes, cap);
        let mut out = Vec::new();
        while let Some(line) = lines.next().await.unwrap() {
            out.push(line);
        }
        out
    }

    fn check(bytes: &[u8], cap: usize, expected: &[Line]) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        assert_eq!(runtime.block_on(all(bytes, cap)), expected);
    }

    fn text(line: &str) -> Line {
        Line::Text(line.to_owned())
    }

    #[test]
    fn lines_come_without_their_ends_and_blank_ones_not_at_all() {
        check(b"a\r\n\n  \nb\nc", 10, &[text("a"), text("b"), text("c")]);
    }

    #[test]
    fn a_line_beyond_the_cap_is_skipped_and_the_next_one_is_whole() {
        check(b"12345\n123456\nok\n", 5, &[text("12345"), Line::TooLong(b"123456".to_vec()), text("ok")]);
    }

    #[test]
    fn a_line_that_is_not_text_is_told() {
        check(b"\xff\xfe\nok\n", 10, &[Line::NotUtf8(vec![0xff, 0xfe]), text("ok")]);
    }

    proptest! {
        #[test]
        fn what_is_written_as_lines_is_read_as_lines(lines in proptest::collection::vec("[a-z]{1,40}", 0..20), cap in 10_usize..30) {
            let bytes = lines.join("\n").into_bytes();
            let expected: Vec<Line> = lines
                .iter()
                .map(|line| if line.len() > cap { Line::TooLong(line.clone().into_bytes()) } else { text(line) })
                .collect();
            check(&bytes, cap, &expected);
        }
    }
}
