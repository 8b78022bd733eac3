//! Errors as JSON-RPC says them.

use serde_json::{Value, json};

use crate::envelope::RawId;

/// An error answer, but for the id.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// One of the codes that JSON-RPC and the protocol define.
    pub code: i32,
    /// What is wrong, for people.
    pub message: String,
    /// What is wrong, for programs.
    pub data: Option<Value>,
}

impl Fault {
    /// The line is not JSON or not UTF-8.
    pub fn parse(message: impl Into<String>) -> Self {
        Self { code: -32700, message: message.into(), data: None }
    }

    /// The line is JSON and no request.
    pub fn request(message: impl Into<String>) -> Self {
        Self { code: -32600, message: message.into(), data: None }
    }

    /// There is no such method.
    pub fn method(name: &str) -> Self {
        let shown: String = name.chars().take(100).collect();
        Self { code: -32601, message: format!("method not found: `{shown}`"), data: None }
    }

    /// The method's parameters are wrong.
    pub fn params(message: impl Into<String>) -> Self {
        Self { code: -32602, message: message.into(), data: None }
    }

    /// It is not the client's fault.
    pub fn internal(message: impl Into<String>) -> Self {
        Self { code: -32603, message: message.into(), data: None }
    }

    /// The request names a version of the protocol that is not spoken here.
    pub fn version(requested: &str, supported: &[&str]) -> Self {
        let data = json!({ "requested": requested, "supported": supported });
        Self { code: -32022, message: "unsupported protocol version".to_owned(), data: Some(data) }
    }

    /// Adds a kind that programs can tell the error by.
    #[must_use]
    pub fn with_kind(mut self, kind: &str, hint: &str) -> Self {
        self.data = Some(json!({ "kind": kind, "hint": hint }));
        self
    }

    /// Returns the whole answer, without a line feed. Without a usable id the answer has none:
    /// clients that get a `null` there report an error of their own.
    pub fn answer(&self, id: Option<&RawId>) -> Vec<u8> {
        let mut error = json!({ "code": self.code, "message": self.message });
        if let Some(data) = &self.data {
            error["data"] = data.clone();
        }
        match id {
            Some(id) => {
                format!(r#"{{"jsonrpc":"2.0","id":{},"error":{error}}}"#, id.as_written()).into_bytes()
            }
            None => format!(r#"{{"jsonrpc":"2.0","error":{error}}}"#).into_bytes(),
        }
    }
}
