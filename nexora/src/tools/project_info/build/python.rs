//! Python projects: many files tell one, and many tools run its tests. What the project has
//! configured comes first.

use std::path::Path;

use crate::tools::project_info::manifest::{has_section, toml_text};
use crate::tools::project_info::tree::Tree;

use super::{Seen, first_file};

/// The files that make a folder a Python project, that which says most first.
const FILES: [&str; 9] = [
    "pyproject.toml",
    "setup.py",
    "setup.cfg",
    "tox.ini",
    "noxfile.py",
    "pytest.ini",
    "Pipfile",
    "requirements.txt",
    "manage.py",
];

/// What puts a command into the project's own environment, by the file that shows it.
const RUNNERS: [(&str, &str); 4] = [
    ("uv.lock", "uv run "),
    ("poetry.lock", "poetry run "),
    ("pdm.lock", "pdm run "),
    ("Pipfile", "pipenv run "),
];

/// Where tests lie, seen from the project.
const TEST_FOLDERS: [&str; 3] = ["tests", "test", ""];

pub(super) fn find(tree: &mut Tree<'_>, folder: &Path) -> Option<Seen> {
    let file = first_file(tree, folder, &FILES)?;
    let mut read = |name: &str| {
        if tree.has(folder, name) { tree.text(&folder.join(name)).unwrap_or_default() } else { String::new() }
    };
    let pyproject = read("pyproject.toml");
    let setup = read("setup.cfg");
    let requirements =
        read("requirements.txt") + &read("requirements-dev.txt") + &read("dev-requirements.txt");
    let project = toml_text(&pyproject, "project", "name")
        .or_else(|| toml_text(&pyproject, "tool.poetry", "name"))
        .or_else(|| ini_text(&setup, "metadata", "name"));
    let (test, because) = tests(tree, folder, &pyproject, &setup, &requirements);
    Some(Seen { kind: "python", name: "Python", file: file.to_owned(), project, test, because })
}

fn tests(
    tree: &Tree<'_>,
    folder: &Path,
    pyproject: &str,
    setup: &str,
    requirements: &str,
) -> (Option<String>, String) {
    if tree.has(folder, "tox.ini") || has_section(pyproject, "tool.tox") || has_section(setup, "tox") {
        return (Some("tox".to_owned()), "tox is configured".to_owned());
    }
    if tree.has(folder, "noxfile.py") {
        return (Some("nox".to_owned()), "`noxfile.py` is there".to_owned());
    }
    let runner = RUNNERS.iter().find(|(file, _)| tree.has(folder, file)).map_or("", |(_, runner)| runner);
    if tree.has(folder, "manage.py") {
        return (Some(format!("{runner}python manage.py test")), "`manage.py` is there".to_owned());
    }
    let configured = tree.has(folder, "pytest.ini")
        || pyproject.contains("pytest")
        || setup.contains("pytest")
        || requirements.contains("pytest");
    if configured {
        return (Some(format!("{runner}python -m pytest")), "pytest is configured or required".to_owned());
    }
    for below in TEST_FOLDERS {
        let inside = folder.join(below);
        if tree.has(&inside, "conftest.py") {
            return (Some(format!("{runner}python -m pytest")), "`conftest.py` is there".to_owned());
        }
        let is_test = |name: &str| name.starts_with("test_") && name.ends_with(".py");
        if tree.names(&inside).any(is_test) {
            let start = if below.is_empty() { String::new() } else { format!(" -s {below}") };
            let command = format!("{runner}python -m unittest discover{start}");
            return (Some(command), "files `test_*.py`, and nothing asks for pytest".to_owned());
        }
    }
    (None, "neither tests nor a tool for them are to be seen".to_owned())
}

/// Returns a key of a section of an INI text, whose values have no quotes.
fn ini_text(ini: &str, section: &str, key: &str) -> Option<String> {
    let mut here = false;
    for line in ini.lines() {
        if let Some(inner) = line.trim().strip_prefix('[') {
            here = inner.split(']').next() == Some(section);
        } else if here
            && let Some((name, value)) = line.split_once('=')
            && name.trim() == key
        {
            return Some(value.trim().to_owned());
        }
    }
    None
}
