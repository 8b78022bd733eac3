//! File descriptors that a process got from whoever started it.

use std::io;

/// Closes every descriptor above stderr that was inherited.
///
/// Whoever started us may have left some open without close-on-exec: they would keep that
/// process's locks and pipes alive in every child. To be called first thing in a process, before
/// it opens anything; a guard and a detached host do.
///
/// # Errors
/// `/proc/self/fd` cannot be read.
pub fn close_inherited() -> io::Result<()> {
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir("/proc/self/fd")? {
        if let Some(number) = entry?.file_name().to_str().and_then(|name| name.parse::<i32>().ok())
            && number > 2
        {
            numbers.push(number);
        }
    }
    for number in numbers {
        // The folder's own descriptor is among them and closed already.
        let _closed = nix::unistd::close(number);
    }
    Ok(())
}

/// Returns the numbers of all open descriptors of the calling process, for reports and tests.
///
/// # Errors
/// `/proc/self/fd` cannot be read.
pub fn open() -> io::Result<Vec<i32>> {
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir("/proc/self/fd")? {
        let entry = entry?;
        // The folder's own descriptor is gone when this returns.
        if std::fs::read_link(entry.path())
            .is_ok_and(|target| target.ends_with("fd") && target.starts_with("/proc"))
        {
            continue;
        }
        numbers.extend(entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}
