//! The host is killed in the middle of it: nothing that was acknowledged is missing, nothing is left running,
//! and each task comes to one end.

mod acknowledged;
mod points;
mod pump;
mod starting;
