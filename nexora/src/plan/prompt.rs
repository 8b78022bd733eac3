//! What a prompt asks for when there is no model: a skill by its name, with an input or without one.

use schema::{parse_json, shorten};
use serde_json::{Value, json};
use skill::{CheckedPlan, Library, LookupError};
use wire::extension::{FailureReason, PromptMeta};

use super::Failure;

/// Most skills that a hint lists.
const LISTED_MAX: usize = 20;

/// Returns the plan that a prompt asks for, and its input as it was given.
///
/// What the host says in `meta` goes before the words. Without it, the first word must be `/NAME` or
/// `NAME` of a skill with a plan, and the rest empty or one JSON object.
///
/// # Errors
/// Anything else needs a model: `not_configured`, with a hint that lists what works.
pub fn resolve<'l>(
    prompt: &str,
    meta: Option<&PromptMeta>,
    library: &'l Library,
) -> Result<(&'l CheckedPlan, Value), Failure> {
    if let Some(name) = meta.and_then(|meta| meta.skill.as_deref()) {
        let input = meta.and_then(|meta| meta.input.clone()).unwrap_or_else(|| json!({}));
        return Ok((plan(name, library)?, input));
    }
    let prompt = prompt.trim();
    let (first, rest) = prompt.split_once(char::is_whitespace).unwrap_or((prompt, ""));
    let (name, rest) = (first.strip_prefix('/').unwrap_or(first), rest.trim());
    let plan = match library.get(name) {
        Err(LookupError::Unknown { .. }) if name == first => {
            return Err(not_configured("a prompt in words needs a model, and this agent has none", library));
        }
        _ => plan(name, library)?,
    };
    if rest.is_empty() {
        return Ok((plan, json!({})));
    }
    match parse_json(rest) {
        Ok(input @ Value::Object(_)) => Ok((plan, input)),
        Ok(_) => {
            let message = format!("what follows `{first}` is JSON, but no object; more words need a model");
            Err(not_configured(&message, library))
        }
        Err(problem) => {
            let message =
                format!("what follows `{first}` is no JSON object ({problem}); more words need a model");
            Err(not_configured(&message, library))
        }
    }
}

fn plan<'l>(name: &str, library: &'l Library) -> Result<&'l CheckedPlan, Failure> {
    match library.get(name) {
        Ok(skill) => skill.plan.as_ref().ok_or_else(|| {
            let message = format!(
                "the skill `{}` has no plan, so it needs a model, and this agent has none",
                shorten(name, 64)
            );
            not_configured(&message, library)
        }),
        Err(LookupError::Broken { name, flaws }) => {
            let hint = flaws.iter().find_map(|flaw| flaw.hint.clone());
            let message = LookupError::Broken { name, flaws }.to_string();
            let failure = Failure::new(FailureReason::NotConfigured, message);
            Err(match hint {
                Some(hint) => failure.hint(hint),
                None => failure,
            })
        }
        Err(error) => Err(not_configured(&error.to_string(), library)),
    }
}

fn not_configured(message: &str, library: &Library) -> Failure {
    let with_plan = library.usable().filter(|skill| skill.plan.is_some());
    let mut names: Vec<String> = with_plan.map(|skill| format!("`{}`", skill.front_matter.name)).collect();
    if names.len() > LISTED_MAX {
        let more = names.len() - LISTED_MAX;
        names.truncate(LISTED_MAX);
        names.push(format!("{more} more"));
    }
    let skills = match names.as_slice() {
        [] => "no skill with a plan is installed".to_owned(),
        names => format!(
            "these skills run without a model: {}; ask for one by its name, with its input as a JSON object behind it",
            names.join(", ")
        ),
    };
    let model = "for prompts in words configure an agent that has a model, `[agents.NAME]` with `driver = \"acp\"` and its `command` \
                 in config.toml, and submit with `--agent NAME`";
    Failure::new(FailureReason::NotConfigured, message).hint(format!("{skills}; {model}"))
}
