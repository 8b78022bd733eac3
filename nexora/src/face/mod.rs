//! The face of Nexora: an agent of the Agent Client Protocol over stdio.
