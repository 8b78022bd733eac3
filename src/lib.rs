//! The product as a library: faces, host process, configuration and all text for people.

pub mod cli;
pub mod config;
pub mod error;
pub mod system;
pub mod telemetry;
