//! `grep`: lines that match a regular expression, with ripgrep's own search.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use grep_matcher::Matcher;
use grep_regex::{RegexMatcher, RegexMatcherBuilder};
use grep_searcher::{BinaryDetection, MmapChoice, Searcher, SearcherBuilder, Sink, SinkMatch};
use ignore::overrides::{Override, OverrideBuilder};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::contract::{Contract, Words, answer, contract_methods, schema_texts};
use super::file::{PROBE_BYTES, fill, is_binary, open_walked};
use super::place::{Place, Shown, cut};
use super::skipped::{Reason, Skipped};
use super::walk::walk;
use super::work::{self, Findings, Room, Work};
use super::{BoxFuture, Effects, Tool, ToolContext, ToolError, ToolOutput};

/// How much of a file a worker holds: the longest line that is searched.
const LINE_BYTES_MAX: usize = 1024 * 1024;
/// How much memory one pattern may take when it is compiled.
const PATTERN_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The tool.
pub(super) struct Grep {
    contract: Contract,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    pattern: String,
    #[serde(default = "here")]
    path: String,
    #[serde(default)]
    globs: Vec<String>,
    #[serde(default)]
    ignore_case: bool,
    #[serde(default)]
    literal: bool,
    #[serde(default)]
    word: bool,
    #[serde(default = "matches_wanted")]
    limit: usize,
    #[serde(default = "text_wanted")]
    text_bytes_max: usize,
    #[serde(default)]
    include_ignored: bool,
}

fn here() -> String {
    ".".to_owned()
}

fn matches_wanted() -> usize {
    1000
}

fn text_wanted() -> usize {
    500
}

#[derive(Debug, Serialize)]
struct Match {
    path: String,
    path_lossy: bool,
    line: u64,
    column: usize,
    text: String,
    text_lossy: bool,
    text_truncated: bool,
}

#[derive(Debug, Serialize)]
struct Output {
    path: String,
    path_lossy: bool,
    matches: Vec<Match>,
    total: u64,
    files_matched: u64,
    files_searched: u64,
    truncated: bool,
    skipped: Skipped,
}

impl Grep {
    pub(super) fn new() -> Self {
        let words = Words {
            name: "grep",
            title: "Search in files",
            description: "Finds lines that match a regular expression in the text files below a folder. Follows the \
                          tree's ignore rules; `globs` narrow it, and one that begins with `!` leaves out.",
        };
        Self { contract: Contract::new(words, Effects::Read, &schema_texts!("grep")) }
    }

    fn matcher(&self, arguments: &Arguments) -> Result<RegexMatcher, ToolError> {
        RegexMatcherBuilder::new()
            .case_insensitive(arguments.ignore_case)
            .fixed_strings(arguments.literal)
            .word(arguments.word)
            .line_terminator(Some(b'\n'))
            .size_limit(PATTERN_BYTES_MAX)
            .dfa_size_limit(PATTERN_BYTES_MAX)
            .build(&arguments.pattern)
            .map_err(|error| self.contract.bad("/pattern", error.to_string()))
    }

    fn globs(&self, arguments: &Arguments, root: &Path) -> Result<Override, ToolError> {
        let mut globs = OverrideBuilder::new(root);
        for (index, glob) in arguments.globs.iter().enumerate() {
            globs
                .add(glob)
                .map_err(|error| self.contract.bad(format!("/globs/{index}"), error.to_string()))?;
        }
        globs.build().map_err(|error| self.contract.bad("/globs", error.to_string()))
    }
}

impl Tool for Grep {
    contract_methods!();

    fn call<'a>(
        &'a self,
        arguments: Value,
        context: &'a ToolContext,
    ) -> BoxFuture<'a, Result<ToolOutput, ToolError>> {
        Box::pin(async move {
            let arguments: Arguments = self.contract.parse(&arguments)?;
            let matcher = self.matcher(&arguments)?;
            let globs = self.globs(&arguments, Path::new("/"))?;
            work::run(self.contract.name, context, move |work| search(&arguments, &matcher, &globs, work))
                .await
        })
    }
}

/// What one file gave.
#[derive(Default)]
struct Found {
    total: u64,
    kept: Vec<Line>,
    skipped: Option<Reason>,
    error: Option<io::Error>,
}

struct Line {
    number: u64,
    column: usize,
    text: String,
    text_lossy: bool,
    text_truncated: bool,
}

fn search(
    arguments: &Arguments,
    matcher: &RegexMatcher,
    globs: &Override,
    work: &Work,
) -> Result<ToolOutput, ToolError> {
    let place = Place::new(&work.cwd, &arguments.path);
    let walked = walk(&place, arguments.include_ignored.into(), work)?;
    let files: Vec<PathBuf> = walked.files.into_iter().filter(|file| is_wanted(globs, file)).collect();
    let findings = Findings::new(arguments.limit);
    let worker = || Worker { searcher: searcher(), probe: Vec::with_capacity(PROBE_BYTES) };
    let found = work.for_each(&files, &findings, worker, |worker, file, room| {
        let found = worker.search(&place.inside(file), matcher, arguments, room);
        findings.keep(found.kept.len());
        found
    })?;

    let Shown { path, path_lossy } = place.shown();
    let mut output = Output {
        path,
        path_lossy,
        matches: Vec::new(),
        total: 0,
        files_matched: 0,
        files_searched: 0,
        truncated: walked.truncated,
        skipped: walked.skipped,
    };
    for (file, found) in files.iter().zip(found) {
        output.add(&place, file, found, arguments.limit);
    }
    output.truncated |= output.total > u64::try_from(output.matches.len()).unwrap_or(u64::MAX);
    let Output { total, files_matched, files_searched, .. } = output;
    let text =
        format!("{total} lines match in {files_matched} of {files_searched} files") + &output.skipped.words();
    Ok(answer(&output, text))
}

/// Whether the globs let a file through, by its own path and by the folders that it lies in.
fn is_wanted(globs: &Override, file: &Path) -> bool {
    if globs.is_empty() {
        return true;
    }
    let below = Path::new("/").join(file);
    if globs.matched(&below, false).is_ignore() {
        return false;
    }
    // A glob that leaves out a folder leaves out what is in it.
    let left_out = |folder: &Path| folder != Path::new("/") && globs.matched(folder, true).is_ignore();
    globs.num_ignores() == 0 || !below.ancestors().skip(1).any(left_out)
}

impl Output {
    fn add(&mut self, place: &Place, file: &Path, found: Found, limit: usize) {
        match (found.skipped, found.error) {
            (Some(reason), _) => self.skipped.add(reason, || place.below(file)),
            (None, Some(error)) => self.skipped.unreadable(|| place.below(file), &error),
            (None, None) => self.files_searched += 1,
        }
        self.total += found.total;
        self.files_matched += u64::from(found.total > 0);
        if found.kept.is_empty() {
            return;
        }
        let Shown { path, path_lossy } = place.below(file);
        let room = limit - self.matches.len();
        self.matches.extend(found.kept.into_iter().take(room).map(|line| Match {
            path: path.clone(),
            path_lossy,
            line: line.number,
            column: line.column,
            text: line.text,
            text_lossy: line.text_lossy,
            text_truncated: line.text_truncated,
        }));
    }
}

fn searcher() -> Searcher {
    SearcherBuilder::new()
        .line_number(true)
        .binary_detection(BinaryDetection::quit(0))
        .memory_map(MmapChoice::never())
        .heap_limit(Some(LINE_BYTES_MAX))
        .bom_sniffing(false)
        .build()
}

struct Worker {
    searcher: Searcher,
    probe: Vec<u8>,
}

impl Worker {
    fn search(&mut self, path: &Path, matcher: &RegexMatcher, arguments: &Arguments, room: Room) -> Found {
        let mut found = Found::default();
        let mut file = match open_walked(path) {
            Ok((file, _)) => file,
            Err(error) => return Found { error: Some(error), ..found },
        };
        self.probe.clear();
        if let Err(error) = fill(&mut file, &mut self.probe, PROBE_BYTES) {
            return Found { error: Some(error), ..found };
        }
        if is_binary(&self.probe) {
            return Found { skipped: Some(Reason::Binary), ..found };
        }
        let keep = if room == Room::Left { arguments.limit } else { 0 };
        let mut lines = Lines { matcher, keep, text_bytes_max: arguments.text_bytes_max, found: &mut found };
        let answer = if self.probe.len() < PROBE_BYTES {
            self.searcher.search_slice(matcher, &self.probe, &mut lines)
        } else {
            let whole = io::Cursor::new(&self.probe).chain(&mut file as &mut File);
            self.searcher.search_reader(matcher, whole, &mut lines)
        };
        match answer {
            Ok(()) => {}
            // The searcher gives up on a line that does not fit into its limit by an error of this kind
            // alone; what the system refuses has a number.
            Err(error) if error.raw_os_error().is_none() => found.skipped = Some(Reason::LongLine),
            Err(error) => found.error = Some(error),
        }
        found
    }
}

/// Takes the lines of one file as they are found.
struct Lines<'a> {
    matcher: &'a RegexMatcher,
    keep: usize,
    text_bytes_max: usize,
    found: &'a mut Found,
}

impl Sink for Lines<'_> {
    type Error = io::Error;

    fn matched(&mut self, _searcher: &Searcher, matched: &SinkMatch<'_>) -> Result<bool, io::Error> {
        self.found.total += 1;
        if self.found.kept.len() >= self.keep {
            return Ok(true);
        }
        let bytes = matched.bytes();
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        let at = self.matcher.find(bytes).ok().flatten().map_or(0, |found| found.start());
        let mut text = String::from_utf8_lossy(bytes).into_owned();
        let text_lossy = std::str::from_utf8(bytes).is_err();
        let text_truncated = cut(&mut text, self.text_bytes_max);
        self.found.kept.push(Line {
            number: matched.line_number().unwrap_or(0),
            column: at + 1,
            text,
            text_lossy,
            text_truncated,
        });
        Ok(true)
    }

    fn binary_data(&mut self, _searcher: &Searcher, _offset: u64) -> Result<bool, io::Error> {
        // A NUL behind the first bytes: what was found before it stands, the rest is not searched.
        self.found.skipped = Some(Reason::Binary);
        Ok(false)
    }
}
