//! Unpacks a released bundle into a layout or an archive. Each blob is hashed while it is written, and kept only if it
//! matches its digest.

mod copies;
mod error;
mod report;
mod unloading;
mod unpacking;

pub use error::UnpackError;
pub use report::UnpackReport;
pub use unpacking::unpack;
