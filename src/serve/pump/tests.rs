//! The pump's threads between a client and hosts that the test plays.

use std::io::{BufRead, BufReader, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{JoinHandle, spawn};
use std::time::Duration;

use serde_json::Value;

use super::*;

/// Nothing here takes this long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(30);

const PREAMBLE: &str = r#"{"v":1}"#;

/// One end of a stream, line by line.
struct Peer {
    to: UnixStream,
    from: BufReader<UnixStream>,
}

impl Peer {
    fn new(stream: UnixStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self { to: stream.try_clone().unwrap(), from: BufReader::new(stream) }
    }

    fn say(&mut self, line: &str) {
        self.to.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    fn hear(&mut self) -> String {
        let mut line = String::new();
        self.from.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn hear_value(&mut self) -> Value {
        serde_json::from_str(&self.hear()).unwrap()
    }

    fn close(&self) {
        self.to.shutdown(Shutdown::Write).unwrap();
    }
}

/// A pump between a client and hosts that the test plays.
struct Scene {
    client: Peer,
    hosts: Receiver<Peer>,
    pump: JoinHandle<Result<(), PumpError>>,
}

impl Scene {
    /// Connects to a host whenever one is wanted.
    fn new() -> Self {
        let (sender, hosts) = sync_channel(8);
        Self::with(hosts, Box::new(move || Ok(connect(&sender))))
    }

    fn with(hosts: Receiver<Peer>, connect: Connect) -> Self {
        let (client, inside) = UnixStream::pair().unwrap();
        let file = |stream: UnixStream| File::from(OwnedFd::from(stream));
        let (from, to) = (file(inside.try_clone().unwrap()), file(inside));
        let pump = spawn(move || run(from, to, PREAMBLE.as_bytes(), connect));
        Self { client: Peer::new(client), hosts, pump }
    }

    /// Returns the next host, once it has heard the preamble.
    fn host(&self) -> Peer {
        let mut host = self.hosts.recv_timeout(PATIENCE).unwrap();
        assert_eq!(host.hear(), PREAMBLE);
        host
    }

    fn ended(self) -> Result<(), PumpError> {
        self.pump.join().unwrap()
    }
}

fn connect(hosts: &SyncSender<Peer>) -> UnixStream {
    let (host, inside) = UnixStream::pair().unwrap();
    hosts.send(Peer::new(host)).unwrap();
    inside
}

fn call(id: usize) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"x"}}}}"#)
}

fn answer(id: usize) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#)
}

#[test]
fn calls_and_answers_pass_and_the_end_passes_too() {
    let mut scene = Scene::new();
    scene.client.say(&call(1));
    let mut host = scene.host();
    assert_eq!(host.hear(), call(1));
    scene.client.say(&call(2));
    scene.client.close();
    assert_eq!(host.hear(), call(2));
    assert_eq!(host.hear(), "", "the host hears that nothing more will come");
    host.say(&answer(2));
    host.say(&answer(1));
    drop(host);
    assert_eq!(scene.client.hear(), answer(2));
    assert_eq!(scene.client.hear(), answer(1));
    scene.ended().unwrap();
}

#[test]
fn a_probe_is_answered_without_a_host() {
    let mut scene = Scene::new();
    scene.client.say(r#"{"jsonrpc":"2.0","id":"p","method":"server/discover","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#);
    assert_eq!(scene.client.hear_value()["result"], mcp::server::discover_result());
    scene.client.close();
    let hosts = std::mem::replace(&mut scene.hosts, sync_channel(1).1);
    scene.ended().unwrap();
    assert!(hosts.try_recv().is_err());
}

#[test]
fn the_pump_outlives_its_host() {
    let mut scene = Scene::new();
    scene.client.say(&call(1));
    let mut host = scene.host();
    assert_eq!(host.hear(), call(1));
    drop(host);
    let lost = scene.client.hear_value();
    assert_eq!(
        (&lost["id"], &lost["error"]["data"]["kind"]),
        (&Value::from(1), &Value::from("outcome_unknown"))
    );
    scene.client.say(&call(2));
    let mut host = scene.host();
    assert_eq!(host.hear(), call(2));
    host.say(&answer(2));
    assert_eq!(scene.client.hear(), answer(2));
    scene.client.close();
    drop(host);
    scene.ended().unwrap();
}

#[test]
fn without_a_host_the_pump_says_so_and_tries_again() {
    let (sender, hosts) = sync_channel(8);
    let mut tries = 0;
    let mut scene = Scene::with(
        hosts,
        Box::new(move || {
            tries += 1;
            if tries > 1 {
                return Ok(connect(&sender));
            }
            Err(NoHost {
                kind: "host_unreachable".to_owned(),
                message: "none".to_owned(),
                hint: "start one".to_owned(),
            })
        }),
    );
    scene.client.say(&call(1));
    let refused = scene.client.hear_value();
    assert_eq!(refused["error"]["data"]["kind"], "host_unreachable");
    assert_eq!(refused["error"]["data"]["hint"], "start one");
    scene.client.say(&call(2));
    let mut host = scene.host();
    assert_eq!(host.hear(), call(2));
    scene.client.close();
    drop(host);
    scene.ended().unwrap();
}

#[test]
fn another_version_at_the_next_host_is_an_error() {
    let mut scene = Scene::new();
    let initialize =
        r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18"}}"#;
    let opened = |id: &str, version: &str| {
        format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"protocolVersion":"{version}"}}}}"#)
    };
    scene.client.say(initialize);
    let mut host = scene.host();
    assert_eq!(host.hear(), initialize);
    host.say(&opened("0", "2025-06-18"));
    assert_eq!(scene.client.hear(), opened("0", "2025-06-18"));
    scene.client.say(&call(9));
    assert_eq!(host.hear(), call(9));
    drop(host);
    // Its answer says that the pump knows.
    assert_eq!(scene.client.hear_value()["error"]["data"]["kind"], "outcome_unknown");
    scene.client.say(&call(1));
    let mut host = scene.host();
    let replay: Value = host.hear_value();
    assert_eq!(
        (&replay["method"], &replay["params"]["protocolVersion"]),
        (&"initialize".into(), &"2025-06-18".into())
    );
    host.say(&opened(&replay["id"].to_string(), "2025-11-25"));
    assert_eq!(scene.client.hear_value()["error"]["code"], -32603);
    let ended = scene.ended();
    assert!(
        matches!(&ended, Err(PumpError::OtherVersion { found, .. }) if found == "2025-11-25"),
        "{ended:?}"
    );
}

#[test]
fn a_client_that_reads_no_more_is_the_end_and_no_error() {
    let mut scene = Scene::new();
    scene.client.say(&call(1));
    let mut host = scene.host();
    assert_eq!(host.hear(), call(1));
    let Peer { to, from } = scene.client;
    to.shutdown(Shutdown::Read).unwrap();
    drop(from);
    host.say(&answer(1));
    scene.pump.join().unwrap().unwrap();
    drop(to);
}

/// Each side writes far more than a socket holds before it reads: a pump that stops reading the
/// one because it cannot write to it would hang.
#[test]
fn both_sides_may_write_a_lot_at_once() {
    const CALLS: usize = 2_000;
    let mut scene = Scene::new();
    scene.client.say(&call(0));
    let mut host = scene.host();
    assert_eq!(host.hear(), call(0));
    let told =
        format!(r#"{{"jsonrpc":"2.0","method":"notifications/x","params":{{"x":"{}"}}}}"#, "x".repeat(1_000));
    let long = told.clone();
    let playing = spawn(move || {
        for _ in 0..CALLS {
            host.say(&long);
        }
        for id in 1..=CALLS {
            assert_eq!(host.hear(), call(id));
        }
        host.say(&answer(CALLS));
        host
    });
    let mut to = scene.client.to.try_clone().unwrap();
    let asking = spawn(move || {
        for id in 1..=CALLS {
            to.write_all(format!("{}\n", call(id)).as_bytes()).unwrap();
        }
    });
    for _ in 0..CALLS {
        assert_eq!(scene.client.hear(), told);
    }
    assert_eq!(scene.client.hear(), answer(CALLS));
    asking.join().unwrap();
    let host = playing.join().unwrap();
    scene.client.close();
    drop(host);
    // What the host had not answered is answered.
    for _ in 0..CALLS {
        assert_eq!(scene.client.hear_value()["error"]["code"], -32603);
    }
    scene.ended().unwrap();
}

#[test]
fn what_is_said_after_a_hosts_end_is_for_the_next_host() {
    let mut scene = Scene::new();
    scene.client.say(&call(0));
    let mut host = scene.host();
    assert_eq!(host.hear(), call(0));
    host.say(&answer(0));
    assert_eq!(scene.client.hear(), answer(0));
    for id in 1..200 {
        drop(host);
        scene.client.say(&call(id));
        host = scene.host();
        assert_eq!(host.hear(), call(id));
        host.say(&answer(id));
        assert_eq!(scene.client.hear(), answer(id));
    }
    scene.client.close();
    drop(host);
    scene.ended().unwrap();
}
