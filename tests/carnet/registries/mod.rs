//! Registries on both sides: packing from them, importing into them, and what happens when they misbehave.
//!
//! `server` is a registry of the tests' own, on `http`, which can be told to fail in any way; `debian` runs
//! the one that Debian packages; `files` is a plain host for layers that are named by URL.
#![allow(clippy::unwrap_used, clippy::format_push_string)] // A failing step is a failing test.

pub(crate) mod http;

mod debian;
mod files;
mod server;
mod station;
mod tls;

mod auth;
mod crossing;
mod foreign;
mod importing;
mod isolation;
mod misbehaving;
mod packing;
mod proxy;
mod receipts;
mod servers;
mod staging;
mod stubborn;
