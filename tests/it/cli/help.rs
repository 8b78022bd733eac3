//! Help: every command has one, short, of what works now.

use support::{TestEnv, product_test};

/// The commands that a help lists.
fn listed(help: &str) -> Vec<String> {
    let mut lines = help.lines().skip_while(|line| line.trim() != "Commands:").skip(1);
    let mut found = Vec::new();
    for line in lines.by_ref().take_while(|line| line.starts_with("  ")) {
        if !line.starts_with("   ") {
            found.extend(line.split_whitespace().next().map(str::to_owned));
        }
    }
    found
}

/// Returns every command that help leads to, with its help.
pub fn all(env: &TestEnv) -> Vec<(Vec<String>, String)> {
    let mut open = vec![Vec::new()];
    let mut all = Vec::new();
    while let Some(words) = open.pop() {
        let help = env.modelscan([]).args(&words).args(["--help"]).run().expect_clean().stdout;
        for verb in listed(&help) {
            open.push(words.iter().cloned().chain([verb]).collect());
        }
        all.push((words, help));
    }
    all.sort();
    all
}

product_test! {
    fn help_leads_to_every_command_and_names_nothing_else(env) {
        let all = all(env);
        let names: Vec<String> = all.iter().map(|(words, _)| words.join(" ")).collect();
        insta::assert_snapshot!("commands", names.join("\n"));
        for (words, help) in &all {
            assert!(help.contains("Usage: modelscan"), "{words:?}: {help}");
            assert!(help.lines().all(|line| line.chars().count() <= 110), "{words:?}: a line is long");
            for later in ["later", "not yet", "TODO", "coming"] {
                assert!(!help.contains(later), "{words:?}: it names what does not work: {later}");
            }
            let short = env.modelscan([]).args(words).args(["-h"]).run().expect_clean().stdout;
            assert!(short.contains("Usage: modelscan"), "{words:?}");
        }
        assert_eq!(env.rows(), None, "help made a database");
    }
}
