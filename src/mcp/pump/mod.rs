//! The pump between a client's stdio and a host's socket, as a machine: bytes in, actions out. It
//! does no I/O, knows no threads and no clock; whoever drives it does what it says, in order.

mod machine;
mod owed;

pub use machine::{Action, End, Machine, NoHost};
