//! What a running station shows: a page for people, metrics for Prometheus, `/healthz` for supervisors. Everything is
//! read-only, and nothing can be done here.

mod health;
mod metrics;
mod page;
mod server;

pub(crate) use server::{Listen, Status};
