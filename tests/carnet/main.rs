//! All integration tests, in one binary: black box through the command line where a user can see it.
#![allow(missing_docs, clippy::unwrap_used)] // A test that cannot set up has failed.

mod behaviour;
mod hostile;
mod registries;
mod rules;
mod stores;
