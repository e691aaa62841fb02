//! The bundle format, with one file per chapter of docs/format.md. Pure: no I/O, no clock.
//!
//! Parsing is strict: parsed input renders to the same bytes.

pub mod annex;
mod block_sum;
#[doc(hidden)]
pub mod body;
pub mod chunk_size;
pub mod chunk_table;
pub mod entry;
pub(crate) mod error;
#[doc(hidden)]
pub mod head;
#[doc(hidden)]
pub mod limits;
pub(crate) mod lines;
pub mod name;
pub mod parity;
pub mod plan;
mod profile;
#[doc(hidden)]
pub mod recover;
pub mod resend;
#[doc(hidden)]
pub mod shape;
pub mod signature;
pub mod statement;
mod sum_pair;
pub mod sums;
mod sums384;
#[doc(hidden)]
pub mod tar;
mod timestamp;
pub(crate) mod ustar;
pub mod volume;

pub use block_sum::BlockSum;
pub use error::FormatError;
pub use lines::Sum;
pub use name::{BundleName, Label, StreamName};
pub use profile::Profile;
pub use sum_pair::{Sum384, SumPair};
pub use sums384::Sums384;
pub use timestamp::Timestamp;
