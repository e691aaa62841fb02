//! Which instructions hash: chosen once, from what the processor has.
#![allow(unsafe_code)] // Calls kernels that are compiled for instructions not every processor has.

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

use super::words::X1;
#[cfg(target_arch = "x86_64")]
use super::words::{X8, X16};
#[cfg(target_arch = "x86_64")]
use super::{alone, sha_ni};
use super::{md5, sha256};

/// A way to hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// No special instructions, one stream at a time.
    Portable,
    /// Eight streams together, or eight blocks of one.
    Avx2,
    /// Sixteen streams together, or sixteen blocks of one.
    Avx512,
    /// SHA instructions for SHA-256, four streams together; MD5 in the widest lanes there are.
    ShaNi,
}

static CHOSEN: OnceLock<Kernel> = OnceLock::new();

const ALL: [Kernel; 4] = [Kernel::ShaNi, Kernel::Avx512, Kernel::Avx2, Kernel::Portable];

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kernel::Portable => "portable",
            Kernel::Avx2 => "avx2",
            Kernel::Avx512 => "avx512",
            Kernel::ShaNi => "sha-ni",
        })
    }
}

impl FromStr for Kernel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = ALL.into_iter().find(|kernel| kernel.to_string() == text);
        found.ok_or_else(|| "expected portable, avx2, avx512 or sha-ni".to_owned())
    }
}

impl Kernel {
    /// Whether this processor has what the kernel needs.
    pub fn is_available(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        {
            match self {
                Kernel::Portable => true,
                Kernel::Avx2 => is_x86_feature_detected!("avx2") && has_bit_instructions(),
                Kernel::Avx512 => {
                    is_x86_feature_detected!("avx512f")
                        && is_x86_feature_detected!("avx512bw")
                        && has_bit_instructions()
                }
                Kernel::ShaNi => is_x86_feature_detected!("sha") && is_x86_feature_detected!("sse4.1"),
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        {
            self == Kernel::Portable
        }
    }

    /// The kernels that this processor has, the one it would take first.
    pub fn available() -> impl Iterator<Item = Kernel> {
        ALL.into_iter().filter(|kernel| kernel.is_available())
    }

    /// The kernel in use: the one that was forced, or else the best that the processor has.
    pub fn chosen() -> Kernel {
        *CHOSEN.get_or_init(|| Kernel::available().next().unwrap_or(Kernel::Portable))
    }

    /// Forces this kernel for the whole process; before anything is hashed.
    ///
    /// # Errors
    /// When the processor does not have it, or another is in use already.
    pub fn force(self) -> Result<(), String> {
        if !self.is_available() {
            return Err(format!("this processor has no {self}"));
        }
        match CHOSEN.set(self) {
            Err(_) if Kernel::chosen() != self => Err(format!("{} is in use already", Kernel::chosen())),
            _ => Ok(()),
        }
    }

    /// How many streams of SHA-256 it takes together at most.
    pub(super) fn sha256_lanes(self) -> usize {
        self.sha256_width(usize::MAX)
    }

    /// How many lanes so many streams of SHA-256 should go through: with one, each goes alone.
    ///
    /// A kernel takes as long for a lane without a stream as for one with, so few are faster alone
    /// (docs/performance.md, "Hashing").
    pub(super) fn sha256_width(self, streams: usize) -> usize {
        match (self, streams) {
            (Kernel::Portable, _) | (Kernel::ShaNi, 0..=1) | (Kernel::Avx2 | Kernel::Avx512, 0..=2) => 1,
            (Kernel::ShaNi, 2) => 2,
            (Kernel::ShaNi, _) => 4,
            (Kernel::Avx2, _) => 8,
            (Kernel::Avx512, _) => 16,
        }
    }

    /// How many streams of MD5 it takes together at most.
    pub(super) fn md5_lanes(self) -> usize {
        self.md5_width(usize::MAX)
    }

    /// How many lanes so many streams of MD5 should go through, as [`Kernel::sha256_width`].
    pub(super) fn md5_width(self, streams: usize) -> usize {
        match self {
            Kernel::ShaNi => Kernel::widest().sha256_width(streams),
            other => other.sha256_width(streams),
        }
    }

    /// The widest kernel beside the SHA instructions.
    fn widest() -> Kernel {
        let mut others = Kernel::available().filter(|kernel| *kernel != Kernel::ShaNi);
        others.next().unwrap_or(Kernel::Portable)
    }

    /// Takes blocks of one stream in.
    pub(super) fn sha256_one(self, state: &mut [u32; 8], blocks: &[[u8; 64]]) {
        match self {
            // The crate finds the SHA instructions by itself, so what is portable by request is ours.
            Kernel::Portable if Kernel::ShaNi.is_available() => {
                let mut pointers = [blocks.as_ptr().cast::<u8>()];
                // SAFETY: X1 needs nothing; the pointer is that of `blocks.len()` blocks.
                unsafe { sha256::compress::<X1>(std::slice::from_mut(state), &mut pointers, blocks.len()) }
            }
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx512 => {
                // SAFETY: a kernel is used only where it is available.
                let rest = unsafe { alone_avx512(state, blocks) };
                sha2::block_api::compress256(state, rest);
            }
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx2 => {
                // SAFETY: as above.
                let rest = unsafe { alone_avx2(state, blocks) };
                sha2::block_api::compress256(state, rest);
            }
            _ => sha2::block_api::compress256(state, blocks),
        }
    }

    /// Takes `count` blocks into each state; there are as many as [`Kernel::sha256_width`] said.
    ///
    /// # Safety
    /// Each of as many pointers must be readable for `64 * count` bytes.
    pub(super) unsafe fn sha256_many(self, states: &mut [[u32; 8]], blocks: &mut [*const u8], count: usize) {
        match self {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: a kernel is used only where it is available; the pointers are the caller's.
            Kernel::Avx512 => unsafe { sha256_avx512(states, blocks, count) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Kernel::Avx2 => unsafe { sha256_avx2(states, blocks, count) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Kernel::ShaNi if states.len() == 2 => unsafe { sha_ni::compress::<2>(states, blocks, count) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Kernel::ShaNi => unsafe { sha_ni::compress::<4>(states, blocks, count) },
            // SAFETY: X1 needs nothing; the pointers are the caller's.
            _ => unsafe { sha256::compress::<X1>(states, blocks, count) },
        }
    }

    /// Takes blocks of one stream in.
    pub(super) fn md5_one(state: &mut [u32; 4], blocks: &[[u8; 64]]) {
        ::md5::block_api::compress(state, blocks);
    }

    /// Takes `count` blocks into each state; there are as many as [`Kernel::md5_width`] said.
    ///
    /// # Safety
    /// Each of as many pointers must be readable for `64 * count` bytes.
    pub(super) unsafe fn md5_many(self, states: &mut [[u32; 4]], blocks: &mut [*const u8], count: usize) {
        match if self == Kernel::ShaNi { Kernel::widest() } else { self } {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: a kernel is used only where it is available; the pointers are the caller's.
            Kernel::Avx512 => unsafe { md5_avx512(states, blocks, count) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Kernel::Avx2 => unsafe { md5_avx2(states, blocks, count) },
            // SAFETY: X1 needs nothing; the pointers are the caller's.
            _ => unsafe { md5::compress::<X1>(states, blocks, count) },
        }
    }
}

/// A rotation into another register, and and-not, in one instruction: what hashes one stream needs them, and
/// processors with AVX2 have them.
#[cfg(target_arch = "x86_64")]
fn has_bit_instructions() -> bool {
    is_x86_feature_detected!("bmi1") && is_x86_feature_detected!("bmi2")
}

macro_rules! compiled_for {
    ($name:ident, $features:literal, $module:ident, $words:ident, $state:ty) => {
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = $features)]
        unsafe fn $name(states: &mut [$state], blocks: &mut [*const u8], count: usize) {
            // SAFETY: the caller's: the processor has these features, the pointers are good.
            unsafe { $module::compress::<$words>(states, blocks, count) }
        }
    };
}

compiled_for!(sha256_avx512, "avx512f,avx512bw", sha256, X16, [u32; 8]);
compiled_for!(sha256_avx2, "avx2", sha256, X8, [u32; 8]);
compiled_for!(md5_avx512, "avx512f,avx512bw", md5, X16, [u32; 4]);
compiled_for!(md5_avx2, "avx2", md5, X8, [u32; 4]);

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,bmi1,bmi2")]
fn alone_avx512<'a>(state: &mut [u32; 8], blocks: &'a [[u8; 64]]) -> &'a [[u8; 64]] {
    // SAFETY: the caller's: the processor has these features.
    unsafe { alone::compress::<X16>(state, blocks) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2")]
fn alone_avx2<'a>(state: &mut [u32; 8], blocks: &'a [[u8; 64]]) -> &'a [[u8; 64]] {
    // SAFETY: the caller's: the processor has these features.
    unsafe { alone::compress::<X8>(state, blocks) }
}
