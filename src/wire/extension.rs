//! Our extensions of the Agent Client Protocol, `_modelscan/…`.
