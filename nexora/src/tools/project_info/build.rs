//! Build systems by the files that they are known by, and how the tests of each are run. A test
//! command is told only where the project itself shows that there are tests of that kind, or where
//! the tool always has one.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::tools::ToolError;
use crate::tools::place::Shown;
use crate::tools::work::Work;

use super::manifest::{Package, calls, has_section, target, toml_text};
use super::tree::Tree;

mod python;

/// Folders of other people's code, installed: their manifests are not the project's.
const INSTALLED: [&str; 3] = ["node_modules", "site-packages", "bower_components"];

/// A build system of a folder.
#[derive(Debug, Serialize)]
pub(super) struct BuildSystem {
    kind: &'static str,
    /// Its name for people.
    pub(super) name: &'static str,
    path: String,
    path_lossy: bool,
    /// The folder that the test command is run in.
    directory: String,
    /// What the manifest calls the project.
    project: Option<String>,
    test_command: Option<String>,
    /// What the test command was told from, or why there is none.
    because: String,
    /// The nearest manifest of the same kind in a folder above.
    within: Option<String>,
}

/// What was seen in one folder, before it is put into words.
struct Seen {
    kind: &'static str,
    name: &'static str,
    file: String,
    project: Option<String>,
    test: Option<String>,
    because: String,
}

/// A tool that is known by one file and always runs its tests in one way.
struct Simple {
    kind: &'static str,
    name: &'static str,
    file: &'static str,
    test: &'static str,
}

const SIMPLE: [Simple; 7] = [
    Simple { kind: "bazel", name: "Bazel", file: "MODULE.bazel", test: "bazel test //..." },
    Simple { kind: "bazel", name: "Bazel", file: "WORKSPACE", test: "bazel test //..." },
    Simple { kind: "deno", name: "Deno", file: "deno.json", test: "deno test" },
    Simple { kind: "mix", name: "Mix", file: "mix.exs", test: "mix test" },
    Simple { kind: "sbt", name: "sbt", file: "build.sbt", test: "sbt test" },
    Simple { kind: "swift", name: "Swift Package Manager", file: "Package.swift", test: "swift test" },
    Simple { kind: "zig", name: "Zig", file: "build.zig", test: "zig build test" },
];

/// Finds the build systems of a tree, folder by folder.
pub(super) fn find(tree: &mut Tree<'_>, work: &Work) -> Result<Vec<BuildSystem>, ToolError> {
    let mut found: Vec<(PathBuf, BuildSystem)> = Vec::new();
    for folder in tree.folder_names() {
        work.check()?;
        if folder.components().any(|part| INSTALLED.iter().any(|name| part.as_os_str() == *name)) {
            continue;
        }
        for seen in in_folder(tree, folder) {
            let above = found.iter().rev().find(|(other, system)| {
                system.kind == seen.kind && other != folder && folder.starts_with(other)
            });
            let within = above.map(|(_, system)| system.path.clone());
            let Shown { path, path_lossy } = tree.shown(&folder.join(&seen.file));
            let directory = tree.shown(folder).path;
            let Seen { kind, name, project, test: test_command, because, .. } = seen;
            let system = BuildSystem {
                kind,
                name,
                path,
                path_lossy,
                directory,
                project,
                test_command,
                because,
                within,
            };
            found.push((folder.to_owned(), system));
        }
    }
    Ok(found.into_iter().map(|(_, system)| system).collect())
}

fn in_folder(tree: &mut Tree<'_>, folder: &Path) -> Vec<Seen> {
    let readers: [fn(&mut Tree<'_>, &Path) -> Option<Seen>; 11] =
        [cargo, node, go, python::find, maven, gradle, cmake, make, meson, just, composer];
    let mut seen: Vec<Seen> = readers.iter().filter_map(|reader| reader(tree, folder)).collect();
    for simple in &SIMPLE {
        if tree.has(folder, simple.file) && seen.iter().all(|seen| seen.kind != simple.kind) {
            seen.push(Seen {
                kind: simple.kind,
                name: simple.name,
                file: simple.file.to_owned(),
                project: None,
                test: Some(simple.test.to_owned()),
                because: format!("`{}` is there", simple.file),
            });
        }
    }
    seen
}

fn first_file<'a>(tree: &Tree<'_>, folder: &Path, names: &[&'a str]) -> Option<&'a str> {
    names.iter().find(|name| tree.has(folder, name)).copied()
}

fn cargo(tree: &mut Tree<'_>, folder: &Path) -> Option<Seen> {
    let file = first_file(tree, folder, &["Cargo.toml"])?;
    let text = tree.text(&folder.join(file))?;
    let project = toml_text(&text, "package", "name");
    let (test, because) = if has_section(&text, "workspace") {
        ("cargo test --workspace", "the manifest has a `[workspace]`")
    } else {
        ("cargo test", "`Cargo.toml` is there")
    };
    Some(Seen {
        kind: "cargo",
        name: "Cargo",
        file: file.to_owned(),
        project,
        test: Some(test.to_owned()),
        because: because.to_owned(),
    })
}

/// The package managers of Node, by the files that only they write, and how each runs a script.
const MANAGERS: [(&str, &str, &[&str], &str); 4] = [
    ("pnpm", "pnpm", &["pnpm-lock.yaml", "pnpm-workspace.yaml"], "pnpm test"),
    ("yarn", "Yarn", &["yarn.lock", ".yarnrc.yml"], "yarn test"),
    ("bun", "Bun", &["bun.lock", "bun.lockb"], "bun run test"),
    ("npm", "npm", &["package-lock.json", "npm-shrinkwrap.json"], "npm test"),
];

fn node(tree: &mut Tree<'_>, folder: &Path) -> Option<Seen> {
    let file = first_file(tree, folder, &["package.json"])?;
    let package = Package::parse(&tree.text(&folder.join(file))?).unwrap_or_default();
    let by_field = MANAGERS.iter().find(|(kind, ..)| package.manager.as_deref() == Some(kind));
    // The nearest lock decides: a workspace has one at its top.
    let by_lock = || {
        folder.ancestors().find_map(|ancestor| {
            MANAGERS.iter().find(|(_, _, files, _)| files.iter().any(|name| tree.has(ancestor, name)))
        })
    };
    let (kind, name, _, command) = by_field.or_else(by_lock).unwrap_or(&MANAGERS[3]);
    // What `npm init` writes says that there is nothing to run.
    let test = package.test.filter(|script| !script.contains("no test specified"));
    let because = match &test {
        Some(_) => "`scripts.test` in `package.json`",
        None => "`package.json` has no `scripts.test`",
    };
    Some(Seen {
        kind,
        name,
        file: file.to_owned(),
        project: package.name,
        test: test.map(|_| (*command).to_owned()),
        because: because.to_owned(),
    })
}

fn go(tree: &mut Tree<'_>, folder: &Path) -> Option<Seen> {
    let file = first_file(tree, folder, &["go.mod"])?;
    let text = tree.text(&folder.join(file))?;
    let module = text.lines().find_map(|line| line.trim().strip_prefix("module "));
    Some(Seen {
        kind: "go",
        name: "Go",
        file: file.to_owned(),
        project: module.map(|name| name.trim().to_owned()),
        test: Some("go test ./...".to_owned()),
        because: "`go.mod` is there".to_owned(),
    })
}

fn maven(tree: &mut Tree<'_>, folder: &Path) -> Option<Seen> {
    let file = first_file(tree, folder, &["pom.xml"])?;
    let (test, because) = if tree.has(folder, "mvnw") {
        ("./mvnw test", "`pom.xml` and the wrapper `mvnw` are there")
    } else {
        ("mvn test", "`pom.xml` is there")
    };
    Some(Seen {
        kind: "maven",
        name: "Maven",
        file: file.to_owned(),
        project: None,
        test: Some(test.to_owned()),
        because: because.to_owned(),
    })
}

fn gradle(tree: &mut Tree<'_>, folder: &Path) -> Option<Seen> {
    let names = ["build.gradle.kts", "build.gradle", "settings.gradle.kts", "settings.gradle"];
    let file = first_file(tree, folder, &names)?;
    let wrapper = folder.ancestors().position(|ancestor| tree.has(ancestor, "gradlew"));
    let (test, because) = match wrapper {
        Some(0) => ("./gradlew test".to_owned(), "the wrapper `gradlew` is there"),
        Some(levels) => (format!("{}gradlew test", "../".repeat(levels)), "the wrapper `gradlew` is above"),
        None => ("gradle test".to_owned(), "there is no wrapper"),
    };
    Some(Seen {
        kind: "gradle",
        name: "Gradle",
        file: file.to_owned(),
        project: None,
        test: Some(test),
        because: because.to_owned(),
    })
}

fn cmake(tree: &mut Tree<'_>, folder: &Path) -> Option<Seen> {
    let file = first_file(tree, folder, &["CMakeLists.txt"])?;
    let text = tree.text(&folder.join(file))?;
    // A list without `project` is a part of the one above, and cannot be built alone.
    if !calls(&text, "project") {
        return None;
    }
    let has_tests = calls(&text, "enable_testing") || calls(&text, "add_test") || includes_ctest(&text);
    let (test, because) = if has_tests {
        let command = "cmake -S . -B build && cmake --build build && ctest --test-dir build";
        (Some(command.to_owned()), "`CMakeLists.txt` turns on its tests")
    } else {
        (None, "`CMakeLists.txt` does not turn on tests")
    };
    Some(Seen {
        kind: "cmake",
        name: "CMake",
        file: file.to_owned(),
        project: None,
        test,
        because: because.to_owned(),
    })
}

fn includes_ctest(text: &str) -> bool {
    let plain: String = text.to_ascii_lowercase().split_whitespace().collect();
    plain.contains("include(ctest)")
}

fn make(tree: &mut Tree<'_>, folder: &Path) -> Option<Seen> {
    let file = first_file(tree, folder, &["GNUmakefile", "makefile", "Makefile"])?;
    let text = tree.text(&folder.join(file))?;
    let found = target(&text, &["test", "check", "tests"]);
    let because = match found {
        Some(target) => format!("`{file}` has the target `{target}`"),
        None => format!("`{file}` has no target `test` or `check`"),
    };
    let test = found.map(|target| format!("make {target}"));
    Some(Seen { kind: "make", name: "Make", file: file.to_owned(), project: None, test, because })
}

fn meson(tree: &mut Tree<'_>, folder: &Path) -> Option<Seen> {
    let file = first_file(tree, folder, &["meson.build"])?;
    let text = tree.text(&folder.join(file))?;
    if !calls(&text, "project") {
        return None;
    }
    Some(Seen {
        kind: "meson",
        name: "Meson",
        file: file.to_owned(),
        project: None,
        test: Some("meson setup build && meson test -C build".to_owned()),
        because: "`meson.build` is there".to_owned(),
    })
}

fn just(tree: &mut Tree<'_>, folder: &Path) -> Option<Seen> {
    let file = first_file(tree, folder, &["justfile", "Justfile", ".justfile"])?;
    let text = tree.text(&folder.join(file))?;
    let found = target(&text, &["test", "tests", "check"]);
    let because = match found {
        Some(recipe) => format!("`{file}` has the recipe `{recipe}`"),
        None => format!("`{file}` has no recipe `test`"),
    };
    let test = found.map(|recipe| format!("just {recipe}"));
    Some(Seen { kind: "just", name: "just", file: file.to_owned(), project: None, test, because })
}

fn composer(tree: &mut Tree<'_>, folder: &Path) -> Option<Seen> {
    let file = first_file(tree, folder, &["composer.json"])?;
    let package = Package::parse(&tree.text(&folder.join(file))?).unwrap_or_default();
    let because = match &package.test {
        Some(_) => "`scripts.test` in `composer.json`",
        None => "`composer.json` has no `scripts.test`",
    };
    Some(Seen {
        kind: "composer",
        name: "Composer",
        file: file.to_owned(),
        project: package.name,
        test: package.test.map(|_| "composer test".to_owned()),
        because: because.to_owned(),
    })
}
