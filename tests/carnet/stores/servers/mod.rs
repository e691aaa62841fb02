//! Object stores for tests: small ones in memory, which can be told to fail, and real ones.

mod emulator;
mod s3_site;

pub(crate) use emulator::{Emulator, program};
pub(crate) use s3_site::{S3Site, error, page};
