//! Text of others is data: on a terminal it moves nothing, and colours are ours alone.

use serde_json::json;
use support::{TestEnv, product_test};

/// What a terminal would obey.
const HOSTILE: &str = "\u{1b}[31mred\u{1b}]0;title\u{7}\u{9b}2J\u{202e}gpj\u{200b}.exe\rover";

#[track_caller]
fn harmless(env: &TestEnv, line: &str) {
    let outcome = env.modelscan([]).args(line.split(' ')).run();
    for (stream, text) in [("stdout", &outcome.stdout), ("stderr", &outcome.stderr)] {
        let bad = text.chars().find(|c| {
            (c.is_control() && !matches!(c, '\n' | '\t'))
                || matches!(c, '\u{202a}'..='\u{202e}' | '\u{200b}' | '\u{2066}'..='\u{2069}')
        });
        assert_eq!(bad, None, "{line}: {stream}: {text:?}");
    }
    let visible = outcome.stdout.contains("\\u{1b}") || outcome.stderr.contains("\\u{1b}");
    assert!(visible, "{line}: the escape is not shown: {} {}", outcome.stdout, outcome.stderr);
}

product_test! {
    fn hostile_words_reach_no_terminal(env) {
        env.skill("hostile", &json!({
            "plan": 1, "description": format!("A skill {HOSTILE}"), "effects": "read",
            "input": { "type": "object" },
            "steps": [{ "id": "look", "tool": "ls", "title": format!("Looking {HOSTILE}"), "arguments": {} }],
            "result": { "words": "{{ input.words }}" }, "result_schema": { "type": "object" }, "report": "report.md.j2",
        }));
        std::fs::write(env.home().join("skills/hostile/report.md.j2"), "# {{ input.words }}\n").unwrap();
        env.config(&format!("[agents.hostile]\ncommand = \"/no/such{}\"\n[defaults]\nretries = {{ max = 0 }}\n", "\\u001b[31m"));
        let input = json!({ "words": HOSTILE }).to_string();
        env.modelscan(["task", "submit", "--skill", "hostile", "--input", &input, HOSTILE, "--wait", "--quiet"]).run().expect_code(0);
        for line in ["task show @last", "task result @last"] {
            harmless(env, line);
        }
        env.modelscan(["task", "submit", HOSTILE, "--agent", "hostile", "--wait", "--quiet"]).run().expect_code(1);
        for line in ["task show @last", "task wait @last", "task result @last", "event list --task @last"] {
            harmless(env, line);
        }
        for args in [["task", "show", HOSTILE], ["agent", "show", HOSTILE], ["task", "submit", "x"]] {
            let with = if args[2] == "x" { vec!["--skill", HOSTILE] } else { vec![] };
            let told = env.modelscan(args).args(with).run();
            assert!(told.code != Some(0) && !told.stderr.contains('\u{1b}') && !told.stderr.contains('\u{202e}'), "{told:?}");
        }
        // Programs get every character, as JSON has it.
        let result = env.modelscan(["task", "list"]).json();
        assert!(!result.to_string().is_empty());
        let listed = env.modelscan(["task", "list"]).run().expect_clean().stdout;
        assert!(!listed.contains('\u{1b}') && !listed.contains('\u{202e}'), "{listed:?}");
        let skills = env.modelscan(["skill", "list"]).run().expect_clean().stdout;
        assert!(!skills.contains('\u{1b}'), "{skills:?}");
    }
}

product_test! {
    fn colours_are_for_those_who_want_them(env) {
        env.modelscan(["task", "submit", "hello", "--wait", "--quiet"]).run().expect_code(1);
        // What is shown of a finished task stays the same.
        let list = |args: &[&str], no_color: bool| {
            let run = env.modelscan(["task", "show", "@last"]).args(args);
            let run = if no_color { run.env("NO_COLOR", "1") } else { run };
            run.run().expect_clean().stdout
        };
        let plain = list(&[], false);
        assert!(!plain.contains('\u{1b}'), "a pipe is no terminal: {plain:?}");
        assert_eq!(list(&["--color", "never"], false), plain);
        assert_eq!(list(&[], true), plain);
        assert!(list(&["--color", "always"], false).contains('\u{1b}'));
        // What was asked for by a flag goes before the variable.
        assert!(list(&["--color", "always"], true).contains('\u{1b}'));
        let error = env.modelscan(["task", "show", "ffffffff", "--color", "always"]).run().expect_code(4);
        assert!(error.stderr.contains('\u{1b}') && error.stderr.contains("ffffffff"), "{}", error.stderr);
        let json = env.modelscan(["task", "list", "--color", "always", "--json"]).run().expect_clean();
        assert!(!json.stdout.contains('\u{1b}'), "{}", json.stdout);
    }
}
