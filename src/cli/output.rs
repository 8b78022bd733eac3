//! The one way out: data on stdout, everything else on stderr, and what to do when a reader has left.

use std::io::{self, IsTerminal as _, Write as _};

use clap::builder::styling::{AnsiColor, Style};
use serde::Serialize;

use super::escape;
use crate::error::{Error, Kind};

/// How a command ended before its end.
#[derive(Debug)]
pub enum Ended {
    /// By an error.
    Error(Error),
    /// The reader of stdout has left: nothing more is to be said, and it is no error.
    ReaderGone,
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// The exit code of a command that came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit(pub u8);

impl Exit {
    /// All went well.
    pub const OK: Self = Self(0);
}

/// What a command comes to.
pub type Outcome = Result<Exit, Ended>;

/// What a piece of text is, for its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// A heading.
    Heading,
    /// It went well.
    Good,
    /// It failed.
    Bad,
    /// It wants to be looked at.
    Notice,
    /// It is beside the point.
    Faint,
}

impl Paint {
    const fn style(self) -> Style {
        match self {
            Self::Heading => Style::new().bold(),
            Self::Good => AnsiColor::Green.on_default(),
            Self::Bad => AnsiColor::Red.on_default().bold(),
            Self::Notice => AnsiColor::Yellow.on_default(),
            Self::Faint => Style::new().dimmed(),
        }
    }
}

/// Whether a stream is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Palette {
    on: bool,
}

impl Palette {
    /// A palette without colours.
    pub const PLAIN: Self = Self { on: false };
    /// A palette with colours.
    pub const COLOURED: Self = Self { on: true };

    /// Paints a piece of text that is safe to show.
    pub fn paint(self, paint: Paint, text: &str) -> String {
        if !self.on || text.is_empty() {
            return text.to_owned();
        }
        let style = paint.style();
        format!("{style}{text}{style:#}")
    }
}

/// How a command may speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manner {
    /// Answers are JSON.
    pub json: bool,
    /// Nothing on stderr but errors.
    pub quiet: bool,
    /// Colours of stdout.
    pub stdout: Palette,
    /// Colours of stderr.
    pub stderr: Palette,
}

/// The way out of one command.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    manner: Manner,
}

impl Output {
    /// Returns the way out for this manner.
    pub const fn new(manner: Manner) -> Self {
        Self { manner }
    }

    /// Says whether answers are JSON.
    pub const fn is_json(self) -> bool {
        self.manner.json
    }

    /// Says whether a person can watch something move on stderr.
    pub fn is_watched(self) -> bool {
        !self.manner.quiet && io::stderr().is_terminal()
    }

    /// Says whether nothing is wanted but data and errors.
    pub const fn is_quiet(self) -> bool {
        self.manner.quiet
    }

    /// Returns the colours of stdout.
    pub const fn palette(self) -> Palette {
        self.manner.stdout
    }

    /// Returns the colours of stderr.
    pub const fn palette_of_stderr(self) -> Palette {
        self.manner.stderr
    }

    /// Tells on stderr what stands in place of an answer, however quiet the command is.
    pub fn always(self, text: &str) {
        to_stderr(&format!("{text}\n"));
    }

    /// Writes text for people to stdout, whole.
    ///
    /// # Errors
    /// `ReaderGone` if its reader has left, an error if it cannot be written.
    pub fn text(self, text: &str) -> Result<(), Ended> {
        to_stdout(text.as_bytes())
    }

    /// Writes one JSON value and a line end to stdout.
    ///
    /// # Errors
    /// As `text`.
    pub fn json(self, value: &impl Serialize) -> Result<(), Ended> {
        let mut bytes = serde_json::to_vec(value)
            .map_err(|error| Error::internal(format!("an answer cannot be written as JSON: {error}")))?;
        bytes.push(b'\n');
        to_stdout(&bytes)
    }

    /// Writes one JSON value to stdout if answers are JSON, else the text that `text` makes.
    ///
    /// # Errors
    /// As `text`.
    pub fn answer(self, value: &impl Serialize, text: impl FnOnce(Palette) -> String) -> Result<(), Ended> {
        if self.manner.json { self.json(value) } else { self.text(&text(self.manner.stdout)) }
    }

    /// Tells something beside the answer, on stderr.
    pub fn note(self, text: &str) {
        if !self.manner.quiet {
            to_stderr(&format!("{text}\n"));
        }
    }

    /// Tells a warning with what to do.
    pub fn warning(self, text: &str, hint: Option<&str>) {
        if self.manner.quiet {
            return;
        }
        let head = self.manner.stderr.paint(Paint::Notice, "warning:");
        let mut lines = format!("{head} {}\n", escape::line(text));
        if let Some(hint) = hint {
            lines.push_str(&format!(
                "{} {}\n",
                self.manner.stderr.paint(Paint::Notice, "hint:"),
                escape::line(hint)
            ));
        }
        to_stderr(&lines);
    }

    /// Tells an error: for people on stderr, for programs as one object on stdout.
    pub fn error(self, error: &Error) {
        if self.manner.json {
            // Whoever asked for JSON and left gets nothing more.
            let _gone = self.json(&error.view());
            return;
        }
        let head = self.manner.stderr.paint(Paint::Bad, "error:");
        let mut lines = format!("{head} {}\n", escape::block(&error.message));
        if let Some(hint) = &error.hint {
            let head = self.manner.stderr.paint(Paint::Notice, "hint:");
            lines.push_str(&format!("{head} {}\n", escape::block(hint)));
        }
        to_stderr(&lines);
    }
}

fn to_stdout(bytes: &[u8]) -> Result<(), Ended> {
    match process::stdio::write(&mut io::stdout().lock(), bytes) {
        Ok(process::stdio::Written::Whole) => Ok(()),
        Ok(process::stdio::Written::ReaderGone) => Err(Ended::ReaderGone),
        Err(error) => Err(Error::new(Kind::OutputFailed, format!("write to stdout: {error}"))
            .hint("make room where the output goes, or send it elsewhere")
            .into()),
    }
}

/// Writes to stderr; if nobody can read it, there is nobody to tell.
fn to_stderr(text: &str) {
    let _unheard = io::stderr().lock().write_all(text.as_bytes());
}
