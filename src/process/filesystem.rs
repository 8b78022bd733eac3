//! What kind of file system a path is on.

use std::io;
use std::path::Path;

/// Magic numbers of file systems that other machines write too, with the names people know.
const NETWORK: [(u32, &str); 11] = [
    (0x0000_6969, "nfs"),
    (0x0000_517B, "smb"),
    (0xFF53_4D42, "cifs"),
    (0xFE53_4D42, "smb2"),
    (0x00C3_6400, "ceph"),
    (0x5346_414F, "afs"),
    (0x6B41_4653, "afs"),
    (0x7375_7245, "coda"),
    (0x0102_1997, "9p"),
    (0x0BD0_0BD0, "lustre"),
    (0x4750_4653, "gpfs"),
];

/// Returns the name of the network file system that `path` is on, or `None` on a local one.
///
/// Neither a write-ahead log nor a lock can be trusted across machines.
///
/// # Errors
/// The path is not there or may not be looked at.
pub fn network(path: &Path) -> io::Result<Option<&'static str>> {
    let found = rustix::fs::statfs(path)?;
    // The field's type differs between machines; the magic numbers have 32 bits on all of them.
    let magic = found.f_type as u32;
    Ok(NETWORK.iter().find(|(number, _)| *number == magic).map(|(_, name)| *name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_table_is_no_network() {
        assert_eq!(network(Path::new("/proc")).unwrap(), None);
        assert!(network(Path::new("/proc/nothing/here")).is_err());
    }
}
