//! Plans: tool calls as data, run by Nexora without a model.
