//! `modelscan task submit`: hands over work and prints its id once it is on disk.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use domain::{Clock as _, TaskId};
use runtime::operations::{INPUT_LEVELS_MAX, PROMPT_BYTES_MAX, prepare};
use schema::{depth_within, parse_json};
use serde_json::Value;
use wire::control::{Ask, SubmitRequest};
use wire::views::TaskSummary;

use super::ending::exit_of;
use super::wait::{Limit, wait_until_done};
use crate::catalog::Shelf;
use crate::cli::arguments::Submit;
use crate::cli::context::{Context, read_answer, text_of};
use crate::cli::output::{Exit, Outcome};
use crate::cli::show;
use crate::config::{Loaded, absolute};
use crate::error::{Error, Kind};
use crate::serve::client::Session;
use crate::system::{SystemClock, UuidSource};

/// Runs the command.
pub fn run(ctx: &Context<'_>, flags: Submit) -> Outcome {
    let loaded = ctx.load()?;
    let (wait, wait_limit) = (flags.wait, flags.wait_limit);
    let request = request(ctx, flags)?;
    let submit = Ask::Submit { task: Box::new(request.clone()) };
    // Where no host lives it is checked here, so that what is wrong starts none and leaves nothing behind.
    let answer = Session::new(ctx.env, &loaded).call_checked(submit, || {
        let shelf = Shelf::new(&loaded.places.skills);
        prepare(request, &loaded.config, || shelf.library(), SystemClock.now()).map(drop).map_err(Error::from)
    })?;
    let task: TaskSummary = read_answer(answer)?;
    if wait {
        return follow_to_the_end(ctx, &loaded, &task, Limit::of(wait_limit));
    }
    ctx.out.answer(&task, |_| format!("{}\n", task.id))?;
    Ok(Exit::OK)
}

fn follow_to_the_end(ctx: &Context<'_>, loaded: &Loaded, task: &TaskSummary, limit: Limit) -> Outcome {
    if !ctx.out.is_json() {
        ctx.out.text(&format!("{}\n", task.id))?;
    }
    let ids = [task.id.clone()];
    let view = wait_until_done(ctx, loaded, &ids, runtime::operations::WaitMode::All, limit)?;
    let Some(task) = view.tasks.first() else {
        return Err(Error::internal("a wait for one task told of none").into());
    };
    if ctx.out.is_json() {
        ctx.out.json(task)?;
    } else {
        ctx.out.note(&show::task::ending(task, ctx.out.palette_of_stderr()));
    }
    Ok(exit_of(task))
}

/// Makes the request out of the flags.
fn request(ctx: &Context<'_>, flags: Submit) -> Result<SubmitRequest, Error> {
    if flags.prompt.as_deref() == Some("-") && flags.input.as_deref() == Some("-") {
        return Err(Error::new(Kind::Usage, "prompt and input cannot both come from stdin")
            .hint("give one of them as a file: `--input @FILE`"));
    }
    if flags.prompt.is_none() && flags.skill.is_none() {
        return Err(Error::new(Kind::Usage, "nothing to do: neither a prompt nor a skill was given").hint(
            "write it as `modelscan task submit \"PROMPT\"` or `modelscan task submit --skill SKILL`",
        ));
    }
    let prompt = flags.prompt.map(prompt_text).transpose()?;
    let input = flags.input.map(|given| input_value(ctx, &given)).transpose()?;
    let cwd = match flags.cwd {
        Some(cwd) => text_of(&absolute(ctx.env, &cwd)?)?.to_owned(),
        None => ctx.cwd()?.to_owned(),
    };
    Ok(SubmitRequest {
        id: TaskId::new(&UuidSource).to_string(),
        key: flags.key,
        prompt,
        skill: flags.skill,
        agent: flags.agent,
        input,
        cwd,
        env: ctx.env.submitted(),
        priority: flags.priority.map(|priority| i64::from(priority.value())),
        timeout_ms: flags.timeout.map(|length| u64::try_from(length.as_millis()).unwrap_or(u64::MAX)),
        retries: flags.retries,
        recovery: flags.recovery.map(|policy| policy.as_str().to_owned()),
        labels: None,
    })
}

fn prompt_text(given: String) -> Result<String, Error> {
    if given != "-" {
        return Ok(given);
    }
    let text = read_text(io::stdin().lock(), "the prompt on stdin")?;
    if text.trim().is_empty() {
        return Err(Error::new(Kind::BadInput, "the prompt on stdin is empty")
            .hint("write the prompt into the pipe: `modelscan task submit - < FILE`"));
    }
    Ok(text)
}

fn input_value(ctx: &Context<'_>, given: &str) -> Result<Value, Error> {
    let (text, from) = match given.strip_prefix('@') {
        Some(path) => {
            let path = absolute(ctx.env, Path::new(path))?;
            let file = File::open(&path).map_err(|error| {
                Error::new(Kind::BadInput, format!("open the input file `{}`: {error}", path.display()))
                    .hint("give a file that can be read, or the JSON itself")
            })?;
            let from = format!("the input file `{}`", path.display());
            (read_text(file, &from)?, from)
        }
        None if given == "-" => {
            (read_text(io::stdin().lock(), "the input on stdin")?, "the input on stdin".to_owned())
        }
        None => (given.to_owned(), "the input".to_owned()),
    };
    let hint = format!(
        "the input is one JSON object, such as '{{\"path\": \"src\"}}', nested at most {INPUT_LEVELS_MAX} deep"
    );
    let refused = |why: String| Error::new(Kind::BadInput, format!("{from} {why}")).hint(hint.as_str());
    let value =
        parse_json(&text).map_err(|error| refused(format!("is not JSON that can be read: {error}")))?;
    if !depth_within(&value, INPUT_LEVELS_MAX) {
        return Err(refused(format!("is nested more than {INPUT_LEVELS_MAX} levels deep")));
    }
    Ok(value)
}

/// Reads text up to the limit, and not a byte more than shows that it is longer.
fn read_text(from: impl Read, what: &str) -> Result<String, Error> {
    let mut bytes = Vec::new();
    from.take(PROMPT_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| {
        Error::new(Kind::BadInput, format!("read {what}: {error}"))
            .hint("give a file or a pipe that can be read to its end")
    })?;
    if bytes.len() as u64 > PROMPT_BYTES_MAX {
        return Err(Error::new(Kind::TooLarge, format!("{what} is larger than 4 MiB"))
            .hint("put it into a file and name the file in the prompt"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Error::new(Kind::BadInput, format!("{what} is not UTF-8 text: byte {at} cannot be read"))
            .hint("convert it to UTF-8 first")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_taken_up_to_the_limit_and_no_further() {
        struct Endless(u64);
        impl Read for Endless {
            fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
                assert!(self.0 <= PROMPT_BYTES_MAX + 64 * 1024, "read on behind the limit");
                into.fill(b'a');
                self.0 += into.len() as u64;
                Ok(into.len())
            }
        }
        let limit = usize::try_from(PROMPT_BYTES_MAX).unwrap();
        assert_eq!(read_text(&b"abc".repeat(1_000_000)[..], "x").unwrap().len(), 3_000_000);
        assert_eq!(read_text(&vec![b'a'; limit][..], "x").unwrap().len(), limit);
        assert_eq!(read_text(Endless(0), "x").unwrap_err().kind, Kind::TooLarge);
        let error = read_text(&b"ab\xffc"[..], "x").unwrap_err();
        assert_eq!(
            (error.kind, error.message.as_str()),
            (Kind::BadInput, "x is not UTF-8 text: byte 2 cannot be read")
        );
    }
}
