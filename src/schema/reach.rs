//! How far the references of a schema lead, asked before it is compiled: the validator follows them
//! by recursion, so a long chain overflows the stack, which ends the process, and references that
//! multiply take time without end.
//!
//! Not bounded is the time that a schema takes which refers to itself from several places for the
//! same part of a value: only schemas that someone here chose are compiled.

use std::collections::HashMap;

use serde_json::Value;

use crate::compile::{Document, SchemaError};
use crate::depth::DEPTH_MAX;
use crate::problem::shorten;

/// Most levels, of nesting and of references, that lead one after the other.
pub(crate) const LEVELS_MAX: usize = 1_500;
/// Most ways through the references of a schema.
pub(crate) const WAYS_MAX: u64 = 100_000;
/// Levels of the schema times levels of a value, where the schema refers to itself.
const CIRCLE_LEVELS_MAX: usize = 4_000;

/// Keys whose value is followed as a reference.
const REFERENCES: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];
/// Keys that hold data, not schemas.
const DATA: [&str; 4] = ["const", "enum", "default", "examples"];
/// Keys that hold schemas under names of the author's.
const NAMED: [&str; 5] = ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"];
/// Where the schemas of schemas lie; they are known without being fetched.
const SCHEMAS_OF_SCHEMAS: [&str; 2] = ["https://json-schema.org/", "http://json-schema.org/"];

/// What the references of a schema come to.
#[derive(Debug)]
pub(crate) struct Reach {
    /// How deep a value may be.
    pub(crate) value_depth_max: usize,
    /// A reference that could not be followed here. When the compiler can, nobody knows how far it leads.
    pub(crate) unfollowed: Option<String>,
}

/// Follows all references of `schema` through `documents`.
pub(crate) fn reach(schema: &Value, documents: &[Document<'_>]) -> Result<Reach, SchemaError> {
    let mut walk = Walk {
        roots: documents.iter().map(|document| (document.name.to_owned(), document.value)).collect(),
        anchors: HashMap::new(),
        seen: HashMap::new(),
        circular: false,
        unfollowed: None,
    };
    walk.roots.insert("schema".to_owned(), schema);
    for root in documents.iter().map(|document| document.value).chain([schema]) {
        walk.names(root);
    }
    let (levels, _) = walk.follow(schema, schema, Place::Schema, 0)?;
    let value_depth_max =
        if walk.circular { DEPTH_MAX.min(CIRCLE_LEVELS_MAX / levels.max(1)) } else { DEPTH_MAX };
    Ok(Reach { value_depth_max, unfollowed: walk.unfollowed })
}

/// What an object is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Schema,
    /// Names of the author's, with schemas.
    Names,
}

enum Seen {
    Entered,
    /// Levels below, and ways through it.
    Left(usize, u64),
}

struct Walk<'s> {
    /// Documents by name, and parts with an `$id` by that.
    roots: HashMap<String, &'s Value>,
    anchors: HashMap<String, &'s Value>,
    /// By address: a part has one place in one document.
    seen: HashMap<*const Value, Seen>,
    circular: bool,
    unfollowed: Option<String>,
}

impl<'s> Walk<'s> {
    /// Learns all ids and anchors. The depth of `value` is bounded by then.
    fn names(&mut self, value: &'s Value) {
        match value {
            Value::Object(entries) => {
                for (key, item) in entries {
                    match (key.as_str(), item.as_str()) {
                        ("$id" | "id", Some(id)) => {
                            self.roots.insert(id.trim_end_matches('#').to_owned(), value);
                        }
                        ("$anchor" | "$dynamicAnchor", Some(name)) => {
                            self.anchors.insert(name.to_owned(), value);
                        }
                        _ => self.names(item),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.names(item)),
            _ => {}
        }
    }

    /// Returns the levels below `value` and the ways through it. `above` levels lead to it.
    fn follow(
        &mut self,
        value: &'s Value,
        root: &'s Value,
        place: Place,
        above: usize,
    ) -> Result<(usize, u64), SchemaError> {
        if !value.is_object() && !value.is_array() {
            return Ok((0, 0));
        }
        let known = match self.seen.get(&std::ptr::from_ref(value)) {
            Some(Seen::Entered) => {
                self.circular = true;
                return Ok((0, 1));
            }
            Some(Seen::Left(levels, ways)) => Some((*levels, *ways)),
            None => None,
        };
        if above + known.map_or(0, |(levels, _)| levels) > LEVELS_MAX {
            return Err(SchemaError::TooFar);
        }
        if let Some(known) = known {
            return Ok(known);
        }
        self.seen.insert(value, Seen::Entered);
        let (mut levels, mut ways) = (0usize, 1u64);
        for (next, root, place) in self.next(value, root, place) {
            let (next_levels, next_ways) = self.follow(next, root, place, above + 1)?;
            levels = levels.max(next_levels + 1);
            ways = ways.saturating_add(next_ways);
        }
        if ways > WAYS_MAX {
            return Err(SchemaError::TooMany);
        }
        self.seen.insert(value, Seen::Left(levels, ways));
        Ok((levels, ways))
    }

    /// What comes after `value`: its parts, and what it refers to.
    fn next(
        &mut self,
        value: &'s Value,
        root: &'s Value,
        place: Place,
    ) -> Vec<(&'s Value, &'s Value, Place)> {
        let entries = match value {
            Value::Array(items) => return items.iter().map(|item| (item, root, Place::Schema)).collect(),
            Value::Object(entries) => entries,
            _ => return Vec::new(),
        };
        if place == Place::Names {
            return entries.values().map(|item| (item, root, Place::Schema)).collect();
        }
        let root = if entries.get("$id").is_some_and(Value::is_string) { value } else { root };
        let mut next = Vec::new();
        for (key, item) in entries {
            match item.as_str() {
                Some(reference) if REFERENCES.contains(&key.as_str()) => match self.target(reference, root) {
                    Some((target, root)) => next.push((target, root, Place::Schema)),
                    None if SCHEMAS_OF_SCHEMAS.iter().any(|known| reference.starts_with(known)) => {}
                    None => self.unfollowed = Some(shorten(reference, 200)),
                },
                _ if DATA.contains(&key.as_str()) => {}
                _ => {
                    let place = if NAMED.contains(&key.as_str()) { Place::Names } else { Place::Schema };
                    next.push((item, root, place));
                }
            }
        }
        next
    }

    fn target(&self, reference: &str, root: &'s Value) -> Option<(&'s Value, &'s Value)> {
        let (name, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let root = if name.is_empty() { root } else { *self.roots.get(name)? };
        match fragment {
            "" => Some((root, root)),
            pointer if pointer.starts_with('/') => Some((root.pointer(pointer)?, root)),
            anchor => Some((self.anchors.get(anchor)?, root)),
        }
    }
}
