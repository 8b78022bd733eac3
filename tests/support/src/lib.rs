//! Support of the integration tests: a hermetic environment around the built product, a parent for all
//! processes of a test, and waiting with a deadline in place of sleeping.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod command;
mod env;
mod nested;
mod peers;
mod reading;
mod refused;
pub mod schemas;
mod tree;
mod wait;
mod witness;

pub use command::{Outcome, Run, Running};
pub use env::{TestEnv, product, project_root, target_folder};
pub use nested::nested;
pub use peers::{agent_table, hostile_table, python};
pub use refused::{Refused, Rows, check_rows, expect_shape, expect_shape_of, refused};
pub use tree::{below, wait_ended, wait_gone};
pub use wait::{LIMIT, until, until_some};
pub use witness::Witness;

/// Defines a test that runs in a process of its own below the support program, which looks for leftovers
/// when it has ended. The body gets a fresh [`TestEnv`].
#[macro_export]
macro_rules! product_test {
    ($(#[$attribute:meta])* fn $name:ident($env:ident) $body:block) => {
        $(#[$attribute])*
        #[test]
        fn $name() {
            $crate::nested(concat!(module_path!(), "::", stringify!($name)), |$env: &$crate::TestEnv| $body);
        }
    };
}
