//! All public schemas, as they lie in `schemas/`.

use serde_json::Value;

/// Returns the path below `schemas/` of each schema that is generated from our types, and its text.
pub fn generated() -> Vec<(String, String)> {
    let views =
        wire::schemas::views().into_iter().map(|(name, schema)| (format!("{name}.schema.json"), schema));
    let extensions = wire::extension::schemas();
    let extensions = extensions.into_iter().map(|(name, schema)| (format!("{name}.schema.json"), schema));
    let plans = wire::plan::schemas();
    let plans = plans.into_iter().map(|(name, schema)| (format!("{name}.schema.json"), schema.into()));
    let outputs = mcp::server::output_schemas();
    let outputs =
        outputs.into_iter().map(|(name, schema)| (format!("mcp/{name}.output.schema.json"), schema));
    let mut all: Vec<(String, Value)> = views.chain(extensions).chain(plans).chain(outputs).collect();
    all.push(("config.schema.json".to_owned(), wire::config::file::schema()));
    all.sort_by(|one, other| one.0.cmp(&other.0));
    let mut all: Vec<(String, String)> =
        all.into_iter().map(|(name, schema)| (name, format!("{schema:#}\n"))).collect();
    all.push(("survey.schema.json".to_owned(), nexora::skills::SURVEY_SCHEMA.to_owned()));
    all
}

/// Returns the path below `schemas/` of each schema that is written by hand and is itself what the program
/// uses, and how it uses it.
pub fn written() -> Vec<(String, Value)> {
    let inputs = mcp::server::input_schemas();
    let inputs = inputs.into_iter().map(|(name, schema)| (format!("mcp/{name}.input.schema.json"), schema));
    let toolbox = nexora::tools::builtin();
    let tools = toolbox.iter().flat_map(|tool| {
        [
            (format!("tools/{}.input.schema.json", tool.name()), tool.input_schema().clone()),
            (format!("tools/{}.output.schema.json", tool.name()), tool.output_schema().clone()),
        ]
    });
    inputs.chain(tools.collect::<Vec<_>>()).collect()
}
