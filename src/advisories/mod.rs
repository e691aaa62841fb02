//! Known flaws of packages, from advisory databases that the operator brings along: OSV records, the Debian security
//! tracker, Alpine's secdb. And what VEX documents say of them.
//!
//! A database has up to a million records, and a bundle has some hundred packages. So [`Wanted`] says first which packages
//! there are, and reading keeps only what concerns their names: it costs time, but no memory.
//!
//! Nothing here says that a package has no flaw. What no database covers is named as such ([`Database::covers`]), and
//! what cannot be decided is a hit that says why.

mod affected;
mod aliases;
mod basis;
mod bounded_reader;
mod cvss;
mod database;
mod debian_tracker;
mod ecosystem;
mod entry;
mod error;
mod gathering;
mod level;
mod open;
mod osv;
mod osv_record;
mod range;
mod secdb;
mod shape;
#[cfg(test)]
mod tests;
pub mod vex;
mod wanted;
mod zip_file;

pub use affected::Affected;
pub use basis::Basis;
pub use cvss::base_score;
pub use database::Database;
pub use ecosystem::scheme;
pub use error::AdvisoryError;
pub use level::Level;
pub use wanted::Wanted;
