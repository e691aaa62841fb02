//! Writes SBOMs. The bytes depend on the inventory only: lists keep its order, and the id of a document is made from its
//! content.

mod cyclonedx;
mod each;
mod licence;
mod serial;
mod spdx;

pub use cyclonedx::write_cyclonedx;
pub use spdx::write_spdx;
