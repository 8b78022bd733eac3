//! Every way known by which a repository, or an inherited environment, makes git run a program or
//! write a file, planted at once: a call of ours fires none of them, and plain git fires them.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::git::{commit_all, git};
use crate::support::{Bench, command};

/// Each tracked file has this content, so that a changed one of the same size must be read.
const CONTENT: &str = "some words\n";
const CHANGED: &str = "more words\n";

/// Hooks that commands of reading run, or could.
const HOOKS: [&str; 6] = [
    "post-index-change",
    "reference-transaction",
    "post-checkout",
    "pre-auto-gc",
    "fsmonitor-watchman",
    "query-watchman",
];

/// A folder of canaries: each name is a link to one script, which marks the name it was run by. The
/// script is not written here: what was just written cannot be run for sure while threads fork.
struct Canaries {
    folder: PathBuf,
}

impl Canaries {
    fn new(bench: &Bench) -> Self {
        let folder = bench.path().join("canaries");
        std::fs::create_dir(&folder).unwrap();
        Self { folder }
    }

    /// Makes a canary and returns its path.
    fn plant(&self, name: &str) -> String {
        let path = self.folder.join(name);
        if !path.exists() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/canary.sh");
            std::os::unix::fs::symlink(script, &path).unwrap();
        }
        path.to_str().unwrap().to_owned()
    }

    /// Returns which have been run since the last look.
    fn fired(&self) -> BTreeSet<String> {
        let mut fired = BTreeSet::new();
        collect(&self.folder, &self.folder, &mut fired);
        fired
    }
}

fn collect(top: &Path, folder: &Path, fired: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(top, &path, fired);
        } else if let Some(name) = path.to_str().unwrap().strip_suffix(".fired") {
            fired.insert(Path::new(name).strip_prefix(top).unwrap().to_str().unwrap().to_owned());
            std::fs::remove_file(&path).unwrap();
        }
    }
}

fn config(repository: &Path, key: &str, value: &str) {
    git(repository, &["config", key, value]);
}

/// Makes a tracked file look changed: another content of the same size, and another time.
fn change(path: &Path) {
    std::fs::write(path, CHANGED).unwrap();
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(UNIX_EPOCH + Duration::from_secs(1_000_000_000)).unwrap();
}

/// The tracked files, by the attribute that each has.
const FILES: [(&str, &str); 9] = [
    ("clean.txt", "filter=clean"),
    ("equals.txt", "filter=x=y"),
    ("process.txt", "filter=process"),
    ("required.txt", "filter=required"),
    ("included.txt", "filter=included"),
    ("worktree.txt", "filter=worktree"),
    ("driver.txt", "diff=driver"),
    ("conv.txt", "diff=conv"),
    ("plain.txt", "text"),
];

/// Makes the repository with everything planted; returns its folder.
fn planted(bench: &Bench, canaries: &Canaries) -> PathBuf {
    let folder = bench.path().join("planted");
    std::fs::create_dir(&folder).unwrap();
    git(&folder, &["init", "-q"]);
    let attributes: String = FILES.iter().map(|(file, attribute)| format!("{file} {attribute}\n")).collect();
    bench.write("planted/.gitattributes", attributes);
    for (file, _) in FILES.iter().chain(&[("info.txt", "filter=info")]) {
        bench.write(format!("planted/{file}"), CONTENT);
    }
    // A repository in the folder, as a submodule is, with a configuration of its own.
    bench.write("planted/sub/clean.txt", CONTENT);
    bench.write("planted/sub/.gitattributes", "clean.txt filter=clean\n");
    let sub = folder.join("sub");
    git(&sub, &["init", "-q"]);
    commit_all(&sub, "inner");
    commit_all(&folder, "first");
    for (kind, begin, end) in [
        ("gpg", "-----BEGIN PGP SIGNATURE-----", "-----END PGP SIGNATURE-----"),
        ("ssh", "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"),
        ("x509", "-----BEGIN SIGNED MESSAGE-----", "-----END SIGNED MESSAGE-----"),
    ] {
        sign(bench, &folder, kind, begin, end);
    }
    programs(&folder, canaries);
    filters(bench, &folder, canaries);
    hooks(&folder, canaries);

    config(&sub, "core.fsmonitor", &canaries.plant("sub-fsmonitor"));
    config(&sub, "filter.clean.clean", &canaries.plant("sub-clean"));
    change(&sub.join("clean.txt"));
    for (file, _) in FILES.iter().chain(&[("info.txt", "")]) {
        change(&folder.join(file));
    }
    folder
}

/// Puts a commit with a signature of this kind on top.
fn sign(bench: &Bench, folder: &Path, kind: &str, begin: &str, end: &str) {
    let parent = git(folder, &["rev-parse", "HEAD"]);
    let tree = git(folder, &["rev-parse", "HEAD^{tree}"]);
    let person = "A Tester <tester@example.org> 1767316000 +0000";
    let text = format!(
        "tree {tree}\nparent {parent}\nauthor {person}\ncommitter {person}\ngpgsig {begin}\n \n AAAA\n {end}\n\nsigned by {kind}\n"
    );
    bench.write("commit", text);
    let commit = git(folder, &["hash-object", "-t", "commit", "-w", "../commit"]);
    git(folder, &["reset", "-q", "--soft", &commit]);
}

/// Everything in a configuration that names a program by itself.
fn programs(folder: &Path, canaries: &Canaries) {
    for key in [
        "core.fsmonitor",
        "core.pager",
        "core.editor",
        "core.askPass",
        "core.sshCommand",
        "core.gitProxy",
        "core.alternateRefsCommand",
        "sequence.editor",
        "credential.helper",
        "diff.external",
        "diff.driver.command",
        "diff.conv.textconv",
        "gpg.program",
        "gpg.ssh.program",
        "gpg.x509.program",
        "interactive.diffFilter",
        "pager.log",
        "pager.status",
        "uploadpack.packObjectsHook",
        "trailer.sign.command",
    ] {
        let canary = canaries.plant(&key.replace('.', "-").to_lowercase());
        config(folder, key, &canary);
    }
    config(folder, "log.showSignature", "true");
    config(folder, "gpg.ssh.allowedSignersFile", "/dev/null");
    config(folder, "submodule.recurse", "true");
    config(folder, "status.submoduleSummary", "true");
    config(folder, "diff.submodule", "diff");
    config(folder, "diff.ignoreSubmodules", "none");
    for word in ["status", "log", "config", "rev-parse"] {
        config(folder, &format!("alias.{word}"), &format!("!{}", canaries.plant("alias")));
    }
    // Something for the command of alternate references to be run for.
    let objects = folder.join("sub/.git/objects");
    std::fs::write(folder.join(".git/objects/info/alternates"), format!("{}\n", objects.display())).unwrap();
}

/// Filters by every way in which one is configured and named.
fn filters(bench: &Bench, folder: &Path, canaries: &Canaries) {
    for (name, variable) in [
        ("clean", "clean"),
        ("clean", "smudge"),
        ("x=y", "clean"),
        ("process", "process"),
        ("info", "clean"),
        ("global", "clean"),
    ] {
        let canary = canaries.plant(&format!("filter-{name}-{variable}"));
        config(folder, &format!("filter.{name}.{variable}"), &canary);
    }
    config(folder, "filter.required.clean", &canaries.plant("filter-required-clean"));
    config(folder, "filter.required.required", "true");
    std::fs::write(folder.join(".git/info/attributes"), "info.txt filter=info\n").unwrap();
    bench.write("attributes", "plain.txt filter=global\n");
    config(folder, "core.attributesFile", bench.path().join("attributes").to_str().unwrap());
    // In a file that the configuration includes, and in that of the worktree.
    let included = canaries.plant("filter-included-clean");
    bench.write("included", format!("[filter \"included\"]\n\tclean = {included}\n"));
    config(folder, "include.path", bench.path().join("included").to_str().unwrap());
    let worktree = canaries.plant("filter-worktree-clean");
    config(folder, "extensions.worktreeConfig", "true");
    std::fs::write(
        folder.join(".git/config.worktree"),
        format!("[filter \"worktree\"]\n\tclean = {worktree}\n"),
    )
    .unwrap();
}

fn hooks(folder: &Path, canaries: &Canaries) {
    let hooks = folder.join(".git/hooks");
    std::fs::remove_dir_all(&hooks).unwrap();
    for hook in HOOKS {
        canaries.plant(&format!("hooks/{hook}"));
    }
    std::os::unix::fs::symlink(canaries.folder.join("hooks"), hooks).unwrap();
    config(folder, "core.hooksPath", canaries.folder.join("hooks").to_str().unwrap());
}

/// Plain git, as anybody would run it, with what a shell might hand on. How it ends does not matter.
fn plain(bench: &Bench, folder: &Path, args: &[&str], env: &[(&str, &str)]) {
    let mut git = command("git", folder);
    git.env("HOME", bench.path().join("home")).envs(env.iter().copied()).args(args);
    git.output().unwrap();
}

/// What a person's shell and home would add.
fn surroundings(bench: &Bench, canaries: &Canaries) -> Vec<(&'static str, String)> {
    std::fs::create_dir_all(bench.path().join("home")).unwrap();
    let parameters = format!("'core.fsmonitor={}'", canaries.plant("parameters-fsmonitor"));
    vec![
        ("GIT_CONFIG_PARAMETERS", parameters),
        ("GIT_TRACE2", canaries.folder.join("trace.fired").to_str().unwrap().to_owned()),
        ("GIT_EXTERNAL_DIFF", canaries.plant("environment-external-diff")),
        ("GIT_CONFIG_COUNT", "1".to_owned()),
        ("GIT_CONFIG_KEY_0", "core.hooksPath".to_owned()),
        ("GIT_CONFIG_VALUE_0", canaries.folder.join("hooks").to_str().unwrap().to_owned()),
        ("GIT_ASKPASS", canaries.plant("environment-askpass")),
        ("GIT_EDITOR", canaries.plant("environment-editor")),
        ("GIT_PAGER", canaries.plant("environment-pager")),
        ("GIT_SSH_COMMAND", canaries.plant("environment-ssh")),
        ("GIT_PROXY_COMMAND", canaries.plant("environment-proxy")),
    ]
}

fn names<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    names.into_iter().map(str::to_owned).collect()
}

async fn look(bench: &Bench, path: &str) -> Value {
    bench.output("git_info", json!({ "path": path })).await
}

#[tokio::test]
async fn nothing_that_is_planted_fires_and_plain_git_fires_it() {
    let mut bench = Bench::new().with_children();
    let canaries = Canaries::new(&bench);
    let folder = planted(&bench, &canaries);
    let surroundings = surroundings(&bench, &canaries);
    bench.write("home/.gitconfig", format!("[core]\n\tfsmonitor = {}\n", canaries.plant("home-fsmonitor")));
    bench.context.env.insert("HOME".to_owned(), bench.path().join("home").to_str().unwrap().to_owned());
    for (name, value) in &surroundings {
        bench.context.env.insert((*name).to_owned(), value.clone());
    }
    canaries.fired();

    let output = look(&bench, "planted").await;
    assert_eq!(canaries.fired(), names([]), "in the planted repository");
    // And git has done its work all the same.
    assert_eq!(output["reason"], Value::Null, "{output}");
    let subjects: Vec<_> =
        output["commits"].as_array().unwrap().iter().map(|c| c["subject"].as_str().unwrap()).collect();
    assert_eq!(subjects, ["signed by x509", "signed by ssh", "signed by gpg", "first"]);
    assert_eq!(output["changed_total"], 10, "{output}");
    let sub = look(&bench, "planted/sub").await;
    assert_eq!(canaries.fired(), names([]), "in the submodule");
    assert_eq!(sub["changed_total"], 1, "{sub}");

    // The control: each of them is alive.
    let run = |args: &[&str], env: &[(&str, &str)]| plain(&bench, &folder, args, env);
    let fired = |args: &[&str], env: &[(&str, &str)]| {
        run(args, env);
        canaries.fired()
    };
    assert!(fired(&["status"], &[]).contains("core-fsmonitor"));
    // A filter that fails ends some commands, and the others have to be looked for without it.
    let mut status = fired(&["-c", "core.fsmonitor=false", "status"], &[]);
    let failing = ["-c", "filter.process.process=", "-c", "filter.required.required=false"];
    status.extend(fired(&[&["-c", "core.fsmonitor=false"], &failing[..], &["status"]].concat(), &[]));
    let expected = names([
        "filter-clean-clean",
        "filter-x=y-clean",
        "filter-process-process",
        "filter-required-clean",
        "filter-included-clean",
        "filter-worktree-clean",
        "filter-info-clean",
        "filter-global-clean",
        "sub-clean",
    ]);
    assert!(status.is_superset(&expected), "{:?}", expected.difference(&status));
    assert!(fired(&["-C", "sub", "status"], &[]).contains("sub-fsmonitor"));
    let without = ["-c", "core.fsmonitor=false", "-c", "diff.ignoreSubmodules=all"];
    let with = |words: &[&'static str]| [&without, words].concat();
    assert!(fired(&with(&["diff", "driver.txt"]), &[]).contains("diff-driver-command"));
    assert!(fired(&with(&["diff", "plain.txt"]), &[]).contains("diff-external"));
    assert!(fired(&with(&["diff", "--no-ext-diff", "conv.txt"]), &[]).contains("diff-conv-textconv"));
    let log = fired(&["log"], &[]);
    assert!(log.is_superset(&names(["gpg-program", "gpg-ssh-program", "gpg-x509-program"])), "{log:?}");
    assert!(fired(&["rev-list", "--alternate-refs", "HEAD"], &[]).contains("core-alternaterefscommand"));
    let checkout = fired(&[&failing[..], &with(&["checkout", "-q", "-f", "-b", "other"])].concat(), &[]);
    let expected = names(["filter-clean-smudge", "hooks/post-index-change", "hooks/reference-transaction"]);
    assert!(checkout.is_superset(&expected), "{checkout:?}");
    let one = |wanted: &str| {
        let (name, value) = surroundings.iter().find(|(name, _)| *name == wanted).unwrap();
        (*name, value.as_str())
    };
    assert!(fired(&["status"], &[one("GIT_CONFIG_PARAMETERS")]).contains("parameters-fsmonitor"));
    assert!(fired(&["rev-parse", "HEAD"], &[one("GIT_TRACE2")]).contains("trace"));
    git(&folder, &["config", "--unset", "core.fsmonitor"]);
    assert!(fired(&["status"], &[]).contains("home-fsmonitor"));
}

#[tokio::test]
async fn a_missing_object_of_a_partial_clone_fetches_nothing() {
    let bench = Bench::new().with_children();
    let canaries = Canaries::new(&bench);
    for (name, object) in [("tree", "HEAD^{tree}"), ("commit", "HEAD~1")] {
        bench.write(format!("{name}/a.txt"), CONTENT);
        let folder = bench.path().join(name);
        git(&folder, &["init", "-q"]);
        commit_all(&folder, "first");
        commit_all(&folder, "second");
        bench.write(format!("{name}/b.txt"), CONTENT);
        commit_all(&folder, "third");
        let missing = git(&folder, &["rev-parse", object]);
        config(&folder, "core.repositoryFormatVersion", "1");
        config(&folder, "extensions.partialClone", "origin");
        config(&folder, "remote.origin.promisor", "true");
        config(&folder, "remote.origin.url", &format!("ext::{} %S", canaries.plant("ext")));
        config(&folder, "protocol.ext.allow", "always");
        config(&folder, "protocol.allow", "always");
        let (start, rest) = missing.split_at(2);
        std::fs::remove_file(folder.join(".git/objects").join(start).join(rest)).unwrap();
        canaries.fired();
        let output = look(&bench, name).await;
        assert_eq!(canaries.fired(), names([]), "{name}: {output}");
        // What cannot be read is told, and is nobody's failure.
        assert!(output["reason"].is_string(), "{output}");
        plain(&bench, &folder, &["cat-file", "-p", &missing], &[]);
        assert_eq!(canaries.fired(), names(["ext"]), "{name}");
    }
}

#[tokio::test]
async fn a_bare_repository_in_the_tree_is_not_entered() {
    let bench = Bench::new().with_children();
    let canaries = Canaries::new(&bench);
    let outer = bench.path().join("outer");
    bench.write("outer/a.txt", CONTENT);
    git(&outer, &["init", "-q"]);
    commit_all(&outer, "outer");
    // Tracked like any folder; whoever runs git in it obeys its configuration.
    let bare = outer.join("bare");
    git(&outer, &["init", "-q", "--bare", "bare"]);
    config(&bare, "core.bare", "false");
    config(&bare, "core.worktree", "..");
    config(&bare, "core.fsmonitor", &canaries.plant("bare-fsmonitor"));
    let output = look(&bench, "outer/bare").await;
    assert_eq!(canaries.fired(), names([]));
    // The repository that has a `.git` is the one that is told.
    assert_eq!(
        (&output["repository"]["root"], &output["commits"][0]["subject"]),
        (&json!(outer), &json!("outer"))
    );
    // Where there is no other, there is none.
    let alone = bench.path().join("alone");
    std::fs::rename(&bare, &alone).unwrap();
    config(&alone, "core.worktree", ".");
    let output = look(&bench, "alone").await;
    assert_eq!(output["repository"], Value::Null, "{output}");
    assert_eq!(canaries.fired(), names([]));
    plain(&bench, &alone, &["add", "-A"], &[]);
    plain(&bench, &alone, &["status"], &[]);
    assert_eq!(canaries.fired(), names(["bare-fsmonitor"]));
}
