//! Reading the command line, doing what it says, and the exit code.

use std::ffi::OsString;
use std::io::{self, IsTerminal as _};

use clap::Parser as _;
use clap::error::ErrorKind;

use super::arguments::{ColorWhen, Command, CommandLine, Global};
use super::context::Context;
use super::output::{Ended, Exit, Manner, Outcome, Output, Palette};
use super::{agent, demo, event, host, mcp, message, nexora, overview, skill, task, version};
use crate::config::{Choices, Environment};
use crate::error::{Error, Kind};
use crate::telemetry::Level;

/// Runs one command and returns its exit code.
pub fn run(env: &Environment, args: Vec<OsString>) -> u8 {
    let json = asks_for_json(&args);
    let line = match CommandLine::of_one_word(&args).map_or_else(|| CommandLine::try_parse_from(args), Ok) {
        Ok(line) => line,
        Err(error) => return refuse(env, json, &error),
    };
    let is_protocol = matches!(line.command, Some(Command::Mcp { .. } | Command::Nexora));
    let out = Output::new(manner(env, &line.global, is_protocol));
    finish(out, dispatch(env, line, out))
}

fn finish(out: Output, outcome: Outcome) -> u8 {
    match outcome {
        Ok(Exit(code)) => code,
        Err(Ended::ReaderGone) => 0,
        Err(Ended::Error(error)) => {
            out.error(&error);
            error.kind.exit_code()
        }
    }
}

fn dispatch(env: &Environment, line: CommandLine, out: Output) -> Outcome {
    let Global { home, config, set, log, .. } = line.global;
    let ctx = Context { env, choices: Choices { home, config, set, log: log.map(Level::from) }, out };
    match line.command {
        None => overview::run(&ctx),
        Some(Command::Task(verb)) => task::run(&ctx, verb),
        Some(Command::Agent(verb)) => agent::run(&ctx, verb),
        Some(Command::Skill(verb)) => skill::run(&ctx, verb),
        Some(Command::Event(verb)) => event::run(&ctx, verb),
        Some(Command::Message(verb)) => message::run(&ctx, verb),
        Some(Command::Host(verb)) => host::run(&ctx, &verb),
        Some(Command::Version) => version::run(&ctx),
        Some(Command::Mcp { cwd }) => mcp::run(&ctx, cwd),
        Some(Command::Nexora) => nexora::run(&ctx),
        Some(Command::Demo { path }) => demo::run(&ctx, &path),
    }
}

fn manner(env: &Environment, global: &Global, is_protocol: bool) -> Manner {
    let palette = |is_terminal: bool| match global.color {
        ColorWhen::Always => Palette::COLOURED,
        ColorWhen::Never => Palette::PLAIN,
        ColorWhen::Auto => auto_palette(env, is_terminal),
    };
    Manner {
        // On stdout of a protocol there is nothing but the protocol.
        json: global.json && !is_protocol,
        quiet: global.quiet,
        stdout: palette(io::stdout().is_terminal()),
        stderr: palette(io::stderr().is_terminal()),
    }
}

fn auto_palette(env: &Environment, is_terminal: bool) -> Palette {
    let dumb = env.get("TERM").is_some_and(|term| term == "dumb");
    if is_terminal && !dumb && env.get("NO_COLOR").is_none() { Palette::COLOURED } else { Palette::PLAIN }
}

/// Says whether JSON was asked for, on a command line that may not be readable.
fn asks_for_json(args: &[OsString]) -> bool {
    args.iter().take_while(|arg| *arg != "--").any(|arg| arg == "--json")
}

/// Answers a command line that could not be read: with help that was asked for, or with an error.
fn refuse(env: &Environment, json: bool, error: &clap::Error) -> u8 {
    let plain = Manner { json, quiet: false, stdout: Palette::PLAIN, stderr: Palette::PLAIN };
    let out = Output::new(plain);
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        let palette = auto_palette(env, io::stdout().is_terminal());
        let styled = error.render();
        let text = if palette == Palette::COLOURED { styled.ansi().to_string() } else { styled.to_string() };
        return finish(out, out.text(&text).map(|()| Exit::OK));
    }
    let out = Output::new(Manner { stderr: auto_palette(env, io::stderr().is_terminal()), ..plain });
    finish(out, Err(usage_error(error).into()))
}

/// Puts what clap says into our own shape: what is wrong, and what to do.
fn usage_error(error: &clap::Error) -> Error {
    let text = error.render().to_string();
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand
    ) {
        let usage = text.lines().find_map(|line| line.strip_prefix("Usage: ")).unwrap_or("modelscan --help");
        let bare = usage.split(" <").next().unwrap_or(usage).replace(" [OPTIONS]", "");
        return Error::new(Kind::Usage, format!("`{bare}` needs a verb"))
            .hint(format!("`{bare} --help` lists them"));
    }
    let mut paragraphs = text.split("\n\n").map(str::trim).filter(|part| !part.is_empty());
    let message = paragraphs.next().unwrap_or("the command line cannot be read");
    let message = message.strip_prefix("error: ").unwrap_or(message);
    let message = message.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    let rest: Vec<&str> = paragraphs.collect();
    let tip = rest.iter().find_map(|part| part.strip_prefix("tip: "));
    let usage = rest.iter().find_map(|part| part.strip_prefix("Usage: "));
    let hint = match (tip, usage) {
        (Some(tip), _) => tip.lines().next().unwrap_or(tip).to_owned(),
        (None, Some(usage)) => format!("write it as `{}`", usage.lines().next().unwrap_or(usage)),
        (None, None) => "`modelscan --help` lists the commands; each has its own `--help`".to_owned(),
    };
    Error::new(Kind::Usage, message).hint(hint)
}

#[cfg(test)]
mod tests;
