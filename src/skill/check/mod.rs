//! The check of a plan at load: everything that can be seen before it runs is refused here, with its
//! file and the place inside.

mod documents;
mod steps;

use schema::{Checker, SchemaError, parse_json};
use serde_json::{Map, Value, json};
use wire::plan::Plan;

use crate::files::{Files, PART_BYTES_MAX, stays_inside};
use crate::flaw::{Flaw, inside};
use crate::plan::{CheckedPlan, PLAN_FILE, closed_keys};
use crate::template::{Names, Templates};
use crate::tools::ToolShape;
use documents::Documents;
use steps::StepCheck;

/// What all plans are checked with: the schema of plans, the tools, the template language.
pub(crate) struct PlanCheck {
    plan_schema: Checker,
    tools: Vec<(ToolShape, Option<Checker>)>,
    templates: Templates,
}

impl PlanCheck {
    /// Prepares the check for these tools.
    pub(crate) fn new(tools: &[ToolShape]) -> Result<Self, SchemaError> {
        let plan_schema = schema::compile(wire::plan::schema().as_value(), &[])?;
        let tools = tools.iter().map(|tool| (tool.clone(), schema::compile(&tool.input, &[]).ok())).collect();
        Ok(Self { plan_schema, tools, templates: Templates::new() })
    }

    /// Reads and checks the plan of a skill.
    pub(crate) fn load(&self, files: &Files) -> Result<CheckedPlan, Vec<Flaw>> {
        let plan = self.read(files)?;
        let mut flaws = Vec::new();
        let mut keep = |flaw: Flaw| flaws.push(flaw);

        let input_schema = match &plan.input {
            Some(schema) => Value::Object(schema.clone()),
            None => json!({ "type": "object", "properties": {}, "additionalProperties": false }),
        };
        if input_schema.get("type") != Some(&json!("object")) {
            keep(
                Flaw::new(PLAN_FILE, "the input must be an object")
                    .at("input.type")
                    .hint("write `\"type\": \"object\"`"),
            );
        }
        let mut documents = Documents::new(files);
        let input = compile(&input_schema, "input", &mut documents, &mut keep);
        let result_schema = plan.result_schema.clone().map(Value::Object);
        let result =
            result_schema.and_then(|schema| compile(&schema, "result_schema", &mut documents, &mut keep));

        let input_keys = input_schema.as_object().and_then(closed_keys);
        let ids: Vec<String> = plan.steps.iter().map(|step| step.id.clone()).collect();
        let step_check = StepCheck { tools: &self.tools, templates: &self.templates, plan: &plan };
        flaws.extend(step_check.flaws(input_keys.as_deref(), &ids));

        let names = Names { input: input_keys.as_deref(), steps: &ids, all_steps: &ids, item: None };
        for (pointer, message) in self.templates.check(&plan.result, &names) {
            flaws.push(Flaw::new(PLAN_FILE, message).at(inside("result", &pointer)));
        }
        let report = match plan.report.as_deref().map(|name| self.report(files, name, &names)) {
            Some(Ok(source)) => Some(source),
            Some(Err(flaw)) => {
                flaws.push(flaw);
                None
            }
            None => None,
        };
        match input {
            Some(input) if flaws.is_empty() => Ok(CheckedPlan { plan, input, result, report }),
            _ => Err(flaws),
        }
    }

    /// Reads the plan as a type: JSON first, then its shape, with all misfits at once.
    fn read(&self, files: &Files) -> Result<Plan, Vec<Flaw>> {
        let text = files.read(PLAN_FILE, PART_BYTES_MAX).map_err(|flaw| vec![flaw])?;
        let value = parse_json(&text).map_err(|problem| {
            let place = format!("line {}, column {}", problem.line, problem.column);
            vec![Flaw::new(PLAN_FILE, format!("not valid JSON: {}", problem.message)).at(place)]
        })?;
        let problems = self.plan_schema.check(&value);
        if !problems.is_empty() {
            let flaws = problems.iter().map(|problem| {
                Flaw::misfit(PLAN_FILE, "", problem).hint("the shape of plans is described in docs/SKILLS.md")
            });
            return Err(flaws.collect());
        }
        serde_json::from_value(value).map_err(|error| vec![Flaw::new(PLAN_FILE, error.to_string())])
    }

    fn report(&self, files: &Files, name: &str, names: &Names<'_>) -> Result<String, Flaw> {
        if !stays_inside(name) {
            return Err(Flaw::new(
                PLAN_FILE,
                format!("the path `{}` leads out of the skill's folder", schema::shorten(name, 80)),
            )
            .at("report")
            .hint("name a file inside the folder, without `..` and without a leading `/`"));
        }
        let source = files.read(name, PART_BYTES_MAX)?;
        match self.templates.check_report(&source, names) {
            Some(message) => Err(Flaw::new(name, message)),
            None => Ok(source),
        }
    }
}

/// Compiles a schema of a plan together with the files beside it that it refers to.
fn compile(
    schema: &Value,
    place: &str,
    documents: &mut Documents<'_>,
    keep: &mut dyn FnMut(Flaw),
) -> Option<Checker> {
    if let Err(flaw) = documents.gather(schema) {
        keep(flaw);
        return None;
    }
    let flaw = match schema::compile(schema, &documents.list()) {
        Ok(checker) => return Some(checker),
        Err(SchemaError::Invalid(problem)) => {
            Flaw::new(PLAN_FILE, format!("not a valid JSON Schema: {}", problem.message))
                .at(inside(place, &problem.path))
        }
        Err(error @ (SchemaError::Unreachable { .. } | SchemaError::Dangling { .. })) => {
            Flaw::new(PLAN_FILE, error.to_string())
                .at(place)
                .hint("put the schema into a file in the skill's folder")
        }
        Err(error) => Flaw::new(PLAN_FILE, error.to_string()).at(place),
    };
    keep(flaw);
    None
}

/// Returns whether any string inside `value` is a template.
fn has_template(value: &Value) -> bool {
    match value {
        Value::String(text) => crate::template::is_template(text),
        Value::Array(items) => items.iter().any(has_template),
        Value::Object(entries) => !is_literal(entries) && entries.values().any(has_template),
        _ => false,
    }
}

fn is_literal(entries: &Map<String, Value>) -> bool {
    entries.len() == 1 && entries.contains_key("$literal")
}

#[cfg(test)]
mod tests;
