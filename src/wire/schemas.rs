//! The list of all public JSON shapes and their schemas.
