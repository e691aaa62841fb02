//! `recover.txt`: instructions for unpacking a bundle without this program (docs/format.md, "Recovery").

/// The text in every control chunk. A POSIX shell can run its commands unchanged.
pub const RECOVER: &str = include_str!("recover.txt");
