use serde_json::{Value, json};

use crate::support::Bench;

async fn build_systems(bench: &Bench) -> Vec<(String, String, Value)> {
    let output = bench.output("project_info", json!({})).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    output["build_systems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|found| (text(&found["kind"]), text(&found["path"]), found["test_command"].clone()))
        .collect()
}

/// One project after the other: its files, and what they are to be told as.
#[tokio::test]
async fn build_systems_say_how_their_tests_are_run() {
    type Row<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str, Value);
    let rows: &[Row<'_>] = &[
        (&[("Cargo.toml", "[package]\nname = \"a\"\n")], "cargo", "Cargo.toml", json!("cargo test")),
        (
            &[("Cargo.toml", "[workspace]\nmembers = []\n")],
            "cargo",
            "Cargo.toml",
            json!("cargo test --workspace"),
        ),
        (&[("package.json", r#"{"scripts":{"test":"jest"}}"#)], "npm", "package.json", json!("npm test")),
        (
            &[("package.json", r#"{"scripts":{"test":"jest"}}"#), ("pnpm-lock.yaml", "")],
            "pnpm",
            "package.json",
            json!("pnpm test"),
        ),
        (
            &[("package.json", r#"{"scripts":{"test":"jest"}}"#), ("yarn.lock", "")],
            "yarn",
            "package.json",
            json!("yarn test"),
        ),
        (
            &[
                ("package.json", r#"{"packageManager":"yarn@4.1.0","scripts":{"test":"x"}}"#),
                ("package-lock.json", ""),
            ],
            "yarn",
            "package.json",
            json!("yarn test"),
        ),
        (
            &[("package.json", r#"{"scripts":{"test":"echo \"Error: no test specified\" && exit 1"}}"#)],
            "npm",
            "package.json",
            Value::Null,
        ),
        (&[("package.json", "{ broken")], "npm", "package.json", Value::Null),
        (&[("go.mod", "module example.org/a\n")], "go", "go.mod", json!("go test ./...")),
        (
            &[("pyproject.toml", "[tool.pytest.ini_options]\n")],
            "python",
            "pyproject.toml",
            json!("python -m pytest"),
        ),
        (
            &[("pyproject.toml", "[dependency-groups]\ndev = [\"pytest\"]\n"), ("uv.lock", "")],
            "python",
            "pyproject.toml",
            json!("uv run python -m pytest"),
        ),
        (&[("setup.py", ""), ("tox.ini", "")], "python", "setup.py", json!("tox")),
        (&[("setup.py", ""), ("noxfile.py", "")], "python", "setup.py", json!("nox")),
        (&[("setup.py", ""), ("tests/conftest.py", "")], "python", "setup.py", json!("python -m pytest")),
        (
            &[("setup.py", ""), ("tests/test_a.py", "")],
            "python",
            "setup.py",
            json!("python -m unittest discover -s tests"),
        ),
        (&[("requirements.txt", "flask\n")], "python", "requirements.txt", Value::Null),
        (&[("manage.py", "")], "python", "manage.py", json!("python manage.py test")),
        (&[("pom.xml", "<project/>")], "maven", "pom.xml", json!("mvn test")),
        (&[("pom.xml", "<project/>"), ("mvnw", "")], "maven", "pom.xml", json!("./mvnw test")),
        (&[("build.gradle", "")], "gradle", "build.gradle", json!("gradle test")),
        (
            &[("build.gradle.kts", ""), ("settings.gradle.kts", ""), ("gradlew", "")],
            "gradle",
            "build.gradle.kts",
            json!("./gradlew test"),
        ),
        (
            &[("CMakeLists.txt", "project(a)\n# enable_testing()\nInclude ( CTest )\n")],
            "cmake",
            "CMakeLists.txt",
            json!("cmake -S . -B build && cmake --build build && ctest --test-dir build"),
        ),
        (&[("CMakeLists.txt", "project(a)\n# enable_testing()\n")], "cmake", "CMakeLists.txt", Value::Null),
        (&[("Makefile", "all: x\n\ntest: all\n\t./x\n")], "make", "Makefile", json!("make test")),
        (&[("makefile", "check:: all\n")], "make", "makefile", json!("make check")),
        (&[("Makefile", "test := 1\nall:\n\ttest: no\n")], "make", "Makefile", Value::Null),
        (
            &[("meson.build", "project('a')\n")],
            "meson",
            "meson.build",
            json!("meson setup build && meson test -C build"),
        ),
        (&[("justfile", "test:\n  x\n")], "just", "justfile", json!("just test")),
        (&[("Package.swift", "")], "swift", "Package.swift", json!("swift test")),
    ];
    for (files, kind, path, test) in rows {
        let bench = Bench::new();
        for (name, content) in *files {
            bench.write(name, content);
        }
        let found = build_systems(&bench).await;
        assert_eq!(found, [((*kind).to_owned(), (*path).to_owned(), test.clone())], "{files:?}");
    }
}

#[tokio::test]
async fn nested_projects_are_told_with_the_one_they_lie_in() {
    let bench = Bench::new();
    bench.write("Cargo.toml", "[workspace]\nmembers = [\"crates/*\"]\n");
    bench.write("crates/a/Cargo.toml", "[package]\nname = 'inner'\n");
    bench.write("web/package.json", r#"{"name":"top","scripts":{"test":"x"}}"#);
    bench.write("web/pnpm-workspace.yaml", "");
    bench.write("web/apps/b/package.json", r#"{"name":"app","scripts":{"test":"y"}}"#);
    bench.write("web/node_modules/x/package.json", r#"{"scripts":{"test":"z"}}"#);
    bench.write("native/CMakeLists.txt", "project(n)\nenable_testing()\n");
    bench.write("native/part/CMakeLists.txt", "add_library(p p.c)\n");
    bench.write("jvm/gradlew", "");
    bench.write("jvm/settings.gradle", "");
    bench.write("jvm/sub/build.gradle", "");
    let output = bench.output("project_info", json!({})).await;
    let found: Vec<_> = output["build_systems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| {
            (
                s["path"].as_str().unwrap(),
                s["directory"].as_str().unwrap(),
                s["project"].as_str(),
                s["within"].as_str(),
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            ("Cargo.toml", ".", None, None),
            ("crates/a/Cargo.toml", "crates/a", Some("inner"), Some("Cargo.toml")),
            ("jvm/settings.gradle", "jvm", None, None),
            ("jvm/sub/build.gradle", "jvm/sub", None, Some("jvm/settings.gradle")),
            ("native/CMakeLists.txt", "native", None, None),
            ("web/package.json", "web", Some("top"), None),
            ("web/apps/b/package.json", "web/apps/b", Some("app"), Some("web/package.json")),
        ]
    );
    assert_eq!(output["build_systems"][3]["test_command"], "../gradlew test");
    assert_eq!(output["build_systems"][6]["kind"], "pnpm");
}

const MIT: &str = include_str!("texts/mit.txt");
const BSD: &str = include_str!("texts/bsd-3-clause.txt");
const APACHE: &str = include_str!("texts/apache-2.0.txt");
const GPL: &str = include_str!("texts/gpl-3.0.txt");
const MPL: &str = include_str!("texts/mpl-2.0.txt");

async fn licence_of(name: &str, text: &str) -> Vec<Option<String>> {
    let bench = Bench::new();
    bench.write(name, text);
    let output = bench.output("project_info", json!({})).await;
    let licences = output["licences"].as_array().unwrap();
    licences.iter().map(|found| found["licence"].as_str().map(str::to_owned)).collect()
}

#[tokio::test]
async fn licences_are_told_by_their_text_alone() {
    for (text, licence) in
        [(MIT, "MIT"), (BSD, "BSD-3-Clause"), (APACHE, "Apache-2.0"), (GPL, "GPL-3.0"), (MPL, "MPL-2.0")]
    {
        // Names lie; the form of lines and case do not matter.
        let upper = text.to_uppercase();
        let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for (name, text) in [("COPYING", text), ("LICENSE-MIT", &upper), ("licence.md", &one_line)] {
            assert_eq!(licence_of(name, text).await, [Some(licence.to_owned())], "{licence} as {name}");
        }
        // Half of a text is not the licence.
        let half = &text.chars().take(text.chars().count() / 2).collect::<String>();
        assert_eq!(licence_of("LICENSE", half).await, [None], "half of {licence}");
    }
}

#[tokio::test]
async fn what_only_looks_like_a_licence_is_none() {
    let added = MIT.replace(
        "The above copyright notice",
        "The Software shall be used for Good, not Evil. The above copyright notice",
    );
    let lesser = GPL.replacen("GNU GENERAL PUBLIC LICENSE", "GNU LESSER GENERAL PUBLIC LICENSE", 1);
    assert!(added != MIT && lesser != GPL);
    for (what, text) in [
        ("an added condition", added.as_str()),
        (
            "a sentence too many",
            &MIT.replace(
                "subject to the following",
                "as long as nobody minds and all of them agree, subject to the following",
            ),
        ),
        ("words about a licence", "This is under the MIT licence, or Apache License, Version 2.0.\n"),
        ("another licence of the family", lesser.as_str()),
        ("a rider", &format!("\"Commons Clause\" License Condition v1.0\n\n{APACHE}")),
        ("nothing", ""),
    ] {
        assert_eq!(licence_of("LICENSE", text).await, [None], "{what}");
    }
    // Programs about licences hold none.
    assert_eq!(licence_of("license.rs", MIT).await, Vec::<Option<String>>::new());
    assert_eq!(licence_of("licensed", MIT).await, Vec::<Option<String>>::new());
}

#[tokio::test]
async fn two_licences_and_nested_ones_are_all_told() {
    let bench = Bench::new();
    bench.write("LICENSE-MIT", MIT);
    bench.write("LICENSE-APACHE", APACHE);
    bench.write("vendor/x/LICENSE", GPL);
    bench.write("both/COPYING", format!("{MIT}\n\n----\n\n{BSD}"));
    bench.write("README.md", "x");
    let output = bench.output("project_info", json!({})).await;
    let found: Vec<_> = output["licences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|l| (l["path"].as_str().unwrap(), l["licence"].as_str().unwrap(), l["top"].as_bool().unwrap()))
        .collect();
    assert_eq!(
        found,
        [
            ("LICENSE-APACHE", "Apache-2.0", true),
            ("LICENSE-MIT", "MIT", true),
            ("both/COPYING", "MIT", false),
            ("both/COPYING", "BSD-3-Clause", false),
            ("vendor/x/LICENSE", "GPL-3.0", false),
        ]
    );
    assert_eq!(output["readme"], "README.md");
}

#[tokio::test]
async fn an_empty_folder_has_no_build_system() {
    let bench = Bench::new();
    let output = bench.output("project_info", json!({})).await;
    assert_eq!((&output["build_systems"], &output["licences"]), (&json!([]), &json!([])));
    assert_eq!((&output["readme"], &output["files"]), (&Value::Null, &json!(0)));
}
