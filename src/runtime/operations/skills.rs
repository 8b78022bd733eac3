//! Skills as they are installed.

use skill::{Library, SkillSummary, Source};
use wire::views::{ListView, SkillView};

/// Returns the skills whose name or description holds `query`, in the order of their names; broken ones say
/// what is wrong.
pub fn skill_list(library: &Library, query: Option<&str>) -> ListView<SkillView> {
    let wanted = query.map(str::to_lowercase);
    let holds = |view: &SkillView| {
        wanted.as_ref().is_none_or(|wanted| {
            view.name.to_lowercase().contains(wanted) || view.description.to_lowercase().contains(wanted)
        })
    };
    let items = library.summaries().into_iter().map(view).filter(holds).collect();
    ListView { items, next_cursor: None }
}

fn view(summary: SkillSummary) -> SkillView {
    let problems: Vec<String> = summary.problems.iter().map(ToString::to_string).collect();
    SkillView {
        name: summary.name,
        description: summary.description.unwrap_or_default(),
        source: match summary.source {
            Source::Bundled => "bundled".to_owned(),
            Source::User => "user".to_owned(),
        },
        effects: summary.effects.map(|effects| effects.as_str().to_owned()),
        plan: summary.plan,
        input: summary.input,
        problem: (!problems.is_empty()).then(|| problems.join("; ")),
    }
}
