//! Bad input gets one clear error: what, where, what to do, with the contract's exit code; no panic, no hang, no
//! process and no half row.

mod agents;
mod configuration;
mod database;
mod streams;
mod words;
