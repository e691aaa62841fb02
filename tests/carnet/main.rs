//! All integration tests in one binary. Most run the program as an operator would.
#![allow(missing_docs, clippy::unwrap_used)] // A test that cannot set up has failed.

mod audits;
mod behaviour;
mod demo;
mod diodes;
mod hostile;
mod registries;
mod rules;
mod runs;
mod scale;
mod stations;
mod stores;
mod streams;
