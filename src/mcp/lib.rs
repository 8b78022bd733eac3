//! Model Context Protocol: the server side of a connection, and the machine that pumps a
//! client's stdio to a host.

mod envelope;
mod fault;
pub mod limits;
mod lines;
pub mod pump;
pub mod server;

pub use envelope::{Envelope, IdKey, Malformed, RawId};
pub use fault::Fault;
pub use lines::{Line, Lines};
