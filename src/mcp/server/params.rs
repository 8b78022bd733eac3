//! Judges one request by itself: which generation it belongs to, whether its parameters fit, and
//! what the protocol library is handed.

use rmcp::model::{
    CallToolRequest, CallToolRequestParams, ClientCapabilities, ClientRequest, DiscoverRequest,
    DiscoverRequestParams, Implementation, InitializeRequest, InitializeRequestParams, ListToolsRequest,
    PingRequest, RequestMetaObject,
};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::protocol::{DISCOVER, NEWEST_WITH_INITIALIZE, STATELESS_VERSION, SUPPORTED_VERSIONS};
use crate::fault::Fault;

const VERSION_KEY: &str = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES_KEY: &str = "io.modelcontextprotocol/clientCapabilities";
const CLIENT_INFO_KEY: &str = "io.modelcontextprotocol/clientInfo";

/// Whether `initialize` has opened the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opened {
    No,
    With(&'static str),
}

/// A request that fits.
#[derive(Debug)]
pub(super) struct Fitting {
    pub(super) request: ClientRequest,
    pub(super) progress_token: Option<Value>,
    /// The version that an `initialize` agrees upon.
    pub(super) opens: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Generation {
    /// Needs an earlier `initialize`.
    Legacy,
    /// Says everything itself.
    Stateless,
}

/// Judges a request.
///
/// # Errors
/// With the fault to answer.
pub(super) fn read(method: &str, params: Option<&RawValue>, opened: Opened) -> Result<Fitting, Fault> {
    let mut params = object(params)?;
    let meta = match params.shift_remove("_meta") {
        None => Map::new(),
        Some(Value::Object(meta)) => meta,
        Some(other) => return Err(unexpected("params._meta", "an object", &other)),
    };
    let progress_token = match meta.get("progressToken") {
        None => None,
        Some(token) if token.is_string() || token.is_i64() => Some(token.clone()),
        Some(other) => {
            return Err(unexpected("params._meta.progressToken", "a string or an integer", other));
        }
    };
    if method == "initialize" {
        let (request, version) = initialize(params, opened)?;
        return Ok(Fitting { request, progress_token, opens: Some(version) });
    }
    let generation = generation(&meta)?;
    let known = matches!(method, "ping" | DISCOVER | "tools/list" | "tools/call");
    if !known || (method == "ping" && generation == Generation::Stateless) {
        return Err(Fault::method(method));
    }
    if generation == Generation::Legacy {
        if method == DISCOVER {
            return Err(Fault::params(format!(
                "`{DISCOVER}` needs `{VERSION_KEY}` and `{CAPABILITIES_KEY}` in `params._meta`"
            )));
        }
        if opened == Opened::No && method != "ping" {
            return Err(Fault::params(format!(
                "nothing was opened: send `initialize` first, or put `{VERSION_KEY}` and \
                 `{CAPABILITIES_KEY}` into `params._meta` of each request"
            )));
        }
    }
    let request = typed(method, params, meta)?;
    Ok(Fitting { request, progress_token, opens: None })
}

/// Reads the version that `initialize` asks for; the answer is that one or the newest we have.
fn initialize(params: Map<String, Value>, opened: Opened) -> Result<(ClientRequest, &'static str), Fault> {
    if let Opened::With(version) = opened {
        return Err(Fault::request(format!("already initialized with version {version}")));
    }
    let asked = match params.get("protocolVersion") {
        Some(Value::String(asked)) => asked.clone(),
        Some(other) => return Err(unexpected("params.protocolVersion", "a string", other)),
        None => return Err(missing("params.protocolVersion")),
    };
    fits::<ClientCapabilities>("params.capabilities", params.get("capabilities"))?;
    fits::<Implementation>("params.clientInfo", params.get("clientInfo"))?;
    let params: InitializeRequestParams = whole(params)?;
    let version = SUPPORTED_VERSIONS
        .into_iter()
        .find(|known| *known == asked && *known != STATELESS_VERSION)
        .unwrap_or(NEWEST_WITH_INITIALIZE);
    Ok((ClientRequest::InitializeRequest(InitializeRequest::new(params)), version))
}

/// Which generation a request belongs to is said by itself alone.
fn generation(meta: &Map<String, Value>) -> Result<Generation, Fault> {
    let version = match meta.get(VERSION_KEY) {
        None => return Ok(Generation::Legacy),
        Some(Value::String(version)) => version.as_str(),
        Some(other) => return Err(unexpected(VERSION_KEY, "a string", other)),
    };
    if version != STATELESS_VERSION {
        // A client that opened an older version may repeat it in each request.
        return if SUPPORTED_VERSIONS.contains(&version) {
            Ok(Generation::Legacy)
        } else {
            Err(Fault::version(&version.chars().take(100).collect::<String>(), &SUPPORTED_VERSIONS))
        };
    }
    fits::<ClientCapabilities>(CAPABILITIES_KEY, meta.get(CAPABILITIES_KEY))?;
    if let Some(info) = meta.get(CLIENT_INFO_KEY) {
        fits::<Implementation>(CLIENT_INFO_KEY, Some(info))?;
    }
    Ok(Generation::Stateless)
}

fn typed(method: &str, params: Map<String, Value>, meta: Map<String, Value>) -> Result<ClientRequest, Fault> {
    let meta = RequestMetaObject::from(meta);
    Ok(match method {
        "ping" => ClientRequest::PingRequest(PingRequest::default()),
        DISCOVER => {
            let mut request = DiscoverRequest::new(DiscoverRequestParams {});
            request.extensions.insert(meta);
            ClientRequest::DiscoverRequest(request)
        }
        "tools/list" => {
            match params.get("cursor") {
                None | Some(Value::Null) => {}
                // All tools fit on one page, so no cursor was ever given out.
                Some(Value::String(_)) => return Err(Fault::params("`params.cursor` is none of ours")),
                Some(other) => return Err(unexpected("params.cursor", "a string", other)),
            }
            let mut request = ListToolsRequest::default();
            request.extensions.insert(meta);
            ClientRequest::ListToolsRequest(request)
        }
        "tools/call" => {
            match params.get("name") {
                Some(Value::String(_)) => {}
                Some(other) => return Err(unexpected("params.name", "a string", other)),
                None => return Err(missing("params.name")),
            }
            match params.get("arguments") {
                None | Some(Value::Null | Value::Object(_)) => {}
                Some(other) => return Err(unexpected("params.arguments", "an object", other)),
            }
            let mut request = CallToolRequest::new(whole::<CallToolRequestParams>(params)?);
            request.extensions.insert(meta);
            ClientRequest::CallToolRequest(request)
        }
        other => return Err(Fault::method(other)),
    })
}

fn object(params: Option<&RawValue>) -> Result<Map<String, Value>, Fault> {
    let Some(raw) = params.map(RawValue::get).filter(|raw| *raw != "null") else { return Ok(Map::new()) };
    if !raw.starts_with('{') {
        return Err(Fault::params("`params` must be an object"));
    }
    serde_json::from_str(raw).map_err(|error| Fault::params(format!("`params` cannot be read: {error}")))
}

fn whole<T: DeserializeOwned>(params: Map<String, Value>) -> Result<T, Fault> {
    serde_json::from_value(Value::Object(params))
        .map_err(|error| Fault::params(format!("`params` do not fit: {error}")))
}

fn fits<T: DeserializeOwned>(place: &str, value: Option<&Value>) -> Result<(), Fault> {
    match value {
        None => Err(missing(place)),
        Some(value) if !value.is_object() => Err(unexpected(place, "an object", value)),
        Some(value) => match T::deserialize(value) {
            Ok(_) => Ok(()),
            Err(error) => Err(Fault::params(format!("`{place}` does not fit: {error}"))),
        },
    }
}

fn missing(place: &str) -> Fault {
    Fault::params(format!("`{place}` is missing"))
}

fn unexpected(place: &str, expected: &str, found: &Value) -> Fault {
    let found = match found {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    Fault::params(format!("`{place}` must be {expected}, not {found}"))
}
