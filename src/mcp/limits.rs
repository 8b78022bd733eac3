//! The numbers that bound a connection, each with its reason.

use std::time::Duration;

/// Longest line that is read from a peer. What is longer is answered and thrown away.
pub const LINE_BYTES_MAX: usize = 16 << 20;

/// Largest answer that is sent: clients in wide use close the connection at a line above 10 MiB.
pub const ANSWER_BYTES_MAX: usize = 8 << 20;

/// Longest string that is taken as a request's id.
pub const ID_BYTES_MAX: usize = 256;

/// Calls in flight on one connection; above it, nothing more is read until one has ended.
pub const CALLS_MAX: usize = 1_024;

/// Bytes of requests in flight on one connection; above it, nothing more is read.
pub const REQUEST_BYTES_MAX: usize = 64 << 20;

/// Bytes that wait to be written; above it, nothing more is read.
pub const UNWRITTEN_BYTES_MAX: usize = 8 << 20;

/// Bytes that wait to be written above which progress is dropped: a client that does not read
/// needs its answers, not how far they had come.
pub const UNWRITTEN_BYTES_FOR_PROGRESS: usize = 1 << 20;

/// Requests in one batch.
pub const BATCH_MAX: usize = 100;

/// How long calls have to end once the client has closed its side.
pub const CLOSING_TIME: Duration = Duration::from_secs(5);

/// How long the last answers have to reach a client that closes.
pub const FLUSH_TIME: Duration = Duration::from_secs(2);

/// How long a cancelled call may go on before it is dropped.
pub const CANCEL_TIME: Duration = Duration::from_secs(1);

/// What a wait waits when its caller does not say.
pub const WAIT_MS_DEFAULT: u64 = 50_000;

/// Longest wait: some clients give a call up after 60 s.
pub const WAIT_MS_MAX: u64 = 55_000;

/// Bytes of result that an answer's words carry unless more is asked for.
pub const RESULT_BYTES_DEFAULT: u64 = 24_000;

/// Most bytes of result that one answer carries: with its words it is sent twice, escaped.
pub const RESULT_BYTES_MAX: u64 = 1 << 20;
