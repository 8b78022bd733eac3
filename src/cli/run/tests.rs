//! The command line as clap sees it, and its help.

use clap::CommandFactory as _;

use super::*;

fn parse(line: &str) -> Result<CommandLine, clap::Error> {
    CommandLine::try_parse_from(line.split_whitespace())
}

fn refusal(line: &str) -> Error {
    usage_error(&parse(line).unwrap_err())
}

#[test]
fn the_command_line_is_well_formed() {
    CommandLine::command().debug_assert();
}

#[test]
fn a_line_of_one_word_means_what_the_whole_tree_of_commands_says() {
    let of_one_word = |line: &str| {
        let args: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        CommandLine::of_one_word(&args).map(|line| format!("{line:?}"))
    };
    for line in ["modelscan mcp", "modelscan nexora", "modelscan version"] {
        assert_eq!(of_one_word(line), Some(format!("{:?}", parse(line).unwrap())), "{line}");
    }
    for line in
        ["modelscan", "modelscan task", "modelscan --version", "modelscan mcp --json", "modelscan mpc"]
    {
        assert_eq!(of_one_word(line), None, "{line}");
    }
}

#[test]
fn global_flags_stand_anywhere() {
    for line in [
        "modelscan --json --home /h task list",
        "modelscan task --json list --home /h",
        "modelscan task list --all --json --home=/h",
    ] {
        let global = parse(line).unwrap().global;
        assert!(global.json, "{line}");
        assert_eq!(global.home.as_deref(), Some(std::path::Path::new("/h")), "{line}");
    }
    let set = parse("modelscan task list --set a.b=1 --set c.d=2").unwrap().global.set;
    assert_eq!(set, ["a.b=1", "c.d=2"]);
}

#[test]
fn what_is_wrong_with_a_line_is_said_with_what_to_do() {
    #[rustfmt::skip]
    let table = [
        ("modelscan tsk list", "unrecognized subcommand 'tsk'", "a similar subcommand exists: 'task'"),
        ("modelscan task", "`modelscan task` needs a verb", "`modelscan task --help` lists them"),
        ("modelscan task lst", "unrecognized subcommand 'lst'", "a similar subcommand exists: 'list'"),
        ("modelscan task show", "the following required arguments were not provided: <TASK>", "write it as `modelscan task show <TASK>`"),
        ("modelscan task list --nope", "unexpected argument '--nope' found", ""),
        ("modelscan task list --state doing", "invalid value 'doing' for '--state <STATE>': `doing` is not a task state: one of waiting, ready, running, input_required, cancelling, paused, succeeded, failed, cancelled", ""),
        ("modelscan task list -n 0", "invalid value '0' for '--limit <N>': 0 is not in 1..=1000", ""),
        ("modelscan task submit x --timeout soon", "invalid value 'soon' for '--timeout <DURATION>': `soon` is not a duration: write it like `90s`, `5m`, `1h30m` or `7d`", ""),
        ("modelscan task submit x --timeout 0s", "invalid value '0s' for '--timeout <DURATION>': it is no time at all: give at least 1ms", ""),
        ("modelscan task submit x --priority 101", "invalid value '101' for '--priority <PRIORITY>': `101` is not a priority: give a whole number from -100 to 100, or low, normal, high, urgent", ""),
        ("modelscan task submit x --wait-limit 1s", "the following required arguments were not provided: --wait", ""),
    ];
    for (line, message, hint) in table {
        let error = refusal(line);
        assert_eq!(error.kind, Kind::Usage, "{line}");
        assert_eq!(error.message, message, "{line}");
        assert!(hint.is_empty() || error.hint.as_deref() == Some(hint), "{line}: {:?}", error.hint);
        assert!(error.hint.is_some(), "{line} has no hint");
    }
}

#[test]
fn a_negative_priority_is_a_value() {
    let line = parse("modelscan task submit x -p -10").unwrap();
    let Some(Command::Task(super::super::arguments::TaskVerb::Submit(flags))) = line.command else {
        panic!()
    };
    assert_eq!(flags.priority.map(|priority| priority.value()), Some(-10));
}

#[test]
fn json_is_known_to_be_asked_for_on_a_broken_line() {
    let args = |line: &str| line.split_whitespace().map(OsString::from).collect::<Vec<_>>();
    assert!(asks_for_json(&args("modelscan task nonsense --json")));
    assert!(!asks_for_json(&args("modelscan task submit -- --json")));
}

/// Every command's help, so that a change of it is seen.
#[test]
fn the_help_is_as_it_was() {
    fn all(command: &mut clap::Command, above: &str, text: &mut String) {
        let name = format!("{above}{}", command.get_name());
        text.push_str(&format!("==== {name}\n{}\n", command.clone().bin_name(&name).render_help()));
        let inner: Vec<String> = command.get_subcommands().map(|inner| inner.get_name().to_owned()).collect();
        for inner in inner {
            if let Some(inner) = command.find_subcommand_mut(&inner) {
                all(inner, &format!("{name} "), text);
            }
        }
    }
    let mut text = String::new();
    let mut command = CommandLine::command().term_width(100);
    command.build();
    all(&mut command, "", &mut text);
    insta::assert_snapshot!("help", text);
}

/// The page of commands names each command, and none that is not there.
#[test]
fn the_page_of_commands_is_complete() {
    fn leaves(command: &clap::Command, above: &str, found: &mut Vec<String>) {
        let name = format!("{above}{}", command.get_name());
        if command.get_subcommands().next().is_none() {
            found.push(name);
        } else {
            command.get_subcommands().for_each(|inner| leaves(inner, &format!("{name} "), found));
        }
    }
    let mut ours = vec!["modelscan".to_owned()];
    leaves(&CommandLine::command(), "", &mut ours);
    let page = include_str!("../../../docs/COMMANDS.md");
    let documented: Vec<&str> =
        page.lines().filter_map(|line| line.strip_prefix("| `modelscan")?.split('`').next()).collect();
    let documented: Vec<String> = documented.iter().map(|rest| format!("modelscan{rest}")).collect();
    assert_eq!(documented, ours);
}
