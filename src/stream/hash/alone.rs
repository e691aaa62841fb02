//! SHA-256 of one long stream, without SHA instructions.
//!
//! The message schedule of a block (FIPS 180-4, section 6.2.2, step 1) does not depend on the previous blocks, so
//! the vectors that serve many streams expand as many blocks of one. Only the rounds, which do depend on them, use
//! scalar instructions, and both run at the same time.
#![allow(unsafe_code)] // Calls the vector operations of `words`.
#![allow(clippy::inline_always)] // A vector must not cross a call: see `words`.

use super::sha256::{K, expand};
use super::words::{LANES_MAX, Words};

/// Expanded words, each with its round's constant added: word `i` of block `lane` at `i * LANES + lane`.
#[repr(align(64))]
struct Expanded([u32; 64 * LANES_MAX]);

/// The expansion in progress of as many consecutive blocks as there are lanes.
struct Expansion<W> {
    words: [W; 16],
    next: usize,
}

impl<W: Words> Expansion<W> {
    /// Starts with the blocks at `at`.
    ///
    /// # Safety
    /// The CPU must support `W`, and `at` must be readable for `64 * W::LANES` bytes.
    #[inline(always)]
    unsafe fn begin(at: *const u8, to: &mut Expanded) -> Self {
        // SAFETY: the caller guarantees it.
        unsafe {
            let blocks: [*const u8; LANES_MAX] = std::array::from_fn(|lane| at.wrapping_add(64 * lane));
            let mut words = W::load_blocks(&blocks);
            for (i, word) in words.iter_mut().enumerate() {
                *word = if cfg!(target_endian = "little") { word.swap_bytes() } else { *word };
                word.add(W::splat(K[i])).store(&mut to.0[i * W::LANES..]);
            }
            Expansion { words, next: 16 }
        }
    }

    /// Expands `count` more words.
    ///
    /// # Safety
    /// The CPU must support `W`.
    #[inline(always)]
    unsafe fn advance(&mut self, count: usize, to: &mut Expanded) {
        for (i, &k) in K.iter().enumerate().skip(self.next).take(count) {
            // SAFETY: the caller guarantees it.
            unsafe {
                let word = expand(&self.words, i);
                self.words[i % 16] = word;
                word.add(W::splat(k)).store(&mut to.0[i * W::LANES..]);
            }
        }
        self.next += count;
    }
}

/// Compresses as many of `blocks` as fill whole vectors, and returns the rest.
///
/// # Safety
/// The CPU must support `W`.
#[inline(always)]
pub(super) unsafe fn compress<'a, W: Words>(
    state: &mut [u32; 8],
    mut blocks: &'a [[u8; 64]],
) -> &'a [[u8; 64]] {
    if blocks.len() < W::LANES {
        return blocks;
    }
    let mut expanded = [const { Expanded([0; 64 * LANES_MAX]) }; 2];
    let [now, next] = &mut expanded;
    let (mut now, mut next) = (now, next);
    // SAFETY: the caller guarantees CPU support; there are as many blocks as lanes whenever an expansion starts.
    unsafe { Expansion::<W>::begin(blocks.as_ptr().cast(), now).advance(48, now) };
    loop {
        blocks = &blocks[W::LANES..];
        if blocks.len() < W::LANES {
            for lane in 0..W::LANES {
                rounds(state, |i| now.0[i * W::LANES + lane]);
            }
            return blocks;
        }
        // A part of the next expansion before the rounds of each block: the CPU runs both in parallel.
        // SAFETY: as above.
        unsafe {
            let mut expansion = Expansion::<W>::begin(blocks.as_ptr().cast(), next);
            for lane in 0..W::LANES {
                expansion.advance(48 / W::LANES, next);
                rounds(state, |i| now.0[i * W::LANES + lane]);
            }
        }
        std::mem::swap(&mut now, &mut next);
    }
}

/// Runs the 64 rounds of one block. `word` returns its expanded words.
#[inline(always)]
#[allow(clippy::many_single_char_names)] // The names of FIPS 180-4.
#[allow(unused_assignments)] // The last round's a ^ b.
fn rounds(state: &mut [u32; 8], word: impl Fn(usize) -> u32) {
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    // Maj(a, b, c) is b ^ ((a ^ b) & (b ^ c)), and a ^ b is the next round's b ^ c.
    let mut b_c = b ^ c;
    macro_rules! round {
        ($a:ident $b:ident $c:ident $d:ident $e:ident $f:ident $g:ident $h:ident $i:expr) => {
            // Add e last: it is available last, and all rounds wait for it.
            let known = $h.wrapping_add(word($i));
            let s1 = $e.rotate_right(6) ^ $e.rotate_right(11) ^ $e.rotate_right(25);
            let t1 = known.wrapping_add($e & $f).wrapping_add(!$e & $g).wrapping_add(s1);
            $d = $d.wrapping_add(t1);
            let s0 = $a.rotate_right(2) ^ $a.rotate_right(13) ^ $a.rotate_right(22);
            let a_b = $a ^ $b;
            $h = t1.wrapping_add($b ^ (a_b & b_c)).wrapping_add(s0);
            b_c = a_b;
        };
    }
    macro_rules! eight_rounds {
        ($($first:literal)*) => {$(
            round!(a b c d e f g h $first);
            round!(h a b c d e f g $first + 1);
            round!(g h a b c d e f $first + 2);
            round!(f g h a b c d e $first + 3);
            round!(e f g h a b c d $first + 4);
            round!(d e f g h a b c $first + 5);
            round!(c d e f g h a b $first + 6);
            round!(b c d e f g h a $first + 7);
        )*};
    }
    // Unrolled: a loop counter would take a register, and all are needed.
    eight_rounds!(0 8 16 24 32 40 48 56);
    for (word, worked) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
        *word = word.wrapping_add(worked);
    }
}
