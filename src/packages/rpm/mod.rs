//! rpm: its databases in their three forms, SQLite, rpm's own (ndb) and Berkeley DB, and the headers of packages in them.
//!
//! Each form is read without its library, and only as far as the table of packages: an image can bring any bytes.

mod bdb;
mod collect;
mod header;
mod ndb;
#[cfg(test)]
mod sample;
mod sqlite;
mod sums;

pub use bdb::bdb;
pub use ndb::ndb;
pub use sqlite::sqlite;

use super::Found;
use collect::Collected;

/// Reads the header of one package, as the databases store it.
pub fn header(blob: &[u8]) -> Found {
    let mut collected = Collected::default();
    collected.add(blob, "the header");
    collected.finish()
}
