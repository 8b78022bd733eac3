//! Which names an expression may use, as far as that is plain before a plan runs.

/// The names that are visible at one place of a plan.
#[derive(Debug, Clone, Copy)]
pub struct Names<'a> {
    /// The keys of the input; nothing when the input is open.
    pub input: Option<&'a [String]>,
    /// The steps before this place.
    pub steps: &'a [String],
    /// All steps of the plan, to tell a later one from none.
    pub all_steps: &'a [String],
    /// The name of the item of a `foreach`.
    pub item: Option<&'a str>,
}

/// What a step's result has.
const STEP_KEYS: [&str; 4] = ["output", "text", "is_error", "skipped"];
/// What `task` has.
const TASK_KEYS: [&str; 2] = ["id", "cwd"];

impl Names<'_> {
    /// Says what is wrong with a dotted path such as `steps.stats.output.languages`.
    pub(crate) fn refuse(&self, path: &str, is_global: impl Fn(&str) -> bool) -> Option<String> {
        let mut parts = path.split('.');
        let root = parts.next().unwrap_or_default();
        let (second, third) = (parts.next(), parts.next());
        if self.item == Some(root) {
            return None;
        }
        match (root, second) {
            ("input" | "steps" | "task", None) => None,
            ("input", Some(key)) => match self.input {
                Some(keys) if !keys.iter().any(|known| known == key) => {
                    Some(format!("the input has no `{key}`{}", listed("; it has", keys)))
                }
                _ => None,
            },
            ("task", Some(key)) if TASK_KEYS.contains(&key) => None,
            ("task", Some(key)) => Some(format!("`task` has no `{key}`; it has `id` and `cwd`")),
            ("steps", Some(id)) if !self.steps.iter().any(|step| step == id) => {
                Some(if self.all_steps.iter().any(|step| step == id) {
                    format!("step `{id}` comes later, or is this one; only earlier steps have results")
                } else {
                    format!("there is no step `{id}`{}", listed("; earlier ones are", self.steps))
                })
            }
            ("steps", Some(_)) => match third {
                Some(key) if !STEP_KEYS.contains(&key) => Some(format!(
                    "a step's result has no `{key}`; it has `output`, `text`, `is_error` and `skipped`"
                )),
                _ => None,
            },
            _ if is_global(root) => None,
            _ => Some(format!(
                "the name `{}` is not known; there are `input`, `steps` and `task`{}",
                schema::shorten(root, 60),
                self.item.map(|item| format!(" and `{item}`")).unwrap_or_default()
            )),
        }
    }
}

fn listed(words: &str, names: &[String]) -> String {
    if names.is_empty() {
        return String::new();
    }
    let names: Vec<String> = names.iter().take(12).map(|name| format!("`{name}`")).collect();
    format!("{words} {}", names.join(", "))
}
