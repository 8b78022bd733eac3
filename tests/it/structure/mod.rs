//! The structure that holds: who may know whom, who owns which library, and what every file keeps to.

mod edges;
mod files;
mod licences;
mod metadata;
mod migrations;
mod schemas;
