//! All integration tests, in one binary: black box through the command line where a user can see it.
#![allow(missing_docs)]

mod behaviour;
mod hostile;
mod rules;
