//! Reads the files of one skill: only regular files inside its folder, no links that lead out, all
//! of bounded size.

use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use crate::flaw::Flaw;

/// Largest file of a skill that is read.
pub(crate) const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// Largest plan, report template or schema.
pub(crate) const PART_BYTES_MAX: u64 = 256 * 1024;

/// A skill that is compiled into the program: its name and its files.
#[derive(Debug, Clone, Copy)]
pub struct BundledSkill {
    /// Its name, which is its folder's.
    pub name: &'static str,
    /// Path inside the folder, and text.
    pub files: &'static [(&'static str, &'static str)],
}

/// Where the files of one skill come from.
#[derive(Debug, Clone)]
pub(crate) enum Files {
    Bundled(&'static [(&'static str, &'static str)]),
    /// A folder, with all links in its own path resolved.
    Folder(PathBuf),
}

impl Files {
    /// Opens a folder.
    pub(crate) fn folder(path: &Path) -> Result<Self, Flaw> {
        let resolved =
            path.canonicalize().map_err(|error| Flaw::new("", format!("open the folder: {error}")))?;
        Ok(Self::Folder(resolved))
    }

    /// Returns whether there is a file of this name; what it is shows when it is read.
    pub(crate) fn has(&self, name: &str) -> bool {
        match self {
            Self::Bundled(files) => files.iter().any(|(file, _)| *file == name),
            Self::Folder(folder) => folder.join(name).symlink_metadata().is_ok(),
        }
    }

    /// Returns the text of a file of at most `bytes_max` bytes, without a byte order mark.
    pub(crate) fn read(&self, name: &str, bytes_max: u64) -> Result<String, Flaw> {
        let text = match self {
            Self::Bundled(files) => match files.iter().find(|(file, _)| *file == name) {
                Some((_, text)) => (*text).to_owned(),
                None => return Err(Flaw::new(name, "no such file in the skill's folder")),
            },
            Self::Folder(folder) => read_inside(folder, name, bytes_max)?,
        };
        Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
    }
}

/// Returns whether `name` is a plain relative path that stays inside a folder.
pub(crate) fn stays_inside(name: &str) -> bool {
    let mut parts = Path::new(name).components().peekable();
    parts.peek().is_some()
        && parts.all(|part| matches!(part, Component::Normal(_)))
        && !name.contains(['\\', '\0'])
}

fn read_inside(folder: &Path, name: &str, bytes_max: u64) -> Result<String, Flaw> {
    let refuse = |message: String| Flaw::new(name, message);
    if !stays_inside(name) {
        return Err(refuse("the path leads out of the skill's folder".into())
            .hint("name a file inside the folder, without `..` and without a leading `/`"));
    }
    let path = match folder.join(name).canonicalize() {
        Ok(path) => path,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(refuse("no such file in the skill's folder".into()));
        }
        Err(error) => return Err(refuse(format!("open the file: {error}"))),
    };
    if !path.starts_with(folder) {
        return Err(refuse("the link leads out of the skill's folder".into())
            .hint("put the file itself into the folder"));
    }
    // Asked before it is opened: opening a FIFO would wait for a writer.
    match path.metadata() {
        Ok(metadata) if metadata.is_file() => {}
        Ok(_) => return Err(refuse("not a regular file".into())),
        Err(error) => return Err(refuse(format!("open the file: {error}"))),
    }
    let mut bytes = Vec::new();
    File::open(&path)
        .and_then(|file| file.take(bytes_max + 1).read_to_end(&mut bytes))
        .map_err(|error| refuse(format!("read the file: {error}")))?;
    if bytes.len() as u64 > bytes_max {
        return Err(refuse(format!("the file is larger than {} KiB", bytes_max / 1024)));
    }
    String::from_utf8(bytes).map_err(|error| {
        refuse(format!("the file is not UTF-8 text: byte {} is not valid", error.utf8_error().valid_up_to()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_lead_out_are_refused() {
        for name in ["", ".", "..", "../x", "a/../../x", "/etc/passwd", "./x", "a\\..\\x"] {
            assert!(!stays_inside(name), "{name}");
        }
        assert!(stays_inside("report.md.j2") && stays_inside("parts/report.md"));
    }

    #[test]
    fn links_stay_inside_and_sizes_are_capped() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("s");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(root.path().join("secret"), "x").unwrap();
        std::fs::write(folder.join("a"), "\u{feff}text").unwrap();
        std::fs::write(folder.join("binary"), [0xff, 0xfe]).unwrap();
        std::os::unix::fs::symlink("a", folder.join("inner")).unwrap();
        std::os::unix::fs::symlink("../secret", folder.join("outer")).unwrap();
        std::os::unix::fs::symlink("loop", folder.join("loop")).unwrap();
        let files = Files::folder(&folder).unwrap();
        assert_eq!(files.read("a", 100).unwrap(), "text");
        assert_eq!(files.read("inner", 100).unwrap(), "text");
        let check = |name: &str, part: &str| {
            let message = files.read(name, 3).unwrap_err().message;
            assert!(message.contains(part), "{name}: {message}");
        };
        check("outer", "leads out");
        check("loop", "open the file");
        check("a", "larger than");
        check("binary", "not UTF-8");
        check("missing", "no such file");
        assert!(files.read(".", 100).is_err());
    }
}
