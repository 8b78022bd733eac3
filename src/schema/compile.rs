//! Compiles a schema together with the documents that it may refer to, and checks values.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{PatternOptions, ReferencingError, Retrieve, Uri, ValidationError, Validator};
use serde_json::Value;

use crate::depth::{DEPTH_MAX, depth_within};
use crate::problem::{PROBLEMS_MAX, Problem, ProblemKind, problem, shorten};
use crate::reach::{LEVELS_MAX, WAYS_MAX, reach};

/// Where relative references start from. Never looked up anywhere.
const BASE: &str = "json-schema:///";
/// How often a pattern may step back before the value counts as not matching.
const BACKTRACKS_MAX: usize = 100_000;

/// A document that a schema may refer to by a relative name, such as `result.schema.json`.
#[derive(Debug, Clone, Copy)]
pub struct Document<'a> {
    /// Its name, as it stands in the reference.
    pub name: &'a str,
    /// What it holds.
    pub value: &'a Value,
}

/// Why a schema cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// The schema, or a document beside it, is nested too deep to be compiled.
    #[error("the schema is nested more than {DEPTH_MAX} levels deep")]
    TooDeep,
    /// Its references lead so far that following them would overflow the stack.
    #[error("the references of the schema lead through more than {LEVELS_MAX} levels")]
    TooFar,
    /// Its references multiply: each way through them is gone when a value is checked.
    #[error("the references of the schema multiply to more than {WAYS_MAX} ways")]
    TooMany,
    /// The schema refers to a document that was not named; nothing is fetched.
    #[error(
        "the schema refers to `{reference}`, which is not at hand; only files beside it can be referred to, nothing is fetched"
    )]
    Unreachable {
        /// The reference as it was understood.
        reference: String,
    },
    /// A reference points into nothing.
    #[error("the schema refers to `{reference}`, which does not exist")]
    Dangling {
        /// The place that it points to.
        reference: String,
    },
    /// The schema is written for a version of JSON Schema that is not known.
    #[error("the schema names `{version}` in `$schema`, which is no known version of JSON Schema")]
    UnknownVersion {
        /// What `$schema` holds.
        version: String,
    },
    /// The schema is not a valid schema.
    #[error("not a valid JSON Schema: {0}")]
    Invalid(Problem),
}

/// A compiled schema.
#[derive(Debug)]
pub struct Checker {
    validator: Validator,
    schema: Value,
    value_depth_max: usize,
}

/// Returns a checker for `schema`, which may refer to itself and to `documents`.
///
/// # Errors
/// A schema that is too deep, refers elsewhere, or is not a schema.
pub fn compile(schema: &Value, documents: &[Document<'_>]) -> Result<Checker, SchemaError> {
    if !documents
        .iter()
        .map(|document| document.value)
        .chain([schema])
        .all(|value| depth_within(value, DEPTH_MAX))
    {
        return Err(SchemaError::TooDeep);
    }
    let reach = reach(schema, documents)?;
    let named = documents.iter().map(|document| (format!("{BASE}{}", document.name), document.value.clone()));
    let validator = jsonschema::options()
        .with_base_uri(format!("{BASE}schema"))
        .with_retriever(Named(named.collect()))
        .with_pattern_options(PatternOptions::fancy_regex().backtrack_limit(BACKTRACKS_MAX))
        .build(schema)
        .map_err(|error| refusal(&error))?;
    if let Some(reference) = reach.unfollowed {
        return Err(SchemaError::Unreachable { reference });
    }
    Ok(Checker { validator, schema: schema.clone(), value_depth_max: reach.value_depth_max })
}

impl Checker {
    /// Returns what of `value` does not fit, at most [`PROBLEMS_MAX`] problems; empty when it fits.
    pub fn check(&self, value: &Value) -> Vec<Problem> {
        if !depth_within(value, self.value_depth_max) {
            let message = format!("nested more than {} levels deep", self.value_depth_max);
            return vec![Problem { path: String::new(), message, kind: ProblemKind::Value }];
        }
        let errors = self.validator.iter_errors(value).take(PROBLEMS_MAX);
        errors.map(|error| problem(&error, &self.schema)).collect()
    }

    /// Returns the schema that this checks.
    pub fn schema(&self) -> &Value {
        &self.schema
    }
}

/// The documents at hand; everything else is refused.
struct Named(HashMap<String, Value>);

#[derive(Debug)]
struct NotAtHand;

impl fmt::Display for NotAtHand {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("not at hand")
    }
}

impl Error for NotAtHand {}

impl Retrieve for Named {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn Error + Send + Sync>> {
        self.0.get(uri.as_str()).cloned().ok_or_else(|| Box::new(NotAtHand) as Box<dyn Error + Send + Sync>)
    }
}

fn refusal(error: &ValidationError<'_>) -> SchemaError {
    let short = |uri: &str| shorten(uri.strip_prefix(BASE).unwrap_or(uri), 200);
    match error.kind() {
        ValidationErrorKind::Referencing(ReferencingError::Unretrievable { uri, .. }) => {
            SchemaError::Unreachable { reference: short(uri) }
        }
        ValidationErrorKind::Referencing(
            ReferencingError::PointerToNowhere { pointer }
            | ReferencingError::InvalidPercentEncoding { pointer, .. },
        ) => SchemaError::Dangling { reference: short(pointer) },
        ValidationErrorKind::Referencing(
            ReferencingError::NoSuchAnchor { anchor } | ReferencingError::InvalidAnchor { anchor },
        ) => SchemaError::Dangling { reference: short(anchor) },
        ValidationErrorKind::Referencing(
            ReferencingError::UnknownSpecification { specification: version }
            | ReferencingError::CircularMetaschema { uri: version },
        ) => SchemaError::UnknownVersion { version: short(version) },
        _ => SchemaError::Invalid(problem(error, &Value::Null)),
    }
}

#[cfg(test)]
mod tests;
