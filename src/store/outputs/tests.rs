//! Files: private, whole or reported, never outside their folder, and swept only when nobody can want them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, UNIX_EPOCH};

use domain::{AttemptOutcome, Output, Timestamp};

use super::{read, write};
use crate::testing::{Folder, at, claimed, ended, new_task, result, step, submit, task_id};

fn files(folder: &Folder) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(&folder.place.outputs)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_file_is_private_and_reads_back() {
    let folder = Folder::new();
    let bytes = vec![b'x'; 200_000];
    let output = write(&folder.place, task_id(1), "result", &bytes, "application/json").unwrap();
    assert_eq!((output.bytes, output.media_type.as_str()), (200_000, "application/json"));
    assert_eq!(read(&folder.place, &output).unwrap(), bytes);
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder.place.outputs), 0o700);
    assert_eq!(mode(&folder.place.outputs.join(&output.path)), 0o600);
    // The same again is the same file; other content is another.
    assert_eq!(write(&folder.place, task_id(1), "result", &bytes, "application/json").unwrap(), output);
    assert_eq!(files(&folder).len(), 1);
    let other = write(&folder.place, task_id(1), "result", b"late", "text/plain").unwrap();
    assert_ne!(other.path, output.path);
    assert_eq!(read(&folder.place, &output).unwrap(), bytes);
}

#[test]
fn a_name_that_would_leave_the_folder_stays_in_it() {
    let folder = Folder::new();
    for name in ["../../x", "/etc/passwd", "a\0b", "", "ä/ö", &"n".repeat(5_000), "."] {
        let output = write(&folder.place, task_id(1), name, b"{}", "text/plain").unwrap();
        assert_eq!(output.name, name);
        assert!(!output.path.contains('/') && output.path.len() < 120, "{}", output.path);
        assert_eq!(read(&folder.place, &output).unwrap(), b"{}");
    }
    let outside =
        Output { path: "../m.db".to_owned(), ..write(&folder.place, task_id(1), "a", b"", "x/y").unwrap() };
    assert!(read(&folder.place, &outside).unwrap_err().is_damage());
}

#[test]
fn a_file_that_is_not_what_was_written_is_damage() {
    let folder = Folder::new();
    let output = write(&folder.place, task_id(1), "result", b"whole", "text/plain").unwrap();
    let path = folder.place.outputs.join(&output.path);
    for other in [&b"whol"[..], b"wholy", b"whole and more", b""] {
        fs::write(&path, other).unwrap();
        assert!(read(&folder.place, &output).unwrap_err().is_damage());
    }
    fs::remove_file(&path).unwrap();
    assert!(read(&folder.place, &output).unwrap_err().is_damage());
}

#[test]
fn only_old_files_without_a_row_are_swept() {
    let folder = Folder::new();
    let mut writer = folder.writer();
    assert_eq!(writer.sweep_outputs(&folder.place, at(0), 10).unwrap(), 0);
    submit(&mut writer, &new_task(1));
    step(&mut writer, task_id(1), claimed(1), at(1));
    let kept = write(&folder.place, task_id(1), "result", b"kept", "text/plain").unwrap();
    let mut done = result("{}");
    done.outputs.push(kept.clone());
    step(&mut writer, task_id(1), ended(1, AttemptOutcome::Succeeded(done)), at(2));
    write(&folder.place, task_id(1), "orphan", b"orphan", "text/plain").unwrap();
    submit(&mut writer, &new_task(2));
    let under_way = write(&folder.place, task_id(2), "result", b"under way", "text/plain").unwrap();
    fs::write(folder.place.outputs.join(".new-1-0-x"), b"torn").unwrap();
    fs::create_dir(folder.place.outputs.join("folder")).unwrap();
    let written = fs::metadata(folder.place.outputs.join(&kept.path)).unwrap().modified().unwrap();
    let written = i64::try_from(written.duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    let after = |seconds| Timestamp::from_millis(written).plus(Duration::from_secs(seconds));
    assert_eq!(writer.sweep_outputs(&folder.place, after(0), 10).unwrap(), 0);
    assert_eq!(writer.sweep_outputs(&folder.place, after(4_000), 1).unwrap(), 1);
    assert_eq!(writer.sweep_outputs(&folder.place, after(4_000), 10).unwrap(), 1);
    assert_eq!(files(&folder), ["folder".to_owned(), kept.path.clone(), under_way.path]);
    assert_eq!(read(&folder.place, &kept).unwrap(), b"kept");
}
