//! The host drives agents that misbehave, and its guards see them to their end.

mod ends;
mod guards;
mod protocol;
mod secrets;
