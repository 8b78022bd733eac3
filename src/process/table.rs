//! The kernel's process table as `/proc` shows it: one process's line, children, environment.
//! A walk over it finds processes; it proves nothing about those it did not find.

use std::collections::HashSet;
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;

/// What one process shows about itself in `/proc/PID/stat`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) pid: i32,
    pub(crate) name: String,
    pub(crate) state: u8,
    pub(crate) parent: i32,
    pub(crate) group: i32,
    pub(crate) session: i32,
    pub(crate) start: u64,
}

impl Stat {
    /// Whether the process has ended and only waits to be reaped.
    pub(crate) fn is_dead(&self) -> bool {
        matches!(self.state, b'Z' | b'X' | b'x')
    }

    pub(crate) fn read(pid: i32) -> Option<Self> {
        Self::parse(&std::fs::read(format!("/proc/{pid}/stat")).ok()?)
    }

    /// Parses the line. The name may hold blanks and parentheses: fields count from the last `)`.
    fn parse(line: &[u8]) -> Option<Self> {
        let open = line.iter().position(|&byte| byte == b'(')?;
        let close = line.iter().rposition(|&byte| byte == b')')?;
        let pid = std::str::from_utf8(&line[..open]).ok()?.trim().parse().ok()?;
        let name = String::from_utf8_lossy(line.get(open + 1..close)?).into_owned();
        let rest = std::str::from_utf8(line.get(close + 1..)?).ok()?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        Some(Self {
            pid,
            name,
            state: *fields.first()?.as_bytes().first()?,
            parent: fields.get(1)?.parse().ok()?,
            group: fields.get(2)?.parse().ok()?,
            session: fields.get(3)?.parse().ok()?,
            start: fields.get(19)?.parse().ok()?,
        })
    }
}

/// A number as the system's calls take it: neither zero nor below means one process.
pub(crate) fn raw(pid: i32) -> Option<rustix::process::Pid> {
    if pid > 0 { rustix::process::Pid::from_raw(pid) } else { None }
}

/// The identifier of this boot of the machine; pids mean nothing across two of them.
pub(crate) fn boot_id() -> io::Result<String> {
    Ok(std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

/// Every process id that is visible now.
pub(crate) fn all() -> Vec<i32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect()
}

/// The children of a process, of all its threads.
pub(crate) fn children(pid: i32) -> Vec<i32> {
    let Ok(tasks) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let mut found = Vec::new();
    for task in tasks.flatten() {
        match std::fs::read_to_string(task.path().join("children")) {
            Ok(text) => {
                found.extend(text.split_ascii_whitespace().filter_map(|word| word.parse::<i32>().ok()))
            }
            // A thread that has just ended, or a kernel built without these files.
            Err(_) if std::path::Path::new("/proc/thread-self/children").exists() => {}
            Err(_) => return children_by_parent(pid),
        }
    }
    found
}

fn children_by_parent(pid: i32) -> Vec<i32> {
    all().into_iter().filter(|&other| Stat::read(other).is_some_and(|stat| stat.parent == pid)).collect()
}

/// All descendants of a process as they are seen in one walk.
pub(crate) fn descendants(root: i32) -> Vec<Stat> {
    let mut seen = HashSet::from([root]);
    let mut open = vec![root];
    let mut found = Vec::new();
    while let Some(parent) = open.pop() {
        for pid in children(parent) {
            if seen.insert(pid)
                && let Some(stat) = Stat::read(pid)
            {
                open.push(pid);
                found.push(stat);
            }
        }
    }
    found
}

/// The parents of a process, nearest first, itself not among them.
pub(crate) fn ancestors(pid: i32) -> Vec<i32> {
    let mut found: Vec<i32> = Vec::new();
    let mut current = pid;
    while let Some(stat) = Stat::read(current)
        && stat.parent > 0
        && !found.contains(&stat.parent)
    {
        found.push(stat.parent);
        current = stat.parent;
    }
    found
}

/// The words of a process's command line; empty for a zombie or a kernel thread.
pub(crate) fn command_line(pid: i32) -> Vec<OsString> {
    let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let bytes = bytes.strip_suffix(b"\0").unwrap_or(&bytes);
    if bytes.is_empty() {
        return Vec::new();
    }
    bytes.split(|&byte| byte == 0).map(|word| OsString::from_vec(word.to_vec())).collect()
}

/// The value of one variable in the environment that a process was started with.
pub(crate) fn started_with(pid: i32, name: &str) -> Option<Vec<u8>> {
    let bytes = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
    let prefix = [name.as_bytes(), b"="].concat();
    bytes.split(|&byte| byte == 0).find_map(|pair| pair.strip_prefix(prefix.as_slice())).map(<[u8]>::to_vec)
}

/// The user that a process belongs to.
pub(crate) fn owner(pid: i32) -> Option<u32> {
    std::fs::metadata(format!("/proc/{pid}")).ok().map(|data| data.uid())
}

/// Device and inode of the file that a process runs, also after it was replaced.
pub(crate) fn executable(pid: i32) -> Option<(u64, u64)> {
    std::fs::metadata(format!("/proc/{pid}/exe")).ok().map(|data| (data.dev(), data.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_blanks_and_parentheses() {
        let line = b"42 (a) b (c) S 7 40 41 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 1 2";
        let stat = Stat::parse(line).unwrap();
        assert_eq!(stat.name, "a) b (c");
        assert_eq!((stat.pid, stat.parent, stat.group, stat.session, stat.start), (42, 7, 40, 41, 98765));
        assert!(!stat.is_dead());
    }

    #[test]
    fn a_cut_line_is_no_process() {
        assert_eq!(Stat::parse(b"42 (sh) S 7 40"), None);
        assert_eq!(Stat::parse(b""), None);
        assert_eq!(Stat::parse(b")("), None);
    }

    #[test]
    fn this_process_is_in_the_table() {
        let own = i32::try_from(std::process::id()).unwrap();
        let stat = Stat::read(own).unwrap();
        assert_eq!(stat.pid, own);
        assert!(all().contains(&own));
        assert!(children(stat.parent).contains(&own));
        assert!(ancestors(own).contains(&stat.parent));
        assert!(!command_line(own).is_empty());
        assert!(executable(own).is_some());
        assert!(!boot_id().unwrap().is_empty());
    }
}
