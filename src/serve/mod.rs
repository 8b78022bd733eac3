//! The host process and the way to it: the socket, its protocol on both sides, and the start of a
//! host when there is none.

pub mod client;
pub mod host;
pub mod pump;
