//! Lists of events and messages: one page, or on and on as they come.

use std::time::Instant;

use domain::{TaskId, TaskState};
use runtime::operations::{OperationError, Reading, StreamFilter, task_status};
use serde::Serialize;
use wire::views::ListView;

use super::context::{Books, Context};
use super::interrupt;
use super::output::{Exit, Outcome, Palette};
use crate::error::Error;
use crate::serve::client::Session;

/// How many are read at once.
const PAGE: u32 = 500;

/// How many are listed where no limit was given.
const LIMIT_DEFAULT: u32 = 100;

/// One item of a stream.
pub trait Item: Serialize + Sized {
    /// Its place in the order of all.
    fn seq(&self) -> i64;
    /// Its text for people, with the line's end.
    fn line(&self, palette: Palette) -> String;
}

/// What is wanted of a stream.
pub struct Wanted {
    /// Of this task.
    pub task: Option<String>,
    /// After this number.
    pub after_seq: i64,
    /// How many at most.
    pub limit: Option<u32>,
    /// Whether to go on as they come.
    pub follow: bool,
}

/// Lists, and follows if that is wanted. `page` reads one page, `fits` says which items are shown.
pub fn run<T: Item>(
    ctx: &Context<'_>,
    wanted: &Wanted,
    page: impl Fn(&Reading<'_>, StreamFilter) -> Result<ListView<T>, OperationError>,
    fits: impl Fn(&T) -> bool,
) -> Outcome {
    let loaded = ctx.load()?;
    let books = Books::open(&loaded)?;
    let task = wanted.task.as_deref().map(|text| books.find(ctx.env, text)).transpose()?;
    let stream = Stream { ctx, books: &books, task, page, fits };
    if wanted.follow {
        let session = Session::new(ctx.env, &loaded);
        return stream.follow(&session, wanted.after_seq, wanted.limit);
    }
    stream.list(wanted.after_seq, wanted.limit.unwrap_or(LIMIT_DEFAULT))
}

struct Stream<'a, P, F> {
    ctx: &'a Context<'a>,
    books: &'a Books<'a>,
    task: Option<TaskId>,
    page: P,
    fits: F,
}

impl<T, P, F> Stream<'_, P, F>
where
    T: Item,
    P: Fn(&Reading<'_>, StreamFilter) -> Result<ListView<T>, OperationError>,
    F: Fn(&T) -> bool,
{
    fn read(&self, after_seq: i64, limit: u32) -> Result<ListView<T>, Error> {
        let filter = StreamFilter { task: self.task, after_seq, limit: Some(limit) };
        self.books.read(|reading| (self.page)(reading, filter))
    }

    /// Shows one page; pages are read until it is full of items that fit.
    fn list(&self, after_seq: i64, limit: u32) -> Outcome {
        let wanted = limit as usize;
        let mut after = after_seq;
        let mut items = Vec::new();
        let mut more = true;
        while more && items.len() < wanted {
            let page = self.read(after, limit)?;
            more = page.next_cursor.is_some();
            for item in page.items {
                if items.len() == wanted {
                    more = true;
                    break;
                }
                after = item.seq();
                if (self.fits)(&item) {
                    items.push(item);
                }
            }
        }
        let view = ListView { items, next_cursor: more.then(|| after.to_string()) };
        if !self.ctx.out.is_json() && view.items.is_empty() {
            self.ctx.out.note("nothing yet");
        }
        self.ctx
            .out
            .answer(&view, |palette| view.items.iter().map(|item| item.line(palette)).collect::<String>())?;
        if let Some(cursor) = view.next_cursor.as_ref().filter(|_| !self.ctx.out.is_json()) {
            self.ctx.out.note(&format!("more with `--after-seq {cursor}`"));
        }
        Ok(Exit::OK)
    }

    /// Shows what is there and what comes, until the limit is reached or the task that was named is done.
    fn follow(&self, session: &Session<'_>, after_seq: i64, limit: Option<u32>) -> Outcome {
        let _listening = interrupt::exit_when_interrupted(interrupt::Manner::Following);
        interrupt::exit_when_reader_left();
        let mut after = after_seq;
        let mut left = limit.unwrap_or(u32::MAX);
        let mut watch = None;
        loop {
            // Looked at before the items are read, so that none can come in between unseen.
            let done = self.is_done()?;
            while left > 0 {
                let page = self.read(after, PAGE)?;
                let Some(last) = page.items.last() else { break };
                after = last.seq();
                for item in page.items.iter().filter(|item| (self.fits)(item)) {
                    if left == 0 {
                        break;
                    }
                    left -= 1;
                    self.show(item)?;
                }
            }
            if done || left == 0 {
                return Ok(Exit::OK);
            }
            let watch = match &mut watch {
                Some(watch) => watch,
                None => watch.insert(session.watch()?),
            };
            watch.next(None::<Instant>)?;
        }
    }

    fn show(&self, item: &T) -> Result<(), super::output::Ended> {
        self.ctx.out.answer(item, |palette| item.line(palette))
    }

    fn is_done(&self) -> Result<bool, Error> {
        let Some(task) = self.task else { return Ok(false) };
        let summary = self.books.read(|reading| task_status(reading, task))?;
        Ok(summary.state.parse().is_ok_and(TaskState::is_final))
    }
}
