//! `recover.txt`: how to get everything out without this program (docs/format.md, "Recovery").

/// The text in every control chunk, made of commands that a POSIX shell runs as they stand.
pub const RECOVER: &str = include_str!("recover.txt");
