//! Keeps the lanes of a kernel full: streams of different lengths share them, and one that ends frees its lane.

use super::block_stream::Waiting;
use super::words::LANES_MAX;

/// Compresses all waiting blocks into their states. `width` returns how many lanes to use for a number of streams;
/// `many` compresses the same number of blocks into as many states at once, and `one` compresses blocks of a single
/// stream. Every pointer that `many` gets is valid for at least its count of blocks.
pub(super) fn compress_all<const N: usize>(
    mut waiting: Vec<Waiting<'_, N>>,
    width: impl Fn(usize) -> usize,
    one: impl Fn(&mut [u32; N], &[[u8; 64]]) + Sync,
    many: impl Fn(&mut [[u32; N]], &mut [*const u8], usize),
) {
    waiting.retain(|stream| !stream.blocks.is_empty());
    // Long streams share lanes with long ones, so few are left at the end.
    waiting.sort_by_key(|stream| stream.blocks.len());
    loop {
        let lanes = width(waiting.len());
        if lanes < 2 {
            break;
        }
        let first = waiting.len().saturating_sub(lanes);
        let together = &mut waiting[first..];
        let count = together.iter().map(|stream| stream.blocks.len()).min().unwrap_or(0);
        let mut states = [[0; N]; LANES_MAX];
        // Lanes without a stream read the blocks of the first, and their results are discarded.
        let mut pointers = [together[0].blocks.as_ptr().cast::<u8>(); LANES_MAX];
        for (lane, stream) in together.iter().enumerate() {
            states[lane] = *stream.state;
            pointers[lane] = stream.blocks.as_ptr().cast();
        }
        // Every pointer is valid for at least `count` blocks.
        many(&mut states[..lanes], &mut pointers[..lanes], count);
        for (lane, stream) in together.iter_mut().enumerate() {
            *stream.state = states[lane];
            stream.blocks = &stream.blocks[count..];
        }
        waiting.retain(|stream| !stream.blocks.is_empty());
        waiting.sort_by_key(|stream| stream.blocks.len());
    }
    alone(waiting, &one);
}

/// The minimum number of blocks to ask for help: waking a thread costs as much as some blocks.
const BLOCKS_TO_SHARE: usize = 512;

/// Compresses the blocks of each stream separately. Idle workers help, for example when one worker is left with the
/// last few long blobs, or when a blob is hashed with two functions.
fn alone<const N: usize>(
    mut waiting: Vec<Waiting<'_, N>>,
    one: &(impl Fn(&mut [u32; N], &[[u8; 64]]) + Sync),
) {
    let Some(stream) = waiting.pop() else { return };
    let take_in = |stream: Waiting<'_, N>| one(stream.state, stream.blocks);
    let shared = waiting.last().is_some_and(|next| next.blocks.len() >= BLOCKS_TO_SHARE);
    // Outside the worker pool, asking for help would start further threads.
    if shared && rayon::current_thread_index().is_some() {
        rayon::join(|| take_in(stream), || alone(waiting, one));
    } else {
        take_in(stream);
        alone(waiting, one);
    }
}
