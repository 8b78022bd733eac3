//! The folder that a task of a client works in: absolute or a `file://` URL, and never one that a client
//! only happens to stand in.

use std::path::{Component, Path, PathBuf};

use mcp::server::Refusal;

/// What says where a client stands.
#[derive(Debug, Clone, Copy)]
pub struct Standing<'a> {
    /// The directory of the connection.
    pub cwd: &'a str,
    /// The home folder of the user, if it is known.
    pub home: Option<&'a str>,
}

/// Returns the folder for a task: the one that was given, else that of the connection.
///
/// # Errors
/// If it is relative, is no local file, or is `/` or the home folder.
pub fn of_task(given: Option<&str>, standing: Standing<'_>) -> Result<String, Refusal> {
    let text = match given {
        Some(url) if url.starts_with("file:") => from_url(url)?,
        Some(path) => path.to_owned(),
        None => standing.cwd.to_owned(),
    };
    let path = Path::new(&text);
    if !path.is_absolute() {
        return Err(Refusal::new("bad_input", format!("`cwd` is `{text}`, which is not an absolute path"))
            .hint("give the absolute path of the project's folder, or a file:// URL"));
    }
    let plain = plain(path);
    let is_home = standing.home.is_some_and(|home| plain == self::plain(Path::new(home)));
    if plain == Path::new("/") || is_home {
        let what = if is_home { "the home folder" } else { "the root of all files" };
        let from =
            if given.is_some() { "`cwd` is" } else { "no `cwd` was given, and this server was started in" };
        return Err(Refusal::new(
            "bad_input",
            format!("{from} {what}, which is hardly the project that is meant"),
        )
        .hint("give the project's folder as `cwd`, or start the server with `--cwd DIR`"));
    }
    plain.into_os_string().into_string().map_err(|_| Refusal::new("bad_input", "`cwd` is not UTF-8 text"))
}

/// Takes `.`, `..` and doubled slashes out, by the text alone.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::from("/");
    for part in path.components() {
        match part {
            Component::Normal(name) => plain.push(name),
            Component::ParentDir => {
                plain.pop();
            }
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    plain
}

/// Reads a `file` URL (RFC 8089): an absolute path behind an empty host or `localhost`.
fn from_url(url: &str) -> Result<String, Refusal> {
    let refused = |why: &str| {
        Refusal::new("bad_input", format!("`cwd` is `{url}`, {why}"))
            .hint("write it as file:///absolute/path, or give the path itself")
    };
    let rest = url.strip_prefix("file:").unwrap_or(url);
    let path = match rest.strip_prefix("//") {
        Some(rest) => {
            let (host, path) = rest.split_at(rest.find('/').ok_or_else(|| refused("which names no path"))?);
            if !host.is_empty() && !host.eq_ignore_ascii_case("localhost") {
                return Err(refused("which is on another machine"));
            }
            path
        }
        None => rest,
    };
    if path.contains(['?', '#']) {
        return Err(refused("which is more than a path"));
    }
    let bytes = decoded(path).ok_or_else(|| refused("which is not well encoded"))?;
    String::from_utf8(bytes).map_err(|_| refused("which is not UTF-8 text"))
}

/// Takes percent codes out (RFC 3986, section 2.1).
fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let high = char::from(rest.next()?).to_digit(16)?;
        let low = char::from(rest.next()?).to_digit(16)?;
        match u8::try_from(high * 16 + low).ok()? {
            0 => return None,
            byte => bytes.push(byte),
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STANDING: Standing<'_> = Standing { cwd: "/srv/here", home: Some("/home/me") };

    #[test]
    fn folders_are_absolute_paths_or_file_urls() {
        for (given, folder) in [
            (None, "/srv/here"),
            (Some("/p/q"), "/p/q"),
            (Some("/p//q/./r/.."), "/p/q"),
            (Some("file:///p/a%20b"), "/p/a b"),
            (Some("file://localhost/p"), "/p"),
            (Some("file:/p"), "/p"),
            (Some("/home/me/project"), "/home/me/project"),
            (Some("file:///p/%C3%A4"), "/p/ä"),
        ] {
            assert_eq!(of_task(given, STANDING).as_deref(), Ok(folder), "{given:?}");
        }
    }

    #[test]
    fn what_is_hardly_meant_is_refused_with_a_hint() {
        for given in [
            "relative",
            "./x",
            "",
            "~",
            "/",
            "//",
            "/p/..",
            "/home/me",
            "/home/me/",
            "/home/me/x/..",
            "file:///",
            "file:///home/me",
            "file://other/p",
            "file://",
            "file:///p%0",
            "file:///p%zz",
            "file:///p%00",
            "file:///p%ff",
            "file:///p?x",
            "http://x/p",
        ] {
            let refusal = of_task(Some(given), STANDING).unwrap_err();
            assert_eq!(refusal.kind, "bad_input", "{given}");
            assert!(refusal.hint.is_some(), "{given}");
        }
        assert!(of_task(None, Standing { cwd: "/", home: None }).is_err());
        assert!(of_task(None, Standing { cwd: "/home/me", home: Some("/home/me/") }).is_err());
    }
}
