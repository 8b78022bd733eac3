//! The product: faces, host process, configuration files and all text for people.
