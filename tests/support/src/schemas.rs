//! All public schemas, as they lie in `schemas/`.

use serde_json::Value;

/// Returns the path of each schema below `schemas/`, and its text.
pub fn all() -> Vec<(String, String)> {
    let mut all: Vec<(String, Value)> = wire::schemas::views()
        .into_iter()
        .map(|(name, schema)| (format!("{name}.schema.json"), schema))
        .collect();
    all.push(("config.schema.json".to_owned(), wire::config::file::schema()));
    all.sort_by(|one, other| one.0.cmp(&other.0));
    all.into_iter().map(|(name, schema)| (name, format!("{schema:#}\n"))).collect()
}
