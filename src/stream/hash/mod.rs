//! The hash interface: many streams are hashed together.
//!
//! On CPUs without SHA instructions, hashing one stream is slow and hashing many at once is fast. So callers pass the
//! next blocks of all streams in one call, and a worker has [`lanes()`] streams. The [`Kernel`] is chosen once, from
//! the features of the CPU.
#![allow(unsafe_code)] // Calls the kernels; each call states why it is safe.

#[cfg(target_arch = "x86_64")]
mod alone;
mod block_stream;
mod kernel;
mod lanes;
mod md5;
mod sha256;
#[cfg(target_arch = "x86_64")]
mod sha_ni;
mod streams;
mod words;

pub use streams::{Function, Output};

// For the program and the tests (docs/decisions/0073-the-library-is-what-it-shows.md).
#[doc(hidden)]
pub use self::{
    kernel::Kernel,
    streams::{Stream, lanes, update_together},
};
