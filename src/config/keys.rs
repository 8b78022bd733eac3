//! The keys of the configuration that work, how a variable or flag writes their values, and the
//! nearest right one to a wrong one.

/// How a value is read where it stands alone, in a variable or behind `--set KEY=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// The text is the value.
    Plain,
    /// The text is a TOML value: a number, `true`, a list, a table.
    Toml,
    /// A TOML table if it begins with `{`, else plain text.
    PlainOrTable,
}

/// All keys, in the order of the documentation; `*` stands for a name.
pub const KEYS: &[(&str, Written)] = &[
    ("host.autostart", Written::Toml),
    ("host.idle_timeout", Written::Plain),
    ("host.max_running", Written::Toml),
    ("store.path", Written::Plain),
    ("defaults.agent", Written::Plain),
    ("defaults.timeout", Written::Plain),
    ("defaults.retries.max", Written::Toml),
    ("defaults.retries.backoff", Written::Plain),
    ("defaults.retries.on", Written::Toml),
    ("defaults.recovery", Written::Plain),
    ("agents.*.driver", Written::Plain),
    ("agents.*.command", Written::Plain),
    ("agents.*.args", Written::Toml),
    ("agents.*.description", Written::Plain),
    ("agents.*.capabilities", Written::Toml),
    ("agents.*.skills", Written::Toml),
    ("agents.*.max_running", Written::Toml),
    ("agents.*.start_timeout", Written::Plain),
    ("agents.*.env.*", Written::PlainOrTable),
    ("agents.*.env_pass", Written::Toml),
];

/// Returns how the value of this key is written; nothing if there is no such key.
pub fn written(key: &str) -> Option<Written> {
    KEYS.iter().find(|(pattern, _)| fits(pattern, key)).map(|(_, written)| *written)
}

pub(super) fn fits(pattern: &str, key: &str) -> bool {
    let (mut pattern, mut key) = (pattern.split('.'), key.split('.'));
    loop {
        match (pattern.next(), key.next()) {
            (None, None) => return true,
            (Some("*"), Some(name)) if !name.is_empty() => {}
            (Some(word), Some(name)) if word == name => {}
            _ => return false,
        }
    }
}

/// Returns the right key nearest to a wrong one, names kept as they were written; nothing if none is near.
pub fn nearest(key: &str) -> Option<String> {
    let wrong: Vec<&str> = key.split('.').collect();
    let best = prefixes()
        .filter_map(|pattern| {
            let candidate = filled(&pattern, &wrong);
            let same_depth = pattern.split('.').count() == wrong.len();
            let distance = if same_depth {
                distance_by_word(&candidate, &wrong)?
            } else {
                // The right word in the wrong place: `max_running` for `host.max_running`.
                let last = wrong.last()?;
                (pattern.split('.').next_back() == Some(*last)).then_some(3)?
            };
            Some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)?;
    Some(best.1)
}

/// Returns the nearest of these words; nothing if none is near.
pub fn nearest_word<'a>(wrong: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    words
        .into_iter()
        .map(|word| (strsim::damerau_levenshtein(wrong, word), word))
        .filter(|(distance, word)| *distance <= near(word))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// How many letters may be wrong in a word.
fn near(word: &str) -> usize {
    match word.chars().count() {
        0..=3 => 1,
        4..=7 => 2,
        _ => 3,
    }
}

/// Returns the patterns and the tables that they lie in.
fn prefixes() -> impl Iterator<Item = String> {
    let mut all: Vec<String> = Vec::new();
    for (pattern, _) in KEYS {
        let words: Vec<&str> = pattern.split('.').collect();
        for depth in 1..=words.len() {
            let prefix = words[..depth].join(".");
            if !all.contains(&prefix) {
                all.push(prefix);
            }
        }
    }
    all.into_iter()
}

fn filled(pattern: &str, wrong: &[&str]) -> String {
    let words = pattern.split('.').enumerate().map(|(at, word)| match word {
        "*" => wrong.get(at).copied().unwrap_or("NAME"),
        word => word,
    });
    words.collect::<Vec<_>>().join(".")
}

fn distance_by_word(candidate: &str, wrong: &[&str]) -> Option<usize> {
    let mut sum = 0;
    for (right, wrong) in candidate.split('.').zip(wrong) {
        let distance = strsim::damerau_levenshtein(right, wrong);
        if distance > near(right) {
            return None;
        }
        sum += distance;
    }
    (sum > 0).then_some(sum)
}
