//! A host: the turn on the store's writer thread, the attempts that it runs, and the handle by which faces
//! give orders, read and watch.

mod handle;
mod readers;
mod start;
mod thread;

pub use handle::{HostHandle, StopMode};
pub use readers::Readers;
pub use start::{Host, HostParts};

#[cfg(test)]
mod tests;
