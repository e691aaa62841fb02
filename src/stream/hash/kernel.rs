//! The choice of hash instructions: made once, from the features of the CPU.
#![allow(unsafe_code)] // Calls kernels that are compiled for instructions that not every CPU supports.

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

use super::words::X1;
#[cfg(target_arch = "x86_64")]
use super::words::{X8, X16};
#[cfg(target_arch = "x86_64")]
use super::{alone, sha_ni};
use super::{md5, sha256};

/// An implementation of the hash functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// No special instructions, one stream at a time.
    Portable,
    /// Eight streams together, or eight blocks of one.
    Avx2,
    /// Sixteen streams together, or sixteen blocks of one.
    Avx512,
    /// SHA instructions for SHA-256, four streams together; MD5 in the widest available lanes.
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
    /// Returns whether this CPU supports the kernel.
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

    /// Returns the kernels that this CPU supports, the preferred one first.
    pub fn available() -> impl Iterator<Item = Kernel> {
        ALL.into_iter().filter(|kernel| kernel.is_available())
    }

    /// Returns the kernel in use: the forced one, or else the best that the CPU supports.
    pub fn chosen() -> Kernel {
        *CHOSEN.get_or_init(|| Kernel::available().next().unwrap_or(Kernel::Portable))
    }

    /// Forces this kernel for the whole process. Must be called before anything is hashed.
    ///
    /// # Errors
    /// If the CPU does not support it, or another kernel is already in use.
    pub fn force(self) -> Result<(), String> {
        if !self.is_available() {
            return Err(format!("this CPU does not support the {self} kernel"));
        }
        match CHOSEN.set(self) {
            Err(_) if Kernel::chosen() != self => {
                Err(format!("the {} kernel is already in use", Kernel::chosen()))
            }
            _ => Ok(()),
        }
    }

    /// Returns the maximum number of SHA-256 streams that it processes together.
    pub(super) fn sha256_lanes(self) -> usize {
        self.sha256_width(usize::MAX)
    }

    /// Returns how many lanes to use for this many SHA-256 streams; 1 means that each is hashed alone.
    ///
    /// An empty lane takes as long as a full one, so a few streams are faster alone
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

    /// Returns the maximum number of MD5 streams that it processes together.
    pub(super) fn md5_lanes(self) -> usize {
        self.md5_width(usize::MAX)
    }

    /// Returns how many lanes to use for this many MD5 streams, like [`Kernel::sha256_width`].
    pub(super) fn md5_width(self, streams: usize) -> usize {
        match self {
            Kernel::ShaNi => Kernel::widest().sha256_width(streams),
            other => other.sha256_width(streams),
        }
    }

    /// Returns the widest kernel without SHA instructions.
    fn widest() -> Kernel {
        let mut others = Kernel::available().filter(|kernel| *kernel != Kernel::ShaNi);
        others.next().unwrap_or(Kernel::Portable)
    }

    /// Compresses blocks of one stream.
    pub(super) fn sha256_one(self, state: &mut [u32; 8], blocks: &[[u8; 64]]) {
        match self {
            // The sha2 crate detects SHA instructions itself, so the portable kernel uses our own code.
            Kernel::Portable if Kernel::ShaNi.is_available() => {
                let mut pointers = [blocks.as_ptr().cast::<u8>()];
                // SAFETY: X1 needs no CPU features; the pointer is valid for `blocks.len()` blocks.
                unsafe { sha256::compress::<X1>(std::slice::from_mut(state), &mut pointers, blocks.len()) }
            }
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx512 => {
                // SAFETY: a kernel is used only if it is available.
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

    /// Compresses `count` blocks into each state. There are as many states as [`Kernel::sha256_width`] returned.
    ///
    /// # Safety
    /// There must be as many pointers, each readable for `64 * count` bytes.
    pub(super) unsafe fn sha256_many(self, states: &mut [[u32; 8]], blocks: &mut [*const u8], count: usize) {
        match self {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: a kernel is used only if it is available; the caller guarantees the pointers.
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
            // SAFETY: X1 needs no CPU features; the caller guarantees the pointers.
            _ => unsafe { sha256::compress::<X1>(states, blocks, count) },
        }
    }

    /// Compresses blocks of one stream.
    pub(super) fn md5_one(state: &mut [u32; 4], blocks: &[[u8; 64]]) {
        ::md5::block_api::compress(state, blocks);
    }

    /// Compresses `count` blocks into each state. There are as many states as [`Kernel::md5_width`] returned.
    ///
    /// # Safety
    /// There must be as many pointers, each readable for `64 * count` bytes.
    pub(super) unsafe fn md5_many(self, states: &mut [[u32; 4]], blocks: &mut [*const u8], count: usize) {
        match if self == Kernel::ShaNi { Kernel::widest() } else { self } {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: a kernel is used only if it is available; the caller guarantees the pointers.
            Kernel::Avx512 => unsafe { md5_avx512(states, blocks, count) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Kernel::Avx2 => unsafe { md5_avx2(states, blocks, count) },
            // SAFETY: X1 needs no CPU features; the caller guarantees the pointers.
            _ => unsafe { md5::compress::<X1>(states, blocks, count) },
        }
    }
}

/// Returns whether the CPU supports BMI1 and BMI2: and-not, and a rotation into another register, each in one
/// instruction. Hashing one stream needs them, and CPUs with AVX2 have them.
#[cfg(target_arch = "x86_64")]
fn has_bit_instructions() -> bool {
    is_x86_feature_detected!("bmi1") && is_x86_feature_detected!("bmi2")
}

macro_rules! compiled_for {
    ($name:ident, $features:literal, $module:ident, $words:ident, $state:ty) => {
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = $features)]
        unsafe fn $name(states: &mut [$state], blocks: &mut [*const u8], count: usize) {
            // SAFETY: the caller guarantees that the CPU has these features and that the pointers are valid.
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
    // SAFETY: the caller guarantees that the CPU has these features.
    unsafe { alone::compress::<X16>(state, blocks) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2")]
fn alone_avx2<'a>(state: &mut [u32; 8], blocks: &'a [[u8; 64]]) -> &'a [[u8; 64]] {
    // SAFETY: the caller guarantees that the CPU has these features.
    unsafe { alone::compress::<X8>(state, blocks) }
}
