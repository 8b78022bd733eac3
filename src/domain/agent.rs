//! Names of agents and capabilities, and the lane that a task queues in.

use std::fmt;
use std::str::FromStr;

/// The name of an agent: 1 to 64 of `a-z 0-9 - _`, beginning with a letter or digit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AgentName(String);

/// Why a text is not the name of an agent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not an agent's name: use 1 to 64 of a-z, 0-9, `-` and `_`, beginning with a letter or digit"
)]
pub struct AgentNameError(pub String);

impl AgentName {
    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AgentName {
    type Err = AgentNameError;

    fn from_str(text: &str) -> Result<Self, AgentNameError> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|b| plain(b) || b == b'-' || b == b'_')
            && text.bytes().next().is_some_and(plain);
        if fits { Ok(Self(text.to_owned())) } else { Err(AgentNameError(text.to_owned())) }
    }
}

impl fmt::Display for AgentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Something that an agent can do, in one word.
pub type Capability = AgentName;

/// What a task queues for: one agent, or one set of required capabilities.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LaneKey {
    /// This very agent.
    Agent(AgentName),
    /// Any agent that can do all of these; sorted, without doubles.
    Capabilities(Vec<Capability>),
}

impl LaneKey {
    /// Returns the text by which the store knows the lane: `agent:NAME` or `can:A,B`.
    pub fn to_text(&self) -> String {
        match self {
            Self::Agent(name) => format!("agent:{name}"),
            Self::Capabilities(set) => {
                let words: Vec<&str> = set.iter().map(AgentName::as_str).collect();
                format!("can:{}", words.join(","))
            }
        }
    }

    /// Reads what `to_text` wrote; nothing if it is anything else.
    pub fn from_text(text: &str) -> Option<Self> {
        if let Some(name) = text.strip_prefix("agent:") {
            return name.parse().ok().map(Self::Agent);
        }
        let set: Option<Vec<Capability>> =
            text.strip_prefix("can:")?.split(',').map(|word| word.parse().ok()).collect();
        set.map(Self::Capabilities)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_words() {
        for good in ["nexora", "claude-2", "a", "9_x", &"a".repeat(64)] {
            assert!(good.parse::<AgentName>().is_ok(), "{good}");
        }
        for bad in ["", "Nexora", "-a", "_a", "a b", "a/b", "ä", &"a".repeat(65), "a:b", "a,b"] {
            assert!(bad.parse::<AgentName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_lane_reads_back() {
        let name = |text: &str| text.parse::<AgentName>().unwrap();
        for lane in [LaneKey::Agent(name("nexora")), LaneKey::Capabilities(vec![name("read"), name("shell")])]
        {
            assert_eq!(LaneKey::from_text(&lane.to_text()), Some(lane));
        }
        assert_eq!(LaneKey::from_text("other"), None);
    }
}
