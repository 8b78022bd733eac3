//! The examples of `docs/PROTOCOL.md` are what this program sends, answers and understands.

#![expect(clippy::unwrap_used, reason = "a page that cannot be read fails its test loudly")]

use acp::{FromAgent, FromClient, connect_agent, connect_client};
use modelscan_acp as acp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeSet;
use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;
use wire::extension;

const PAGE: &str = include_str!("../../../docs/PROTOCOL.md");

/// The blocks of the page: what they are said to be, and what they hold.
fn blocks() -> Vec<(&'static str, Value)> {
    let mut blocks = Vec::new();
    let mut rest = PAGE;
    while let Some(start) = rest.find("\n```json") {
        let (name, body) = rest[start + "\n```json".len()..].split_once('\n').unwrap();
        let (text, after) = body.split_once("\n```").unwrap();
        let value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in:\n{text}"));
        assert!(!name.trim().is_empty(), "a block says what it is:\n{text}");
        blocks.push((name.trim(), value));
        rest = after;
    }
    blocks
}

fn of(name: &str) -> Vec<Value> {
    blocks().into_iter().filter(|(block, _)| *block == name).map(|(_, value)| value).collect()
}

/// Reads an example into its type; what is written of that is the example again.
fn check<T: DeserializeOwned + Serialize>(name: &str) {
    let examples = of(name);
    assert!(!examples.is_empty(), "no example of {name}");
    for example in examples {
        let read: T =
            serde_json::from_value(example.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(serde_json::to_value(read).unwrap(), example, "{name}");
    }
}

#[test]
fn each_extension_has_an_example_of_its_shape() {
    check::<extension::ClientExtensions>("extension.client");
    check::<extension::AgentExtensions>("extension.agent");
    check::<extension::PromptMeta>("extension.prompt");
    check::<extension::PromptResponseMeta>("extension.prompt_response");
    check::<extension::UpdateMeta>("extension.update");
    check::<extension::ResultRequest>("extension.result.request");
    check::<extension::ResultResponse>("extension.result.response");
    check::<extension::ToolStartedRequest>("extension.tool_started.request");
    check::<extension::ToolStartedResponse>("extension.tool_started.response");
    let named: BTreeSet<&str> = extension::schemas().into_iter().map(|(name, _)| name).collect();
    let shown: BTreeSet<&str> =
        blocks().iter().map(|(name, _)| *name).filter(|name| name.starts_with("extension.")).collect();
    assert_eq!(named, shown);
    let offered = serde_json::to_value(extension::ClientExtensions::ours()).unwrap();
    assert_eq!(of("extension.client")[0], offered);
    let understood = serde_json::to_value(extension::AgentExtensions::ours()).unwrap();
    assert_eq!(of("extension.agent")[0], understood);
}

#[tokio::test]
async fn what_an_agent_may_say_is_understood() {
    let messages = of("from-agent");
    let (ours, mut theirs) = tokio::io::duplex(1024 * 1024);
    let (reader, writer) = tokio::io::split(ours);
    let mut connection = connect_agent(reader, writer);
    let mut owner = JoinSet::new();
    owner.spawn(connection.driver);
    for message in &messages {
        theirs.write_all(format!("{message}\n").as_bytes()).await.unwrap();
        let held = connection.incoming.recv().await.unwrap();
        if let FromAgent::Noise(noise) = &held.message {
            panic!("{noise:?} for {message}");
        }
    }
    assert!(messages.len() >= 7);
}

#[tokio::test]
async fn what_a_client_may_say_is_understood() {
    let messages = of("from-client");
    let (ours, mut theirs) = tokio::io::duplex(1024 * 1024);
    let (reader, writer) = tokio::io::split(ours);
    let mut connection = connect_client(reader, writer);
    let mut owner = JoinSet::new();
    owner.spawn(connection.driver);
    for message in &messages {
        theirs.write_all(format!("{message}\n").as_bytes()).await.unwrap();
        let held = connection.incoming.recv().await.unwrap();
        if let FromClient::Noise(noise) = &held.message {
            panic!("{noise:?} for {message}");
        }
    }
    assert_eq!(messages.len(), 4);
}

#[test]
fn answers_answer_something() {
    let asked: BTreeSet<String> =
        of("from-client").iter().chain(&of("from-agent")).map(|message| message["id"].to_string()).collect();
    for answer in of("answer") {
        assert!(asked.contains(&answer["id"].to_string()), "{answer}");
        assert!(answer["result"].is_object());
    }
}
