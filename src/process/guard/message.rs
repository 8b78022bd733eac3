//! What host and guard say to each other over their socket: one launch message, then commands
//! in bytes and reports in lines.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use serde::{Deserialize, Serialize};

use super::record::{EndRecord, Left};
use crate::identity::Identity;

/// The command that begins the ladder at its TERM.
pub(crate) const COMMAND_END: u8 = b'e';
/// The command that begins the ladder at its KILL.
pub(crate) const COMMAND_KILL: u8 = b'k';

/// More than the system takes for arguments and environment together is not read at all.
pub(crate) const LAUNCH_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Everything that a guard must know to start its child. It travels by socket, never by argv.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LaunchMessage {
    pub(crate) program: OsString,
    pub(crate) cwd: OsString,
    pub(crate) args: Vec<OsString>,
    pub(crate) env: Vec<(OsString, OsString)>,
    /// Soft limit of open files that the child gets.
    pub(crate) open_files: Option<u64>,
    /// Limit of private writable memory of each process.
    pub(crate) data_bytes: Option<u64>,
    /// Which rights new files of the child do not get.
    pub(crate) file_mask: Option<u64>,
}

/// What a guard tells its host.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Report {
    /// The child runs.
    Started(Identity),
    /// The child could not be started.
    Failed { stage: Stage, errno: i32 },
    /// Something does not end; the guard goes on trying.
    Stuck(Vec<Left>),
    /// Nothing is left.
    Ended(EndRecord),
}

/// Where a start failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stage {
    Prepare,
    Limits,
    Directory,
    Execute,
}

impl LaunchMessage {
    /// Encodes the message with its length before it, or says that a text cannot be passed on.
    ///
    /// Neither arguments nor variables may hold a NUL, so NUL ends each field.
    pub(crate) fn encode(&self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        put(&mut body, &self.program)?;
        put(&mut body, &self.cwd)?;
        put_number(&mut body, self.open_files)?;
        put_number(&mut body, self.data_bytes)?;
        put_number(&mut body, self.file_mask)?;
        put_number(&mut body, u64::try_from(self.args.len()).ok())?;
        for arg in &self.args {
            put(&mut body, arg)?;
        }
        for (name, value) in &self.env {
            if name.is_empty() || name.as_bytes().contains(&b'=') {
                return Err(invalid("a variable's name is empty or holds `=`"));
            }
            put(&mut body, name)?;
            put(&mut body, value)?;
        }
        let length = u32::try_from(body.len()).ok().filter(|_| body.len() <= LAUNCH_BYTES_MAX);
        let length = length.ok_or_else(|| invalid("arguments and environment are too long"))?;
        let mut framed = length.to_le_bytes().to_vec();
        framed.append(&mut body);
        Ok(framed)
    }

    /// Decodes what follows the length.
    pub(crate) fn decode(body: &[u8]) -> io::Result<Self> {
        let body = body.strip_suffix(b"\0").ok_or_else(|| invalid("the launch message is cut"))?;
        let mut fields = body.split(|&byte| byte == 0);
        let program = take(&mut fields)?;
        let cwd = take(&mut fields)?;
        let open_files = take_number(&mut fields)?;
        let data_bytes = take_number(&mut fields)?;
        let file_mask = take_number(&mut fields)?;
        let count = take_number(&mut fields)?.ok_or_else(|| invalid("the launch message has no count"))?;
        let mut args = Vec::new();
        for _ in 0..count {
            args.push(take(&mut fields)?);
        }
        let mut env = Vec::new();
        while let Some(name) = fields.next() {
            env.push((OsString::from_vec(name.to_vec()), take(&mut fields)?));
        }
        Ok(Self { program, cwd, args, env, open_files, data_bytes, file_mask })
    }
}

fn put(body: &mut Vec<u8>, text: &OsStr) -> io::Result<()> {
    if text.as_bytes().contains(&0) {
        return Err(invalid("a program, argument, directory or variable holds a NUL byte"));
    }
    body.extend_from_slice(text.as_bytes());
    body.push(0);
    Ok(())
}

fn put_number(body: &mut Vec<u8>, number: Option<u64>) -> io::Result<()> {
    put(body, OsStr::new(&number.map_or_else(String::new, |number| number.to_string())))
}

fn take<'a>(fields: &mut impl Iterator<Item = &'a [u8]>) -> io::Result<OsString> {
    let field = fields.next().ok_or_else(|| invalid("the launch message is cut"))?;
    Ok(OsString::from_vec(field.to_vec()))
}

fn take_number<'a>(fields: &mut impl Iterator<Item = &'a [u8]>) -> io::Result<Option<u64>> {
    let field = take(fields)?;
    if field.is_empty() {
        return Ok(None);
    }
    let number = field.to_str().and_then(|text| text.parse().ok());
    number.map(Some).ok_or_else(|| invalid("the launch message holds no number where one must be"))
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text() -> impl Strategy<Value = OsString> {
        proptest::collection::vec(1u8..=255, 0..20).prop_map(OsString::from_vec)
    }

    fn name() -> impl Strategy<Value = OsString> {
        proptest::collection::vec((1u8..=255).prop_filter("=", |&byte| byte != b'='), 1..10)
            .prop_map(OsString::from_vec)
    }

    proptest! {
        #[test]
        fn a_message_comes_back_as_it_was(
            program in text(),
            cwd in text(),
            args in proptest::collection::vec(text(), 0..5),
            env in proptest::collection::vec((name(), text()), 0..5),
            open_files in proptest::option::of(any::<u64>()),
            data_bytes in proptest::option::of(any::<u64>()),
            file_mask in proptest::option::of(0u64..0o1000),
        ) {
            let message = LaunchMessage { program, cwd, args, env, open_files, data_bytes, file_mask };
            let framed = message.encode().unwrap();
            let length = u32::from_le_bytes(framed[..4].try_into().unwrap());
            prop_assert_eq!(usize::try_from(length).unwrap(), framed.len() - 4);
            prop_assert_eq!(LaunchMessage::decode(&framed[4..]).unwrap(), message);
        }

        #[test]
        fn garbage_is_refused_or_read_but_never_panics(body in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _unused = LaunchMessage::decode(&body);
        }
    }

    #[test]
    fn what_exec_cannot_take_is_refused() {
        let plain = LaunchMessage {
            program: "a".into(),
            cwd: "/".into(),
            args: vec![],
            env: vec![],
            open_files: None,
            data_bytes: None,
            file_mask: None,
        };
        let check = |message: LaunchMessage| assert!(message.encode().is_err(), "{message:?}");
        check(LaunchMessage { program: "a\0b".into(), ..plain.clone() });
        check(LaunchMessage { args: vec!["\0".into()], ..plain.clone() });
        check(LaunchMessage { env: vec![("A=B".into(), "".into())], ..plain.clone() });
        check(LaunchMessage { env: vec![("".into(), "".into())], ..plain });
    }
}
