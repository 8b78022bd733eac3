//! The machine of the pump.
