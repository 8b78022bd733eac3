//! Reading and merging the layers: default, user's file, variables, flags.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use toml::Table;
use wire::config::file::FileConfig;
use wire::config::{Config, MergeError};

use super::keys::{self, Written};
use super::position::Position;
use super::{Environment, Places};
use crate::error::{Error, Kind};
use crate::telemetry::Level;

/// The largest configuration file that is read.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// What the command line says about the configuration; a host that is started is told the same.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Choices {
    /// `--home DIR`.
    pub home: Option<PathBuf>,
    /// `--config FILE`.
    pub config: Option<PathBuf>,
    /// `--set KEY=VALUE`, each.
    pub set: Vec<String>,
    /// `--log LEVEL`.
    pub log: Option<Level>,
}

/// Where a value comes from; what has none is a default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The configuration file.
    File,
    /// This variable.
    Variable(String),
    /// `--set`.
    Flag,
}

/// The configuration, with everything that was found out while it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The merged configuration.
    pub config: Config,
    /// Where everything lies.
    pub places: Places,
    /// The hash of the merged configuration.
    pub hash: String,
    /// Where each value comes from that is no default, by its key.
    pub sources: BTreeMap<String, Source>,
    /// What the command line said.
    pub choices: Choices,
    /// Why the configuration could not be used, if it could not and defaults stand in for it.
    pub problem: Option<Error>,
}

/// Reads the configuration.
///
/// # Errors
/// `ConfigError` with file, line, column and key of what is wrong.
pub fn load(env: &Environment, choices: &Choices) -> Result<Loaded, Error> {
    let places = Places::find(env, choices.home.as_deref(), choices.config.as_deref())?;
    let (config, sources) = merge(env, choices, &places)?;
    Ok(finish(config, sources, places, choices, None))
}

/// Reads the configuration for a command that has to work although it is broken: then defaults stand in
/// for it, except for the place of the database, and the problem is told.
///
/// # Errors
/// If there is no place for files at all.
pub fn load_lenient(env: &Environment, choices: &Choices) -> Result<Loaded, Error> {
    let places = Places::find(env, choices.home.as_deref(), choices.config.as_deref())?;
    match merge(env, choices, &places) {
        Ok((config, sources)) => Ok(finish(config, sources, places, choices, None)),
        Err(problem) => {
            let mut config = Config::default();
            config.store.path = database_in_spite(env, choices, &places);
            Ok(finish(config, BTreeMap::new(), places, choices, Some(problem)))
        }
    }
}

fn finish(
    config: Config,
    sources: BTreeMap<String, Source>,
    mut places: Places,
    choices: &Choices,
    problem: Option<Error>,
) -> Loaded {
    if let Some(path) = &config.store.path {
        places.move_database(path.clone());
    }
    let digest = Sha256::digest(format!("{config:?}").as_bytes());
    let hash = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    Loaded { config, places, hash, sources, choices: choices.clone(), problem }
}

type Merged = (Config, BTreeMap<String, Source>);

fn merge(env: &Environment, choices: &Choices, places: &Places) -> Result<Merged, Error> {
    let mut config = Config::default();
    let mut sources = BTreeMap::new();
    let text = read_file(&places.config_file, choices.config.is_some())?;
    if let Some(text) = &text {
        config.lay(parse_file(text, &places.config_file)?);
        note_keys(text, &mut sources);
    }
    for (key, value, source) in single_values(env, choices)? {
        let name = source_name(&source, &key);
        config.lay(parse_single(&key, &value, &name)?);
        sources.insert(key, source);
    }
    config.check().map_err(|error| {
        let place = match sources.iter().find(|(key, _)| key.starts_with(&error.key())) {
            Some((key, source @ (Source::Variable(_) | Source::Flag))) => source_name(source, key),
            _ => {
                let position = text.as_deref().and_then(|text| Position::of_key(text, &error.key()));
                in_file(&places.config_file, position)
            }
        };
        merge_error(&config, &error, &place)
    })?;
    Ok((config, sources))
}

fn merge_error(config: &Config, error: &MergeError, place: &str) -> Error {
    let answer = Error::new(Kind::ConfigError, format!("{place}: {error}"));
    match error {
        MergeError::NoCommand(name) => {
            answer.hint(format!("add `command = \"PROGRAM\"` below `[agents.{name}]`"))
        }
        MergeError::NoSuchAgent(name) => {
            let known: Vec<&str> = config.agents.keys().map(|name| name.as_str()).collect();
            match keys::nearest_word(name.as_str(), known.iter().copied()) {
                Some(near) => answer.hint(format!("did you mean `{near}`?")),
                None => answer.hint(format!("the agents are: {}", known.join(", "))),
            }
        }
    }
}

/// Reads the file; nothing if there is none and none was asked for.
fn read_file(path: &Path, asked_for: bool) -> Result<Option<String>, Error> {
    let fails = |what: String| {
        Error::new(Kind::ConfigError, format!("{}: {what}", path.display()))
            .hint("name a file that can be read with `--config FILE`")
    };
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !asked_for => return Ok(None),
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory && !asked_for => return Ok(None),
        Err(error) => return Err(fails(format!("cannot be opened: {error}"))),
    };
    match file.metadata() {
        Ok(data) if data.is_file() => {}
        Ok(_) => return Err(fails("is not a file".to_owned())),
        Err(error) => return Err(fails(format!("cannot be looked at: {error}"))),
    }
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| fails(format!("cannot be read: {error}")))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(fails("is larger than 1 MiB".to_owned()));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some(text)),
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let text = String::from_utf8_lossy(&error.as_bytes()[..valid]).into_owned();
            let position = Position::of_offset(&text, valid);
            Err(Error::new(Kind::ConfigError, format!("{}: not UTF-8 text", in_file(path, Some(position))))
                .hint("save the file as UTF-8"))
        }
    }
}

/// Reads the text of a file into its layer.
pub(super) fn parse_file(text: &str, path: &Path) -> Result<FileConfig, Error> {
    let deserializer = toml::de::Deserializer::parse(text).map_err(|error| {
        let position = error.span().map(|span| Position::of_offset(text, span.start));
        Error::new(Kind::ConfigError, format!("{}: {}", in_file(path, position), one_line(error.message())))
            .hint("the file is TOML: `[table]` headers and `key = value` lines; text stands in quotes")
    })?;
    serde_path_to_error::deserialize(deserializer).map_err(|error| {
        let key = key_of(&error, error.inner().message());
        let position = Position::of_key(text, &key)
            .or_else(|| error.inner().span().map(|span| Position::of_offset(text, span.start)));
        value_error(&in_file(path, position), &key, error.inner().message())
    })
}

/// Reads the value of one key into a layer of its own.
fn parse_single(key: &str, value: &str, place: &str) -> Result<FileConfig, Error> {
    let written = keys::written(key).ok_or_else(|| unknown_key(place, key))?;
    let as_toml = match written {
        Written::Plain => false,
        Written::Toml => true,
        Written::PlainOrTable => value.trim_start().starts_with('{'),
    };
    let value = if as_toml {
        let wrapped = format!("value = {value}");
        let mut table: Table = toml::from_str(&wrapped).map_err(|_| {
            Error::new(Kind::ConfigError, format!("{place}: `{key}`: `{value}` is not a TOML value"))
                .hint("write it as in the file: a number, true or false, or a list such as [\"a\", \"b\"]")
        })?;
        table.remove("value").unwrap_or_else(|| toml::Value::String(value.to_owned()))
    } else {
        toml::Value::String(value.to_owned())
    };
    let nested = key
        .rsplit('.')
        .fold(value, |inner, word| toml::Value::Table(Table::from_iter([(word.to_owned(), inner)])));
    serde_path_to_error::deserialize(nested).map_err(|error: serde_path_to_error::Error<toml::de::Error>| {
        let inner = error.inner().message().to_owned();
        value_error(place, &key_of(&error, &inner), &inner)
    })
}

/// Returns the values that stand alone: variables first, then flags, which lie over them.
fn single_values(env: &Environment, choices: &Choices) -> Result<Vec<(String, String, Source)>, Error> {
    let mut values = Vec::new();
    for (name, value) in env.with_prefix("MODELSCAN_") {
        // Every key has a table; variables without `__` are no keys, such as MODELSCAN_HOME.
        let Some(key) = key_of_variable(name) else { continue };
        let value = value.to_str().ok_or_else(|| {
            Error::new(Kind::ConfigError, format!("the variable {name}: its value is not UTF-8 text"))
                .hint("set it to UTF-8 text, or unset it")
        })?;
        values.push((key, value.to_owned(), Source::Variable(name.to_owned())));
    }
    for given in &choices.set {
        let (key, value) = given.split_once('=').ok_or_else(|| {
            Error::new(Kind::Usage, format!("`--set {given}` has no `=`"))
                .hint("write it as `--set KEY=VALUE`, such as `--set host.max_running=2`")
        })?;
        values.push((key.trim().to_owned(), value.to_owned(), Source::Flag));
    }
    Ok(values)
}

/// Returns the key that a variable stands for: `MODELSCAN_HOST__MAX_RUNNING` is `host.max_running`.
fn key_of_variable(name: &str) -> Option<String> {
    let words: Vec<&str> = name.strip_prefix("MODELSCAN_")?.split("__").collect();
    if words.len() < 2 {
        return None;
    }
    let mut key: Vec<String> = words.iter().map(|word| word.to_ascii_lowercase()).collect();
    // The names of an agent's variables keep their capitals.
    if key.len() == 4 && key[0] == "agents" && key[2] == "env" {
        key[3] = words[3].to_owned();
    }
    Some(key.join("."))
}

/// Finds the database although the configuration is broken, as well as can be.
fn database_in_spite(env: &Environment, choices: &Choices, places: &Places) -> Option<PathBuf> {
    let in_file = || {
        let text = read_file(&places.config_file, choices.config.is_some()).ok()??;
        let (table, _) = toml::de::DeTable::parse_recoverable(&text);
        let store = table.get_ref().iter().find(|(key, _)| key.get_ref() == "store")?.1;
        let path = store.get_ref().as_table()?.iter().find(|(key, _)| key.get_ref() == "path")?.1;
        Some(path.get_ref().as_str()?.to_owned())
    };
    let alone = single_values(env, choices)
        .unwrap_or_default()
        .into_iter()
        .rev()
        .find(|(key, _, _)| key == "store.path")
        .map(|(_, value, _)| value);
    alone.or_else(in_file).map(PathBuf::from).filter(|path| path.is_absolute())
}

/// Notes the keys that a file sets.
fn note_keys(text: &str, sources: &mut BTreeMap<String, Source>) {
    fn walk(table: &Table, above: &str, sources: &mut BTreeMap<String, Source>) {
        for (name, value) in table {
            let key = if above.is_empty() { name.clone() } else { format!("{above}.{name}") };
            match value {
                toml::Value::Table(inner) if keys::written(&key).is_none() => walk(inner, &key, sources),
                _ => {
                    sources.insert(key, Source::File);
                }
            }
        }
    }
    if let Ok(table) = toml::from_str::<Table>(text) {
        walk(&table, "", sources);
    }
}

fn source_name(source: &Source, key: &str) -> String {
    match source {
        Source::File => "the configuration file".to_owned(),
        Source::Variable(name) => format!("the variable {name}"),
        Source::Flag => format!("--set {key}"),
    }
}

fn in_file(path: &Path, position: Option<Position>) -> String {
    match position {
        Some(Position { line, column }) => format!("{}:{line}:{column}", path.display()),
        None => path.display().to_string(),
    }
}

/// Returns the path of the key that an error is about.
fn key_of<E>(error: &serde_path_to_error::Error<E>, message: &str) -> String {
    let path = error.path().to_string();
    let path = if path == "." { String::new() } else { path };
    match unknown_field(message) {
        Some(field) if path != field && !path.ends_with(&format!(".{field}")) => {
            if path.is_empty() {
                field.to_owned()
            } else {
                format!("{path}.{field}")
            }
        }
        _ => path,
    }
}

/// Returns the name in serde's words for an unknown key.
fn unknown_field(message: &str) -> Option<&str> {
    message.strip_prefix("unknown field `")?.split('`').next()
}

fn unknown_key(place: &str, key: &str) -> Error {
    let error = Error::new(Kind::ConfigError, format!("{place}: unknown key `{key}`"));
    match keys::nearest(key) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint("docs/CONFIGURATION.md lists every key"),
    }
}

fn value_error(place: &str, key: &str, message: &str) -> Error {
    if unknown_field(message).is_some() {
        return unknown_key(place, key);
    }
    Error::new(Kind::ConfigError, format!("{place}: `{key}`: {}", one_line(message)))
        .hint("docs/CONFIGURATION.md says what each key takes; without the key its default holds")
}

fn one_line(message: &str) -> String {
    message.lines().collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests;
