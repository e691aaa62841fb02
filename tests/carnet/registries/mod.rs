//! Packing from registries and importing into them, when they work and when they misbehave.
//!
//! `server` is a registry in memory, on top of `http`, which can be told to fail in any way. `debian` runs
//! the registry from Debian's package. `files` is a plain host for layers that are named by URL.
#![allow(clippy::unwrap_used, clippy::format_push_string)] // A failing step is a failing test.

pub(crate) mod http;

pub(crate) mod debian;
pub(crate) mod files;
pub(crate) mod server;
pub(crate) mod station;

pub(crate) mod tls;

mod auth;
mod certificates;
mod crossing;
mod deltas;
mod foreign;
mod importing;
mod isolation;
mod misbehaving;
mod no_api;
mod packing;
mod parity;
mod proxy;
mod receipts;
mod resources;
mod servers;
mod staging;
mod stubborn;
