//! `code_stats`: files and lines by language, the largest files, and words such as TODO with their
//! places, all from one reading of each file.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use grep_matcher::Matcher;
use grep_regex::{RegexMatcher, RegexMatcherBuilder};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::contract::{Contract, Words, answer, contract_methods, schema_texts};
use super::file::{PROBE_BYTES, fill, is_binary, open_walked};
use super::languages::Languages;
use super::lines::Lines;
use super::place::{Place, Shown, cut};
use super::skipped::{Reason, Skipped};
use super::walk::walk;
use super::work::{self, Findings, Room, Work};
use super::{BoxFuture, Effects, Tool, ToolContext, ToolError, ToolOutput};

/// Larger files are data, whatever their name says; each worker holds one file.
const FILE_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// A file up to this size is read at once, before it is looked at.
const AT_ONCE_BYTES: usize = 64 * 1024;
/// A buffer that one large file has grown is given back.
const BUFFER_BYTES_KEPT: usize = 1024 * 1024;
/// How much of a marker's line is shown.
const TEXT_BYTES_MAX: usize = 200;

/// The tool.
pub(super) struct CodeStats {
    contract: Contract,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Arguments {
    path: String,
    largest: usize,
    markers: Vec<String>,
    markers_max: usize,
    include_ignored: bool,
}

impl Default for Arguments {
    fn default() -> Self {
        Self {
            path: ".".to_owned(),
            largest: 10,
            markers: Vec::new(),
            markers_max: 1000,
            include_ignored: false,
        }
    }
}

#[derive(Debug, Clone, Copy, Default, Serialize)]
struct Totals {
    files: u64,
    lines: u64,
    blank: u64,
    bytes: u64,
}

impl Totals {
    fn add(&mut self, lines: Lines, bytes: u64) {
        self.files += 1;
        self.lines += lines.lines;
        self.blank += lines.blank;
        self.bytes += bytes;
    }
}

#[derive(Debug, Serialize)]
struct Large {
    path: String,
    path_lossy: bool,
    lines: u64,
    bytes: u64,
    language: &'static str,
}

#[derive(Debug, Serialize)]
struct Marker {
    path: String,
    path_lossy: bool,
    line: u64,
    marker: String,
    text: String,
    text_truncated: bool,
}

#[derive(Debug, Serialize)]
struct Output {
    path: String,
    path_lossy: bool,
    languages: serde_json::Map<String, Value>,
    totals: Totals,
    largest: Vec<Large>,
    markers: Vec<Marker>,
    markers_total: BTreeMap<String, u64>,
    markers_truncated: bool,
    unknown_files: u64,
    skipped: Skipped,
    truncated: bool,
}

impl CodeStats {
    pub(super) fn new() -> Self {
        let words = Words {
            name: "code_stats",
            title: "Count lines by language",
            description: "Counts files, lines and blank lines by language below a folder, names the largest files, \
                          and finds marker words such as TODO in the same pass. Follows the tree's ignore rules.",
        };
        Self { contract: Contract::new(words, Effects::Read, &schema_texts!("code_stats")) }
    }
}

impl Tool for CodeStats {
    contract_methods!();

    fn call<'a>(
        &'a self,
        arguments: Value,
        context: &'a ToolContext,
    ) -> BoxFuture<'a, Result<ToolOutput, ToolError>> {
        Box::pin(async move {
            let arguments: Arguments = self.contract.parse(&arguments)?;
            let markers =
                markers(&arguments.markers).map_err(|message| self.contract.bad("/markers", message))?;
            work::run(self.contract.name, context, move |work| count(&arguments, markers.as_ref(), work))
                .await
        })
    }
}

/// Returns what finds the marker words; none if there are no words.
fn markers(words: &[String]) -> Result<Option<RegexMatcher>, String> {
    if words.is_empty() {
        return Ok(None);
    }
    // The schema lets nothing but word characters through. The words are ASCII and so is the border,
    // which keeps the search away from slower engines.
    let pattern = format!(r"(?-u:\b)(?:{})(?-u:\b)", words.join("|"));
    RegexMatcherBuilder::new().build(&pattern).map(Some).map_err(|error| error.to_string())
}

/// What one file gave.
enum Counted {
    Known { language: &'static str, lines: Lines, bytes: u64, markers: Markers },
    Unknown { markers: Markers },
    Skipped(Reason),
    Unreadable(std::io::Error),
}

/// Marker words of one file: all counted, the first ones kept.
#[derive(Default)]
struct Markers {
    total: BTreeMap<String, u64>,
    places: Vec<(u64, String, String, bool)>,
}

fn count(
    arguments: &Arguments,
    markers: Option<&RegexMatcher>,
    work: &Work,
) -> Result<ToolOutput, ToolError> {
    let place = Place::new(&work.cwd, &arguments.path);
    let walked = walk(&place, arguments.include_ignored.into(), work)?;
    let findings = Findings::new(arguments.markers_max);
    let reader = Reader { place: &place, markers, markers_max: arguments.markers_max, findings: &findings };
    let counted = work
        .for_each(&walked.files, &findings, Vec::new, |buffer, file, room| reader.read(file, buffer, room))?;

    let Shown { path, path_lossy } = place.shown();
    let mut output = Output {
        path,
        path_lossy,
        languages: serde_json::Map::new(),
        totals: Totals::default(),
        largest: Vec::new(),
        markers: Vec::new(),
        markers_total: arguments.markers.iter().map(|word| (word.clone(), 0)).collect(),
        markers_truncated: false,
        unknown_files: 0,
        skipped: walked.skipped,
        truncated: walked.truncated,
    };
    let mut languages: HashMap<&'static str, Totals> = HashMap::new();
    let mut known = Vec::new();
    for (file, counted) in walked.files.iter().zip(counted) {
        match counted {
            Counted::Known { language, lines, bytes, markers } => {
                languages.entry(language).or_default().add(lines, bytes);
                output.totals.add(lines, bytes);
                known.push((lines.lines, bytes, file, language));
                output.add_markers(&place, file, markers, arguments.markers_max);
            }
            Counted::Unknown { markers } => {
                output.unknown_files += 1;
                output.add_markers(&place, file, markers, arguments.markers_max);
            }
            Counted::Skipped(reason) => output.skipped.add(reason, || place.below(file)),
            Counted::Unreadable(error) => output.skipped.unreadable(|| place.below(file), &error),
        }
    }
    let marked: u64 = output.markers_total.values().sum();
    output.markers_truncated = marked > u64::try_from(output.markers.len()).unwrap_or(u64::MAX);
    output.languages = by_lines(languages);
    output.largest = largest(known, arguments.largest, &place);
    let text = words(&output);
    Ok(answer(&output, text))
}

/// The languages, that with the most lines first.
fn by_lines(languages: HashMap<&'static str, Totals>) -> serde_json::Map<String, Value> {
    let mut rows: Vec<_> = languages.into_iter().collect();
    rows.sort_unstable_by(|(left_name, left), (right_name, right)| {
        right.lines.cmp(&left.lines).then_with(|| left_name.cmp(right_name))
    });
    let row = |totals: Totals| serde_json::json!(totals);
    rows.into_iter().map(|(name, totals)| (name.to_owned(), row(totals))).collect()
}

/// The files with the most lines; of equal ones the larger, then the first by path.
fn largest(mut known: Vec<(u64, u64, &PathBuf, &'static str)>, count: usize, place: &Place) -> Vec<Large> {
    known.sort_unstable_by(|left, right| {
        (right.0, right.1).cmp(&(left.0, left.1)).then_with(|| left.2.cmp(right.2))
    });
    known.truncate(count);
    known
        .into_iter()
        .map(|(lines, bytes, file, language)| {
            let Shown { path, path_lossy } = place.below(file);
            Large { path, path_lossy, lines, bytes, language }
        })
        .collect()
}

impl Output {
    fn add_markers(&mut self, place: &Place, file: &Path, markers: Markers, markers_max: usize) {
        for (word, count) in markers.total {
            *self.markers_total.entry(word).or_default() += count;
        }
        if markers.places.is_empty() {
            return;
        }
        let Shown { path, path_lossy } = place.below(file);
        for (line, marker, text, text_truncated) in markers.places {
            if self.markers.len() >= markers_max {
                return;
            }
            self.markers.push(Marker { path: path.clone(), path_lossy, line, marker, text, text_truncated });
        }
    }
}

/// Reads files, one buffer per worker.
struct Reader<'a> {
    place: &'a Place,
    markers: Option<&'a RegexMatcher>,
    markers_max: usize,
    findings: &'a Findings,
}

impl Reader<'_> {
    fn read(&self, file: &Path, buffer: &mut Vec<u8>, room: Room) -> Counted {
        let by_name = if file.as_os_str().is_empty() { self.place.absolute.as_path() } else { file };
        let language = Languages::get().by_name(by_name);
        let has_extension = by_name.extension().is_some();
        if language.is_none() && has_extension && self.markers.is_none() {
            return Counted::Unknown { markers: Markers::default() };
        }
        let counted = self.read_text(file, language, buffer, room).unwrap_or_else(Counted::Unreadable);
        if buffer.capacity() > BUFFER_BYTES_KEPT {
            *buffer = Vec::new();
        }
        counted
    }

    fn read_text(
        &self,
        file: &Path,
        mut language: Option<&'static str>,
        buffer: &mut Vec<u8>,
        room: Room,
    ) -> std::io::Result<Counted> {
        let (mut file, metadata) = open_walked(&self.place.inside(file))?;
        let size = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
        buffer.clear();
        // One byte more than the size tells a file that grows, or whose size the system does not know.
        let first = if size < AT_ONCE_BYTES { size.max(PROBE_BYTES) + 1 } else { PROBE_BYTES };
        fill(&mut file, buffer, first)?;
        if is_binary(buffer) {
            return Ok(Counted::Skipped(Reason::Binary));
        }
        if language.is_none() {
            language = Languages::get().by_shebang(buffer);
        }
        if language.is_none() && self.markers.is_none() {
            return Ok(Counted::Unknown { markers: Markers::default() });
        }
        if metadata.len() > FILE_BYTES_MAX {
            return Ok(Counted::Skipped(Reason::TooLarge));
        }
        if size >= AT_ONCE_BYTES {
            fill(&mut file, buffer, size)?;
        }
        let bytes = u64::try_from(buffer.len()).unwrap_or(u64::MAX);
        let markers = self.markers.map(|matcher| self.find(matcher, buffer, room)).unwrap_or_default();
        Ok(match language {
            Some(language) => Counted::Known { language, lines: Lines::of(buffer), bytes, markers },
            None => Counted::Unknown { markers },
        })
    }

    /// Finds the marker words of a text, the first of each line.
    fn find(&self, matcher: &RegexMatcher, text: &[u8], room: Room) -> Markers {
        let mut markers = Markers::default();
        let mut from = 0;
        let (mut line, mut line_at) = (1, 0);
        while let Ok(Some(found)) = matcher.find_at(text, from) {
            line += Lines::breaks(&text[line_at..found.start()]);
            line_at = found.start();
            let end = Lines::end_of_line(text, found.end());
            let word = String::from_utf8_lossy(&text[found]).into_owned();
            *markers.total.entry(word.clone()).or_default() += 1;
            if room == Room::Left && markers.places.len() < self.markers_max {
                let start = Lines::start_of_line(text, found.start());
                let (shown, truncated) = shown_line(&text[start..end]);
                markers.places.push((line, word, shown, truncated));
            }
            from = end;
        }
        self.findings.keep(markers.places.len());
        markers
    }
}

/// A line as text, without the space around it, cut.
fn shown_line(line: &[u8]) -> (String, bool) {
    let line = line.trim_ascii();
    // Cut before it is turned into text: a line may be all of a large file.
    let kept = &line[..line.len().min(TEXT_BYTES_MAX + 4)];
    let mut text = String::from_utf8_lossy(kept).into_owned();
    let truncated = cut(&mut text, TEXT_BYTES_MAX) || kept.len() < line.len();
    (text, truncated)
}

fn words(output: &Output) -> String {
    let Totals { files, lines, .. } = output.totals;
    let languages = output.languages.len();
    let mut text = format!("{lines} lines in {files} files of {languages} languages");
    let found: u64 = output.markers_total.values().sum();
    if !output.markers_total.is_empty() {
        text.push_str(&format!(", {found} marked lines"));
    }
    text + &output.skipped.words()
}
