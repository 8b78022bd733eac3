//! The Agent Client Protocol, version 1, in both roles over any pair of byte streams: lines, back-pressure, our
//! extensions. Only this crate knows the protocol's SDK; what it shows are types of its own.
//!
//! [`connect_agent`] is the client's end of a connection and [`connect_client`] the agent's. Each gives a handle to
//! call the peer, a receiver of what the peer says, and a driver: a future that its owner polls beside the rest, and
//! that ends after [`Finish::finish`] or when the peer has closed its stream.
//!
//! What the peer sends that is no message (a banner, a line that is too long or not UTF-8), or none that we know, is
//! [`Noise`]: told, never fatal. Memory is bounded: what has been read and not yet been handled holds units of a gate
//! until it is dropped, see [`Held`].

mod agent_role;
mod answer;
mod client_role;
mod connection;
mod convert;
mod error;
mod gate;
mod lines;
mod noise;
mod types;

pub use agent_role::{
    AgentConnection, AgentUpdate, ClientInfo, ClientPeer, FromClient, TurnEnd, connect_client,
};
pub use answer::Answer;
pub use client_role::{
    AgentInfo, AgentPeer, ClientConnection, FromAgent, PermissionAnswer, PermissionKind, PermissionOption,
    Update, connect_agent,
};
pub use connection::{Driver, Finish};
pub use error::{CallError, Refusal};
pub use gate::{GATE_UNITS, Held, UNIT_BYTES};
pub use lines::LINE_BYTES_MAX;
pub use noise::{Noise, NoiseKind};
pub use types::{
    Command, PlanEntry, PlanStatus, StopReason, ToolCall, ToolCallChange, ToolKind, ToolStatus, Usage,
};
