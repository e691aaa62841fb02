//! Streams that are hashed together.

use sha2::{Digest as _, Sha384, Sha512};

use super::block_stream::{BlockStream, Waiting};
use super::lanes::compress_all;

use super::kernel::Kernel;
use super::{md5, sha256};
use crate::format::{BlockSum, Sum, Sum384};
use crate::oci::{Algorithm, Digest};

/// A hash function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// SHA-256, for digests and sums.
    Sha256,
    /// SHA-512, for digests.
    Sha512,
    /// SHA-384, for the sums of bundles with a profile.
    Sha384,
    /// MD5, for guards and forms that require it; never used to verify anything.
    Md5,
    /// BLAKE3, for the sums of blocks: they tell where a chunk is damaged. A chunk is never proven by them.
    Blake3,
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
    Sha256(BlockStream<8>),
    Sha512(Box<Sha512>),
    Sha384(Box<Sha384>),
    Md5(BlockStream<4>),
    Blake3(Box<blake3::Hasher>),
}

/// A stream of bytes that is being hashed.
pub struct Stream {
    state: State,
    bytes: u64,
}

/// The hash of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// A SHA-256.
    Sha256([u8; 32]),
    /// A SHA-512.
    Sha512([u8; 64]),
    /// A SHA-384.
    Sha384([u8; 48]),
    /// An MD5.
    Md5([u8; 16]),
    /// A BLAKE3.
    Blake3([u8; 32]),
}

impl Output {
    /// Returns the digest of a blob; `None` for functions that no digest may have.
    pub fn digest(&self) -> Option<Digest> {
        match *self {
            Output::Sha256(bytes) => Some(Digest::Sha256(bytes)),
            Output::Sha512(bytes) => Some(Digest::Sha512(bytes)),
            Output::Sha384(_) | Output::Md5(_) | Output::Blake3(_) => None,
        }
    }

    /// Returns the sum of an entry; `None` unless it is a SHA-256.
    pub fn sum(&self) -> Option<Sum> {
        if let Output::Sha256(bytes) = *self { Some(Sum(bytes)) } else { None }
    }

    /// Returns the SHA-384 of an entry; `None` unless it is one.
    pub fn sum384(&self) -> Option<Sum384> {
        if let Output::Sha384(bytes) = *self { Some(Sum384(bytes)) } else { None }
    }

    /// Returns the sum of a block; `None` unless it is a BLAKE3.
    pub fn block_sum(&self) -> Option<BlockSum> {
        if let Output::Blake3(bytes) = *self { Some(BlockSum(bytes)) } else { None }
    }

    /// Returns the hash in lower-case hex.
    pub fn hex(&self) -> String {
        match self {
            Output::Sha256(bytes) | Output::Blake3(bytes) => hex::encode(bytes),
            Output::Sha512(bytes) => hex::encode(bytes),
            Output::Sha384(bytes) => hex::encode(bytes),
            Output::Md5(bytes) => hex::encode(bytes),
        }
    }
}

impl Stream {
    /// Creates an empty stream.
    pub fn new(function: Function) -> Stream {
        let state = match function {
            Function::Sha256 => State::Sha256(BlockStream::new(sha256::INITIAL)),
            Function::Sha512 => State::Sha512(Box::default()),
            Function::Sha384 => State::Sha384(Box::default()),
            Function::Md5 => State::Md5(BlockStream::new(md5::INITIAL)),
            Function::Blake3 => State::Blake3(Box::default()),
        };
        Stream { state, bytes: 0 }
    }

    /// Returns the number of bytes hashed.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Finishes the stream and returns its hash.
    pub fn finish(self) -> Output {
        let kernel = Kernel::chosen();
        match self.state {
            State::Sha256(stream) => {
                let words = stream.finish(u64::to_be_bytes, |state, blocks| kernel.sha256_one(state, blocks));
                Output::Sha256(bytes_of(words.map(u32::to_be_bytes)))
            }
            State::Sha512(state) => Output::Sha512(state.finalize().into()),
            State::Sha384(state) => Output::Sha384(state.finalize().into()),
            State::Md5(stream) => {
                let words = stream.finish(u64::to_le_bytes, Kernel::md5_one);
                Output::Md5(bytes_of(words.map(u32::to_le_bytes)))
            }
            State::Blake3(state) => Output::Blake3(*state.finalize().as_bytes()),
        }
    }
}

fn bytes_of<const WORDS: usize, const BYTES: usize>(words: [[u8; 4]; WORDS]) -> [u8; BYTES] {
    words.as_flattened().try_into().expect("four bytes per word")
}

/// Returns how many streams of this function one worker should hash together.
pub fn lanes(function: Function) -> usize {
    match function {
        Function::Sha256 => Kernel::chosen().sha256_lanes(),
        // BLAKE3 fills the lanes with parts of one stream.
        Function::Sha512 | Function::Sha384 | Function::Blake3 => 1,
        Function::Md5 => Kernel::chosen().md5_lanes(),
    }
}

/// Hashes the next bytes of each stream, of any length.
pub fn update_together(streams: &mut [(&mut Stream, &[u8])]) {
    update_with(Kernel::chosen(), streams);
}

/// Like [`update_together`], with a kernel that the CPU supports.
fn update_with(kernel: Kernel, streams: &mut [(&mut Stream, &[u8])]) {
    let sha256_one = |state: &mut [u32; 8], blocks: &[[u8; 64]]| kernel.sha256_one(state, blocks);
    let mut sha256: Vec<Waiting<'_, 8>> = Vec::new();
    let mut md5: Vec<Waiting<'_, 4>> = Vec::new();
    for (stream, bytes) in streams {
        stream.bytes += bytes.len() as u64;
        match &mut stream.state {
            State::Sha256(stream) => sha256.push(stream.feed(bytes, sha256_one)),
            State::Sha512(state) => state.update(bytes),
            State::Sha384(state) => state.update(bytes),
            State::Md5(stream) => md5.push(stream.feed(bytes, Kernel::md5_one)),
            State::Blake3(state) => {
                state.update(bytes);
            }
        }
    }
    compress_all(
        sha256,
        |streams| kernel.sha256_width(streams),
        sha256_one,
        |states, blocks, count| {
            // SAFETY: the scheduler passes pointers that are valid for at least `count` blocks each.
            unsafe { kernel.sha256_many(states, blocks, count) }
        },
    );
    compress_all(
        md5,
        |streams| kernel.md5_width(streams),
        Kernel::md5_one,
        |states, blocks, count| {
            // SAFETY: the scheduler passes pointers that are valid for at least `count` blocks each.
            unsafe { kernel.md5_many(states, blocks, count) }
        },
    );
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Computes the hash with the reference crates.
    fn expected(function: Function, bytes: &[u8]) -> String {
        match function {
            Function::Sha256 => hex::encode(sha2::Sha256::digest(bytes)),
            Function::Sha512 => hex::encode(Sha512::digest(bytes)),
            Function::Sha384 => hex::encode(Sha384::digest(bytes)),
            Function::Md5 => hex::encode(::md5::Md5::digest(bytes)),
            Function::Blake3 => BlockSum::of(bytes).to_string(),
        }
    }

    const FUNCTIONS: [Function; 5] =
        [Function::Sha256, Function::Md5, Function::Sha512, Function::Sha384, Function::Blake3];

    /// Hashes messages together, each in parts of its given length.
    fn together(kernel: Kernel, messages: &[(Function, Vec<u8>, usize)]) -> Vec<String> {
        let mut streams: Vec<Stream> = messages.iter().map(|(function, ..)| Stream::new(*function)).collect();
        let mut at = vec![0; messages.len()];
        loop {
            let mut parts = Vec::new();
            for ((stream, (_, message, part)), at) in streams.iter_mut().zip(messages).zip(&mut at) {
                let end = (*at + part).min(message.len());
                parts.push((stream, &message[*at..end]));
                *at = end;
            }
            if parts.iter().all(|(_, part)| part.is_empty()) {
                return streams.into_iter().map(|stream| stream.finish().hex()).collect();
            }
            update_with(kernel, &mut parts);
        }
    }

    #[test]
    fn matches_known_answers() {
        // FIPS 180-4 examples and RFC 1321, section A.5.
        let abc = b"abc".to_vec();
        let messages = [(Function::Sha256, abc.clone(), 2), (Function::Md5, abc.clone(), 2)];
        for kernel in Kernel::available() {
            assert_eq!(
                together(kernel, &messages),
                [
                    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
                    "900150983cd24fb0d6963f7d28e17f72"
                ],
                "{kernel}"
            );
        }
        let a = vec![b'a'; 1_000_000];
        for kernel in Kernel::available() {
            let found = together(kernel, &[(Function::Sha256, a.clone(), 65_536)]);
            let wanted = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
            assert_eq!(found, [wanted], "{kernel}");
        }
    }

    #[test]
    fn hashes_lengths_around_a_block() {
        for kernel in Kernel::available() {
            let messages: Vec<_> = (0..=260_usize)
                .flat_map(|length| FUNCTIONS.map(|function| (function, vec![0x5a; length], 64)))
                .collect();
            let wanted: Vec<String> = messages.iter().map(|(f, bytes, _)| expected(*f, bytes)).collect();
            assert_eq!(together(kernel, &messages), wanted, "{kernel}");
        }
    }

    #[test]
    fn hashes_few_streams_of_many_blocks() {
        // As many blocks as lanes, one less, one more, and several times as many.
        let lengths = [448, 512, 960, 1024, 1088, 2048, 5000, 70_000];
        for kernel in Kernel::available() {
            for few in lengths.windows(1).chain(lengths.windows(2)).chain(lengths.windows(4)) {
                let message = |&length: &usize| {
                    let bytes: Vec<u8> = (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect();
                    (Function::Sha256, bytes, 65_600)
                };
                let messages: Vec<_> = few.iter().map(message).collect();
                let wanted: Vec<String> = messages.iter().map(|(f, bytes, _)| expected(*f, bytes)).collect();
                assert_eq!(together(kernel, &messages), wanted, "{kernel}, {few:?}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn every_kernel_matches_the_reference_crates(
            messages in prop::collection::vec(
                (prop::sample::select(&FUNCTIONS), prop::collection::vec(any::<u8>(), 0..3000), 1_usize..1500),
                1..40,
            )
        ) {
            let wanted: Vec<String> = messages.iter().map(|(f, bytes, _)| expected(*f, bytes)).collect();
            for kernel in Kernel::available() {
                prop_assert_eq!(&together(kernel, &messages), &wanted, "{}", kernel);
            }
        }
    }
}
