//! Licences told by their text: by short phrases that only this licence has, in their order, and by
//! what must not be there. Names of files only say where to look.

use std::path::Path;

use serde::Serialize;

use crate::tools::ToolError;
use crate::tools::languages::{Languages, is_prose};
use crate::tools::place::Shown;
use crate::tools::work::Work;

use super::tree::Tree;

/// A file that holds a licence; one record per licence in it.
#[derive(Debug, Serialize)]
pub(super) struct LicenceFile {
    path: String,
    path_lossy: bool,
    /// Its identifier in the SPDX list, or nothing if the text is of none that we know.
    pub(super) licence: Option<&'static str>,
    /// Whether it lies at the top of the tree.
    top: bool,
}

/// How a licence is told.
struct Rule {
    id: &'static str,
    /// Phrases that come one after the other.
    phrases: &'static [&'static str],
    /// Phrases that make it another licence when they are anywhere in the file.
    never: &'static [&'static str],
    /// How many words lie between the start of the first phrase and the end of the last, at least and
    /// at most: a sentence more or less makes another licence.
    words: (usize, usize),
}

/// The phrases are in the form that [`plain`] gives.
const RULES: [Rule; 6] = [
    Rule {
        id: "MIT",
        phrases: &[
            "permission is hereby granted free of charge to any person",
            "without limitation the rights to use copy modify merge publish distribute sublicense",
            "this permission notice shall be included",
            "software is provided as is",
            "or other dealings in the software",
        ],
        never: &["x consortium", "in advertising or otherwise to promote"],
        words: (158, 168),
    },
    Rule {
        id: "Apache-2.0",
        phrases: &[
            "apache license version 2 0",
            "terms and conditions for use reproduction and distribution",
            "grant of copyright license",
            "grant of patent license",
            "submission of contributions",
            "accepting warranty or additional liability",
        ],
        never: &[],
        words: (1300, 1450),
    },
    Rule {
        id: "GPL-3.0",
        phrases: &[
            "gnu general public license version 3 29 june 2007",
            "preamble",
            "terms and conditions",
            "conveying modified source versions",
            "automatic licensing of downstream recipients",
            "interpretation of sections 15 and 16",
        ],
        never: &["gnu affero general public license version 3 19 november 2007"],
        words: (5100, 5300),
    },
    Rule {
        id: "BSD-3-Clause",
        phrases: &[
            "redistribution and use in source and binary forms",
            "redistributions of source code must retain",
            "redistributions in binary form must reproduce",
            "endorse or promote products derived from",
            "is provided by",
            "advised of the possibility of such damage",
        ],
        never: &["all advertising materials", "no express or implied licenses to any party s patent"],
        words: (195, 240),
    },
    Rule {
        id: "BSD-2-Clause",
        phrases: &[
            "redistribution and use in source and binary forms",
            "redistributions of source code must retain",
            "redistributions in binary form must reproduce",
            "is provided by",
            "advised of the possibility of such damage",
        ],
        never: &[
            "all advertising materials",
            "endorse or promote",
            "no express or implied licenses to any party s patent",
        ],
        words: (165, 200),
    },
    Rule {
        id: "MPL-2.0",
        phrases: &[
            "mozilla public license version 2 0",
            "means each individual or legal entity",
            "source code form",
            "license grants and conditions",
            "versions of the license",
            "incompatible with secondary licenses",
        ],
        never: &[],
        words: (2200, 2330),
    },
];

/// What, put before or after any licence, makes it another one.
const RIDERS: [&str; 2] = ["commons clause", "shall be used for good not evil"];

/// Finds the licence files of a tree and tells what is in them.
pub(super) fn find(tree: &mut Tree<'_>, work: &Work) -> Result<Vec<LicenceFile>, ToolError> {
    let mut found = Vec::new();
    for file in tree.files().iter().filter(|file| may_hold_licence(file)) {
        work.check()?;
        let Some(text) = tree.text(file) else { continue };
        let Shown { path, path_lossy } = tree.shown(file);
        let top = file.components().count() == 1;
        let licences = tell(&text);
        let record = |licence| LicenceFile { path: path.clone(), path_lossy, licence, top };
        if licences.is_empty() {
            found.push(record(None));
        }
        found.extend(licences.into_iter().map(|licence| record(Some(licence))));
    }
    Ok(found)
}

/// Whether a file's name says that it holds a licence rather than a program.
fn may_hold_licence(file: &Path) -> bool {
    let Some(name) = file.file_name().and_then(|name| name.to_str()) else { return false };
    let name = name.to_ascii_lowercase();
    let words = ["license", "licence", "copying", "unlicense", "mit-license", "mit-licence"];
    let begins = words.iter().any(|word| {
        name.strip_prefix(word).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-', '_']))
    });
    begins && Languages::get().by_name(file).is_none_or(is_prose)
}

/// Returns the licences whose text is in `text`, in the table's order.
fn tell(text: &str) -> Vec<&'static str> {
    let plain = plain(text);
    if RIDERS.iter().any(|rider| plain.contains(rider)) {
        return Vec::new();
    }
    RULES.iter().filter(|rule| rule.holds(&plain)).map(|rule| rule.id).collect()
}

impl Rule {
    fn holds(&self, plain: &str) -> bool {
        if self.never.iter().any(|phrase| plain.contains(phrase)) {
            return false;
        }
        let Some(start) = plain.find(self.phrases[0]) else { return false };
        let mut at = start;
        for phrase in self.phrases {
            let Some(next) = plain[at..].find(phrase) else { return false };
            at += next + phrase.len();
        }
        let words = plain[start..at].split(' ').count();
        (self.words.0..=self.words.1).contains(&words)
    }
}

/// Returns the words of a text: lower case, letters and digits alone, one space between.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_alphanumeric() {
            plain.extend(character.to_lowercase());
        } else if !plain.ends_with(' ') {
            plain.push(' ');
        }
    }
    plain
}
