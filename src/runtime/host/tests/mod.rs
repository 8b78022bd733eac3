//! A host over a real store, with agents that follow a script and a clock that is moved by hand.

mod bench;
mod ending;
mod recovering;
mod running;
