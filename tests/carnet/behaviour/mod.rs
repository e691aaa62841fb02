//! What an operator sees, in success and in failure: round trips, sizes, interruptions, outputs.
// A failing step is a failing test, here as in the tests themselves.
#![allow(clippy::unwrap_used, clippy::case_sensitive_file_extension_comparisons)]

pub(crate) mod layouts;
pub(crate) mod support;

mod bad_sources;
mod bounds;
mod closure;
pub(crate) mod deltas;
mod demands;
mod determinism;
mod docker_archives;
mod ecdsa;
mod explain;
mod fido;
mod file_systems;
mod forms;
mod full_disk;
mod importing;
mod in_the_way;
mod inputs;
mod interrupted;
mod keys;
mod missing;
mod nondistributable;
mod odd_names;
mod outputs;
mod peers;
mod platforms;
mod post_quantum;
mod profile;
mod releases;
mod resend;
mod reshaping;
mod signers;
mod signing;
mod sizes;
mod sources;
mod ssh_keys;
mod sums;
mod tokens;
mod trust_changes;
mod trust_import;
mod unpacking;
mod unreadable;
mod volumes;
