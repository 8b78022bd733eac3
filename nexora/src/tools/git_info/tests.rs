//! What `git_info` makes of an absent git and of what git says.

use std::sync::Arc;

use process::capture::{Captured, Stop, Stream};
use process::{Ended, Proof};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::root::NoRepository;
use super::{GitInfo, stdout};
use crate::tools::{Tool, ToolContext};

#[tokio::test]
async fn a_system_without_git_is_told() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join(".git")).unwrap();
    let tool = GitInfo { folders: Vec::new(), ..GitInfo::new() };
    let mut context = ToolContext::new(folder.path(), CancellationToken::new());
    // A program of that name in the tree is not git.
    std::fs::write(folder.path().join("git"), "#!/bin/sh\n").unwrap();
    context.env.insert("PATH".to_owned(), format!(".::{}", folder.path().join("nowhere").display()));
    let output = tool.call(json!({}), &context).await.unwrap();
    assert_eq!(output.output["reason"], "git is not there");
    assert_eq!(output.output["repository"], json!(null));
}

fn said(words: &str, code: i32) -> Captured {
    let stream = |text: &str| Stream { bytes: text.as_bytes().to_vec(), total: text.len() as u64 };
    let ended = Ended {
        code: Some(code),
        signal: None,
        cause: None,
        killed_from_outside: false,
        killed: Vec::new(),
        killed_total: 0,
        stderr_tail: Vec::new(),
        proof: Proof::Proven,
    };
    Captured { stdout: stream("printed"), stderr: stream(words), stop: Stop::No, ended: Arc::new(ended) }
}

#[test]
fn what_git_says_is_told_in_one_line_and_ownership_by_itself() {
    assert_eq!(stdout(said("warning: x", 0)).unwrap(), b"printed");
    let refused = stdout(said("fatal: detected dubious ownership in repository at '/x'\nmore\n", 128));
    assert_eq!(refused, Err(NoRepository::Ownership));
    let refused = stdout(said("\nfatal: \u{1b}[31mbroken\nmore\n", 128));
    assert_eq!(refused, Err(NoRepository::Refused("fatal: [31mbroken".to_owned())));
    let refused = stdout(said(&"x".repeat(5000), 1)).unwrap_err();
    assert_eq!(refused.to_string().len(), "git says: ".len() + 300);
}
