//! The product as a library: faces, host process, configuration and all text for people.

pub mod catalog;
pub mod cli;
pub mod config;
pub mod error;
pub mod serve;
pub mod system;
pub mod telemetry;
