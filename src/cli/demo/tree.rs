//! A tree of some thousand files, so that there is something to interrupt.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::error::{Error, Kind};

/// Files in one folder of the tree.
const PER_FOLDER: usize = 100;

/// What the files are: ending, and how a line of them looks.
const KINDS: [(&str, &str); 5] = [
    ("rs", "    let value = value.wrapping_mul(31).wrapping_add(7); // line"),
    ("py", "    value = (value * 31 + 7) % 65536  # line"),
    ("js", "  value = (value * 31 + 7) % 65536; // line"),
    ("c", "    value = value * 31u + 7u; /* line */"),
    ("md", "Some words about the value, in a line of its own:"),
];

/// Writes a tree of about this many files; below the folder it names everything itself.
///
/// # Errors
/// If it cannot be written.
pub fn write(folder: &Path, files: usize) -> Result<(), Error> {
    let fails = |error: std::io::Error| {
        Error::new(Kind::BadInput, format!("write the demo's tree below `{}`: {error}", folder.display()))
            .hint("make room in the cache folder, or name another with XDG_CACHE_HOME")
    };
    for first in (0..files).step_by(PER_FOLDER) {
        let inner = folder.join(format!("part{:03}", first / PER_FOLDER));
        fs::create_dir_all(&inner).map_err(fails)?;
        for number in first..files.min(first + PER_FOLDER) {
            let (ending, line) = KINDS[number % KINDS.len()];
            fs::write(inner.join(format!("file{number:05}.{ending}")), text(number, line)).map_err(fails)?;
        }
    }
    Ok(())
}

fn text(number: usize, line: &str) -> String {
    let mut text = String::new();
    for at in 0..40 + number % 80 {
        let _ = writeln!(text, "{line} {at}");
        if at % 50 == 49 {
            let _ = writeln!(text, "// TODO: look at part {number} again");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_has_as_many_files_as_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), 250).unwrap();
        let parts = fs::read_dir(folder.path()).unwrap();
        let count: usize = parts.map(|part| fs::read_dir(part.unwrap().path()).unwrap().count()).sum();
        assert_eq!(count, 250);
    }
}
