//! Deals the chunks of a bundle into groups, and chooses stripes and blocks (docs/format.md, "Parity", "Placement").

use std::num::NonZeroU32;

use super::{Amount, ParityError};
use crate::format::limits::{CHUNK_NUMBER_MAX, PARITY_BLOCKS_MAX, PARITY_CHUNKS_MAX, PARITY_FILES_MAX};
use crate::format::parity::{ParityGroup, ProtectedChunk};
use crate::format::shape::{Item, Shape};

/// The shortest stripe, in bytes. Shorter ones cost more than they are worth.
const STRIPE_BYTES_MIN: u64 = 1 << 10;

/// The longest stripe, in bytes: a few of them fit into the cache of a CPU.
const STRIPE_BYTES_MAX: u64 = 1 << 14;

/// How many rows a group has at least, if stripes are not too short for that: then the files of a group hold almost the
/// same number of bytes.
const ROWS: u64 = 256;

/// Memory for computing a lost stripe of a row, in bytes. Two workers do that at once.
const WORK_BYTES: u64 = 64 << 20;

/// The sums of blocks are at most this part of a parity file.
const BLOCKS_PART: u64 = 16;

/// The most blocks of a chunk.
const BLOCKS_OF_CHUNK_MAX: u64 = 1024;

/// The size of the files.
#[derive(Clone, Copy)]
pub(super) struct Room {
    /// The maximum size of a chunk file, in bytes.
    pub(super) chunk_bytes: u64,
    /// Room for the head, in bytes.
    pub(super) head_bytes: u64,
}

impl Room {
    /// Returns the size of a parity file of a group, in bytes, at most. `text_bytes` is the size of `parity.txt`.
    fn bytes(self, group: &ParityGroup, file: u32, text_bytes: u64) -> u64 {
        let items = group.items(file, text_bytes).map(|(name, bytes)| Item { name, bytes });
        self.head_bytes + Shape::new(items.to_vec()).sealed_bytes()
    }

    fn has_all(self, group: &ParityGroup, text_bytes: u64) -> bool {
        let most = (0..group.files).max_by_key(|&file| group.payload_bytes(file));
        most.is_none_or(|file| self.bytes(group, file, text_bytes) <= self.chunk_bytes)
    }
}

/// Returns the groups for these chunks, which are all of the bundle, by number.
///
/// # Errors
/// [`ParityError::TooMuch`] if no number of groups allows parity files within the limit.
pub(super) fn design(
    chunks: &[ProtectedChunk],
    amount: Amount,
    room: Room,
) -> Result<Vec<ParityGroup>, ParityError> {
    let mut groups = chunks.len().div_ceil(PARITY_CHUNKS_MAX);
    loop {
        if let Some(designed) = dealt(chunks, groups, amount, room) {
            return Ok(designed);
        }
        if groups == chunks.len() {
            let chunks = chunks.len().div_ceil(groups);
            let losses = amount.losses(u32::try_from(chunks).unwrap_or(u32::MAX));
            return Err(ParityError::TooMuch { losses, chunks, chunk_bytes: room.chunk_bytes });
        }
        groups = (groups * 2).min(chunks.len());
    }
}

/// How much `parity.txt` grows at most when its numbers change, in bytes.
const NUMBERS_BYTES: u64 = 64;

/// Returns this many groups, if their parity fits into files within the limit.
fn dealt(chunks: &[ProtectedChunk], count: usize, amount: Amount, room: Room) -> Option<Vec<ParityGroup>> {
    let largest = chunks.len().div_ceil(count);
    let losses = amount.losses(u32::try_from(largest).ok()?);
    let shard_bytes = chunks.iter().map(|chunk| chunk.bytes).max()?;
    let stripe_bytes = u32::try_from(stripe_bytes(shard_bytes, largest, losses)).ok()?;
    let group = |number: usize| {
        Some(ParityGroup {
            group: u32::try_from(number).ok()?,
            last_group: u32::try_from(count - 1).ok()?,
            stripe_bytes: NonZeroU32::new(stripe_bytes)?,
            block_stripes: NonZeroU32::MIN,
            losses,
            files: losses,
            chunks: chunks.iter().skip(number).step_by(count).cloned().collect(),
        })
    };
    let mut groups = (0..count).map(group).collect::<Option<Vec<ParityGroup>>>()?;
    let texts: Vec<u64> = groups.iter().map(|group| group.render().len() as u64 + NUMBERS_BYTES).collect();
    choose_blocks(&mut groups, shard_bytes, largest)?;
    let overhead = room.bytes(&groups[0], 0, texts[0]) - groups[0].payload_bytes(0);
    if overhead > room.chunk_bytes / 2 {
        return None;
    }
    // With more files than losses, each holds less.
    let parity_bytes = u64::from(losses) * groups[0].rows() * groups[0].stripe();
    let least = u32::try_from(parity_bytes.div_ceil(room.chunk_bytes - overhead)).ok()?.max(losses);
    let most = least.saturating_add(least / 8 + 16).min(PARITY_FILES_MAX);
    for files in least..=most {
        for group in &mut groups {
            group.files = files;
        }
        choose_blocks(&mut groups, shard_bytes, largest)?;
        let last = count as u64 * u64::from(files) - 1;
        let fits = |(group, text): (&ParityGroup, &u64)| room.has_all(group, *text);
        if last <= u64::from(CHUNK_NUMBER_MAX) && groups.iter().zip(&texts).all(fits) {
            return Some(groups);
        }
    }
    None
}

/// Sets how many stripes are a block. The sums of all blocks are small beside the parity.
fn choose_blocks(groups: &mut [ParityGroup], shard_bytes: u64, largest: usize) -> Option<()> {
    for group in groups {
        let blocks = (shard_bytes / (BLOCKS_PART * 32 * largest as u64))
            .clamp(1, BLOCKS_OF_CHUNK_MAX)
            .min(PARITY_BLOCKS_MAX / u64::from(group.files))
            .max(1);
        let stripes = group.rows().div_ceil(blocks);
        group.block_stripes = NonZeroU32::new(u32::try_from(stripes).ok()?)?;
    }
    Some(())
}

/// Returns the size of a stripe for shards of this many bytes.
fn stripe_bytes(shard_bytes: u64, chunks: usize, losses: u32) -> u64 {
    let wanted = (shard_bytes / ROWS).max(1);
    let mut stripe = (1 << wanted.ilog2()).clamp(STRIPE_BYTES_MIN, STRIPE_BYTES_MAX);
    let shards = (u64::from(losses.next_power_of_two()) + chunks as u64).next_power_of_two();
    while stripe > STRIPE_BYTES_MIN && shards * stripe > WORK_BYTES {
        stripe /= 2;
    }
    stripe
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::format::Sum;
    use crate::format::signature::{Signature, SignatureAlgorithm};
    use crate::format::statement::{Class, Kind};

    fn chunks(sizes: &[u64]) -> Vec<ProtectedChunk> {
        let chunk = |(number, &bytes): (usize, &u64)| ProtectedChunk {
            number: u32::try_from(number).unwrap(),
            kind: if number == 0 { Kind::Control } else { Kind::Data },
            class: if number == 0 { Class::Metadata } else { Class::Distributable },
            bytes,
            created: "2026-11-20T21:59:35Z".parse().unwrap(),
            expires: None,
            sums: Sum([7; 32]).into(),
            signatures: vec![Signature {
                key: [1; 8],
                algorithm: SignatureAlgorithm::ED25519,
                bytes: vec![9; 64],
            }],
        };
        sizes.iter().enumerate().map(chunk).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn every_group_is_within_the_limits(
            chunk_bytes in 65_536_u64..4_000_000,
            count in 1_usize..400,
            amount in prop_oneof![(1_u32..101).prop_map(Amount::Percent), (1_u32..40).prop_map(Amount::Files)],
            fill in 0_u64..3,
        ) {
            let most = chunk_bytes - 5632;
            let sizes: Vec<u64> =
                (0..count as u64).map(|at| if at % 3 <= fill { most } else { most / 2 + at }).collect();
            let room = Room { chunk_bytes, head_bytes: 5632 };
            if let Ok(groups) = design(&chunks(&sizes), amount, room) {
                let last = u32::try_from(count).unwrap() - 1;
                for group in &groups {
                    prop_assert_eq!(&ParityGroup::parse(&group.render(), last).unwrap(), group);
                    for file in 0..group.files {
                        prop_assert!(room.bytes(group, file, group.render().len() as u64) <= chunk_bytes);
                    }
                }
                let dealt: usize = groups.iter().map(|group| group.chunks.len()).sum();
                prop_assert_eq!(dealt, count);
            } else {
                // The parity of a chunk in a group of its own always fits.
                prop_assert!(matches!(amount, Amount::Files(_)), "{count} chunks of {chunk_bytes}");
            }
        }
    }
}
