//! `view`: lines of one file, from an offset, within bounds of lines and bytes.

use std::fs::File;
use std::io::{BufRead, BufReader};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::contract::{Contract, Words, answer, contract_methods, schema_texts};
use super::file::{Links, is_binary, open_regular};
use super::place::{Place, Shown};
use super::work::{self, Work};
use super::{BoxFuture, Effects, Tool, ToolContext, ToolError, ToolOutput};

/// How much text one call gives.
const TEXT_BYTES_MAX: usize = 256 * 1024;
/// How many chunks are read between two looks at the token.
const READ_BYTES: usize = 64 * 1024;

/// The tool.
pub(super) struct View {
    contract: Contract,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    path: String,
    #[serde(default = "first_line")]
    offset: u64,
    #[serde(default = "lines_wanted")]
    limit: u64,
}

fn first_line() -> u64 {
    1
}

fn lines_wanted() -> u64 {
    2000
}

#[derive(Debug, Serialize)]
struct Output {
    path: String,
    path_lossy: bool,
    text: String,
    text_lossy: bool,
    binary: bool,
    offset: u64,
    lines: u64,
    bytes: u64,
    truncated: bool,
}

impl View {
    pub(super) fn new() -> Self {
        let words = Words {
            name: "view",
            title: "Read a file",
            description: "Reads lines of a text file, from `offset` on, at most `limit` lines and 256 KiB.",
        };
        Self { contract: Contract::new(words, Effects::Read, &schema_texts!("view")) }
    }
}

impl Tool for View {
    contract_methods!();

    fn call<'a>(
        &'a self,
        arguments: Value,
        context: &'a ToolContext,
    ) -> BoxFuture<'a, Result<ToolOutput, ToolError>> {
        Box::pin(async move {
            let arguments: Arguments = self.contract.parse(&arguments)?;
            work::run(self.contract.name, context, move |work| view(&arguments, work)).await
        })
    }
}

fn view(arguments: &Arguments, work: &Work) -> Result<ToolOutput, ToolError> {
    let place = Place::new(&work.cwd, &arguments.path);
    let bad_path = |source| ToolError::BadPath { action: "read", path: arguments.path.clone(), source };
    let (file, metadata) = open_regular(&place.absolute, Links::Follow).map_err(bad_path)?;
    let mut reader = BufReader::with_capacity(READ_BYTES, file);
    let Shown { path, path_lossy } = place.shown();
    let mut output = Output {
        path,
        path_lossy,
        text: String::new(),
        text_lossy: false,
        binary: is_binary(reader.fill_buf().map_err(bad_path)?),
        offset: arguments.offset,
        lines: 0,
        bytes: metadata.len(),
        truncated: false,
    };
    if !output.binary {
        let taken = take(&mut reader, arguments, work, bad_path)?;
        output.lines = taken.lines;
        output.truncated = taken.truncated;
        output.text_lossy = std::str::from_utf8(&taken.bytes).is_err();
        output.text = match String::from_utf8(taken.bytes) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        };
    }
    work.progress.entries_done(1);
    let text = if output.binary {
        format!("`{}` is not text, {} bytes", output.path, output.bytes)
    } else {
        let cut = if output.truncated { ", more follows" } else { "" };
        format!("{} lines of `{}` from line {}{cut}", output.lines, output.path, output.offset)
    };
    Ok(answer(&output, text))
}

/// What was read of a file.
struct Taken {
    bytes: Vec<u8>,
    lines: u64,
    truncated: bool,
}

/// Reads on to the first line wanted, holding nothing of what comes before, and takes what is wanted.
fn take(
    reader: &mut BufReader<File>,
    arguments: &Arguments,
    work: &Work,
    bad_path: impl Fn(std::io::Error) -> ToolError,
) -> Result<Taken, ToolError> {
    let mut taken = Taken { bytes: Vec::new(), lines: 0, truncated: false };
    let mut line = 1;
    // Whether the line that is being taken has begun; its newline, or the end, completes it.
    let mut open = false;
    loop {
        work.check()?;
        let chunk = reader.fill_buf().map_err(&bad_path)?;
        if chunk.is_empty() {
            taken.lines += u64::from(open);
            return Ok(taken);
        }
        let end = chunk.iter().position(|byte| *byte == b'\n').map_or(chunk.len(), |newline| newline + 1);
        let ends_line = chunk[end - 1] == b'\n';
        if line >= arguments.offset {
            if taken.lines == arguments.limit {
                taken.truncated = true;
                return Ok(taken);
            }
            let room = TEXT_BYTES_MAX - taken.bytes.len();
            if end > room {
                taken.bytes.extend_from_slice(&chunk[..room]);
                drop_half_character(&mut taken.bytes);
                taken.lines += u64::from(open || room > 0);
                taken.truncated = true;
                return Ok(taken);
            }
            taken.bytes.extend_from_slice(&chunk[..end]);
            open = !ends_line;
            taken.lines += u64::from(ends_line);
        }
        line += u64::from(ends_line);
        reader.consume(end);
    }
}

/// Takes away the first bytes of a character whose rest was cut off.
fn drop_half_character(bytes: &mut Vec<u8>) {
    if let Err(error) = std::str::from_utf8(bytes)
        && error.error_len().is_none()
    {
        bytes.truncate(error.valid_up_to());
    }
}
