//! Bounds on JSON that hold before it is parsed: its size, its depth, and the length of its strings.

use std::io::{self, Read};

/// Largest depth of objects and arrays. SBOMs of real tools have less than 20.
pub(super) const DEPTH_MAX: u32 = 64;

/// Longest string in bytes, as it is written. Texts of licences and attached files are inside SBOMs.
pub(super) const STRING_BYTES_MAX: u64 = 16 << 20;

/// Passes bytes on, and fails when one of the bounds is passed.
pub(super) struct Guarded<R> {
    inner: R,
    bytes_left: u64,
    bytes_max: u64,
    depth: u32,
    string_bytes: u64,
    string_bytes_max: u64,
    state: State,
    /// The bound that was passed. The bytes before it are passed on first.
    passed: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Outside,
    String,
    Escape,
}

impl<R: Read> Guarded<R> {
    pub(super) fn new(inner: R, bytes_max: u64) -> Guarded<R> {
        Guarded {
            inner,
            bytes_left: bytes_max,
            bytes_max,
            depth: 0,
            string_bytes: 0,
            string_bytes_max: STRING_BYTES_MAX,
            state: State::Outside,
            passed: None,
        }
    }

    /// Bounds the depth alone, for bytes that are in memory already.
    pub(super) fn depth_only(inner: R) -> Guarded<R> {
        Guarded { string_bytes_max: u64::MAX, ..Guarded::new(inner, u64::MAX) }
    }

    fn look_at(&mut self, byte: u8) -> Result<(), String> {
        self.bytes_left = match self.bytes_left.checked_sub(1) {
            Some(left) => left,
            None => return Err(format!("it has more than {} bytes", self.bytes_max)),
        };
        self.state = match (self.state, byte) {
            (State::Outside, b'"') => {
                self.string_bytes = 0;
                State::String
            }
            (State::Outside, b'{' | b'[') => {
                self.depth += 1;
                if self.depth > DEPTH_MAX {
                    return Err(format!("more than {DEPTH_MAX} objects and arrays lie in each other"));
                }
                State::Outside
            }
            (State::Outside, b'}' | b']') => {
                self.depth = self.depth.saturating_sub(1);
                State::Outside
            }
            (State::Outside, _) | (State::String, b'"') => State::Outside,
            (State::String, b'\\') => State::Escape,
            (State::String | State::Escape, _) => State::String,
        };
        if self.state != State::Outside {
            self.string_bytes += 1;
            if self.string_bytes > self.string_bytes_max {
                return Err(format!("a string has more than {} bytes", self.string_bytes_max));
            }
        }
        Ok(())
    }
}

impl<R: Read> Read for Guarded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(passed) = &self.passed {
            return Err(io::Error::other(passed.clone()));
        }
        let read = self.inner.read(buffer)?;
        for (at, byte) in buffer.iter().take(read).enumerate() {
            if let Err(passed) = self.look_at(*byte) {
                self.passed = Some(passed.clone());
                return if at > 0 { Ok(at) } else { Err(io::Error::other(passed)) };
            }
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str, bytes_max: u64) -> Option<String> {
        let mut out = Vec::new();
        Guarded::new(text.as_bytes(), bytes_max).read_to_end(&mut out).err().map(|error| error.to_string())
    }

    #[test]
    fn bounds_hold() {
        let deep = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert_eq!(problem(&deep(64), 1 << 20), None);
        let found = problem(&deep(65), 1 << 20).unwrap();
        assert_eq!(found, "more than 64 objects and arrays lie in each other");
        // Brackets in strings do not count.
        assert_eq!(problem(&format!(r#"{{"a":"\"{}"}}"#, "[".repeat(100)), 1 << 20), None);
        assert_eq!(problem("{}", 2), None);
        assert_eq!(problem("{} ", 2).unwrap(), "it has more than 2 bytes");
        assert!(problem(&format!("\"{}\"", "a".repeat(17 << 20)), 1 << 30).unwrap().contains("a string"));
    }
}
