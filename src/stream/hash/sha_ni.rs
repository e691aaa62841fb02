//! SHA-256 of a few streams together with SHA instructions: while a round of one stream waits for the previous
//! round, the CPU works on the others.
#![allow(unsafe_code)] // Intrinsics and loads through the pointers of several streams.

use std::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_blend_epi16, _mm_loadu_si128, _mm_set_epi64x,
    _mm_setzero_si128, _mm_sha256msg1_epu32, _mm_sha256msg2_epu32, _mm_sha256rnds2_epu32, _mm_shuffle_epi8,
    _mm_shuffle_epi32, _mm_storeu_si128,
};

use super::sha256::K;

/// Compresses `count` blocks of 64 bytes into each of `LANES` states and advances the pointers.
///
/// # Safety
/// Each of `LANES` pointers must be readable for `64 * count` bytes.
#[target_feature(enable = "sha,sse4.1,ssse3")]
pub(super) unsafe fn compress<const LANES: usize>(
    states: &mut [[u32; 8]],
    blocks: &mut [*const u8],
    count: usize,
) {
    let mut vectors: [[__m128i; 2]; LANES] = std::array::from_fn(|lane| load(&states[lane]));
    for _ in 0..count {
        let before = vectors;
        let mut words = [[_mm_setzero_si128(); 4]; LANES];
        for four in 0..16 {
            // SAFETY: four constants from `4 * four` on are within the 64.
            let k = unsafe { _mm_loadu_si128(K.as_ptr().add(4 * four).cast()) };
            for lane in 0..LANES {
                let w = &mut words[lane];
                w[four % 4] = if four < 4 {
                    // SAFETY: the caller guarantees 64 bytes.
                    swap_bytes(unsafe { _mm_loadu_si128(blocks[lane].add(16 * four).cast()) })
                } else {
                    expand(w[four % 4], w[(four + 1) % 4], w[(four + 2) % 4], w[(four + 3) % 4])
                };
                let words = _mm_add_epi32(w[four % 4], k);
                let [abef, cdgh] = &mut vectors[lane];
                *cdgh = _mm_sha256rnds2_epu32(*cdgh, *abef, words);
                *abef = _mm_sha256rnds2_epu32(*abef, *cdgh, _mm_shuffle_epi32::<0x0e>(words));
            }
        }
        for (vectors, before) in vectors.iter_mut().zip(before) {
            *vectors = [_mm_add_epi32(vectors[0], before[0]), _mm_add_epi32(vectors[1], before[1])];
        }
        for block in &mut blocks[..LANES] {
            // SAFETY: at most one byte past the range that the caller guarantees.
            *block = unsafe { block.add(64) };
        }
    }
    for (state, vectors) in states.iter_mut().zip(vectors) {
        store(vectors, state);
    }
}

#[target_feature(enable = "sha,sse4.1,ssse3")]
fn swap_bytes(words: __m128i) -> __m128i {
    _mm_shuffle_epi8(words, _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203))
}

/// Returns the four words that follow sixteen.
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn expand(w0: __m128i, w4: __m128i, w8: __m128i, w12: __m128i) -> __m128i {
    let sum = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w4), _mm_alignr_epi8::<4>(w12, w8));
    _mm_sha256msg2_epu32(sum, w12)
}

/// Loads the words in the order that the instructions require: `abef` and `cdgh`, the first word highest.
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn load(state: &[u32; 8]) -> [__m128i; 2] {
    // SAFETY: eight words are two vectors.
    let (dcba, hgfe) =
        unsafe { (_mm_loadu_si128(state.as_ptr().cast()), _mm_loadu_si128(state.as_ptr().add(4).cast())) };
    let (cdab, efgh) = (_mm_shuffle_epi32::<0xb1>(dcba), _mm_shuffle_epi32::<0x1b>(hgfe));
    [_mm_alignr_epi8::<8>(cdab, efgh), _mm_blend_epi16::<0xf0>(efgh, cdab)]
}

#[target_feature(enable = "sha,sse4.1,ssse3")]
fn store([abef, cdgh]: [__m128i; 2], state: &mut [u32; 8]) {
    let (feba, dchg) = (_mm_shuffle_epi32::<0x1b>(abef), _mm_shuffle_epi32::<0xb1>(cdgh));
    // SAFETY: eight words are two vectors.
    unsafe {
        _mm_storeu_si128(state.as_mut_ptr().cast(), _mm_blend_epi16::<0xf0>(feba, dchg));
        _mm_storeu_si128(state.as_mut_ptr().add(4).cast(), _mm_alignr_epi8::<8>(dchg, feba));
    }
}
