//! The end of the demo: the history from the store, where the database lies, and what to try next.

use runtime::operations::{StreamFilter, event_list};
use wire::views::DemoView;

use super::super::context::{Books, Context};
use super::super::escape;
use super::super::output::Ended;
use super::super::show;
use super::narrator::Narrator;
use super::stage::Stage;
use crate::error::Error;

/// How many events of the history are shown.
const SHOWN: u32 = 200;

/// Tells it.
pub fn tell(ctx: &Context<'_>, stage: &Stage<'_>, view: &DemoView) -> Result<(), Ended> {
    let narrator = Narrator::new(ctx.out);
    let palette = ctx.out.palette();
    let books = Books::open(stage.loaded())?;
    let filter = StreamFilter { task: None, after_seq: 0, limit: Some(SHOWN) };
    let events = books.read(|reading| event_list(reading, filter))?;
    narrator.line("\nThe history, as the store has it:")?;
    for event in &events.items {
        narrator.line(show::record::event(event, palette).trim_end())?;
    }
    let first = view.tasks.first().ok_or_else(|| Error::internal("the demo played no act"))?;
    let program = quoted(&stage.program().to_string_lossy());
    let home = quoted(&view.home);
    narrator.line(&format!("\nThe database: {}", escape::line(&view.database)))?;
    narrator.line("Nothing of the demo runs any more. Try next:")?;
    narrator.line(&format!("  {program} task list --all --home {home}"))?;
    narrator.line(&format!("  {program} task show {} --home {home}", show::task::short_id(&first.id)))?;
    narrator.line(&format!("  {program} task submit --skill survey --wait --home {home}"))
}

/// Returns a word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '-' | '_' | '+' | ',' | '=' | ':');
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", escape::line(word).replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_quoted_where_a_shell_would_break_it() {
        assert_eq!(quoted("/a/b-c_d.e"), "/a/b-c_d.e");
        assert_eq!(quoted("/a b"), "'/a b'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
    }
}
