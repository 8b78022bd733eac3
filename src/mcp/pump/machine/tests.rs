//! The machine of the pump: scripts, and any order of events.

use std::collections::HashMap;

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::json;

use super::*;

const PREAMBLE: &str = r#"{"v":1,"kind":"mcp"}"#;

fn pump() -> Machine {
    Machine::new(PREAMBLE.as_bytes())
}

fn request(id: &str, method: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{"x":1}}}}"#)
}

fn answer(id: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"ok":true}}}}"#)
}

fn initialize(id: &str, version: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"initialize","params":{{"protocolVersion":"{version}"}}}}"#
    )
}

fn opened(id: &str, version: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"protocolVersion":"{version}"}}}}"#)
}

const INITIALIZED: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;

/// Says lines to the pump and returns what it does.
fn says(pump: &mut Machine, lines: &[&str]) -> Vec<Action> {
    pump.client_bytes(format!("{}\n", lines.join("\n")).as_bytes())
}

fn host_says(pump: &mut Machine, line: &str) -> Vec<Action> {
    pump.host_bytes(format!("{line}\n").as_bytes())
}

fn to_host(line: &str) -> Action {
    Action::ToHost(format!("{line}\n").into_bytes())
}

fn to_client(line: &str) -> Action {
    Action::ToClient(format!("{line}\n").into_bytes())
}

/// Returns the answers among the actions: id as written, and the error's code and kind.
fn answers(actions: &[Action]) -> Vec<(String, i64, String)> {
    let mut found = Vec::new();
    for action in actions {
        let Action::ToClient(bytes) = action else { continue };
        for line in std::str::from_utf8(bytes).unwrap().lines() {
            let envelope = Envelope::parse(line).unwrap();
            let error: Value =
                envelope.error.map_or(Value::Null, |raw| serde_json::from_str(raw.get()).unwrap());
            found.push((
                envelope.id.map_or_else(String::new, |raw| raw.get().to_owned()),
                error["code"].as_i64().unwrap_or(0),
                error["data"]["kind"].as_str().unwrap_or_default().to_owned(),
            ));
        }
    }
    found
}

/// Returns a pump whose client has opened the connection by `initialize`.
fn open_pump(version: &str) -> Machine {
    let mut pump = pump();
    assert_eq!(says(&mut pump, &[&initialize("0", version)]), [Action::Connect]);
    assert_eq!(pump.host_connected(), [to_host(PREAMBLE), to_host(&initialize("0", version))]);
    assert_eq!(host_says(&mut pump, &opened("0", version)), [to_client(&opened("0", version))]);
    assert_eq!(says(&mut pump, &[INITIALIZED]), [to_host(INITIALIZED)]);
    pump
}

#[test]
fn a_probe_starts_no_host_and_the_first_call_does() {
    let probe = r#"{"jsonrpc":"2.0","id":"p","method":"server/discover","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#;
    let mut pump = pump();
    let actions = says(&mut pump, &[probe, INITIALIZED, ""]);
    let expected = format!(r#"{{"jsonrpc":"2.0","id":"p","result":{}}}"#, crate::server::discover_result());
    assert_eq!(actions, [to_client(&expected)]);
    let call = request("1", "tools/list");
    assert_eq!(says(&mut pump, &[&call]), [Action::Connect]);
    assert_eq!(pump.host_connected(), [to_host(PREAMBLE), to_host(&call)]);
    // With a host, the host answers.
    assert_eq!(says(&mut pump, &[probe]), [to_host(probe)]);
}

#[test]
fn answers_pass_as_they_are() {
    let mut pump = open_pump("2025-06-18");
    let odd = r#"{ "id" :"\u0041", "jsonrpc":"2.0" ,"method":"tools/call"}"#;
    assert_eq!(says(&mut pump, &[odd]), [to_host(odd)]);
    let odd = r#"{"result": {} ,"id":"A","jsonrpc":"2.0"}"#;
    assert_eq!(host_says(&mut pump, odd), [to_client(odd)]);
    assert_eq!(pump.in_flight(), (0, 0));
}

#[test]
fn a_lost_host_leaves_no_request_unanswered_and_the_next_one_goes_on() {
    let mut pump = open_pump("2025-06-18");
    says(
        &mut pump,
        &[&request("1", "tools/call"), &request("\"a\\u0041\"", "tools/call"), &request("3", "tools/call")],
    );
    host_says(&mut pump, &answer("1"));
    // Half a line of an answer is none.
    assert_eq!(pump.host_bytes(br#"{"jsonrpc":"2.0","id":3,"resu"#), []);
    let actions = pump.host_end();
    let unknown = |id: &str| (id.to_owned(), -32603, "outcome_unknown".to_owned());
    assert_eq!(answers(&actions), [unknown("\"a\\u0041\""), unknown("3")]);
    assert_eq!(actions.len(), 2, "no host is looked for before one is needed");

    let call = request("4", "tools/call");
    assert_eq!(says(&mut pump, &[&call]), [Action::Connect]);
    let replay = r#"{"jsonrpc":"2.0","id":"modelscan pump 1","method":"initialize","params":{"protocolVersion":"2025-06-18"}}"#;
    assert_eq!(pump.host_connected(), [to_host(PREAMBLE), to_host(replay)]);
    let later = request("5", "tools/call");
    assert_eq!(says(&mut pump, &[&later]), []);
    let actions = host_says(&mut pump, &opened("\"modelscan pump 1\"", "2025-06-18"));
    assert_eq!(actions, [to_host(INITIALIZED), to_host(&call), to_host(&later)]);
    assert_eq!(host_says(&mut pump, &answer("4")), [to_client(&answer("4"))]);
}

#[test]
fn a_stateless_client_has_nothing_to_replay() {
    let mut pump = pump();
    says(&mut pump, &[&request("1", "tools/call")]);
    pump.host_connected();
    pump.host_end();
    let call = request("2", "tools/call");
    assert_eq!(says(&mut pump, &[&call]), [Action::Connect]);
    assert_eq!(pump.host_connected(), [to_host(PREAMBLE), to_host(&call)]);
}

#[test]
fn another_version_is_the_end() {
    let mut pump = open_pump("2025-06-18");
    pump.host_end();
    says(&mut pump, &[&request("1", "tools/call")]);
    pump.host_connected();
    let actions = host_says(&mut pump, &opened("\"modelscan pump 1\"", "2025-11-25"));
    assert_eq!(answers(&actions), [("1".to_owned(), -32603, String::new())]);
    let end = End::OtherVersion { promised: "2025-06-18".to_owned(), found: "2025-11-25".to_owned() };
    assert_eq!(actions.last(), Some(&Action::End(end)));
}

#[test]
fn without_a_host_each_request_is_answered_and_the_next_one_tries_again() {
    let mut pump = pump();
    let why = NoHost {
        kind: "host_unreachable".to_owned(),
        message: "no".to_owned(),
        hint: "start one".to_owned(),
    };
    let lines = [
        request("1", "tools/call"),
        INITIALIZED.to_owned(),
        "hello".to_owned(),
        initialize("2", "2025-06-18"),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert_eq!(says(&mut pump, &lines), [Action::Connect]);
    let actions = pump.host_failed(&why);
    assert_eq!(
        answers(&actions),
        [
            ("1".to_owned(), -32603, "host_unreachable".to_owned()),
            (String::new(), -32700, String::new()),
            ("2".to_owned(), -32603, "host_unreachable".to_owned()),
        ]
    );
    let again = initialize("3", "2025-06-18");
    assert_eq!(says(&mut pump, &[&again]), [Action::Connect]);
    assert_eq!(pump.host_connected(), [to_host(PREAMBLE), to_host(&again)]);
}

#[test]
fn a_host_that_goes_away_at_once_is_not_tried_for_ever() {
    let mut pump = open_pump("2025-06-18");
    pump.host_end();
    assert_eq!(says(&mut pump, &[&request("1", "tools/call")]), [Action::Connect]);
    for _ in 1..ATTEMPTS_MAX {
        pump.host_connected();
        assert_eq!(pump.host_end(), [Action::Connect]);
    }
    pump.host_connected();
    assert_eq!(answers(&pump.host_end()), [("1".to_owned(), -32603, "host_unreachable".to_owned())]);
}

#[test]
fn a_host_that_refuses_the_pump_says_why() {
    let refusal = r#"{"id":0,"error":{"kind":"config_error","message":"no","hint":"do so","exit_code":2}}"#;
    let refused = |id: &str| (id.to_owned(), -32603, "config_error".to_owned());
    let mut first = pump();
    says(&mut first, &[&request("1", "tools/call")]);
    first.host_connected();
    assert_eq!(host_says(&mut first, refusal), []);
    assert_eq!(answers(&first.host_end()), [refused("1")]);

    let mut later = open_pump("2025-06-18");
    later.host_end();
    says(&mut later, &[&request("2", "tools/call")]);
    later.host_connected();
    host_says(&mut later, refusal);
    assert_eq!(answers(&later.host_end()), [refused("2")]);
}

#[test]
fn at_the_end_of_input_what_was_read_still_counts() {
    let mut pump = pump();
    let call = request("1", "tools/call");
    let mut bytes = format!("{call}\n").into_bytes();
    bytes.extend_from_slice(b"{\"cut");
    assert_eq!(pump.client_bytes(&bytes), [Action::Connect]);
    assert_eq!(answers(&pump.client_end()), [(String::new(), -32700, String::new())]);
    assert_eq!(pump.host_connected(), [to_host(PREAMBLE), to_host(&call), Action::CloseHost]);
    assert_eq!(host_says(&mut pump, &answer("1")), [to_client(&answer("1"))]);
    assert_eq!(pump.host_end(), [Action::End(End::Done)]);
}

#[test]
fn the_end_of_input_without_a_host_is_the_end() {
    assert_eq!(pump().client_end(), [Action::End(End::Done)]);
}

#[test]
fn when_time_is_up_what_is_owed_is_answered() {
    let mut pump = open_pump("2025-06-18");
    says(&mut pump, &[&request("1", "tools/call")]);
    assert_eq!(pump.client_end(), [Action::CloseHost]);
    let actions = pump.time_up();
    assert_eq!(answers(&actions), [("1".to_owned(), -32603, String::new())]);
    assert_eq!(actions.last(), Some(&Action::End(End::Done)));
}

#[test]
fn a_batch_is_owed_one_array() {
    let mut pump = open_pump("2025-03-26");
    let batch = format!("[{},{}]", request("1", "tools/call"), request("2", "tools/call"));
    assert_eq!(says(&mut pump, &[&batch]), [to_host(&batch)]);
    let actions = pump.host_end();
    let [Action::ToClient(bytes)] = actions.as_slice() else { panic!("{actions:?}") };
    let array: Vec<Value> = serde_json::from_slice(bytes).unwrap();
    assert_eq!(array.iter().map(|answer| answer["id"].clone()).collect::<Vec<_>>(), [json!(1), json!(2)]);

    let mut pump = open_pump("2025-03-26");
    says(&mut pump, &[&batch]);
    host_says(&mut pump, &format!("[{},{}]", answer("2"), answer("1")));
    assert_eq!(pump.host_end(), []);
}

#[test]
fn a_cancelled_request_is_owed_nothing_but_initialize_is() {
    let cancel = |id: &str| {
        format!(r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":{id}}}}}"#)
    };
    let mut pump = pump();
    says(
        &mut pump,
        &[&initialize("0", "2025-06-18"), &request("1", "x"), &cancel("1"), &cancel("0"), &cancel("9")],
    );
    pump.host_connected();
    assert_eq!(pump.in_flight(), (1, 0));
    assert_eq!(answers(&pump.host_end()), [("0".to_owned(), -32603, "outcome_unknown".to_owned())]);
}

#[test]
fn what_is_held_is_bounded() {
    let mut pump = pump();
    let line = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"x","params":{{"x":"{}"}}}}"#,
        "x".repeat(HELD_BYTES_MAX)
    );
    assert!(pump.wants_client());
    assert_eq!(says(&mut pump, &[&line]), [Action::Connect]);
    assert!(!pump.wants_client());
    pump.host_connected();
    assert!(pump.wants_client());
}

#[test]
fn a_long_line_is_refused_by_the_pump() {
    let mut pump = pump();
    let actions = pump.client_bytes(&vec![b'x'; LINE_BYTES_MAX + 1]);
    assert_eq!(answers(&actions), [(String::new(), -32600, String::new())]);
}

/// One thing that happens around the pump.
#[derive(Debug, Clone)]
enum Happening {
    Ask(u8),
    Cancel(Index),
    Connect,
    Fail,
    /// The host answers one of its requests.
    Answer(Index),
    /// It answers the oldest of them.
    AnswerFirst,
    HostEnd,
    ClientEnd,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        6 => (0_u8..8).prop_map(Happening::Ask),
        1 => any::<Index>().prop_map(Happening::Cancel),
        3 => Just(Happening::Connect),
        1 => Just(Happening::Fail),
        5 => any::<Index>().prop_map(Happening::Answer),
        1 => Just(Happening::HostEnd),
        1 => Just(Happening::ClientEnd),
    ]
}

/// A client and hosts around a pump, and what each has seen.
struct World {
    pump: Machine,
    chunk: usize,
    wanted: bool,
    connected: bool,
    closed: bool,
    ended: bool,
    /// How often each id was asked for and answered; a cancel makes one answer optional.
    asked: HashMap<String, usize>,
    optional: HashMap<String, usize>,
    answered: HashMap<String, usize>,
    /// Lines of the client in order, and those that hosts have seen.
    said: Vec<String>,
    seen: Vec<String>,
    /// What the present host has seen, and has not answered.
    host_lines: Vec<String>,
    host_owes: Vec<String>,
    version: Option<String>,
    initialized: bool,
}

impl World {
    fn new(chunk: usize) -> Self {
        Self {
            pump: pump(),
            chunk,
            wanted: false,
            connected: false,
            closed: false,
            ended: false,
            asked: HashMap::new(),
            optional: HashMap::new(),
            answered: HashMap::new(),
            said: Vec::new(),
            seen: Vec::new(),
            host_lines: Vec::new(),
            host_owes: Vec::new(),
            version: None,
            initialized: false,
        }
    }

    fn happen(&mut self, what: &Happening) {
        match what {
            _ if self.ended => {}
            Happening::Ask(kind) if !self.closed => self.ask(*kind),
            Happening::Cancel(which) if !self.closed && !self.host_owes.is_empty() => {
                let id = which.get(&self.host_owes).clone();
                if id == "\"i\"" {
                    return;
                }
                self.host_owes.retain(|owed| *owed != id);
                *self.optional.entry(id.clone()).or_default() += 1;
                let line = format!(
                    r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":{id}}}}}"#
                );
                self.say(line);
            }
            Happening::Connect if self.wanted => {
                self.wanted = false;
                self.connected = true;
                self.host_lines.clear();
                self.host_owes.clear();
                let actions = self.pump.host_connected();
                self.take(actions);
            }
            Happening::Fail if self.wanted => {
                self.wanted = false;
                let why = NoHost { kind: "k".to_owned(), message: "m".to_owned(), hint: "h".to_owned() };
                let actions = self.pump.host_failed(&why);
                self.take(actions);
            }
            Happening::Answer(which) if self.connected && !self.host_owes.is_empty() => {
                let at = which.index(self.host_owes.len());
                self.answer(at);
            }
            Happening::AnswerFirst if self.connected && !self.host_owes.is_empty() => self.answer(0),
            Happening::HostEnd if self.connected => {
                self.connected = false;
                let actions = self.pump.host_end();
                self.take(actions);
            }
            Happening::ClientEnd if !self.closed => {
                self.closed = true;
                let actions = self.pump.client_end();
                self.take(actions);
            }
            _ => {}
        }
    }

    fn answer(&mut self, at: usize) {
        let id = self.host_owes.remove(at);
        let opens = id == "\"i\"" || id.contains("pump");
        let line = if opens { opened(&id, "2025-06-18") } else { answer(&id) };
        for chunk in format!("{line}\n").as_bytes().chunks(self.chunk) {
            let actions = self.pump.host_bytes(chunk);
            self.take(actions);
        }
    }

    fn ask(&mut self, kind: u8) {
        let number = self.said.len();
        match kind {
            0 if self.version.is_none() && !self.asked.contains_key("\"i\"") => {
                *self.asked.entry("\"i\"".to_owned()).or_default() += 1;
                self.say(initialize("\"i\"", "2025-06-18"));
            }
            1 if self.version.is_some() && !self.initialized => {
                self.initialized = true;
                self.say(INITIALIZED.to_owned());
            }
            _ => {
                let id = match kind % 3 {
                    0 => number.to_string(),
                    1 => format!("\"{number}\""),
                    _ => format!("\"\\u0041{number}\""),
                };
                *self.asked.entry(id.clone()).or_default() += 1;
                self.say(request(&id, "tools/call"));
            }
        }
    }

    fn say(&mut self, line: String) {
        for chunk in format!("{line}\n").as_bytes().chunks(self.chunk) {
            let actions = self.pump.client_bytes(chunk);
            self.take(actions);
        }
        self.said.push(line);
    }

    fn take(&mut self, actions: Vec<Action>) {
        for action in actions {
            assert!(!self.ended, "{action:?} after the end");
            match action {
                Action::Connect => {
                    assert!(!self.wanted && !self.connected, "one host at a time");
                    self.wanted = true;
                }
                Action::End(end) => {
                    assert_eq!(end, End::Done);
                    self.ended = true;
                }
                Action::CloseHost => assert!(self.connected && self.closed),
                Action::ToHost(bytes) => self.host_hears(&bytes),
                Action::ToClient(bytes) => {
                    let text = String::from_utf8(bytes).unwrap();
                    let envelope = Envelope::parse(&text).unwrap();
                    let id = envelope.id.map(|raw| raw.get().to_owned()).unwrap_or_default();
                    if id == "\"i\"" && envelope.result.is_some() {
                        self.version = version_of(&envelope);
                    }
                    *self.answered.entry(id).or_default() += 1;
                }
            }
        }
    }

    fn host_hears(&mut self, bytes: &[u8]) {
        assert!(self.connected);
        let line = std::str::from_utf8(bytes).unwrap().strip_suffix('\n').unwrap().to_owned();
        let place = self.host_lines.len();
        assert_eq!(place == 0, line == PREAMBLE, "the preamble comes first, once");
        let envelope = Envelope::parse(&line).unwrap();
        let id = envelope.id.map(|raw| raw.get().to_owned());
        let replay = id.as_deref().is_some_and(|id| id.contains("pump"));
        if self.version.is_some() && place > 0 {
            let opens = self.host_lines.iter().any(|line| line.contains("initialize\""));
            assert!(opens || replay, "a client that has opened is opened anew before anything else: {line}");
        }
        if let Some(id) = id {
            self.host_owes.push(id);
        }
        if place > 0 && !replay {
            self.seen.push(line.clone());
        }
        self.host_lines.push(line);
    }

    fn finish(&mut self) {
        // Everything that is under way comes to its end.
        for _ in 0..10_000 {
            if self.wanted {
                self.happen(&Happening::Connect);
            } else if self.connected && !self.host_owes.is_empty() {
                self.happen(&Happening::AnswerFirst);
            } else if !self.closed {
                self.happen(&Happening::ClientEnd);
            } else if self.connected {
                self.happen(&Happening::HostEnd);
            } else {
                break;
            }
        }
        assert!(self.ended, "the pump ends");
        for (id, asked) in &self.asked {
            let answered = self.answered.get(id).copied().unwrap_or(0);
            let optional = self.optional.get(id).copied().unwrap_or(0);
            assert!(answered <= *asked && answered + optional >= *asked, "{id}: {answered} of {asked}");
        }
        for id in self.answered.keys() {
            assert!(self.asked.contains_key(id), "{id} was never asked for");
        }
        // Hosts see lines in the client's order. `initialized` may be told to several.
        let mut rest = self.said.iter();
        for line in self.seen.iter().filter(|line| *line != INITIALIZED) {
            assert!(rest.any(|said| said == line), "{line} is out of order");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn every_request_is_answered_once_whatever_happens(
        happenings in proptest::collection::vec(happening(), 0..60),
        chunk in 1_usize..40,
    ) {
        let mut world = World::new(chunk);
        for what in &happenings {
            world.happen(what);
        }
        world.finish();
    }
}
