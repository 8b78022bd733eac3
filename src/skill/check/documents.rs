//! The schema files beside a plan that its schemas refer to.

use std::collections::BTreeMap;

use schema::{DEPTH_MAX, Document, depth_within, parse_json};
use serde_json::Value;

use crate::files::{Files, PART_BYTES_MAX, stays_inside};
use crate::flaw::Flaw;

/// Most schema files of one skill.
const DOCUMENTS_MAX: usize = 16;

/// The documents gathered so far.
pub(crate) struct Documents<'a> {
    files: &'a Files,
    gathered: BTreeMap<String, Value>,
}

impl<'a> Documents<'a> {
    pub(crate) fn new(files: &'a Files) -> Self {
        Self { files, gathered: BTreeMap::new() }
    }

    /// Reads the files that `schema`, and what it refers to, name. A reference that is no name of a
    /// file inside the folder is left for the compiler to refuse.
    pub(crate) fn gather(&mut self, schema: &Value) -> Result<(), Flaw> {
        let mut names = Vec::new();
        if depth_within(schema, DEPTH_MAX) {
            references(schema, &mut names);
        }
        while let Some(name) = names.pop() {
            if self.gathered.contains_key(&name) || !stays_inside(&name) || name.contains(':') {
                continue;
            }
            if self.gathered.len() == DOCUMENTS_MAX {
                return Err(Flaw::new(&name, format!("more than {DOCUMENTS_MAX} schema files")));
            }
            let text = self.files.read(&name, PART_BYTES_MAX)?;
            let value = parse_json(&text).map_err(|problem| {
                let place = format!("line {}, column {}", problem.line, problem.column);
                Flaw::new(&name, format!("not valid JSON: {}", problem.message)).at(place)
            })?;
            references(&value, &mut names);
            self.gathered.insert(name, value);
        }
        Ok(())
    }

    pub(crate) fn list(&self) -> Vec<Document<'_>> {
        self.gathered.iter().map(|(name, value)| Document { name, value }).collect()
    }
}

/// Adds the documents that the `$ref`s in `schema` name.
fn references(schema: &Value, names: &mut Vec<String>) {
    match schema {
        Value::Object(entries) => {
            for (key, value) in entries {
                if let (true, Some(reference)) = (key == "$ref", value.as_str()) {
                    let name = reference.split('#').next().unwrap_or_default();
                    if !name.is_empty() {
                        names.push(name.to_owned());
                    }
                }
                references(value, names);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, names)),
        _ => {}
    }
}
