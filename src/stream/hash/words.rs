//! Vectors of 32-bit words, one word per stream, with which the kernels compute.
//!
//! The methods of a vector type may be called only on a CPU that supports its instructions; this is checked once, when
//! a kernel is chosen. All are inlined into a function that is compiled for those instructions, so that no vector
//! crosses a call.
#![allow(unsafe_code)] // Vector intrinsics and loads through the pointers of several streams.
#![allow(clippy::inline_always)] // A vector must not cross a call: see `words`.

/// The number of streams that the widest kernel processes together.
pub(super) const LANES_MAX: usize = 16;

/// A vector of words.
pub(super) trait Words: Copy {
    /// The number of streams.
    const LANES: usize;

    /// Returns a vector with the same word for all streams.
    unsafe fn splat(word: u32) -> Self;

    /// Loads one word per stream from the first [`Words::LANES`] of the slice.
    unsafe fn load(words: &[u32]) -> Self;

    /// Stores one word per stream into the first [`Words::LANES`] of the slice.
    unsafe fn store(self, words: &mut [u32]);

    /// Loads the next 64 bytes of each stream as sixteen words in native byte order.
    ///
    /// # Safety
    /// Each of the first [`Words::LANES`] pointers must be readable for 64 bytes.
    unsafe fn load_blocks(blocks: &[*const u8]) -> [Self; 16];

    /// Reverses the bytes of each word.
    unsafe fn swap_bytes(self) -> Self;

    unsafe fn add(self, other: Self) -> Self;
    unsafe fn xor3(self, b: Self, c: Self) -> Self;
    /// Returns, for each bit, that of `b` if the bit of `self` is set, else that of `c`.
    unsafe fn choose(self, b: Self, c: Self) -> Self;
    /// Returns the majority of three bits.
    unsafe fn majority(self, b: Self, c: Self) -> Self;
    /// Returns `c ^ (b | !self)`, as MD5 requires.
    unsafe fn xor_or_not(self, b: Self, c: Self) -> Self;
    /// Rotates right by `R`; `L` must be `32 - R`.
    unsafe fn rotate<const R: i32, const L: i32>(self) -> Self;
    unsafe fn shift_right<const R: i32>(self) -> Self;
}

/// One stream, without vector instructions.
#[derive(Clone, Copy)]
pub(super) struct X1(u32);

impl Words for X1 {
    const LANES: usize = 1;

    #[inline(always)]
    unsafe fn splat(word: u32) -> Self {
        X1(word)
    }

    #[inline(always)]
    unsafe fn load(words: &[u32]) -> Self {
        X1(words[0])
    }

    #[inline(always)]
    unsafe fn store(self, words: &mut [u32]) {
        words[0] = self.0;
    }

    #[inline(always)]
    unsafe fn load_blocks(blocks: &[*const u8]) -> [Self; 16] {
        // SAFETY: the caller guarantees 64 bytes; an array of bytes needs no alignment.
        let bytes = unsafe { *blocks[0].cast::<[[u8; 4]; 16]>() };
        bytes.map(|word| X1(u32::from_ne_bytes(word)))
    }

    #[inline(always)]
    unsafe fn swap_bytes(self) -> Self {
        X1(self.0.swap_bytes())
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        X1(self.0.wrapping_add(other.0))
    }

    #[inline(always)]
    unsafe fn xor3(self, b: Self, c: Self) -> Self {
        X1(self.0 ^ b.0 ^ c.0)
    }

    #[inline(always)]
    unsafe fn choose(self, b: Self, c: Self) -> Self {
        X1(c.0 ^ (self.0 & (b.0 ^ c.0)))
    }

    #[inline(always)]
    unsafe fn majority(self, b: Self, c: Self) -> Self {
        X1((self.0 & b.0) | (c.0 & (self.0 | b.0)))
    }

    #[inline(always)]
    unsafe fn xor_or_not(self, b: Self, c: Self) -> Self {
        X1(c.0 ^ (b.0 | !self.0))
    }

    #[inline(always)]
    unsafe fn rotate<const R: i32, const L: i32>(self) -> Self {
        X1(self.0.rotate_right(R.unsigned_abs()))
    }

    #[inline(always)]
    unsafe fn shift_right<const R: i32>(self) -> Self {
        X1(self.0 >> R)
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) use x86::{X8, X16};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m256i, __m512i, _mm_setr_epi8, _mm256_add_epi32, _mm256_and_si256, _mm256_loadu_si256,
        _mm256_or_si256, _mm256_permute2x128_si256, _mm256_set1_epi32, _mm256_setr_epi8, _mm256_shuffle_epi8,
        _mm256_slli_epi32, _mm256_srli_epi32, _mm256_storeu_si256, _mm256_unpackhi_epi32,
        _mm256_unpackhi_epi64, _mm256_unpacklo_epi32, _mm256_unpacklo_epi64, _mm256_xor_si256,
        _mm512_add_epi32, _mm512_broadcast_i32x4, _mm512_loadu_si512, _mm512_ror_epi32, _mm512_set1_epi32,
        _mm512_shuffle_epi8, _mm512_shuffle_i32x4, _mm512_srli_epi32, _mm512_storeu_si512,
        _mm512_ternarylogic_epi32, _mm512_unpackhi_epi32, _mm512_unpackhi_epi64, _mm512_unpacklo_epi32,
        _mm512_unpacklo_epi64,
    };

    use super::Words;

    /// Eight streams: AVX2.
    #[derive(Clone, Copy)]
    pub(in super::super) struct X8(__m256i);

    /// Sixteen streams: AVX-512 F and BW.
    #[derive(Clone, Copy)]
    pub(in super::super) struct X16(__m512i);

    // SAFETY of all that follows: the CPU has AVX2 (or AVX-512 F and BW for X16), as the trait requires;
    // loads and stores are unaligned, and stay within slices whose length is checked, or within the bytes
    // that the caller of load_blocks guarantees.

    impl Words for X8 {
        const LANES: usize = 8;

        #[inline(always)]
        unsafe fn splat(word: u32) -> Self {
            unsafe { X8(_mm256_set1_epi32(word.cast_signed())) }
        }

        #[inline(always)]
        unsafe fn load(words: &[u32]) -> Self {
            assert!(words.len() >= Self::LANES, "a word for each lane");
            unsafe { X8(_mm256_loadu_si256(words.as_ptr().cast())) }
        }

        #[inline(always)]
        unsafe fn store(self, words: &mut [u32]) {
            assert!(words.len() >= Self::LANES, "a word for each lane");
            unsafe { _mm256_storeu_si256(words.as_mut_ptr().cast(), self.0) }
        }

        #[inline(always)]
        unsafe fn load_blocks(blocks: &[*const u8]) -> [Self; 16] {
            assert!(blocks.len() >= Self::LANES, "a block for each lane");
            let mut out = [X8(unsafe { _mm256_set1_epi32(0) }); 16];
            for half in 0..2 {
                let rows: [__m256i; 8] = std::array::from_fn(|lane| unsafe {
                    _mm256_loadu_si256(blocks[lane].add(half * 32).cast())
                });
                out[half * 8..][..8].copy_from_slice(&unsafe { transpose8(rows) }.map(X8));
            }
            out
        }

        #[inline(always)]
        unsafe fn swap_bytes(self) -> Self {
            unsafe {
                let order = _mm256_setr_epi8(
                    3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9,
                    8, 15, 14, 13, 12,
                );
                X8(_mm256_shuffle_epi8(self.0, order))
            }
        }

        #[inline(always)]
        unsafe fn add(self, other: Self) -> Self {
            unsafe { X8(_mm256_add_epi32(self.0, other.0)) }
        }

        #[inline(always)]
        unsafe fn xor3(self, b: Self, c: Self) -> Self {
            unsafe { X8(_mm256_xor_si256(_mm256_xor_si256(self.0, b.0), c.0)) }
        }

        #[inline(always)]
        unsafe fn choose(self, b: Self, c: Self) -> Self {
            unsafe { X8(_mm256_xor_si256(c.0, _mm256_and_si256(self.0, _mm256_xor_si256(b.0, c.0)))) }
        }

        #[inline(always)]
        unsafe fn majority(self, b: Self, c: Self) -> Self {
            unsafe {
                let both = _mm256_and_si256(self.0, b.0);
                X8(_mm256_or_si256(both, _mm256_and_si256(c.0, _mm256_or_si256(self.0, b.0))))
            }
        }

        #[inline(always)]
        unsafe fn xor_or_not(self, b: Self, c: Self) -> Self {
            unsafe {
                let not = _mm256_xor_si256(self.0, _mm256_set1_epi32(-1));
                X8(_mm256_xor_si256(c.0, _mm256_or_si256(b.0, not)))
            }
        }

        #[inline(always)]
        unsafe fn rotate<const R: i32, const L: i32>(self) -> Self {
            unsafe { X8(_mm256_or_si256(_mm256_srli_epi32::<R>(self.0), _mm256_slli_epi32::<L>(self.0))) }
        }

        #[inline(always)]
        unsafe fn shift_right<const R: i32>(self) -> Self {
            unsafe { X8(_mm256_srli_epi32::<R>(self.0)) }
        }
    }

    /// Transposes: word `c` of each of eight rows becomes row `c`.
    #[inline(always)]
    unsafe fn transpose8(rows: [__m256i; 8]) -> [__m256i; 8] {
        let mut a = rows;
        for i in 0..4 {
            a[2 * i] = unsafe { _mm256_unpacklo_epi32(rows[2 * i], rows[2 * i + 1]) };
            a[2 * i + 1] = unsafe { _mm256_unpackhi_epi32(rows[2 * i], rows[2 * i + 1]) };
        }
        let mut b = a;
        for g in [0, 4] {
            b[g] = unsafe { _mm256_unpacklo_epi64(a[g], a[g + 2]) };
            b[g + 1] = unsafe { _mm256_unpackhi_epi64(a[g], a[g + 2]) };
            b[g + 2] = unsafe { _mm256_unpacklo_epi64(a[g + 1], a[g + 3]) };
            b[g + 3] = unsafe { _mm256_unpackhi_epi64(a[g + 1], a[g + 3]) };
        }
        let mut out = b;
        for k in 0..4 {
            out[k] = unsafe { _mm256_permute2x128_si256::<0x20>(b[k], b[4 + k]) };
            out[4 + k] = unsafe { _mm256_permute2x128_si256::<0x31>(b[k], b[4 + k]) };
        }
        out
    }

    impl Words for X16 {
        const LANES: usize = 16;

        #[inline(always)]
        unsafe fn splat(word: u32) -> Self {
            unsafe { X16(_mm512_set1_epi32(word.cast_signed())) }
        }

        #[inline(always)]
        unsafe fn load(words: &[u32]) -> Self {
            assert!(words.len() >= Self::LANES, "a word for each lane");
            unsafe { X16(_mm512_loadu_si512(words.as_ptr().cast())) }
        }

        #[inline(always)]
        unsafe fn store(self, words: &mut [u32]) {
            assert!(words.len() >= Self::LANES, "a word for each lane");
            unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), self.0) }
        }

        #[inline(always)]
        unsafe fn load_blocks(blocks: &[*const u8]) -> [Self; 16] {
            assert!(blocks.len() >= Self::LANES, "a block for each lane");
            let rows: [__m512i; 16] =
                std::array::from_fn(|lane| unsafe { _mm512_loadu_si512(blocks[lane].cast()) });
            unsafe { transpose16(rows) }.map(X16)
        }

        #[inline(always)]
        unsafe fn swap_bytes(self) -> Self {
            unsafe {
                let order = _mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
                X16(_mm512_shuffle_epi8(self.0, _mm512_broadcast_i32x4(order)))
            }
        }

        #[inline(always)]
        unsafe fn add(self, other: Self) -> Self {
            unsafe { X16(_mm512_add_epi32(self.0, other.0)) }
        }

        #[inline(always)]
        unsafe fn xor3(self, b: Self, c: Self) -> Self {
            unsafe { X16(_mm512_ternarylogic_epi32::<0x96>(self.0, b.0, c.0)) }
        }

        #[inline(always)]
        unsafe fn choose(self, b: Self, c: Self) -> Self {
            unsafe { X16(_mm512_ternarylogic_epi32::<0xca>(self.0, b.0, c.0)) }
        }

        #[inline(always)]
        unsafe fn majority(self, b: Self, c: Self) -> Self {
            unsafe { X16(_mm512_ternarylogic_epi32::<0xe8>(self.0, b.0, c.0)) }
        }

        #[inline(always)]
        unsafe fn xor_or_not(self, b: Self, c: Self) -> Self {
            // Truth table of c ^ (b | !a), index a·4 + b·2 + c.
            unsafe { X16(_mm512_ternarylogic_epi32::<0x65>(self.0, b.0, c.0)) }
        }

        #[inline(always)]
        unsafe fn rotate<const R: i32, const L: i32>(self) -> Self {
            unsafe { X16(_mm512_ror_epi32::<R>(self.0)) }
        }

        #[inline(always)]
        unsafe fn shift_right<const R: i32>(self) -> Self {
            // This intrinsic takes an unsigned constant, and a generic argument cannot be converted.
            unsafe {
                X16(match R {
                    3 => _mm512_srli_epi32::<3>(self.0),
                    10 => _mm512_srli_epi32::<10>(self.0),
                    _ => unreachable!("SHA-256 shifts by 3 and by 10"),
                })
            }
        }
    }

    /// Transposes: word `c` of each of sixteen rows becomes row `c`.
    #[inline(always)]
    unsafe fn transpose16(rows: [__m512i; 16]) -> [__m512i; 16] {
        let mut a = rows;
        for i in 0..8 {
            a[2 * i] = unsafe { _mm512_unpacklo_epi32(rows[2 * i], rows[2 * i + 1]) };
            a[2 * i + 1] = unsafe { _mm512_unpackhi_epi32(rows[2 * i], rows[2 * i + 1]) };
        }
        let mut b = a;
        for g in [0, 4, 8, 12] {
            b[g] = unsafe { _mm512_unpacklo_epi64(a[g], a[g + 2]) };
            b[g + 1] = unsafe { _mm512_unpackhi_epi64(a[g], a[g + 2]) };
            b[g + 2] = unsafe { _mm512_unpacklo_epi64(a[g + 1], a[g + 3]) };
            b[g + 3] = unsafe { _mm512_unpackhi_epi64(a[g + 1], a[g + 3]) };
        }
        // Quarter j of b[g + k] now holds column 4j + k of rows g to g + 3.
        let mut out = b;
        for k in 0..4 {
            let low_even = unsafe { _mm512_shuffle_i32x4::<0x88>(b[k], b[4 + k]) };
            let low_odd = unsafe { _mm512_shuffle_i32x4::<0xdd>(b[k], b[4 + k]) };
            let high_even = unsafe { _mm512_shuffle_i32x4::<0x88>(b[8 + k], b[12 + k]) };
            let high_odd = unsafe { _mm512_shuffle_i32x4::<0xdd>(b[8 + k], b[12 + k]) };
            out[k] = unsafe { _mm512_shuffle_i32x4::<0x88>(low_even, high_even) };
            out[4 + k] = unsafe { _mm512_shuffle_i32x4::<0x88>(low_odd, high_odd) };
            out[8 + k] = unsafe { _mm512_shuffle_i32x4::<0xdd>(low_even, high_even) };
            out[12 + k] = unsafe { _mm512_shuffle_i32x4::<0xdd>(low_odd, high_odd) };
        }
        out
    }
}
