//! Object stores: S3 buckets and Azure Blob containers, and what gives access to them.
//!
//! A [`Location`] says which container and which prefix. [`open()`] makes a [`Container`] of it, whose operations are
//! those that chunk files need: list, read a range, write in parts, delete. Each is retried after temporary failures,
//! and a [`StorageError`] names the cause of a refusal.
//!
//! This module knows nothing of chunks or bundles. `medium` builds a chunk store on it.

mod attempts;
mod azure;
mod container;
mod download;
mod error;
pub mod lists;
mod location;
mod near;
mod object;
mod open;
mod percent;
mod permission;
mod pulse;
mod s3;
mod secret_command;
mod settings;

pub use container::Container;
pub use download::Download;
pub use error::{Refusal, StorageError};
pub use location::{Location, LocationError};
pub use object::{NewObject, Object, Part, PartLimits, Precondition, Upload};
pub use open::open;
pub use permission::Permission;
pub use settings::{Encryption, Settings, Variables};

use attempts::Attempts;
