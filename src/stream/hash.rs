//! The hashing seam: many streams take their next bytes together.
//!
//! On processors without SHA instructions one stream hashes slowly and many at once fast, so whoever
//! hashes hands over the next blocks of all streams in one call, and a worker owns [`lanes`] of them.

use md5::Md5;
use sha2::{Digest as _, Sha256, Sha512};

use crate::format::Sum;
use crate::oci::{Algorithm, Digest};

/// A function that a stream computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// SHA-256: digests and sums.
    Sha256,
    /// SHA-512: digests.
    Sha512,
    /// MD5, for guards and forms that ask for it; nothing here trusts it.
    Md5,
}

impl From<Algorithm> for Function {
    fn from(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Sha256 => Function::Sha256,
            Algorithm::Sha512 => Function::Sha512,
        }
    }
}

enum State {
    Sha256(Sha256),
    Sha512(Sha512),
    Md5(Md5),
}

/// One stream of bytes that is being hashed.
pub struct Stream {
    state: State,
    bytes: u64,
}

/// What came out of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// A SHA-256.
    Sha256([u8; 32]),
    /// A SHA-512.
    Sha512([u8; 64]),
    /// An MD5.
    Md5([u8; 16]),
}

impl Output {
    /// As a blob's digest; `None` for MD5, which is none.
    pub fn digest(&self) -> Option<Digest> {
        match *self {
            Output::Sha256(bytes) => Some(Digest::Sha256(bytes)),
            Output::Sha512(bytes) => Some(Digest::Sha512(bytes)),
            Output::Md5(_) => None,
        }
    }

    /// As the sum of an entry; `None` unless it is a SHA-256.
    pub fn sum(&self) -> Option<Sum> {
        match *self {
            Output::Sha256(bytes) => Some(Sum(bytes)),
            Output::Sha512(_) | Output::Md5(_) => None,
        }
    }

    /// In lower-case hex.
    pub fn hex(&self) -> String {
        match self {
            Output::Sha256(bytes) => hex::encode(bytes),
            Output::Sha512(bytes) => hex::encode(bytes),
            Output::Md5(bytes) => hex::encode(bytes),
        }
    }
}

impl Stream {
    /// A stream that has taken nothing.
    pub fn new(function: Function) -> Stream {
        let state = match function {
            Function::Sha256 => State::Sha256(Sha256::new()),
            Function::Sha512 => State::Sha512(Sha512::new()),
            Function::Md5 => State::Md5(Md5::new()),
        };
        Stream { state, bytes: 0 }
    }

    /// How many bytes it has taken.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Ends the stream.
    pub fn finish(self) -> Output {
        match self.state {
            State::Sha256(state) => Output::Sha256(state.finalize().into()),
            State::Sha512(state) => Output::Sha512(state.finalize().into()),
            State::Md5(state) => Output::Md5(state.finalize().into()),
        }
    }
}

/// How many streams one worker should have under way.
pub const fn lanes() -> usize {
    1
}

/// Gives each stream its next bytes, however many those are.
pub fn update_together(streams: &mut [(&mut Stream, &[u8])]) {
    for (stream, bytes) in streams {
        stream.bytes += bytes.len() as u64;
        match &mut stream.state {
            State::Sha256(state) => state.update(bytes),
            State::Sha512(state) => state.update(bytes),
            State::Md5(state) => state.update(bytes),
        }
    }
}
