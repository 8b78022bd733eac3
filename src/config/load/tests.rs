//! Layers, and errors with their place.

use std::fs;
use std::time::Duration;

use domain::Reason;
use wire::config::EnvValue;

use super::*;

/// A folder with a configuration file, and the variables to read it with.
struct Bench {
    home: tempfile::TempDir,
    variables: Vec<(String, String)>,
    choices: Choices,
}

impl Bench {
    fn new(file: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("config.toml"), file).unwrap();
        let variables = vec![("MODELSCAN_HOME".to_owned(), home.path().to_str().unwrap().to_owned())];
        Self { home, variables, choices: Choices::default() }
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    fn set(mut self, given: &str) -> Self {
        self.choices.set.push(given.to_owned());
        self
    }

    fn env(&self) -> Environment {
        Environment::made_of(self.variables.clone(), Some(self.home.path().to_owned()))
    }

    fn load(&self) -> Result<Loaded, Error> {
        load(&self.env(), &self.choices)
    }

    /// The error's words with the folder cut away, and its hint.
    fn error(&self) -> (String, String) {
        let error = self.load().unwrap_err();
        assert!(matches!(error.kind, Kind::ConfigError | Kind::Usage), "{error:?}");
        let prefix = format!("{}/", self.home.path().display());
        (error.message.replace(&prefix, ""), error.hint.unwrap_or_default())
    }
}

#[test]
fn without_a_file_the_defaults_hold() {
    let home = tempfile::tempdir().unwrap();
    let env = Environment::made_of([("MODELSCAN_HOME", home.path())], None);
    let loaded = load(&env, &Choices::default()).unwrap();
    assert_eq!(loaded.config, Config::default());
    assert!(loaded.sources.is_empty());
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0, "reading creates nothing");
}

#[test]
fn every_key_is_read() {
    let file = r#"
        [host]
        autostart = false
        idle_timeout = "1h30m"
        max_running = 2
        [store]
        path = "/elsewhere/m.db"
        [defaults]
        agent = "other"
        timeout = "7d"
        retries = { max = 0, backoff = "500ms", on = ["agent_error", "timed_out"] }
        recovery = "ask"
        [agents.other]
        driver = "acp"
        command = "other-agent"
        args = ["--acp"]
        description = "Another"
        capabilities = ["read"]
        skills = ["one"]
        max_running = 1
        start_timeout = "5s"
        env = { PLAIN = "text", SECRET = { file = "/run/secret" } }
        env_pass = ["PATH"]
    "#;
    let loaded = Bench::new(file).load().unwrap();
    let config = &loaded.config;
    assert!(!config.host.autostart);
    assert_eq!(config.host.idle_timeout, Duration::from_secs(5_400));
    assert_eq!(config.host.max_running, 2);
    assert_eq!(config.store.path.as_deref(), Some(Path::new("/elsewhere/m.db")));
    assert_eq!(config.defaults.agent.as_str(), "other");
    assert_eq!(config.defaults.retries.on, [Reason::AgentError, Reason::TimedOut]);
    let agent = &config.agents[&config.defaults.agent];
    assert_eq!(agent.command, "other-agent");
    assert_eq!(agent.env["SECRET"], EnvValue::File("/run/secret".into()));
    assert!(config.agents.len() == 2, "our own agent is still there");
    assert_eq!(loaded.sources["defaults.retries.max"], Source::File);
    assert_eq!(loaded.sources["agents.other.env.SECRET"], Source::File);
    assert_eq!(loaded.places.database, Path::new("/elsewhere/m.db"));
    assert_eq!(loaded.places.lock, Path::new("/elsewhere/m.db.lock"));
}

#[test]
fn a_flag_goes_before_a_variable_and_a_variable_before_the_file() {
    let bench = Bench::new("[host]\nmax_running = 2\nidle_timeout = '1m'\nautostart = false\n")
        .variable("MODELSCAN_HOST__MAX_RUNNING", "3")
        .variable("MODELSCAN_HOST__IDLE_TIMEOUT", "2m")
        .set("host.max_running=5");
    let loaded = bench.load().unwrap();
    assert_eq!(loaded.config.host.max_running, 5);
    assert_eq!(loaded.config.host.idle_timeout, Duration::from_secs(120));
    assert!(!loaded.config.host.autostart);
    assert_eq!(loaded.sources["host.max_running"], Source::Flag);
    assert_eq!(
        loaded.sources["host.idle_timeout"],
        Source::Variable("MODELSCAN_HOST__IDLE_TIMEOUT".to_owned())
    );
    assert_eq!(loaded.sources["host.autostart"], Source::File);
}

#[test]
fn single_values_are_written_as_their_key_wants_it() {
    let bench = Bench::new("")
        .variable("MODELSCAN_AGENTS__OTHER__COMMAND", "5")
        .variable("MODELSCAN_AGENTS__OTHER__ENV__API_Key", "= raw text")
        .variable("MODELSCAN_INSTANCE", "not a key")
        .variable("MODELSCAN_LOG", "not a key")
        .set("agents.other.args=['--acp', 'x=y']")
        .set("agents.other.env.TOKEN={ file = '/run/token' }")
        .set("agents.nexora.max_running=1");
    let config = bench.load().unwrap().config;
    let agent = &config.agents[&"other".parse().unwrap()];
    assert_eq!(agent.command, "5");
    assert_eq!(agent.args, ["--acp", "x=y"]);
    assert_eq!(agent.env["API_Key"], EnvValue::Text("= raw text".to_owned()));
    assert_eq!(agent.env["TOKEN"], EnvValue::File("/run/token".into()));
    let nexora = &config.agents[&"nexora".parse().unwrap()];
    assert_eq!((nexora.max_running, nexora.command.as_str()), (1, "modelscan"));
}

#[test]
fn an_error_in_the_file_says_where_and_what() {
    #[rustfmt::skip]
    let table: &[(&str, &str, &str)] = &[
        ("[host]\nmax_runing = 2\n",
            "config.toml:2:1: unknown key `host.max_runing`", "did you mean `host.max_running`?"),
        ("\n\n  [hosts]\n",
            "config.toml:3:4: unknown key `hosts`", "did you mean `host`?"),
        ("max_running = 2\n",
            "config.toml:1:1: unknown key `max_running`", "did you mean `host.max_running`?"),
        ("[agents.other]\ncommand = 'x'\nmax_runing = 1\n",
            "config.toml:3:1: unknown key `agents.other.max_runing`", "did you mean `agents.other.max_running`?"),
        ("[defaults]\nretries = { maxx = 1 }\n",
            "config.toml:2:13: unknown key `defaults.retries.maxx`", "did you mean `defaults.retries.max`?"),
        ("[zzzzzz]\n",
            "config.toml:1:2: unknown key `zzzzzz`", "docs/CONFIGURATION.md lists every key"),
        ("[host]\nmax_running = 0\n",
            "config.toml:2:1: `host.max_running`: `0` is out of range: a whole number from 1 to 1024", ""),
        ("[host]\nmax_running = 'two'\n",
            "config.toml:2:1: `host.max_running`: invalid type: string \"two\", expected a whole number from 1 to 1024", ""),
        ("[host]\nautostart = 'yes'\n",
            "config.toml:2:1: `host.autostart`: invalid type: string \"yes\", expected a boolean", ""),
        ("[host]\nidle_timeout = '5 minutes'\n",
            "config.toml:2:1: `host.idle_timeout`: `5 minutes` is not a duration: write it like `90s`, `5m`, `1h30m` or `7d`", ""),
        ("[host]\nidle_timeout = 5\n",
            "config.toml:2:1: `host.idle_timeout`: invalid type: integer `5`, expected a duration such as \"90s\" or \"1h30m\"", ""),
        ("[store]\npath = 'm.db'\n",
            "config.toml:2:1: `store.path`: `m.db` is not an absolute path", ""),
        ("[defaults]\nrecovery = 'later'\n",
            "config.toml:2:1: `defaults.recovery`: `later` is not a recovery policy: one of resume, retry, fail, ask", ""),
        ("[defaults]\nretries = { on = ['lost', 'oops'] }\n",
            "config.toml:2:13: `defaults.retries.on[1]`: `oops` is not a reason: one of agent_error, protocol_error, invalid_result, not_configured, budget_exceeded, deadline_exceeded, timed_out, lost, denied, no_capable_agent, dependency_failed, limit_reached", ""),
        ("[host]\nautostart = true\n\n[agents.Bad]\ncommand = 'x'\n",
            "config.toml:4:9: `agents.Bad`: `Bad` is not an agent's name: use 1 to 64 of a-z, 0-9, `-` and `_`, beginning with a letter or digit", ""),
        ("[agents.good]\ncommand = 'x'\n[agents.x]\ncommand = 'x'\ndriver = 'telepathy'\n",
            "config.toml:5:1: `agents.x.driver`: `telepathy` is not a driver: one of acp", ""),
        ("[agents.x]\ncommand = 'x'\n[agents.x.env]\nA = 'a'\nB = { path = '/x' }\n",
            "config.toml:5:7: unknown key `agents.x.env.B.path`", ""),
        ("[agents.x]\ndescription = 'no command'\n",
            "config.toml:1:9: `agents.x.command` is missing: every agent needs a program", "add `command = \"PROGRAM\"` below `[agents.x]`"),
        ("[defaults]\nagent = 'nexxora'\n",
            "config.toml:2:1: `defaults.agent` names `nexxora`, and there is no such agent", "did you mean `nexora`?"),
        ("[host]\nautostart = \n",
            "config.toml:2:13: ", "the file is TOML: `[table]` headers and `key = value` lines; text stands in quotes"),
        ("[host]\nautostart = true\nautostart = false\n",
            "config.toml:3:1: ", "the file is TOML: `[table]` headers and `key = value` lines; text stands in quotes"),
        ("ä = 'ö' ü\n",
            "config.toml:1:9: ", "the file is TOML: `[table]` headers and `key = value` lines; text stands in quotes"),
    ];
    let mut wrong = Vec::new();
    for (file, message, hint) in table {
        let (said, hinted) = Bench::new(file).error();
        let fits = if message.ends_with(": ") { said.starts_with(message) } else { said == *message };
        if !fits || (!hint.is_empty() && hinted != *hint) {
            wrong.push(format!("{file:?}\n  expected {message} | {hint}\n  got      {said} | {hinted}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_error_in_a_variable_or_flag_names_it() {
    #[rustfmt::skip]
    let table: &[(Bench, &str, &str)] = &[
        (Bench::new("").variable("MODELSCAN_HOST__MAX_RUNNNG", "2"),
            "the variable MODELSCAN_HOST__MAX_RUNNNG: unknown key `host.max_runnng`", "did you mean `host.max_running`?"),
        (Bench::new("").variable("MODELSCAN_HOST__MAX_RUNNING", "many"),
            "the variable MODELSCAN_HOST__MAX_RUNNING: `host.max_running`: `many` is not a TOML value",
            "write it as in the file: a number, true or false, or a list such as [\"a\", \"b\"]"),
        (Bench::new("").set("host.idle_timeout=soon"),
            "--set host.idle_timeout: `host.idle_timeout`: `soon` is not a duration: write it like `90s`, `5m`, `1h30m` or `7d`", ""),
        (Bench::new("").set("nonsense"),
            "`--set nonsense` has no `=`", "write it as `--set KEY=VALUE`, such as `--set host.max_running=2`"),
        (Bench::new("").set("defaults.agent=other"),
            "--set defaults.agent: `defaults.agent` names `other`, and there is no such agent", "the agents are: nexora"),
        (Bench::new("").set("agents.new.max_running=1"),
            "--set agents.new.max_running: `agents.new.command` is missing: every agent needs a program", ""),
    ];
    for (bench, message, hint) in table {
        let (said, hinted) = bench.error();
        assert_eq!(said, *message);
        assert!(hint.is_empty() || hinted == *hint, "{said}: {hinted}");
    }
}

#[test]
fn a_file_that_is_none_is_told() {
    let bench = Bench::new("");
    let file = bench.home.path().join("config.toml");
    fs::write(&file, b"[host]\n# \xff\n").unwrap();
    assert_eq!(bench.error().0, "config.toml:2:3: not UTF-8 text");
    fs::write(&file, vec![b'#'; 1024 * 1024 + 1]).unwrap();
    assert_eq!(bench.error().0, "config.toml: is larger than 1 MiB");
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    assert_eq!(bench.error().0, "config.toml: is not a file");
    let mut asked_for = Bench::new("");
    asked_for.choices.config = Some("other.toml".into());
    assert!(asked_for.error().0.starts_with("other.toml: cannot be opened"), "{:?}", asked_for.error());
}

#[test]
fn a_broken_file_does_not_hide_the_database() {
    for (file, found) in [
        ("[store]\npath = '/elsewhere/m.db'\n[hosts]\n", Some("/elsewhere/m.db")),
        ("[store]\npath = '/elsewhere/m.db'\n[host\n", Some("/elsewhere/m.db")),
        ("[store]\npath = 'relative.db'\n", None),
        ("[host\n", None),
    ] {
        let bench = Bench::new(file);
        let loaded = load_lenient(&bench.env(), &bench.choices).unwrap();
        assert!(loaded.problem.is_some(), "{file}");
        let usual = bench.home.path().join("modelscan.db");
        assert_eq!(loaded.places.database, found.map_or(usual, PathBuf::from), "{file}");
    }
}

#[test]
fn another_configuration_has_another_hash() {
    let one = Bench::new("");
    let same = Bench::new("[host]\nmax_running = 4\n");
    let other = Bench::new("[host]\nmax_running = 5\n");
    assert_eq!(one.load().unwrap().hash, same.load().unwrap().hash);
    assert_ne!(one.load().unwrap().hash, other.load().unwrap().hash);
}

#[test]
fn the_list_of_keys_is_that_of_the_schema() {
    fn walk(root: &serde_json::Value, schema: &serde_json::Value, above: &str, found: &mut Vec<String>) {
        let target = schema.get("$ref").and_then(|to| to.as_str()).and_then(|to| root.pointer(&to[1..]));
        let schema = target.unwrap_or(schema);
        let below = |name: &str| if above.is_empty() { name.to_owned() } else { format!("{above}.{name}") };
        if let Some(properties) = schema.get("properties").and_then(|all| all.as_object()) {
            for (name, inner) in properties.iter().filter(|(name, _)| *name != "$schema") {
                walk(root, inner, &below(name), found);
            }
        } else if let Some(inner) = schema.get("additionalProperties").filter(|inner| inner.is_object()) {
            walk(root, inner, &below("*"), found);
        } else if let Some(names) = schema.get("patternProperties").and_then(|all| all.as_object()) {
            names.values().for_each(|inner| walk(root, inner, &below("*"), found));
        } else if let Some(inner) = schema.get("anyOf").and_then(|all| all.get(0)) {
            walk(root, inner, above, found);
        } else {
            found.push(above.to_owned());
        }
    }
    let root = wire::config::file::schema();
    let mut found = Vec::new();
    walk(&root, &root, "", &mut found);
    let mut known: Vec<String> = keys::KEYS.iter().map(|(key, _)| (*key).to_owned()).collect();
    found.sort();
    known.sort();
    assert_eq!(known, found);
}

#[test]
fn the_example_has_every_key_and_says_the_defaults() {
    let text = include_str!("../../../examples/config.toml");
    let mut sources = BTreeMap::new();
    note_keys(text, &mut sources);
    for (key, _) in keys::KEYS {
        let shown = sources.keys().any(|found| keys::fits(key, found));
        assert!(shown, "examples/config.toml does not show `{key}`");
    }
    let mut config = Bench::new(text).load().unwrap().config;
    assert_eq!(config.agents.remove(&"minimal".parse().unwrap()).unwrap().env.len(), 2);
    assert!(config.store.path.take().is_some());
    assert_eq!(config, Config::default());
}

#[test]
fn the_page_of_keys_is_complete() {
    let page = include_str!("../../../docs/CONFIGURATION.md");
    let documented: Vec<String> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .filter(|key| {
            key.contains('.') && !key.contains('/') && !key.contains(".toml") && !key.starts_with("modelscan")
        })
        .filter(|key| !key.ends_with(".sock"))
        .map(|key| key.replace("NAME", "*").replace("VARIABLE", "*"))
        .collect();
    let ours: Vec<&str> = keys::KEYS.iter().map(|(key, _)| *key).collect();
    assert_eq!(documented, ours);
}
