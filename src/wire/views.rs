//! What `--json` shows: views of tasks, events, messages, agents and the host.
