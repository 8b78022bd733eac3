//! A host: the turn on the store's writer thread, the attempts that it runs, and the handle by which faces
//! give orders and watch.

mod handle;

pub use handle::{HostHandle, StopMode};
