//! Evaluates the expressions of a plan and renders its report.

use std::io;

use minijinja::value::{Value as Dynamic, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior};
use serde_json::{Map, Value};

use super::convert::{BYTES_MAX, to_json};
use super::names::Names;
use super::scan::{Called, Piece, called, code_of_report, pieces};
use super::scope::Scope;
use crate::flaw::inside;
use schema::shorten;

/// The key of an object whose value is taken as it stands.
const LITERAL: &str = "$literal";
/// Steps that the evaluation of one expression may take.
const EXPRESSION_FUEL: u64 = 1_000_000;
/// Steps that a report may take.
const REPORT_FUEL: u64 = 5_000_000;
/// Longest report.
const REPORT_BYTES_MAX: usize = 1024 * 1024;
/// Deepest nesting inside an expression.
const RECURSION_MAX: usize = 64;

/// Why an expression has no value, or a template no text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TemplateError {
    /// The place, such as `steps[0].arguments.path` or, in a report, `line 3`; empty for the whole.
    pub place: String,
    /// What is wrong, with the expression.
    pub message: String,
}

/// The template language of plans.
#[derive(Debug)]
pub struct Templates {
    expressions: Environment<'static>,
    reports: Environment<'static>,
}

impl Default for Templates {
    fn default() -> Self {
        Self::new()
    }
}

impl Templates {
    /// Returns the language with its limits.
    pub fn new() -> Self {
        let mut expressions = Environment::new();
        expressions.set_undefined_behavior(UndefinedBehavior::Strict);
        expressions.set_auto_escape_callback(|_| AutoEscape::None);
        expressions.set_recursion_limit(RECURSION_MAX);
        // It would show what a template cannot see otherwise.
        expressions.remove_global("debug");
        expressions.add_filter("code", code_span);
        expressions.add_filter("inline", inline);
        expressions.set_formatter(|output, _, value| {
            let text = text_of(value).map_err(|message| Error::new(ErrorKind::UndefinedError, message))?;
            output.write_str(&text).map_err(Error::from)
        });
        let mut reports = expressions.clone();
        expressions.set_fuel(Some(EXPRESSION_FUEL));
        reports.set_fuel(Some(REPORT_FUEL));
        Self { expressions, reports }
    }

    /// Returns `template` with the expressions in its strings evaluated. Keys are taken as they are.
    /// `base` is where the template stands, such as `steps[0].arguments`.
    ///
    /// # Errors
    /// The first expression that has no value, with its place.
    pub fn render(&self, template: &Value, base: &str, scope: &Scope) -> Result<Value, TemplateError> {
        let context = scope.context();
        self.render_at(template, &context, "")
            .map_err(|(pointer, message)| TemplateError { place: inside(base, &pointer), message })
    }

    /// Returns whether an expression is true in the sense of the template language.
    ///
    /// # Errors
    /// When it has no value.
    pub fn condition(&self, text: &str, scope: &Scope) -> Result<bool, TemplateError> {
        let expression = lone(text).map_err(whole)?;
        let value = self.evaluate(expression, &scope.context()).map_err(whole)?;
        Ok(value.is_true())
    }

    /// Returns the items of an expression that gives a list.
    ///
    /// # Errors
    /// When it has no value or gives something else.
    pub fn items(&self, text: &str, scope: &Scope) -> Result<Vec<Value>, TemplateError> {
        let expression = lone(text).map_err(whole)?;
        match self.json(expression, &scope.context()).map_err(whole)? {
            Value::Array(items) => Ok(items),
            other => {
                let kind = match other {
                    Value::Object(_) => "an object",
                    Value::String(_) => "a text",
                    Value::Null => "null",
                    Value::Bool(_) => "a boolean",
                    _ => "a number",
                };
                Err(whole(format!("`{}` gives {kind}, not a list", shown(expression))))
            }
        }
    }

    /// Renders a report. Control characters but line feeds and tabs are shown escaped.
    ///
    /// # Errors
    /// What is wrong, with the line of the template.
    pub fn report(&self, source: &str, result: &Value, scope: &Scope) -> Result<String, TemplateError> {
        let template = self.reports.template_from_str(source).map_err(|error| report_error(&error))?;
        let context = scope.context();
        let pairs = ["input", "task", "steps"].map(|name| (name, context.get_attr(name).unwrap_or_default()));
        let result = ("result", Dynamic::from(minijinja::value::Serde(result)));
        let mut output = Capped { text: Vec::new(), full: false };
        let context = Dynamic::from_pairs(pairs.into_iter().chain([result]));
        let rendered = template.render_captured_to(context, &mut output);
        if output.full {
            return Err(whole(format!("the report is longer than {} KiB", REPORT_BYTES_MAX / 1024)));
        }
        rendered.map_err(|error| report_error(&error))?;
        Ok(printable(&String::from_utf8_lossy(&output.text)))
    }

    /// Says what is wrong with the expressions in `template` before it is rendered, as pairs of JSON
    /// pointer and message.
    pub fn check(&self, template: &Value, names: &Names<'_>) -> Vec<(String, String)> {
        let mut refusals = Vec::new();
        self.check_at(template, names, "", &mut refusals);
        refusals
    }

    /// Says what is wrong with a string that must be exactly one expression.
    pub fn check_expression(&self, text: &str, names: &Names<'_>) -> Option<String> {
        match lone(text) {
            Ok(expression) => self.refuse(expression, names),
            Err(message) => Some(message),
        }
    }

    /// Says what is wrong with the template of a report.
    pub fn check_report(&self, source: &str, names: &Names<'_>) -> Option<String> {
        let template = match self.reports.template_from_str(source) {
            Ok(template) => template,
            Err(error) => return Some(report_error(&error).message),
        };
        let code = code_of_report(source);
        if let Some(refusal) = code.iter().find_map(|code| self.refuse_called(&called(code))) {
            return Some(refusal);
        }
        let mut paths: Vec<String> = template.undeclared_variables(true).into_iter().collect();
        paths.sort();
        paths.iter().find_map(|path| match path.split('.').next() {
            Some("result" | "loop") => None,
            _ => names.refuse(path, |name| self.is_global(name)),
        })
    }

    fn render_at(
        &self,
        template: &Value,
        context: &Dynamic,
        pointer: &str,
    ) -> Result<Value, (String, String)> {
        match template {
            Value::String(text) => {
                self.string(text, context).map_err(|message| (pointer.to_owned(), message))
            }
            Value::Array(items) => items
                .iter()
                .enumerate()
                .map(|(index, item)| self.render_at(item, context, &format!("{pointer}/{index}")))
                .collect(),
            Value::Object(entries) => {
                if let Some(literal) = literal(entries) {
                    return Ok(literal.clone());
                }
                let mut rendered = Map::new();
                for (key, item) in entries {
                    rendered.insert(key.clone(), self.render_at(item, context, &below(pointer, key))?);
                }
                Ok(Value::Object(rendered))
            }
            scalar => Ok(scalar.clone()),
        }
    }

    fn string(&self, text: &str, context: &Dynamic) -> Result<Value, String> {
        let pieces = pieces(text).map_err(|error| error.message().to_owned())?;
        if let [Piece::Expression(expression)] = pieces.as_slice() {
            return self.json(expression, context);
        }
        let mut rendered = String::new();
        for piece in pieces {
            match piece {
                Piece::Text(text) => rendered.push_str(text),
                Piece::Expression(expression) => {
                    let value = self.evaluate(expression, context)?;
                    let text =
                        text_of(&value).map_err(|reason| format!("`{}` {reason}", shown(expression)))?;
                    rendered.push_str(&text);
                }
            }
            if rendered.len() > BYTES_MAX {
                return Err(format!("gives a text of more than {} MiB", BYTES_MAX >> 20));
            }
        }
        Ok(Value::String(rendered))
    }

    fn json(&self, expression: &str, context: &Dynamic) -> Result<Value, String> {
        let value = self.evaluate(expression, context)?;
        to_json(&value).map_err(|reason| format!("`{}` {reason}", shown(expression)))
    }

    /// Evaluates an expression; the undefined is an error here, since the engine lets it through.
    fn evaluate(&self, expression: &str, context: &Dynamic) -> Result<Dynamic, String> {
        let failed = |error: Error| format!("`{}`: {}", shown(expression), said(&error));
        let compiled = self.expressions.compile_expression_owned(expression.to_owned()).map_err(failed)?;
        let value = compiled.eval(context.clone()).map_err(failed)?;
        match value.kind() {
            ValueKind::Undefined => Err(format!("`{}` is undefined", shown(expression))),
            _ => Ok(value),
        }
    }

    fn check_at(
        &self,
        template: &Value,
        names: &Names<'_>,
        pointer: &str,
        refusals: &mut Vec<(String, String)>,
    ) {
        match template {
            Value::String(text) => match pieces(text) {
                Ok(pieces) => refusals.extend(pieces.iter().filter_map(|piece| match piece {
                    Piece::Expression(expression) => {
                        self.refuse(expression, names).map(|message| (pointer.to_owned(), message))
                    }
                    Piece::Text(_) => None,
                })),
                Err(error) => refusals.push((pointer.to_owned(), error.message().to_owned())),
            },
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.check_at(item, names, &format!("{pointer}/{index}"), refusals);
                }
            }
            Value::Object(entries) if literal(entries).is_some() => {}
            Value::Object(entries) if entries.contains_key(LITERAL) => {
                let message = format!("an object with `{LITERAL}` has no other keys");
                refusals.push((pointer.to_owned(), message));
            }
            Value::Object(entries) => {
                for (key, item) in entries {
                    self.check_at(item, names, &below(pointer, key), refusals);
                }
            }
            _ => {}
        }
    }

    fn refuse(&self, expression: &str, names: &Names<'_>) -> Option<String> {
        let compiled = match self.expressions.compile_expression_owned(expression.to_owned()) {
            Ok(compiled) => compiled,
            Err(error) => return Some(format!("`{}`: {}", shown(expression), said(&error))),
        };
        if let Some(refusal) = self.refuse_called(&called(expression)) {
            return Some(format!("`{}`: {refusal}", shown(expression)));
        }
        let mut paths: Vec<String> = compiled.undeclared_variables(true).into_iter().collect();
        paths.sort();
        paths.iter().find_map(|path| names.refuse(path, |name| self.is_global(name)))
    }

    /// Asks the engine whether it knows the filters and tests, by calling them on nothing.
    fn refuse_called(&self, called: &Called<'_>) -> Option<String> {
        let unknown = |source: String, kind: ErrorKind| {
            let compiled = self.expressions.compile_expression_owned(source);
            let answer = compiled.and_then(|expression| expression.eval(()));
            answer.is_err_and(|error| error.kind() == kind)
        };
        let filter =
            called.filters.iter().find(|name| unknown(format!("none|{name}"), ErrorKind::UnknownFilter));
        if let Some(name) = filter {
            return Some(format!("there is no filter `{name}`"));
        }
        let test =
            called.tests.iter().find(|name| unknown(format!("none is {name}"), ErrorKind::UnknownTest));
        test.map(|name| format!("there is no test `{name}`"))
    }

    fn is_global(&self, name: &str) -> bool {
        self.expressions.globals().any(|(global, _)| global == name)
    }
}

/// Returns the value of an object that is `{ "$literal": … }` and nothing else.
pub(crate) fn literal(entries: &Map<String, Value>) -> Option<&Value> {
    (entries.len() == 1).then(|| entries.get(LITERAL)).flatten()
}

fn below(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

fn whole(message: String) -> TemplateError {
    TemplateError { place: String::new(), message }
}

/// Returns the expression of a string that is exactly one.
fn lone(text: &str) -> Result<&str, String> {
    match pieces(text.trim()).map_err(|error| error.message().to_owned())?.as_slice() {
        [Piece::Expression(expression)] => Ok(expression),
        _ => Err(format!("`{}` is not exactly one `{{{{ … }}}}`", shown(text))),
    }
}

fn shown(expression: &str) -> String {
    shorten(expression.trim(), 120)
}

fn said(error: &Error) -> String {
    let kind = error.kind();
    match (kind, error.detail()) {
        (ErrorKind::OutOfFuel, _) => "takes too many steps".to_owned(),
        (ErrorKind::UndefinedError, None) => "uses something that is undefined".to_owned(),
        (ErrorKind::UndefinedError, Some(detail)) => {
            format!("uses something undefined: {}", shorten(detail, 200))
        }
        (_, Some(detail)) => shorten(detail, 200),
        (_, None) => kind.to_string(),
    }
}

fn report_error(error: &Error) -> TemplateError {
    let place = error.line().map(|line| format!("line {line}")).unwrap_or_default();
    TemplateError { place, message: said(error) }
}

/// Returns a value as text: texts as they are, everything else as JSON.
fn text_of(value: &Dynamic) -> Result<String, String> {
    match value.as_str() {
        Some(text) => Ok(text.to_owned()),
        None => to_json(value).map(|value| value.to_string()),
    }
}

/// A text on one line: line feeds, tabs and control characters escaped.
fn inline(text: &Dynamic) -> Result<String, Error> {
    let text = text_of(text).map_err(|message| Error::new(ErrorKind::UndefinedError, message))?;
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        if is_unprintable(character) {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    Ok(line)
}

/// A text as Markdown code on one line, whatever back ticks it holds.
fn code_span(text: &Dynamic) -> Result<String, Error> {
    let line = inline(text)?;
    let longest = line.split(|character| character != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let space = if line.is_empty() || line.starts_with('`') || line.ends_with('`') { " " } else { "" };
    Ok(format!("{fence}{space}{line}{space}{fence}"))
}

/// Control characters, and those that reorder or hide text.
fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

fn printable(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for character in text.chars() {
        if is_unprintable(character) && !matches!(character, '\n' | '\t') {
            clean.extend(character.escape_default());
        } else {
            clean.push(character);
        }
    }
    clean
}

/// A writer that refuses more than [`REPORT_BYTES_MAX`].
struct Capped {
    text: Vec<u8>,
    full: bool,
}

impl io::Write for Capped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.text.len() + bytes.len() > REPORT_BYTES_MAX {
            self.full = true;
            return Err(io::Error::other("the report is too long"));
        }
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
