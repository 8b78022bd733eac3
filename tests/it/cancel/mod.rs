//! A step's processes end with it: every known escape against a cancel, against the step's own end and
//! against its time limit. Whether something lives is told by a lock that all of them hold, not by names.

mod escape;
mod everyday;
mod matrix;
