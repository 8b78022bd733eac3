//! Results: what goes into a row, what becomes a file, and the message that puts one on record before
//! the task is final, so that nothing whose result was recorded runs again.

use domain::{JsonText, MessageKind, Output, TaskId, TaskResult};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use store::outputs::INLINE_MAX_BYTES;
use store::{Place, Snapshot};

/// The name of the output that holds a large result.
pub const RESULT_OUTPUT: &str = "result";

/// The name of the output that holds a large report.
pub const REPORT_OUTPUT: &str = "report";

/// How many messages are looked at in one read.
const PAGE: u32 = 200;

/// Room for what stands around result and report in their message.
const MESSAGE_ROOM: usize = 4 * 1024;

/// Makes a result; what does not fit into a message together becomes a file, which is on disk when this
/// returns. Blocks.
///
/// # Errors
/// What the store met when it wrote a file.
pub fn make_result(
    place: &Place,
    task: TaskId,
    value: &Value,
    report: Option<String>,
) -> Result<TaskResult, store::Error> {
    let text = value.to_string();
    let json_bytes = u64::try_from(text.len()).unwrap_or(u64::MAX);
    let room = INLINE_MAX_BYTES - MESSAGE_ROOM;
    let mut outputs = Vec::new();
    // As JSON strings both may grow: what counts is how they lie in their message.
    let report_size = report.as_ref().map_or(0, |report| json!(report).to_string().len());
    let (keep_json, keep_report) = match (text.len() <= room, report_size <= room) {
        (true, true) if text.len() + report_size > room => (true, false),
        kept => kept,
    };
    let json = if keep_json {
        Some(JsonText::from_json(text))
    } else {
        let bytes = text.as_bytes();
        outputs.push(store::outputs::write(place, task, RESULT_OUTPUT, bytes, "application/json")?);
        None
    };
    let report = match report {
        Some(report) if !keep_report => {
            let bytes = report.as_bytes();
            outputs.push(store::outputs::write(place, task, REPORT_OUTPUT, bytes, "text/markdown")?);
            None
        }
        report => report,
    };
    Ok(TaskResult { json, json_bytes, report, outputs })
}

/// Makes the result of a turn that reported none: its words.
///
/// # Errors
/// What the store met when it wrote a file.
pub fn text_result(place: &Place, task: TaskId, text: &str) -> Result<TaskResult, store::Error> {
    make_result(place, task, &json!({ "text": text }), Some(text.to_owned()))
}

/// A result as its message carries it.
#[derive(Serialize, Deserialize)]
struct Envelope {
    result: Option<Box<RawValue>>,
    result_bytes: u64,
    report: Option<String>,
    outputs: Vec<EnvelopeOutput>,
}

/// A file as its message names it.
#[derive(Serialize, Deserialize)]
struct EnvelopeOutput {
    name: String,
    path: String,
    bytes: u64,
    media_type: String,
    sha256: String,
}

/// Returns the content of the message that puts a result on record.
pub fn message_content(result: &TaskResult) -> String {
    let envelope = Envelope {
        result: result.json.clone().and_then(|json| RawValue::from_string(json.into_string()).ok()),
        result_bytes: result.json_bytes,
        report: result.report.clone(),
        outputs: result.outputs.iter().map(EnvelopeOutput::of).collect(),
    };
    serde_json::to_string(&envelope).unwrap_or_else(|_| "{}".to_owned())
}

fn read_content(content: &str) -> Option<TaskResult> {
    let envelope: Envelope = serde_json::from_str(content).ok()?;
    let outputs: Option<Vec<Output>> =
        envelope.outputs.into_iter().map(EnvelopeOutput::into_output).collect();
    Some(TaskResult {
        json: envelope.result.map(|json| JsonText::from_json(String::from(Box::<str>::from(json)))),
        json_bytes: envelope.result_bytes,
        report: envelope.report,
        outputs: outputs?,
    })
}

impl EnvelopeOutput {
    fn of(output: &Output) -> Self {
        Self {
            name: output.name.clone(),
            path: output.path.clone(),
            bytes: output.bytes,
            media_type: output.media_type.clone(),
            sha256: output.sha256.iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }

    fn into_output(self) -> Option<Output> {
        let mut sha256 = [0_u8; 32];
        if self.sha256.len() != 64 || !self.sha256.is_ascii() {
            return None;
        }
        for (at, byte) in sha256.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&self.sha256[2 * at..2 * at + 2], 16).ok()?;
        }
        let Self { name, path, bytes, media_type, .. } = self;
        Some(Output { name, path, bytes, media_type, sha256 })
    }
}

/// Returns the result that an attempt has put on record, if it has.
///
/// # Errors
/// What the store met.
pub fn recorded_result(
    view: &Snapshot<'_>,
    task: TaskId,
    attempt: u32,
) -> Result<Option<TaskResult>, store::Error> {
    let mut after = 0;
    loop {
        let page = view.messages(Some(task), None, after, PAGE)?;
        let Some(last) = page.last() else { return Ok(None) };
        after = last.seq;
        let found = page.iter().find(|row| row.kind == MessageKind::Result && row.attempt == attempt);
        if let Some(found) = found {
            return Ok(read_content(&found.content));
        }
    }
}

/// Returns the last place between two characters that is not behind `at`.
pub(crate) fn boundary_before(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(folder: &tempfile::TempDir) -> Place {
        Place { database: folder.path().join("db"), outputs: folder.path().join("outputs") }
    }

    #[test]
    fn a_result_reads_back_from_its_message() {
        let folder = tempfile::tempdir().unwrap();
        let task = TaskId::from_bytes([1; 16]);
        let small = make_result(&place(&folder), task, &json!({"a": [1, "ä\n"]}), Some("# done".into()));
        let large = make_result(&place(&folder), task, &json!("x".repeat(100_000)), Some("y".repeat(70_000)));
        let both = make_result(&place(&folder), task, &json!("x".repeat(40_000)), Some("\n".repeat(30_000)));
        for result in [small.unwrap(), large.unwrap(), both.unwrap()] {
            let content = message_content(&result);
            assert!(content.len() <= INLINE_MAX_BYTES, "{}", content.len());
            assert_eq!(read_content(&content), Some(result));
        }
    }

    #[test]
    fn what_is_large_is_a_file_before_its_row_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let place = place(&folder);
        let task = TaskId::from_bytes([1; 16]);
        let value = json!({"text": "x".repeat(100_000)});
        let result = make_result(&place, task, &value, None).unwrap();
        assert_eq!((result.json, result.outputs.len()), (None, 1));
        let bytes = store::outputs::read(&place, &result.outputs[0]).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&bytes).unwrap(), value);
    }
}
