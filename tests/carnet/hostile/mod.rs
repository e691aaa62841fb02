//! What the receiving side refuses, and what the sending side does not pack.
//!
//! docs/testing.md lists the classes of hostile inputs and the file that has each.

#![allow(clippy::format_collect, clippy::format_push_string)] // Inputs are built as they read best.

mod archives;
mod baseline;
mod bombs;
mod bytes;
mod chunk_set;
mod control;
mod crowds;
mod deltas;
mod documents;
mod ecdsa;
mod files;
mod graphs;
mod origins;
mod parity;
mod plan_lies;
mod profile;
mod readers;
mod reserved;
mod round_trips;
mod signatures;
mod statement;
mod streams;
mod sums;
mod support;
mod tar_container;
mod tar_names;
