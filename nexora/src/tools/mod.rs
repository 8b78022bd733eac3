//! The tools that Nexora has.
