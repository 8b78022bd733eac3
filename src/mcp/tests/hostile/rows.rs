//! The hostile table as data: what is sent, and what must come back. It knows nothing of how the
//! server is reached, so it drives one over pipes in memory and the real program alike.
//!
//! How to drive it: for each case open a connection, [`open`](Case::open) it, send
//! [`send`](Case::send) with [`RUNNING`] replaced by the id of a task that runs on, read until each
//! of [`expect`](Case::expect) has come in any order, then make sure that a call is still
//! answered and that nothing else came.

use serde_json::value::RawValue;
use serde_json::{Value, json};

/// Stands for the id of a task that does not end while the table is run.
pub const RUNNING: &str = "@running@";

/// Levels that no reader of JSON should follow.
const DEEP: usize = 10_000;

/// One entry of the table.
pub struct Case {
    /// The row of the table that it belongs to.
    pub row: u8,
    /// What is wrong, in words.
    pub name: String,
    /// How the connection is opened first.
    pub open: Open,
    /// The bytes that are sent then.
    pub send: Vec<u8>,
    /// What comes back, in any order, and nothing else.
    pub expect: Vec<Expect>,
}

/// How a connection is opened before the case begins.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Open {
    /// Not at all.
    Not,
    /// By `initialize` with this version.
    With(&'static str),
}

/// One answer.
#[derive(Clone)]
pub struct Expect {
    /// The id as it must be written, or that there must be none.
    pub id: Option<String>,
    /// What the answer holds.
    pub what: What,
}

/// What an answer holds.
#[derive(Clone)]
pub enum What {
    /// An error with this code, whose message has each of these parts.
    Fault(i64, Vec<String>),
    /// A result in which these places have these values.
    Result(Vec<(&'static str, Value)>),
    /// The result of a tool that failed: text alone, with each of these parts.
    ToolFailed(Vec<String>),
    /// An array with these answers.
    Batch(Vec<Expect>),
}

impl Expect {
    /// Returns why a message is not this answer, or nothing if it is.
    pub fn mismatch(&self, message: &str) -> Option<String> {
        if let What::Batch(members) = &self.what {
            let Ok(found) = serde_json::from_str::<Vec<&RawValue>>(message) else {
                return Some("not an array".to_owned());
            };
            if found.len() != members.len() {
                return Some(format!("{} answers in the array", found.len()));
            }
            return members.iter().find_map(|member| {
                let fits = found.iter().any(|answer| member.mismatch(answer.get()).is_none());
                (!fits).then(|| format!("no answer in the array with id {:?}", member.id))
            });
        }
        #[derive(serde::Deserialize)]
        struct Answer<'a> {
            jsonrpc: String,
            #[serde(borrow, default)]
            id: Option<&'a RawValue>,
        }
        let Ok(answer) = serde_json::from_str::<Answer<'_>>(message) else {
            return Some("not an answer".to_owned());
        };
        let Ok(value) = serde_json::from_str::<Value>(message) else { return Some("not JSON".to_owned()) };
        if answer.jsonrpc != "2.0" || value.get("id").is_some() != self.id.is_some() {
            return Some("no version, or an id where none should be".to_owned());
        }
        if answer.id.map(RawValue::get) != self.id.as_deref() {
            return Some(format!("id {:?}", answer.id));
        }
        match &self.what {
            What::Fault(code, parts) => {
                let text = value["error"]["message"].as_str().unwrap_or_default();
                (value["error"]["code"] != *code
                    || parts.iter().any(|part| !value["error"].to_string().contains(part.as_str())))
                .then(|| format!("error {} {text}", value["error"]["code"]))
            }
            What::Result(places) => places.iter().find_map(|(place, expected)| {
                let found = value["result"].pointer(place);
                (value.get("result").is_none() || found.unwrap_or(&Value::Null) != expected)
                    .then(|| format!("at {place}: {found:?}"))
            }),
            What::ToolFailed(parts) => {
                let result = &value["result"];
                let text = result["content"][0]["text"].as_str().unwrap_or_default();
                (result["isError"] != true
                    || result.get("structuredContent").is_some()
                    || parts.iter().any(|part| !text.contains(part.as_str())))
                .then(|| format!("result {result}"))
            }
            What::Batch(_) => None,
        }
    }
}

/// An error without an id.
pub fn anonymous(code: i64, parts: &[&str]) -> Expect {
    Expect { id: None, what: What::Fault(code, owned(parts)) }
}

/// An error with an id.
pub fn fault(id: &str, code: i64, parts: &[&str]) -> Expect {
    Expect { id: Some(id.to_owned()), what: What::Fault(code, owned(parts)) }
}

/// A result.
pub fn result(id: &str, places: &[(&'static str, Value)]) -> Expect {
    Expect { id: Some(id.to_owned()), what: What::Result(places.to_vec()) }
}

/// The result of a call of a tool that went well.
pub fn done(id: &str) -> Expect {
    result(id, &[("/isError", json!(false)), ("/content/0/type", json!("text"))])
}

/// The result of a call of a tool that failed.
pub fn failed(id: &str, parts: &[&str]) -> Expect {
    Expect { id: Some(id.to_owned()), what: What::ToolFailed(owned(parts)) }
}

fn owned(parts: &[&str]) -> Vec<String> {
    parts.iter().map(|part| (*part).to_owned()).collect()
}

/// A request as text, without a line feed; `id` and `params` are written as they are.
pub fn request(id: &str, method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#)
}

/// A call of `agent_list`, which always goes well.
pub fn call(id: &str) -> String {
    request(id, "tools/call", r#"{"name":"agent_list","arguments":{}}"#)
}

/// A call of `task_wait` for the task that runs on.
pub fn wait(id: &str, wait_ms: u64) -> String {
    request(
        id,
        "tools/call",
        &json!({ "name": "task_wait", "arguments": { "ids": [RUNNING], "wait_ms": wait_ms } }).to_string(),
    )
}

/// A notification.
pub fn notify(method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{params}}}"#)
}

/// What a request of the stateless generation says of itself.
pub const STATELESS: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;

/// A call of the stateless generation.
pub fn stateless(id: &str, method: &str, rest: &str) -> String {
    let comma = if rest.is_empty() { "" } else { "," };
    request(id, method, &format!("{{{STATELESS}{comma}{rest}}}"))
}

/// A call of `agent_list` in the stateless generation.
pub fn stateless_call(id: &str) -> String {
    stateless(id, "tools/call", r#""name":"agent_list""#)
}

/// An `initialize`.
pub fn initialize(id: &str, version: &str) -> String {
    request(
        id,
        "initialize",
        &json!({ "protocolVersion": version, "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } })
            .to_string(),
    )
}

struct Table(Vec<Case>);

impl Table {
    fn add(&mut self, row: u8, name: &str, open: Open, lines: &[String], expect: Vec<Expect>) {
        let mut send = lines.join("\n").into_bytes();
        send.push(b'\n');
        self.bytes(row, name, open, send, expect);
    }

    fn bytes(&mut self, row: u8, name: &str, open: Open, send: Vec<u8>, expect: Vec<Expect>) {
        self.0.push(Case { row, name: name.to_owned(), open, send, expect });
    }
}

const LEGACY: Open = Open::With("2025-06-18");

/// Returns all cases that one connection can show by itself.
pub fn cases() -> Vec<Case> {
    let mut table = Table(Vec::new());
    lines(&mut table);
    envelopes(&mut table);
    openings(&mut table);
    generations(&mut table);
    parameters(&mut table);
    depths(&mut table);
    cancels(&mut table);
    table.0
}

fn lines(table: &mut Table) {
    let text = |text: &str| vec![text.to_owned()];
    for open in [Open::Not, LEGACY] {
        for bad in [
            "hello",
            r#"{"jsonrpc":"2.0","id":1,"method":"pi"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"ping",}"#,
        ] {
            table.add(1, bad, open, &text(bad), vec![anonymous(-32700, &[])]);
        }
        for bad in ["42", "null", "{}", "\"x\"", "true"] {
            table.add(1, bad, open, &text(bad), vec![anonymous(-32600, &[])]);
        }
    }
    let mut torn = br#"{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"agent_list","arguments":{"capability":""#.to_vec();
    torn.extend_from_slice(b"\xff\xfe\"}}}\n");
    table.bytes(2, "not UTF-8 inside", LEGACY, torn, vec![fault("5", -32700, &["UTF-8"])]);
    table.bytes(2, "a binary line", LEGACY, b"\x00\x01\xff\xfe\x80\n".to_vec(), vec![anonymous(-32700, &[])]);

    let two = || text(&format!("[{},{}]", call("1"), call("\"b\"")));
    let batch = Expect { id: None, what: What::Batch(vec![done("1"), done("\"b\"")]) };
    table.add(3, "a batch in the version that has them", Open::With("2025-03-26"), &two(), vec![batch]);
    for open in [Open::Not, LEGACY, Open::With("2024-11-05"), Open::With("2025-11-25")] {
        table.add(3, "a batch elsewhere", open, &two(), vec![anonymous(-32600, &["batch"])]);
    }
    let batches = Open::With("2025-03-26");
    table.add(3, "an empty batch", batches, &text("[]"), vec![anonymous(-32600, &[])]);
    let many = format!("[{}]", vec![call("1"); 101].join(","));
    table.add(3, "a batch of 101", batches, &[many], vec![anonymous(-32600, &["100"])]);
    let opening = text(&format!("[{},{}]", initialize("1", "2025-03-26"), call("2")));
    table.add(3, "initialize in a batch", batches, &opening, vec![anonymous(-32600, &["initialize"])]);
    let mixed = format!("[{},42,{}]", call("1"), notify("notifications/initialized", "{}"));
    let answers = vec![done("1"), anonymous(-32600, &[])];
    table.add(
        3,
        "a batch with a bad member",
        batches,
        &[mixed],
        vec![Expect { id: None, what: What::Batch(answers) }],
    );
    let told = format!("[{}]", notify("notifications/initialized", "{}"));
    table.add(3, "a batch of notifications", batches, &[told], vec![]);

    let double = format!("{}{}", call("1"), call("2"));
    table.add(4, "two values on one line", LEGACY, &[double], vec![anonymous(-32700, &[])]);
    table.bytes(4, "CRLF", LEGACY, format!("{}\r\n", call("1")).into_bytes(), vec![done("1")]);
    table.bytes(
        4,
        "blank lines",
        LEGACY,
        format!("\n\n  \n\r\n{}\n\n", call("1")).into_bytes(),
        vec![done("1")],
    );
    table.bytes(4, "a BOM", LEGACY, format!("\u{feff}{}\n", call("1")).into_bytes(), vec![done("1")]);
    let pretty = "{\n\"jsonrpc\": \"2.0\",\n\"id\": 1,\n\"method\": \"ping\"\n}\n";
    table.bytes(4, "a pretty-printed request", LEGACY, pretty.into(), vec![anonymous(-32700, &[]); 5]);

    let padded = |bytes: usize| {
        let mut line = call("1");
        let end = line.split_off(line.len() - 2);
        line.push_str(r#"},"padding":""#);
        line.push_str(&"x".repeat(bytes));
        line.push('"');
        line.push_str(&end[1..]);
        line
    };
    let padding = request(
        "1",
        "tools/call",
        &format!(r#"{{"name":"agent_list","padding":"{}"}}"#, "x".repeat(4 << 20)),
    );
    table.add(5, "a line of 4 MiB", LEGACY, &[padding], vec![done("1")]);
    table.add(5, "a line of 17 MiB", LEGACY, &[padded(17 << 20)], vec![anonymous(-32600, &["16777216"])]);
}

fn envelopes(table: &mut Table) {
    for version in ["", r#""jsonrpc":"1.0","#, r#""jsonrpc":2.0,"#] {
        let line = format!(r#"{{{version}"id":7,"method":"ping"}}"#);
        table.add(6, &line, LEGACY, std::slice::from_ref(&line), vec![fault("7", -32600, &["jsonrpc"])]);
    }
    let long = format!("\"{}\"", "x".repeat(1_000));
    for bad in ["null", "1.5", "true", "{}", "9223372036854775808", "1e400", "1.0", &long] {
        table.add(7, &format!("id {bad:.20}"), LEGACY, &[call(bad)], vec![anonymous(-32600, &["id"])]);
    }
    for good in ["\"\"", "\"5\"", "-1", "9223372036854775807", "0", "\"\\u0041\""] {
        table.add(7, &format!("id {good}"), LEGACY, &[call(good)], vec![done(good)]);
    }
    let lines = [wait("5", 300), call("5")];
    let twice = vec![fault("5", -32600, &["id 5"]), done("5")];
    table.add(8, "an id that is in use", LEGACY, &lines, twice);
    table.add(8, "5 beside \"5\"", LEGACY, &[wait("5", 50), call("\"5\"")], vec![done("5"), done("\"5\"")]);
    let beside = r#"{"jsonrpc":"2.0","id":3,"method":"ping","result":{}}"#.to_owned();
    table.add(18, "result beside method", LEGACY, &[beside], vec![fault("3", -32600, &["result"])]);
    let double = r#"{"jsonrpc":"2.0","id":3,"id":4,"method":"ping"}"#.to_owned();
    table.add(18, "id twice", LEGACY, &[double], vec![anonymous(-32600, &[])]);
    let number = r#"{"jsonrpc":"2.0","id":3,"method":5}"#.to_owned();
    table.add(18, "a method that is no text", LEGACY, &[number], vec![fault("3", -32600, &["method"])]);
}

fn openings(table: &mut Table) {
    let both = ["initialize", "io.modelcontextprotocol/protocolVersion"];
    let list = || request("1", "tools/list", "{}");
    table.add(10, "a bare call first", Open::Not, &[list()], vec![fault("1", -32602, &both)]);
    table.add(
        10,
        "ping first",
        Open::Not,
        &[request("1", "ping", "{}")],
        vec![result("1", &[("", json!({}))])],
    );
    table.add(10, "a stateless call first", Open::Not, &[stateless_call("1")], vec![done("1")]);
    for line in [
        r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"x"}}"#,
        r#"{"jsonrpc":"2.0","id":null,"error":{"code":-1,"message":"x"}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/unheard_of"}"#,
    ] {
        for open in [Open::Not, LEGACY] {
            table.add(10, line, open, &[line.to_owned()], vec![]);
        }
    }
    for (asked, agreed) in [
        ("1999-01-01", "2025-11-25"),
        ("2026-07-28", "2025-11-25"),
        ("2024-11-05", "2024-11-05"),
        ("2025-03-26", "2025-03-26"),
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
    ] {
        let lines = [initialize("1", asked), notify("notifications/initialized", "{}"), call("2")];
        let opened = result(
            "1",
            &[
                ("/protocolVersion", json!(agreed)),
                ("/serverInfo/name", json!("modelscan")),
                ("/capabilities", json!({ "tools": {} })),
            ],
        );
        table.add(11, &format!("initialize with {asked}"), Open::Not, &lines, vec![opened, done("2")]);
    }
    let info = r#""clientInfo":{"name":"t","version":"1"}"#;
    for (params, named) in [
        ("{}".to_owned(), "protocolVersion"),
        (format!(r#"{{"protocolVersion":5,"capabilities":{{}},{info}}}"#), "protocolVersion"),
        (r#"{"protocolVersion":"2025-06-18","capabilities":{}}"#.to_owned(), "clientInfo"),
        (format!(r#"{{"protocolVersion":"2025-06-18",{info}}}"#), "capabilities"),
    ] {
        let lines = [request("1", "initialize", &params), initialize("2", "2025-06-18"), call("3")];
        let again = result("2", &[("/protocolVersion", json!("2025-06-18"))]);
        let answers = vec![fault("1", -32602, &[named]), again, done("3")];
        table.add(11, &format!("initialize with {params}, and again"), Open::Not, &lines, answers);
    }
    let bare = r#"{"jsonrpc":"2.0","id":1,"method":"initialize"}"#.to_owned();
    table.add(
        11,
        "initialize without params",
        Open::Not,
        &[bare],
        vec![fault("1", -32602, &["protocolVersion"])],
    );
    let lines = [initialize("1", "2025-11-25"), format!("[{},{}]", call("2"), call("3"))];
    let batch = Expect { id: None, what: What::Batch(vec![done("2"), done("3")]) };
    let refused = fault("1", -32600, &["2025-03-26"]);
    table.add(11, "initialize twice", Open::With("2025-03-26"), &lines, vec![refused, batch]);
    let told = notify("notifications/initialized", "{}");
    let lines = [stateless("1", "server/discover", ""), told.clone(), told, stateless_call("2")];
    table.add(12, "initialized after discover", Open::Not, &lines, vec![discovered("1"), done("2")]);
}

fn discovered(id: &str) -> Expect {
    result(
        id,
        &[
            ("/resultType", json!("complete")),
            ("/capabilities", json!({ "tools": {} })),
            ("/supportedVersions/4", json!("2026-07-28")),
        ],
    )
}

fn generations(table: &mut Table) {
    let version = r#""io.modelcontextprotocol/protocolVersion":"#;
    let capabilities = r#""io.modelcontextprotocol/clientCapabilities":"#;
    let meta = |meta: &str| request("1", "tools/call", &format!(r#"{{"name":"agent_list","_meta":{meta}}}"#));
    let key = "io.modelcontextprotocol/protocolVersion";
    for (text, code, part) in [
        ("{}".to_owned(), -32602, key),
        (format!("{{{capabilities}{{}}}}"), -32602, key),
        (format!("{{{version}\"2026-07-28\"}}"), -32602, "io.modelcontextprotocol/clientCapabilities"),
        (format!("{{{version}\"2030-01-01\",{capabilities}{{}}}}"), -32022, "2026-07-28"),
        (format!("{{{version}5,{capabilities}{{}}}}"), -32602, key),
        ("\"x\"".to_owned(), -32602, "_meta"),
        ("[]".to_owned(), -32602, "_meta"),
        ("null".to_owned(), -32602, "_meta"),
        (format!("{{{version}\"2026-07-28\",{capabilities}\"x\"}}"), -32602, "clientCapabilities"),
    ] {
        table.add(13, &format!("_meta {text}"), Open::Not, &[meta(&text)], vec![fault("1", code, &[part])]);
    }
    let bare = request("1", "tools/call", r#"{"name":"agent_list"}"#);
    table.add(13, "no _meta", Open::Not, &[bare], vec![fault("1", -32602, &[key])]);
    for extra in
        [r#""io.modelcontextprotocol/clientInfo":{"name":"t","version":"1"}"#, r#""junk":[1],"a/b":null"#]
    {
        let text = format!("{{{version}\"2026-07-28\",{capabilities}{{}},{extra}}}");
        table.add(13, extra, Open::Not, &[meta(&text)], vec![done("1")]);
    }

    let stateless_done =
        |id: &str| result(id, &[("/isError", json!(false)), ("/resultType", json!("complete"))]);
    let legacy_done = |id: &str| {
        result(id, &[("/isError", json!(false)), ("/resultType", Value::Null), ("/_meta", Value::Null)])
    };
    let lines = [call("1"), stateless_call("2"), call("3")];
    table.add(
        14,
        "legacy, stateless, legacy",
        LEGACY,
        &lines,
        vec![legacy_done("1"), stateless_done("2"), legacy_done("3")],
    );
    let opened = || result("2", &[("/protocolVersion", json!("2025-06-18"))]);
    let lines = [stateless("1", "server/discover", ""), initialize("2", "2025-06-18"), call("3")];
    table.add(
        14,
        "discover, initialize, legacy",
        Open::Not,
        &lines,
        vec![discovered("1"), opened(), legacy_done("3")],
    );
    let lines = [stateless_call("1"), initialize("2", "2025-06-18"), call("3")];
    table.add(
        14,
        "stateless, initialize, legacy",
        Open::Not,
        &lines,
        vec![stateless_done("1"), opened(), legacy_done("3")],
    );

    for method in
        ["no/such", "tasks/get", "subscriptions/listen", "logging/setLevel", "prompts/list", "resources/read"]
    {
        for open in [Open::Not, LEGACY] {
            let line = request("1", method, r#"{"taskId":"x"}"#);
            table.add(15, &format!("legacy {method}"), open, &[line], vec![fault("1", -32601, &[method])]);
        }
        let line = stateless("1", method, "");
        table.add(
            15,
            &format!("stateless {method}"),
            Open::Not,
            &[line],
            vec![fault("1", -32601, &[method])],
        );
    }
    for method in ["ping", "resources/subscribe"] {
        let line = stateless("1", method, "");
        table.add(
            15,
            &format!("stateless {method}"),
            Open::Not,
            &[line],
            vec![fault("1", -32601, &[method])],
        );
    }
    table.add(15, "discover", LEGACY, &[stateless("1", "server/discover", "")], vec![discovered("1")]);
    for open in [Open::Not, LEGACY] {
        let line = request("1", "server/discover", "{}");
        table.add(15, "discover without _meta", open, &[line], vec![fault("1", -32602, &[key])]);
    }
    let unknown = request("1", "tools/call", r#"{"name":"no_such_tool"}"#);
    table.add(15, "an unknown tool", LEGACY, &[unknown], vec![fault("1", -32602, &["no_such_tool"])]);
    let list = stateless("1", "tools/list", "");
    let places =
        [("/ttlMs", json!(0)), ("/cacheScope", json!("private")), ("/tools/0/name", json!("agent_list"))];
    table.add(15, "a stateless list", Open::Not, &[list], vec![result("1", &places)]);
}

fn parameters(table: &mut Table) {
    for cursor in ["\"zzz\"", "5", "\"\"", "{}"] {
        let line = request("1", "tools/list", &format!(r#"{{"cursor":{cursor}}}"#));
        table.add(17, &format!("cursor {cursor}"), LEGACY, &[line], vec![fault("1", -32602, &["cursor"])]);
    }
    let tool = |name: &str, arguments: &str| {
        request("1", "tools/call", &format!(r#"{{"name":"{name}","arguments":{arguments}}}"#))
    };
    for (name, arguments, parts) in [
        ("task_status", r#"{"id":5}"#, ["/id", "task_status"]),
        ("task_status", "{}", ["id", "task_status"]),
        ("agent_list", r#"{"colour":"red"}"#, ["colour", "agent_list"]),
        ("task_wait", r#"{"ids":["x",5]}"#, ["/ids/1", "task_wait"]),
        ("task_wait", r#"{"ids":[]}"#, ["/ids", "task_wait"]),
        ("task_submit", r#"{"prompt":"x","priority":101}"#, ["/priority", "task_submit"]),
        ("task_submit", r#"{"prompt":"x","input":[]}"#, ["/input", "task_submit"]),
        ("task_submit", r#"{"prompt":"x","input":"[1]"}"#, ["/input", "JSON object"]),
        ("task_submit", r#"{"prompt":"x","input":"{"}"#, ["/input", "JSON object"]),
    ] {
        let parts = [&["bad_input: "][..], &parts[..]].concat();
        table.add(
            18,
            &format!("{name} {arguments}"),
            LEGACY,
            &[tool(name, arguments)],
            vec![failed("1", &parts)],
        );
    }
    for (params, part) in [
        (r#"{"name":"agent_list","arguments":[]}"#, "arguments"),
        (r#"{"name":"agent_list","arguments":"x"}"#, "arguments"),
        (r#"{"arguments":{}}"#, "name"),
        (r#"{"name":5}"#, "name"),
        ("[]", "params"),
        ("\"x\"", "params"),
        ("5", "params"),
    ] {
        let line = request("1", "tools/call", params);
        table.add(18, &format!("params {params}"), LEGACY, &[line], vec![fault("1", -32602, &[part])]);
    }
    let bare = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#.to_owned();
    table.add(18, "no params", LEGACY, &[bare], vec![fault("1", -32602, &["name"])]);

    for token in ["1.5", "null", "{}", "true", "[]"] {
        let line = request(
            "1",
            "tools/call",
            &format!(r#"{{"name":"agent_list","_meta":{{"progressToken":{token}}}}}"#),
        );
        table.add(
            21,
            &format!("token {token}"),
            LEGACY,
            &[line],
            vec![fault("1", -32602, &["progressToken"])],
        );
    }
    let own = notify("notifications/progress", r#"{"progressToken":"t","progress":1}"#);
    table.add(21, "the client's own progress", LEGACY, &[own], vec![]);
}

fn depths(table: &mut Table) {
    let nested = |levels: usize| {
        let value = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        request("5", "tools/call", &format!(r#"{{"name":"agent_list","arguments":{{"x":{value}}}}}"#))
    };
    // A hundred levels are read; the tool then refuses an argument that it does not have.
    table.add(19, "100 levels", LEGACY, &[nested(100)], vec![failed("5", &["`x`"])]);
    table.add(19, "127 levels", LEGACY, &[nested(127)], vec![fault("5", -32602, &["recursion"])]);
    table.add(19, "10,000 levels", LEGACY, &[nested(DEEP)], vec![fault("5", -32602, &["recursion"])]);
    table.add(19, "100,000 open brackets", LEGACY, &["[".repeat(100_000)], vec![anonymous(-32700, &[])]);
    let escaped = |text: &str| {
        request(
            "5",
            "tools/call",
            &format!(r#"{{"name":"agent_list","arguments":{{"capability":"a{text}"}}}}"#),
        )
    };
    // It reaches the tool, which may have no use for it.
    let reached = result("5", &[("/content/0/type", json!("text"))]);
    table.add(19, "an escaped NUL", LEGACY, &[escaped("\\u0000")], vec![reached]);
    table.add(19, "a lone surrogate", LEGACY, &[escaped("\\ud800")], vec![fault("5", -32602, &["escape"])]);
    table.add(19, "a raw NUL", LEGACY, &[escaped("\0")], vec![anonymous(-32700, &["control character"])]);
    table.add(19, "a lone surrogate as id", LEGACY, &[call("\"\\ud800\"")], vec![anonymous(-32600, &["id"])]);
}

fn cancels(table: &mut Table) {
    let cancel = |params: &str| notify("notifications/cancelled", params);
    for params in [
        r#"{"requestId":77}"#,
        "{}",
        "[1]",
        r#"{"requestId":1.5}"#,
        r#"{"requestId":null}"#,
        r#"{"requestId":"init"}"#,
    ] {
        table.add(20, &format!("cancel {params}"), LEGACY, &[cancel(params)], vec![]);
    }
    let lines = [initialize("1", "2025-06-18"), cancel(r#"{"requestId":1}"#)];
    let opened = result("1", &[("/protocolVersion", json!("2025-06-18"))]);
    table.add(20, "cancel of initialize", Open::Not, &lines, vec![opened]);
    let lines = [wait("5", 50_000), cancel(r#"{"requestId":5}"#), call("6")];
    table.add(20, "cancel of a running call", LEGACY, &lines, vec![done("6")]);
    let lines = [wait("5", 300), cancel(r#"{"requestId":"5"}"#)];
    table.add(20, "cancel of \"5\" for 5", LEGACY, &lines, vec![done("5")]);
    let lines = [wait("5", 50_000), cancel(r#"{"requestId":5}"#), request("5", "ping", "{}")];
    table.add(20, "cancel of 5, and 5 again", LEGACY, &lines, vec![result("5", &[("", json!({}))])]);
}
