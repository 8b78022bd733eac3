//! Where skills come from, and that a broken one stops no other.

use std::fs;

use serde_json::json;

use super::*;

const PLAN: &str = r#"{"plan": 1, "description": "d", "effects": "read", "steps": [{"id": "a", "tool": "ls"}], "result": {}}"#;
const HEAD: &str = "---\nname: count\ndescription: Counts.\n---\nBody.\n";

static BUNDLED: [BundledSkill; 1] =
    [BundledSkill { name: "count", files: &[("SKILL.md", HEAD), ("plan.json", PLAN)] }];

fn tools() -> Vec<ToolShape> {
    vec![ToolShape { name: "ls".into(), effects: Effects::Read, input: json!({"type": "object"}) }]
}

fn skill(root: &Path, name: &str, head: &str, plan: Option<&str>) {
    fs::create_dir_all(root.join(name)).unwrap();
    fs::write(root.join(name).join("SKILL.md"), head).unwrap();
    if let Some(plan) = plan {
        fs::write(root.join(name).join("plan.json"), plan).unwrap();
    }
}

#[test]
fn bundled_skills_are_there_without_a_folder() {
    let library = Library::load(&BUNDLED, Some(Path::new("/nonexistent/skills")), &tools());
    let summaries = library.summaries();
    assert_eq!(
        serde_json::to_value(&summaries).unwrap(),
        json!([{
            "name": "count", "description": "Counts.", "source": "bundled", "effects": "read",
            "input": {"type": "object", "properties": {}, "additionalProperties": false},
            "plan": true, "problems": []
        }])
    );
    assert_eq!(library.get("count").unwrap().body, "Body.\n");
    assert!(library.problems().is_empty());
}

#[test]
fn a_broken_skill_is_listed_and_stops_no_other() {
    let root = tempfile::tempdir().unwrap();
    skill(root.path(), "prose", "---\nname: prose\ndescription: p\n---\n", None);
    skill(root.path(), "broken-head", "no head", None);
    skill(root.path(), "broken-plan", "---\nname: broken-plan\ndescription: b\n---\n", Some("{"));
    fs::create_dir(root.path().join("empty")).unwrap();
    fs::create_dir(root.path().join(".hidden")).unwrap();
    fs::write(root.path().join("README.md"), "x").unwrap();

    let library = Library::load(&BUNDLED, Some(root.path()), &tools());
    let summaries = library.summaries();
    let names: Vec<&str> = summaries.iter().map(|summary| summary.name.as_str()).collect();
    assert_eq!(names, ["broken-head", "broken-plan", "count", "empty", "prose"]);
    let check = |name: &str, file: &str| {
        let summary = summaries.iter().find(|summary| summary.name == name).unwrap();
        assert_eq!((summary.problems.len(), summary.plan), (1, false));
        assert_eq!(summary.problems[0].file, file);
        assert!(matches!(library.get(name), Err(LookupError::Broken { .. })));
    };
    check("broken-head", "SKILL.md");
    check("broken-plan", "plan.json");
    check("empty", "SKILL.md");
    assert_eq!(summaries[1].description.as_deref(), Some("b"));
    assert!(library.get("prose").unwrap().plan.is_none());
    match library.get("nope").unwrap_err() {
        LookupError::Unknown { known, .. } => assert_eq!(known, ["count", "prose"]),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_users_skill_goes_before_a_bundled_one() {
    let root = tempfile::tempdir().unwrap();
    skill(root.path(), "count", "---\nname: count\ndescription: Mine.\n---\n", Some(PLAN));
    let library = Library::load(&BUNDLED, Some(root.path()), &tools());
    assert_eq!(library.summaries().len(), 1);
    let skill = library.get("count").unwrap();
    assert_eq!((skill.source, skill.front_matter.description.as_str()), (Source::User, "Mine."));
    fs::write(root.path().join("count/plan.json"), "{").unwrap();
    let library = Library::load(&BUNDLED, Some(root.path()), &tools());
    assert!(matches!(library.get("count"), Err(LookupError::Broken { .. })));
}

#[test]
fn a_linked_skill_folder_is_read_and_links_out_of_it_are_not() {
    let root = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    skill(elsewhere.path(), "linked", "---\nname: linked\ndescription: l\n---\n", None);
    fs::write(elsewhere.path().join("outer.json"), PLAN).unwrap();
    std::os::unix::fs::symlink(elsewhere.path().join("linked"), root.path().join("linked")).unwrap();
    assert!(Library::load(&[], Some(root.path()), &tools()).get("linked").is_ok());
    std::os::unix::fs::symlink("../outer.json", elsewhere.path().join("linked/plan.json")).unwrap();
    let error = Library::load(&[], Some(root.path()), &tools()).get("linked").unwrap_err().to_string();
    assert!(error.contains("plan.json: the link leads out"), "{error}");
}

#[test]
fn a_file_in_place_of_the_folder_is_told() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("skills");
    fs::write(&file, "x").unwrap();
    let library = Library::load(&BUNDLED, Some(&file), &tools());
    assert_eq!(library.problems().len(), 1);
    assert!(library.get("count").is_ok());
}
