//! Writes an answer under the id that the client gave, never larger than clients take.

use rmcp::model::{ErrorData, ServerResult};
use serde::Serialize;

use super::calls::CallNumber;
use super::connection::Connection;
use crate::fault::Fault;
use crate::limits::ANSWER_BYTES_MAX;

/// Says the answer of a call, unless it was answered already or is not wanted any more.
pub(super) fn say(connection: &Connection, number: CallNumber, answer: &Result<ServerResult, ErrorData>) {
    if !connection.owes(number) {
        return;
    }
    let body = match answer {
        Ok(result) => body_of(result),
        Err(error) => {
            Err(Fault { code: error.code.0, message: error.message.to_string(), data: error.data.clone() })
        }
    };
    connection.with(|state| {
        state.calls.answer(number, &mut state.outbox, |id| match body {
            Err(fault) => fault.answer(Some(id)),
            Ok(body) => {
                let head = format!(r#"{{"jsonrpc":"2.0","id":{},"result":"#, id.as_written());
                [head.as_bytes(), body.as_slice(), b"}"].concat()
            }
        });
    });
    connection.answered();
}

/// Counts what does not fit instead of keeping it.
struct Capped {
    bytes: Vec<u8>,
    total: usize,
}

impl std::io::Write for Capped {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.total += bytes.len();
        if self.total <= ANSWER_BYTES_MAX {
            self.bytes.extend_from_slice(bytes);
        } else if !self.bytes.is_empty() {
            self.bytes = Vec::new();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn body_of(result: &ServerResult) -> Result<Vec<u8>, Fault> {
    let mut capped = Capped { bytes: Vec::new(), total: 0 };
    result
        .serialize(&mut serde_json::Serializer::new(&mut capped))
        .map_err(|error| Fault::internal(format!("the answer cannot be written: {error}")))?;
    if capped.total > ANSWER_BYTES_MAX {
        return Err(Fault::internal(format!(
            "the answer is {} bytes, above the limit of {ANSWER_BYTES_MAX}; ask for a part of it",
            capped.total
        )));
    }
    Ok(capped.bytes)
}
