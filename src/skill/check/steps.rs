//! The check of a plan's steps: ids, tools, effects, arguments and expressions.

use schema::{Checker, Problem, ProblemKind, shorten};
use serde_json::{Map, Value};
use wire::plan::{Effects, Plan, STEPS_LISTED_MAX, Step};

use super::{has_template, is_literal};
use crate::flaw::{Flaw, inside};
use crate::plan::PLAN_FILE;
use crate::template::{Names, Templates};
use crate::tools::ToolShape;

/// The tool whose command goes to a shell, and the argument that holds it: never a template, since
/// a value from a repository would become code.
const SHELL: (&str, &str) = ("bash", "command");
/// Names that an item must not hide.
const TAKEN: [&str; 5] = ["input", "steps", "task", "result", "loop"];

/// What the steps of one plan are checked with.
pub(crate) struct StepCheck<'a> {
    pub(crate) tools: &'a [(ToolShape, Option<Checker>)],
    pub(crate) templates: &'a Templates,
    pub(crate) plan: &'a Plan,
}

impl StepCheck<'_> {
    /// Returns everything that is wrong with the steps.
    pub(crate) fn flaws(&self, input: Option<&[String]>, ids: &[String]) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        if ids.len() > STEPS_LISTED_MAX {
            flaws.push(flaw(format!("more than {STEPS_LISTED_MAX} steps")).at("steps"));
        }
        for (index, step) in self.plan.steps.iter().enumerate() {
            let base = format!("steps[{index}]");
            if ids[..index].contains(&step.id) {
                flaws.push(flaw(format!("the id `{}` is there twice", step.id)).at(format!("{base}.id")));
            }
            let item = step.foreach.as_ref().map(|_| step.item.as_deref().unwrap_or("item"));
            let names = Names { input, steps: &ids[..index], all_steps: ids, item: None };
            self.flow(step, &base, &names, &mut flaws);
            self.tool(step, &base, &mut flaws);
            for (pointer, message) in
                self.templates.check(&Value::Object(step.arguments.clone()), &Names { item, ..names })
            {
                flaws.push(flaw(message).at(inside(&format!("{base}.arguments"), &pointer)));
            }
        }
        flaws
    }

    /// `when`, `foreach` and `as`.
    fn flow(&self, step: &Step, base: &str, names: &Names<'_>, flaws: &mut Vec<Flaw>) {
        for (key, text) in [("when", &step.when), ("foreach", &step.foreach)] {
            if let Some(message) = text.as_ref().and_then(|text| self.templates.check_expression(text, names))
            {
                flaws.push(flaw(message).at(format!("{base}.{key}")));
            }
        }
        match &step.item {
            Some(_) if step.foreach.is_none() => {
                flaws.push(
                    flaw("`as` names the item of `foreach`, which is not there").at(format!("{base}.as")),
                );
            }
            Some(name) if TAKEN.contains(&name.as_str()) => {
                flaws.push(flaw(format!("the name `{name}` is taken")).at(format!("{base}.as")));
            }
            _ => {}
        }
        if let Some(title) = step.title.as_ref().filter(|title| crate::template::is_template(title)) {
            let message = format!("a title is plain text, not `{}`", shorten(title, 60));
            flaws.push(flaw(message).at(format!("{base}.title")));
        }
    }

    /// The tool, its effects and its arguments.
    fn tool(&self, step: &Step, base: &str, flaws: &mut Vec<Flaw>) {
        let Some((shape, checker)) = self.tools.iter().find(|(shape, _)| shape.name == step.tool) else {
            let known: Vec<String> =
                self.tools.iter().map(|(shape, _)| format!("`{}`", shape.name)).collect();
            flaws.push(
                flaw(format!("there is no tool `{}`", shorten(&step.tool, 60)))
                    .at(format!("{base}.tool"))
                    .hint(format!("tools are {}", known.join(", "))),
            );
            return;
        };
        if self.plan.effects == Effects::Read && shape.effects == Effects::Write {
            flaws.push(
                flaw(format!("`{}` can write, and the plan has `effects` `read`", shape.name))
                    .at(format!("{base}.tool"))
                    .hint("leave `effects` out, or write `\"effects\": \"write\"`"),
            );
        }
        if shape.name == SHELL.0 && step.arguments.get(SHELL.1).is_some_and(has_template) {
            flaws.push(
                flaw("nothing is put into a shell command")
                    .at(format!("{base}.arguments.{}", SHELL.1))
                    .hint("pass the value through `env` and read it in the command as \"$NAME\""),
            );
        }
        let Some(checker) = checker else { return };
        let arguments = plain(&step.arguments);
        for problem in checker.check(&arguments) {
            if is_certain(&problem, &arguments) {
                flaws.push(Flaw::misfit(PLAN_FILE, &format!("{base}.arguments"), &problem));
            }
        }
    }
}

fn flaw(message: impl Into<String>) -> Flaw {
    Flaw::new(PLAN_FILE, message)
}

/// The arguments with literals in their place; templates stay as they are.
fn plain(arguments: &Map<String, Value>) -> Value {
    fn replace(value: &Value) -> Value {
        match value {
            Value::Array(items) => items.iter().map(replace).collect(),
            Value::Object(entries) if is_literal(entries) => {
                // A literal that looks like a template must not be taken for one afterwards.
                let literal = &entries["$literal"];
                if has_template(literal) { Value::Object(entries.clone()) } else { literal.clone() }
            }
            Value::Object(entries) => {
                Value::Object(entries.iter().map(|(key, value)| (key.clone(), replace(value))).collect())
            }
            scalar => scalar.clone(),
        }
    }
    replace(&Value::Object(arguments.clone()))
}

/// Returns whether a misfit is there whatever the templates will give: keys are never templates, and
/// a value without templates stays as it is.
fn is_certain(problem: &Problem, arguments: &Value) -> bool {
    match problem.kind {
        ProblemKind::UnknownKeys { .. } | ProblemKind::MissingKey => !is_inside_literal(problem, arguments),
        ProblemKind::Value => arguments
            .pointer(&problem.path)
            .is_some_and(|value| !any_uncertain(value) && !is_inside_literal(problem, arguments)),
    }
}

/// Whether a literal was kept at or above the place of the problem.
fn is_inside_literal(problem: &Problem, arguments: &Value) -> bool {
    let mut pointer = problem.path.as_str();
    loop {
        let kept = arguments.pointer(pointer).and_then(Value::as_object).is_some_and(is_literal);
        if kept {
            return true;
        }
        match pointer.rfind('/') {
            Some(end) => pointer = &pointer[..end],
            None => return false,
        }
    }
}

fn any_uncertain(value: &Value) -> bool {
    match value {
        Value::String(text) => crate::template::is_template(text),
        Value::Array(items) => items.iter().any(any_uncertain),
        Value::Object(entries) => is_literal(entries) || entries.values().any(any_uncertain),
        _ => false,
    }
}
