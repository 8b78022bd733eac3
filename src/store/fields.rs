//! Reading a row strictly, column by column: a value that does not fit is an error with its place.

use std::str::FromStr;
use std::time::Duration;

use domain::{JsonText, Timestamp};
use rusqlite::Row;
use rusqlite::types::{FromSql, ValueRef};

use crate::Error;

/// The columns of one row, taken in the order in which the statement names them. The first column
/// is the row's integer key.
pub(crate) struct Fields<'r, 's> {
    row: &'r Row<'s>,
    table: &'static str,
    next: usize,
    key: i64,
}

impl<'r, 's> Fields<'r, 's> {
    /// Begins with the key.
    pub(crate) fn new(row: &'r Row<'s>, table: &'static str) -> Result<Self, Error> {
        let key = match row.get_ref(0)? {
            ValueRef::Integer(key) => key,
            _ => return Err(Error::Row { table, key: 0, column: "key", what: "is no integer".to_owned() }),
        };
        Ok(Self { row, table, next: 1, key })
    }

    /// Goes on with the columns of another table that the statement joined.
    pub(crate) fn table(&mut self, table: &'static str) {
        self.table = table;
    }

    /// Returns the row's key.
    pub(crate) fn key(&self) -> i64 {
        self.key
    }

    /// Returns the error for a column of this row.
    pub(crate) fn wrong(&self, column: &'static str, what: impl Into<String>) -> Error {
        Error::Row { table: self.table, key: self.key, column, what: what.into() }
    }

    /// Takes a value, or nothing.
    pub(crate) fn maybe<T: FromSql>(&mut self, column: &'static str) -> Result<Option<T>, Error> {
        debug_assert_eq!(
            self.row.as_ref().column_name(self.next).ok(),
            Some(column),
            "columns are read in order"
        );
        let value = self.row.get_ref(self.next)?;
        self.next += 1;
        if value == ValueRef::Null {
            return Ok(None);
        }
        T::column_result(value).map(Some).map_err(|error| self.wrong(column, error.to_string()))
    }

    /// Takes a value that must be there.
    pub(crate) fn get<T: FromSql>(&mut self, column: &'static str) -> Result<T, Error> {
        self.maybe(column)?.ok_or_else(|| self.wrong(column, "is missing"))
    }

    /// Takes a text that one of our types parses, or nothing.
    pub(crate) fn maybe_parsed<T: FromStr>(&mut self, column: &'static str) -> Result<Option<T>, Error>
    where
        T::Err: std::fmt::Display,
    {
        let text: Option<String> = self.maybe(column)?;
        text.map(|text| text.parse().map_err(|error: T::Err| self.wrong(column, error.to_string())))
            .transpose()
    }

    /// Takes a text that one of our types parses.
    pub(crate) fn parsed<T: FromStr>(&mut self, column: &'static str) -> Result<T, Error>
    where
        T::Err: std::fmt::Display,
    {
        self.maybe_parsed(column)?.ok_or_else(|| self.wrong(column, "is missing"))
    }

    /// Takes the sixteen bytes of an id.
    pub(crate) fn id<T>(&mut self, column: &'static str, make: fn([u8; 16]) -> T) -> Result<T, Error> {
        self.get(column).map(make)
    }

    /// Takes the sixteen bytes of an id, or nothing.
    pub(crate) fn maybe_id<T>(
        &mut self,
        column: &'static str,
        make: fn([u8; 16]) -> T,
    ) -> Result<Option<T>, Error> {
        Ok(self.maybe(column)?.map(make))
    }

    /// Takes a point in time.
    pub(crate) fn time(&mut self, column: &'static str) -> Result<Timestamp, Error> {
        self.get(column).map(Timestamp::from_millis)
    }

    /// Takes a point in time, or nothing.
    pub(crate) fn maybe_time(&mut self, column: &'static str) -> Result<Option<Timestamp>, Error> {
        Ok(self.maybe(column)?.map(Timestamp::from_millis))
    }

    /// Takes a duration in milliseconds.
    pub(crate) fn duration(&mut self, column: &'static str) -> Result<Duration, Error> {
        self.number(column).map(Duration::from_millis)
    }

    /// Takes a number that is not negative.
    pub(crate) fn number(&mut self, column: &'static str) -> Result<u64, Error> {
        self.maybe_number(column)?.ok_or_else(|| self.wrong(column, "is missing"))
    }

    /// Takes a number that is not negative, or nothing.
    pub(crate) fn maybe_number(&mut self, column: &'static str) -> Result<Option<u64>, Error> {
        let value: Option<i64> = self.maybe(column)?;
        value.map(|value| u64::try_from(value).map_err(|_| self.wrong(column, "is negative"))).transpose()
    }

    /// Takes JSON, which the table's `CHECK` has seen.
    pub(crate) fn maybe_json(&mut self, column: &'static str) -> Result<Option<JsonText>, Error> {
        Ok(self.maybe(column)?.map(JsonText::from_json))
    }

    /// Takes a yes or no.
    pub(crate) fn flag(&mut self, column: &'static str) -> Result<bool, Error> {
        match self.get::<i64>(column)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.wrong(column, "is neither 0 nor 1")),
        }
    }
}
