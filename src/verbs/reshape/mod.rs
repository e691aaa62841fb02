//! Makes a new bundle of verified ones, without their source: with another chunk limit, with some of their artifacts, or of
//! several. Blobs are streamed from the old chunks into new ones and hashed on the way; nothing is staged.
//!
//! ```text
//! WholeBundle … ─ BundleSource ─ pack → chunks
//!        └──── statements and signatures ──┘ as origins in the plan
//! ```

mod bundle_source;
mod error;
mod reshaping;

pub use error::ReshapeError;
pub use reshaping::{ReshapeRequest, reshape};
