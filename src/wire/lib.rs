//! What leaves the process: `--json` views, the event stream, configuration as types, the control
//! protocol of the socket, plans, and our extensions of the agent protocol. No I/O.

pub mod config;
pub mod control;
pub mod extension;
pub mod plan;
pub mod schemas;
pub mod time;
pub mod views;
