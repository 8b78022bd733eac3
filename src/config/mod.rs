//! Reading the configuration: the process's environment, the places of files, and the layers (flag,
//! variable, user's file, default), each value with its source.

mod environment;
mod keys;
mod load;
mod places;
mod position;

pub use environment::Environment;
pub use load::{Choices, Loaded, Source, load, load_lenient};
pub use places::{Places, absolute};
