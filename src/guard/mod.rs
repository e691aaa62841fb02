//! Would a guard let the chunk files pass? Products between two networks open what they get, down to files in archives
//! in archives, and refuse a file that is over one of their limits. A profile holds these limits, and the count tells for
//! each chunk file which of them it is over, before anything is sent.
//!
//! The count knows no format of archives: an [`Opener`](crate::content::archive::Opener) opens them, and
//! [`Contents`](crate::content::archive::Contents) is the one that does it with the decoders of this program.

mod count;
mod flow_profile;
mod over;
mod profile;
mod profile_file;
mod read;
mod words;

pub use count::{Count, Guard};
pub use over::{Limit, NotOpened, Over};
pub use profile::{MediaFilter, Profile, ProfileError, Word};

#[cfg(test)]
mod tests;
