//! Azure Blob containers, in every cloud and in emulators.
//!
//! `access` finds what gives access: a SAS token, which is judged before any request, an account key, or a managed
//! identity.

mod access;
mod blob_container;
mod connection_string;
mod identity;
mod listing;
mod problem;
mod request;
mod sas;
mod shared_key;

pub(super) use blob_container::BlobContainer;
pub(super) use listing::Page;
