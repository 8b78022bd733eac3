//! The configuration as types: what the TOML file, the variables and `--set` say.
