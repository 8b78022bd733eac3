//! The server side of a connection: our own transport in front of the protocol library, and the
//! tools over a [`Catalog`].

mod answer;
pub mod arguments;
mod batch;
mod calls;
mod catalog;
mod connection;
mod front;
mod guarded;
mod handler;
mod outbox;
mod params;
mod protocol;
mod serve;
mod tools;
mod waiting;
mod words;

pub use catalog::{Catalog, Refusal, Submitted};
pub(crate) use protocol::VERSION_WITH_BATCHES;
pub use protocol::{DISCOVER, SUPPORTED_VERSIONS, discover_result, is_well_formed_discover};
pub use serve::{Closed, Server};
pub use tools::{BrokenTool, input_schemas, output_schemas};
pub use waiting::{Progress, Waiting};
