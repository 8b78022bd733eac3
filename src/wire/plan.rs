//! Plans: tool calls as data, run by Nexora without a model. The shape alone; what a plan means, and
//! whether its names exist, is checked where skills are loaded.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema, schema_for};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

/// The version of the plan format that this program reads.
pub const PLAN_VERSION: u64 = 1;

/// Most steps that a plan may list.
pub const STEPS_LISTED_MAX: usize = 200;

/// Tool calls as data: what is called in which order, what comes out, and how it is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Where the schema of plans lies, for editors.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// The version of the format: 1.
    pub plan: PlanVersion,
    /// What the plan does, in a sentence.
    pub description: String,
    /// Whether the plan may change anything outside of the agent.
    #[serde(default)]
    pub effects: Effects,
    /// JSON Schema of the input; without one the plan takes none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "optional_object")]
    pub input: Option<Map<String, Value>>,
    /// Limits of one run.
    #[serde(default)]
    pub limits: Limits,
    /// The steps, run in this order.
    #[schemars(length(min = 1, max = 200))]
    pub steps: Vec<Step>,
    /// The result: any JSON, with expressions in its strings.
    pub result: Value,
    /// JSON Schema of the result, inline or as a reference to a file beside the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "optional_object")]
    pub result_schema: Option<Map<String, Value>>,
    /// A file beside the plan: the template of the report for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<String>,
    /// A remark for readers of the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// One step: a tool call, or one for each item of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The name by which later steps, result and report know it.
    #[schemars(regex(pattern = r"^[a-z][a-z0-9_]{0,63}$"))]
    pub id: String,
    /// The tool that is called.
    pub tool: String,
    /// The arguments of the call: JSON, with expressions in its strings.
    #[serde(default)]
    pub arguments: Map<String, Value>,
    /// What is being done, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// An expression; when it is false the step is skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// An expression that gives a list; the tool is called once for each item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreach: Option<String>,
    /// The name of the item in expressions of the step; `item` by default.
    #[serde(rename = "as", default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[a-z][a-z0-9_]{0,63}$"))]
    pub item: Option<String>,
    /// What becomes of the plan when a call fails.
    #[serde(default)]
    pub on_error: OnError,
    /// The longest that one call may take: `30s`, `5m`, `1h30m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<PlanDuration>,
    /// A remark for readers of the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// Limits of one run of a plan; checked before each call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Most tool calls.
    #[schemars(range(min = 1, max = 10_000))]
    pub steps: u32,
    /// The longest that a run may take.
    pub wall: PlanDuration,
    /// A remark for readers of the plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { steps: 1_000, wall: PlanDuration { ms: 3_600_000 }, comment: None }
    }
}

/// Whether something may change anything outside of the agent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Effects {
    /// It reads only.
    Read,
    /// It may write.
    #[default]
    Write,
}

impl Effects {
    /// Returns the word that is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// What becomes of the plan when a call fails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    /// The plan fails.
    #[default]
    Fail,
    /// The step has `is_error`, and the plan goes on.
    Continue,
}

/// The number 1, which a plan begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanVersion;

impl Serialize for PlanVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(PLAN_VERSION)
    }
}

impl<'de> Deserialize<'de> for PlanVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u64::deserialize(deserializer)? {
            PLAN_VERSION => Ok(Self),
            other => Err(serde::de::Error::custom(format!(
                "plan format `{other}` is not known; this program reads {PLAN_VERSION}"
            ))),
        }
    }
}

impl JsonSchema for PlanVersion {
    fn schema_name() -> Cow<'static, str> {
        "PlanVersion".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "const": PLAN_VERSION })
    }
}

/// A duration in a plan: digits and units from `d` to `ms`, the larger first, without spaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlanDuration {
    /// Its length in milliseconds; at least 1.
    pub ms: u64,
}

/// Longest duration of a plan: a week.
const DURATION_MS_MAX: u64 = 7 * 86_400_000;

impl PlanDuration {
    /// Reads `30s`, `1h30m`, `250ms`; nothing for anything else, for zero, and for more than a week.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let ms = u64::try_from(domain::parse_duration(text).ok()?.as_millis()).ok()?;
        (1..=DURATION_MS_MAX).contains(&ms).then_some(Self { ms })
    }

    /// Returns it as a duration.
    #[must_use]
    pub fn as_duration(self) -> std::time::Duration {
        std::time::Duration::from_millis(self.ms)
    }
}

impl std::fmt::Display for PlanDuration {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&domain::format_duration(self.as_duration()))
    }
}

impl Serialize for PlanDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PlanDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            let shown: String = text.chars().take(40).collect();
            serde::de::Error::custom(format!(
                "`{shown}` is no duration; write it as `30s`, `5m` or `1h30m`, up to `7d`"
            ))
        })
    }
}

impl JsonSchema for PlanDuration {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A duration: `30s`, `5m`, `1h30m`, up to `7d`.",
            "pattern": "^(?=[0-9])([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$"
        })
    }
}

/// Returns the closed JSON Schema of plans.
#[must_use]
pub fn schema() -> Schema {
    schema_for!(Plan)
}

/// Returns the schema of every shape here, by the name of its file in `schemas/`.
#[must_use]
pub fn schemas() -> Vec<(&'static str, Schema)> {
    vec![("plan", schema())]
}

fn optional_object(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["object", "null"] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn smallest() -> Value {
        json!({"plan": 1, "description": "d", "steps": [{"id": "a", "tool": "ls"}], "result": {}})
    }

    #[test]
    fn defaults_are_the_careful_ones() {
        let plan: Plan = serde_json::from_value(smallest()).unwrap();
        assert_eq!(plan.effects, Effects::Write);
        assert_eq!(plan.steps[0].on_error, OnError::Fail);
        assert_eq!((plan.limits.steps, plan.limits.wall.ms), (1_000, 3_600_000));
        assert_eq!(plan.input, None);
    }

    #[test]
    fn unknown_keys_and_versions_are_refused() {
        let refused = |change: &dyn Fn(&mut Value)| {
            let mut plan = smallest();
            change(&mut plan);
            serde_json::from_value::<Plan>(plan).unwrap_err().to_string()
        };
        assert!(refused(&|plan| plan["stps"] = json!([])).contains("unknown field `stps`"));
        assert!(refused(&|plan| plan["steps"][0]["args"] = json!({})).contains("unknown field `args`"));
        assert!(refused(&|plan| plan["limits"] = json!({"step": 1})).contains("unknown field `step`"));
        assert!(refused(&|plan| plan["plan"] = json!(2)).contains("plan format `2`"));
        assert!(refused(&|plan| plan["steps"][0]["timeout"] = json!("soon")).contains("no duration"));
        assert!(refused(&|plan| plan["effects"] = json!("none")).contains("unknown variant"));
        assert!(
            refused(&|plan| drop(plan.as_object_mut().unwrap().remove("result"))).contains("missing field")
        );
    }

    #[test]
    fn comments_and_the_schema_key_are_allowed() {
        let mut plan = smallest();
        plan["$schema"] = json!("../plan.schema.json");
        plan["comment"] = json!("x");
        plan["limits"] = json!({"comment": "x"});
        plan["steps"][0]["comment"] = json!("x");
        assert!(serde_json::from_value::<Plan>(plan).is_ok());
    }

    #[test]
    fn durations_are_read_strictly() {
        let check = |text: &str, ms: Option<u64>| {
            assert_eq!(PlanDuration::parse(text).map(|duration| duration.ms), ms, "{text}");
        };
        check("90s", Some(90_000));
        check("1h30m", Some(5_400_000));
        check("250ms", Some(250));
        check("1m1ms", Some(60_001));
        check("7d", Some(DURATION_MS_MAX));
        for text in
            ["", "5", "s", "0s", "8d", "30m1h", "1h1h", "1 h", "-5s", "1.5s", "1M", "99999999999999999999s"]
        {
            check(text, None);
        }
    }

    #[test]
    fn the_published_schema_is_this_one() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/plan.schema.json");
        let published: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        assert_eq!(published, schema().to_value(), "schemas/plan.schema.json is not the schema of plans");
    }

    #[test]
    fn the_schema_is_closed() {
        let schema = serde_json::to_value(schema()).unwrap();
        for place in ["", "/$defs/Step", "/$defs/Limits"] {
            assert_eq!(
                schema.pointer(&format!("{place}/additionalProperties")),
                Some(&json!(false)),
                "{place}"
            );
        }
    }

    proptest! {
        #[test]
        fn a_written_duration_is_read_again(ms in 1..=DURATION_MS_MAX) {
            let duration = PlanDuration { ms };
            prop_assert_eq!(PlanDuration::parse(&duration.to_string()), Some(duration));
        }

        #[test]
        fn no_text_panics(text in ".{0,30}") {
            let _ = PlanDuration::parse(&text);
        }
    }
}
