//! What the pages name is there: commands and flags as help shows them, files, tools, schemas.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use support::{product_test, project_root};

use crate::cli::help;

/// Every page for readers, with its name.
fn pages() -> Vec<(String, String)> {
    let root = project_root();
    let mut paths: Vec<PathBuf> =
        ["README.md", "CONTRIBUTING.md", "SECURITY.md"].map(|name| root.join(name)).to_vec();
    for folder in ["docs", "docs/decisions"] {
        paths.extend(std::fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path()));
    }
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "md") && path.is_file());
    paths.sort();
    let name = |path: &PathBuf| path.strip_prefix(&root).unwrap().display().to_string();
    paths.iter().map(|path| (name(path), std::fs::read_to_string(path).unwrap())).collect()
}

/// The pieces of a page that may be commands: lines of blocks without a language or of a shell, and `code`.
fn commands(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut block = None;
    for line in page.lines() {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            block = match block {
                Some(_) => None,
                None => Some(language.trim().to_owned()),
            };
        } else if let Some(language) = &block {
            if matches!(language.as_str(), "" | "sh" | "console" | "text") {
                let line = line.trim_start().trim_start_matches("$ ");
                let line = line
                    .strip_prefix("cargo run --release -- ")
                    .map_or(line.to_owned(), |rest| format!("modelscan {rest}"));
                found.push(line);
            }
        } else {
            found.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    found.retain(|text| text.starts_with("modelscan "));
    found
}

/// Words that stand for something, or that are a program's own beginning.
fn is_word(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

/// Finds the command that a line names, and the flags on it.
fn check(line: &str, helps: &BTreeMap<String, String>) -> Result<(), String> {
    let line = line.split(" | ").next().unwrap_or(line).split(" #").next().unwrap_or(line);
    let words: Vec<&str> = line.split_whitespace().skip(1).collect();
    let mut command = String::new();
    let mut rest = words.as_slice();
    while let Some((word, after)) = rest.split_first() {
        // `start|stop` names several verbs, all of which have to be there.
        let joined =
            |verb: &str| if command.is_empty() { verb.to_owned() } else { format!("{command} {verb}") };
        let verbs: Vec<&str> = word.split('|').collect();
        let leads_on = helps.keys().any(|known| {
            !known.is_empty() && known.starts_with(&format!("{command} ").trim_start().to_owned())
        });
        if verbs.len() > 1 && verbs.iter().all(|verb| is_word(verb)) {
            let missing: Vec<&&str> =
                verbs.iter().filter(|verb| !helps.contains_key(&joined(verb))).collect();
            if !missing.is_empty() {
                return Err(format!("no command {missing:?} below `{command}`"));
            }
            command = joined(verbs[0]);
        } else if helps.contains_key(&joined(word)) {
            command = joined(word);
        } else if is_word(word) && leads_on && !word.starts_with('-') {
            return Err(format!("no command `{}`", joined(word)));
        } else {
            break;
        }
        rest = after;
    }
    let help = &helps[&command];
    let known: BTreeSet<&str> =
        help.split(|c: char| c.is_whitespace() || matches!(c, ',' | '[' | ']' | '=')).collect();
    for word in words.iter().filter(|word| word.starts_with("--") && word.len() > 2) {
        let flag = word.split(['=', '`', ',', '|']).next().unwrap_or(word);
        if !known.contains(flag) {
            return Err(format!("`{command}` has no flag `{flag}`"));
        }
    }
    Ok(())
}

product_test! {
    fn pages_name_only_commands_that_help_shows(env) {
        let helps: BTreeMap<String, String> = help::all(env).into_iter().map(|(words, help)| (words.join(" "), help)).collect();
        let mut wrong = Vec::new();
        let mut seen = 0;
        for (name, page) in pages() {
            for line in commands(&page) {
                seen += 1;
                if let Err(why) = check(&line, &helps) {
                    wrong.push(format!("{name}: `{line}`: {why}"));
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
        assert!(seen > 20, "only {seen} commands were found: the test reads the pages no more");
    }
}

/// Says whether a piece of text is meant as a file of the project.
fn is_path(text: &str) -> bool {
    let tops = [
        "src/",
        "nexora/",
        "tests/",
        "docs/",
        "schemas/",
        "migrations/",
        "examples/",
        "benches/",
        ".ci/",
        ".config/",
    ];
    tops.iter().any(|top| text.starts_with(top))
        && !text.contains(['*', '{', '…', '<', ' '])
        && !text.contains("NAME")
        && !text.contains("NNNN")
}

#[test]
fn pages_name_only_files_that_are_there() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (name, page) in pages() {
        let mut in_block = false;
        for line in page.lines() {
            if line.trim_start().starts_with("```") {
                in_block = !in_block;
            }
            let links = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
            let pieces: Vec<&str> =
                if in_block { Vec::new() } else { line.split('`').skip(1).step_by(2).collect() };
            for piece in pieces
                .into_iter()
                .filter(|piece| is_path(piece))
                .chain(links.filter(|link| !link.contains(':') && !link.starts_with('#')))
            {
                seen += 1;
                let path = piece.split(['#', ':']).next().unwrap_or(piece);
                let beside = project_root().join(&name).parent().unwrap().join(path);
                if !project_root().join(path).exists() && !beside.exists() {
                    wrong.push(format!("{name}: {piece}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(seen > 5, "only {seen} files were found: the test reads the pages no more");
}

product_test! {
    fn the_page_of_commands_names_the_shapes_that_there_are(env) {
        let page = std::fs::read_to_string(project_root().join("docs/COMMANDS.md")).unwrap();
        let rows = page.lines().filter(|line| line.starts_with("| `modelscan"));
        let mut shapes = 0;
        for row in rows {
            let last = row.trim_end_matches('|').rsplit('|').next().unwrap();
            for shape in last.split('`').skip(1).step_by(2).filter(|shape| !shape.starts_with('-')) {
                shapes += 1;
                let path = project_root().join("schemas").join(format!("{shape}.schema.json"));
                assert!(path.exists(), "{row}: no {}", path.display());
            }
        }
        assert!(shapes > 15, "{shapes}");
        assert_eq!(env.host_pid(), None);
    }
}
