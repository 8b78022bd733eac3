//! The side of the command line: one connection to the host, which is started if need be. Synchronous:
//! a command that asks one thing needs no runtime.

mod connection;
mod direct;
mod session;
mod start;
mod watch;

pub use connection::{Connection, OpenError};
pub use session::{Session, connect_pump};
pub use watch::Watch;
