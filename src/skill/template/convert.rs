//! Values of the template language as JSON, with limits. What has no place in JSON is refused, above
//! all the undefined, which would silently become `null`.

use minijinja::value::{Value, ValueKind};
use serde_json::{Map, Number};

use schema::DEPTH_MAX;

/// Most values that one expression may give.
const VALUES_MAX: usize = 1_000_000;
/// Most bytes of text that one expression may give.
pub(crate) const BYTES_MAX: usize = 32 * 1024 * 1024;

/// Returns `value` as JSON, or why it is none.
pub(crate) fn to_json(value: &Value) -> Result<serde_json::Value, String> {
    let mut budget = Budget { values: VALUES_MAX, bytes: BYTES_MAX };
    convert(value, DEPTH_MAX, &mut budget)
}

struct Budget {
    values: usize,
    bytes: usize,
}

impl Budget {
    fn spend(&mut self, values: usize, bytes: usize) -> Result<(), String> {
        match (self.values.checked_sub(values), self.bytes.checked_sub(bytes)) {
            (Some(values), Some(bytes)) => {
                *self = Self { values, bytes };
                Ok(())
            }
            _ => Err(format!("gives more than {VALUES_MAX} values or {} MiB", BYTES_MAX >> 20)),
        }
    }
}

fn convert(value: &Value, depth: usize, budget: &mut Budget) -> Result<serde_json::Value, String> {
    budget.spend(1, 0)?;
    match value.kind() {
        ValueKind::Undefined => Err("is undefined, or holds something undefined".to_owned()),
        ValueKind::None => Ok(serde_json::Value::Null),
        ValueKind::Bool => Ok(value.is_true().into()),
        ValueKind::Number => number(value),
        ValueKind::String => {
            let text = value.as_str().unwrap_or_default();
            budget.spend(0, text.len())?;
            Ok(text.into())
        }
        ValueKind::Seq | ValueKind::Iterable => {
            let depth = deeper(depth)?;
            let mut items = Vec::new();
            for item in value.try_iter().map_err(|error| error.to_string())? {
                items.push(convert(&item, depth, budget)?);
            }
            Ok(items.into())
        }
        ValueKind::Map => {
            let depth = deeper(depth)?;
            let mut entries = Map::new();
            for key in value.try_iter().map_err(|error| error.to_string())? {
                let item = value.get_item(&key).map_err(|error| error.to_string())?;
                let key = match key.as_str() {
                    Some(text) => text.to_owned(),
                    None => key.to_string(),
                };
                budget.spend(0, key.len())?;
                entries.insert(key, convert(&item, depth, budget)?);
            }
            Ok(entries.into())
        }
        ValueKind::Invalid => Err(match value.try_iter() {
            Err(error) => error.to_string(),
            Ok(_) => "is no value".to_owned(),
        }),
        other => Err(format!("gives a {other}, which has no place in JSON")),
    }
}

fn deeper(depth: usize) -> Result<usize, String> {
    depth.checked_sub(1).ok_or_else(|| format!("gives a value nested more than {DEPTH_MAX} levels deep"))
}

fn number(value: &Value) -> Result<serde_json::Value, String> {
    if value.is_integer() {
        if let Ok(number) = i64::try_from(value.clone()) {
            return Ok(number.into());
        }
        if let Ok(number) = u64::try_from(value.clone()) {
            return Ok(number.into());
        }
        return Err(format!("gives {value}, an integer of more than 64 bits"));
    }
    let number = f64::try_from(value.clone()).map_err(|error| error.to_string())?;
    Number::from_f64(number)
        .map(Into::into)
        .ok_or_else(|| format!("gives {value}, which has no place in JSON"))
}
