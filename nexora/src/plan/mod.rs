//! The interpreter of plans.
