//! The product as a library: faces, host process, configuration and all text for people.

pub mod config;
pub mod error;
