//! MD5 of many streams together (RFC 1321, section 3.4). For checksum files that other systems
//! require; never used to verify anything.
#![allow(unsafe_code)] // Calls the vector operations of `words`.
#![allow(clippy::inline_always)] // A vector must not cross a call: see `words`.

use super::words::Words;

/// RFC 1321, section 3.3.
pub(super) const INITIAL: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];

/// RFC 1321, section 3.4: the table T.
#[rustfmt::skip]
const T: [u32; 64] = [
    0xd76a_a478, 0xe8c7_b756, 0x2420_70db, 0xc1bd_ceee, 0xf57c_0faf, 0x4787_c62a, 0xa830_4613, 0xfd46_9501,
    0x6980_98d8, 0x8b44_f7af, 0xffff_5bb1, 0x895c_d7be, 0x6b90_1122, 0xfd98_7193, 0xa679_438e, 0x49b4_0821,
    0xf61e_2562, 0xc040_b340, 0x265e_5a51, 0xe9b6_c7aa, 0xd62f_105d, 0x0244_1453, 0xd8a1_e681, 0xe7d3_fbc8,
    0x21e1_cde6, 0xc337_07d6, 0xf4d5_0d87, 0x455a_14ed, 0xa9e3_e905, 0xfcef_a3f8, 0x676f_02d9, 0x8d2a_4c8a,
    0xfffa_3942, 0x8771_f681, 0x6d9d_6122, 0xfde5_380c, 0xa4be_ea44, 0x4bde_cfa9, 0xf6bb_4b60, 0xbebf_bc70,
    0x289b_7ec6, 0xeaa1_27fa, 0xd4ef_3085, 0x0488_1d05, 0xd9d4_d039, 0xe6db_99e5, 0x1fa2_7cf8, 0xc4ac_5665,
    0xf429_2244, 0x432a_ff97, 0xab94_23a7, 0xfc93_a039, 0x655b_59c3, 0x8f0c_cc92, 0xffef_f47d, 0x8584_5dd1,
    0x6fa8_7e4f, 0xfe2c_e6e0, 0xa301_4314, 0x4e08_11a1, 0xf753_7e82, 0xbd3a_f235, 0x2ad7_d2bb, 0xeb86_d391,
];

/// Four steps: each adds a function of the other three words, a word of the block and one of the table.
macro_rules! four {
    ($state:ident, $m:ident, $at:expr, $function:ident, $word:expr, $s:literal $t:literal $u:literal $v:literal) => {
        let [mut a, mut b, mut c, mut d] = $state;
        a = step::<W, { 32 - $s }, $s>(a, b, $function(b, c, d), $m[$word($at) % 16], T[$at]);
        d = step::<W, { 32 - $t }, $t>(d, a, $function(a, b, c), $m[$word($at + 1) % 16], T[$at + 1]);
        c = step::<W, { 32 - $u }, $u>(c, d, $function(d, a, b), $m[$word($at + 2) % 16], T[$at + 2]);
        b = step::<W, { 32 - $v }, $v>(b, c, $function(c, d, a), $m[$word($at + 3) % 16], T[$at + 3]);
        $state = [a, b, c, d];
    };
}

#[inline(always)]
unsafe fn step<W: Words, const R: i32, const L: i32>(a: W, b: W, mixed: W, m: W, t: u32) -> W {
    // SAFETY: the caller guarantees it.
    unsafe { a.add(mixed).add(m).add(W::splat(t)).rotate::<R, L>().add(b) }
}

#[inline(always)]
unsafe fn f<W: Words>(x: W, y: W, z: W) -> W {
    // SAFETY: the caller guarantees it.
    unsafe { x.choose(y, z) }
}

#[inline(always)]
unsafe fn g<W: Words>(x: W, y: W, z: W) -> W {
    // SAFETY: the caller guarantees it.
    unsafe { z.choose(x, y) }
}

#[inline(always)]
unsafe fn h<W: Words>(x: W, y: W, z: W) -> W {
    // SAFETY: the caller guarantees it.
    unsafe { x.xor3(y, z) }
}

#[inline(always)]
unsafe fn i<W: Words>(x: W, y: W, z: W) -> W {
    // SAFETY: the caller guarantees it.
    unsafe { z.xor_or_not(x, y) }
}

/// Compresses `count` blocks of 64 bytes into each of [`Words::LANES`] states and advances the pointers.
///
/// # Safety
/// The CPU must support `W`, and each pointer must be readable for `64 * count` bytes.
#[inline(always)]
pub(super) unsafe fn compress<W: Words>(states: &mut [[u32; 4]], blocks: &mut [*const u8], count: usize) {
    // SAFETY: the caller guarantees CPU support and pointers for the whole body; slices are indexed with checks.
    unsafe {
        let mut column = [0_u32; 16];
        let mut before: [W; 4] = std::array::from_fn(|word| {
            for lane in 0..W::LANES {
                column[lane] = states[lane][word];
            }
            W::load(&column)
        });
        for _ in 0..count {
            let mut m = W::load_blocks(blocks);
            for word in &mut m {
                *word = if cfg!(target_endian = "big") { word.swap_bytes() } else { *word };
            }
            let mut state = before;
            for at in [0, 4, 8, 12] {
                four!(state, m, at, f, |n: usize| n, 7 12 17 22);
            }
            for at in [16, 20, 24, 28] {
                four!(state, m, at, g, |n: usize| 5 * n + 1, 5 9 14 20);
            }
            for at in [32, 36, 40, 44] {
                four!(state, m, at, h, |n: usize| 3 * n + 5, 4 11 16 23);
            }
            for at in [48, 52, 56, 60] {
                four!(state, m, at, i, |n: usize| 7 * n, 6 10 15 21);
            }
            for (word, worked) in before.iter_mut().zip(state) {
                *word = word.add(worked);
            }
            for block in &mut blocks[..W::LANES] {
                *block = block.add(64);
            }
        }
        for (word, vector) in before.into_iter().enumerate() {
            vector.store(&mut column);
            for lane in 0..W::LANES {
                states[lane][word] = column[lane];
            }
        }
    }
}
