//! The list of all public JSON shapes and their schemas, as they lie in `schemas/`.

use schemars::JsonSchema;
use serde_json::Value;

use crate::views;

/// Returns the schema of a type, with its title.
pub fn of<T: JsonSchema>(title: &str) -> Value {
    let mut schema = schemars::schema_for!(T).to_value();
    if let Value::Object(map) = &mut schema {
        map.insert("title".to_owned(), Value::String(title.to_owned()));
    }
    schema
}

/// Returns the views of `--json` with their names: the file of each is `NAME.schema.json`.
pub fn views() -> Vec<(&'static str, Value)> {
    vec![
        ("agent", of::<views::AgentView>("agent")),
        ("agent_list", of::<views::ListView<views::AgentView>>("agent_list")),
        ("demo", of::<views::DemoView>("demo")),
        ("error", of::<views::ErrorView>("error")),
        ("event", of::<views::EventView>("event")),
        ("event_list", of::<views::ListView<views::EventView>>("event_list")),
        ("host", of::<views::HostView>("host")),
        ("message", of::<views::MessageView>("message")),
        ("message_list", of::<views::ListView<views::MessageView>>("message_list")),
        ("overview", of::<views::OverviewView>("overview")),
        ("result", of::<views::ResultView>("result")),
        ("skill", of::<views::SkillView>("skill")),
        ("skill_list", of::<views::ListView<views::SkillView>>("skill_list")),
        ("task", of::<views::TaskView>("task")),
        ("task_cancel", of::<views::TaskCancelView>("task_cancel")),
        ("task_list", of::<views::ListView<views::TaskSummary>>("task_list")),
        ("task_show", of::<views::TaskShowView>("task_show")),
        ("task_summary", of::<views::TaskSummary>("task_summary")),
        ("task_wait", of::<views::TaskWaitView>("task_wait")),
        ("version", of::<views::VersionView>("version")),
    ]
}

/// Returns the schema of the view with this name.
pub fn schema(name: &str) -> Option<Value> {
    views().into_iter().find(|(known, _)| *known == name).map(|(_, schema)| schema)
}
