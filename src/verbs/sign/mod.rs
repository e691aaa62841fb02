//! Releases a bundle: adds the signature of a person to its control chunk and changes nothing else.
//!
//! - `controls`: opens the control chunks and checks them, before anything is signed.
//! - `adding`: adds a signature by a key, or one that was made elsewhere.
//! - `detached`: signs a statement on a machine that does not have the bundle.

mod adding;
mod controls;
mod detached;
mod error;
mod report;

pub use adding::{attach, sign};
pub use controls::{Controls, SignRequest};
pub use detached::{DetachedReport, DetachedStatement};
pub use error::SignError;
pub use report::{BundleToSign, SignReport, SignedBundle};
