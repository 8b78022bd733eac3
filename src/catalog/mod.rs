//! The tools of the MCP face over the operations of a running host: one method, one operation.

mod folder;
mod host_catalog;
mod shelf;
mod waiting;

pub use host_catalog::HostCatalog;
pub use shelf::Shelf;
