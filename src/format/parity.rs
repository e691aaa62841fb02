//! `parity.txt`: a parity group, and where its stripes lie (docs/format.md, "Parity").

use std::num::NonZeroU32;
use std::ops::Range;

use super::entry::EntryName;
use super::error::FormatError;
use super::limits::{
    CHUNK_BYTES_MAX, CHUNK_NUMBER_MAX, DATA_SIGNATURES_MAX, PARITY_BLOCKS_MAX, PARITY_BYTES_MAX,
    PARITY_CHUNKS_MAX, PARITY_FILES_MAX, PARITY_STRIPE_BYTES_MAX, PARITY_WORK_BYTES_MAX, SIGNATURES_MAX,
};
use super::lines::{Lines, Number, or_dash};
use super::signature::{Signature, are_data_signatures};
use super::statement::{Class, Kind, Statement, chunk_number};
use super::sum_pair::SumPair;
use super::timestamp::Timestamp;

const FIRST_LINE: &str = "carnet-parity v1";

/// Stripes are whole runs of this many bytes: 32 numbers of 16 bits.
pub const STRIPE_UNIT: u64 = 64;

/// A chunk that a group protects. With a parity chunk's own statement it gives the chunk's whole head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtectedChunk {
    /// The number of the chunk.
    pub number: u32,
    /// Its kind: control or data.
    pub kind: Kind,
    /// The class of its blobs.
    pub class: Class,
    /// The size of its sealed part, in bytes.
    pub bytes: u64,
    /// When it was sealed.
    pub created: Timestamp,
    /// When it expires.
    pub expires: Option<Timestamp>,
    /// The sums of the chunk.
    pub sums: SumPair,
    /// Its signatures when the parity was made, sorted by key and algorithm.
    pub signatures: Vec<Signature>,
}

impl ProtectedChunk {
    /// Returns the statement of the chunk. `like` is the statement of a parity chunk, which has the rest.
    pub fn statement(&self, like: &Statement) -> Statement {
        Statement {
            bundle: like.bundle,
            crossing: like.crossing.clone(),
            kind: self.kind,
            class: Some(self.class),
            number: self.number,
            last: like.last,
            bytes: self.bytes,
            created: self.created,
            expires: self.expires,
            sums: self.sums,
        }
    }
}

/// A group of chunks that parity files protect together. All files of a group have the same text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParityGroup {
    /// The number of the group.
    pub group: u32,
    /// The highest group number of the bundle.
    pub last_group: u32,
    /// The size of a stripe in bytes: a multiple of [`STRIPE_UNIT`].
    pub stripe_bytes: NonZeroU32,
    /// How many stripes of a shard are a block, which has a sum.
    pub block_stripes: NonZeroU32,
    /// How many stripes of each row can be computed again: how many files may be lost.
    pub losses: u32,
    /// How many parity files the group has; at least `losses`.
    pub files: u32,
    /// The chunks of the group, by number.
    pub chunks: Vec<ProtectedChunk>,
}

impl ParityGroup {
    /// Renders `parity.txt`.
    pub fn render(&self) -> Vec<u8> {
        let mut text = format!(
            "{FIRST_LINE}\ngroup {} of {}\nstripe {}\nblock {}\nlosses {}\nfiles {}\n",
            self.group, self.last_group, self.stripe_bytes, self.block_stripes, self.losses, self.files
        );
        for chunk in &self.chunks {
            let signatures: Vec<String> = chunk.signatures.iter().map(signature_word).collect();
            text += &format!(
                "chunk {} {} {} {} {} {} {} {}\n",
                chunk.number,
                chunk.kind,
                chunk.class,
                chunk.bytes,
                chunk.created,
                or_dash(chunk.expires.as_ref()),
                chunk.sums,
                signatures.join(","),
            );
        }
        text.into_bytes()
    }

    /// Parses `parity.txt` of a bundle whose highest chunk number is `last`.
    ///
    /// # Errors
    /// [`FormatError`] if any byte differs from what [`ParityGroup::render`] would write, or if the group breaks a rule
    /// of the format.
    pub fn parse(bytes: &[u8], last: u32) -> Result<ParityGroup, FormatError> {
        let mut lines = Lines::new("parity.txt", bytes, PARITY_BYTES_MAX)?;
        lines.exactly(FIRST_LINE)?;
        let [group, of, last_group] = lines.words("group")?;
        let (number, last_number) = (chunk_number(&lines, group)?, chunk_number(&lines, last_group)?);
        if of != "of" || number > last_number || last_number > last {
            let expected = format!("a group, \"of\" and the last group, at most {last}");
            return Err(lines.refuse(expected, Some(&format!("{group} {of} {last_group}"))));
        }
        let stripe_bytes = within(&mut lines, "stripe", 1..=PARITY_STRIPE_BYTES_MAX)?;
        if u64::from(stripe_bytes.get()) % STRIPE_UNIT != 0 {
            return Err(
                lines.refuse(format!("a multiple of {STRIPE_UNIT} bytes"), Some(&stripe_bytes.to_string()))
            );
        }
        let block_stripes = within(&mut lines, "block", 1..=u32::MAX)?;
        let losses = within(&mut lines, "losses", 1..=PARITY_FILES_MAX)?.get();
        let files = within(&mut lines, "files", losses..=PARITY_FILES_MAX)?.get();
        let mut parsed = ParityGroup {
            group: number,
            last_group: last_number,
            stripe_bytes,
            block_stripes,
            losses,
            files,
            chunks: Vec::new(),
        };
        let step = last_number + 1;
        let mut expected = number;
        while lines.next_is("chunk") {
            if parsed.chunks.len() == PARITY_CHUNKS_MAX {
                return Err(lines.refuse(format!("at most {PARITY_CHUNKS_MAX} chunks"), None));
            }
            parsed.chunks.push(protected(&mut lines, expected, last)?);
            expected += step;
        }
        lines.end()?;
        if expected <= last {
            return Err(lines.refuse(format!("a line for chunk {expected}"), None));
        }
        parsed.check(&lines)?;
        Ok(parsed)
    }

    /// Checks what concerns several lines.
    fn check(&self, lines: &Lines<'_>) -> Result<(), FormatError> {
        if self.work_bytes() > PARITY_WORK_BYTES_MAX {
            let expected = format!("a group that needs at most {PARITY_WORK_BYTES_MAX} bytes of memory");
            return Err(lines.refuse(expected, Some(&format!("{} bytes", self.work_bytes()))));
        }
        let in_files = self.row_blocks().saturating_mul(self.files.into());
        let blocks = self.blocks().max(in_files);
        if blocks > PARITY_BLOCKS_MAX {
            let expected = format!("at most {PARITY_BLOCKS_MAX} blocks");
            return Err(lines.refuse(expected, Some(&format!("{blocks} blocks"))));
        }
        let last_file = u64::from(self.last_group + 1) * u64::from(self.files) - 1;
        if last_file > u64::from(CHUNK_NUMBER_MAX) {
            let found = format!("file {last_file}");
            return Err(lines.refuse(format!("parity files up to {CHUNK_NUMBER_MAX}"), Some(&found)));
        }
        Ok(())
    }

    /// Returns the memory that computing one row takes, in bytes.
    pub fn work_bytes(&self) -> u64 {
        let shards = u64::from(self.losses.next_power_of_two()) + self.chunks.len() as u64;
        shards.next_power_of_two() * self.stripe()
    }

    /// Returns the size of a stripe in bytes.
    pub fn stripe(&self) -> u64 {
        self.stripe_bytes.get().into()
    }

    /// Returns the size of the longest shard, in bytes.
    pub fn shard_bytes(&self) -> u64 {
        self.chunks.iter().map(|chunk| chunk.bytes).max().unwrap_or(0)
    }

    /// Returns the number of rows.
    pub fn rows(&self) -> u64 {
        self.shard_bytes().div_ceil(self.stripe())
    }

    /// Returns the length of the stripes of a row, in bytes: the last row may be shorter.
    pub fn stripe_length(&self, row: u64) -> u64 {
        let rest = self.shard_bytes() - row * self.stripe();
        rest.min(self.stripe()).next_multiple_of(STRIPE_UNIT)
    }

    /// Returns the size of a block of a shard, in bytes.
    pub fn block_bytes(&self) -> u64 {
        self.stripe() * u64::from(self.block_stripes.get())
    }

    /// Returns how many blocks a shard of this many bytes has.
    pub fn blocks_of(&self, bytes: u64) -> u64 {
        bytes.div_ceil(self.block_bytes())
    }

    /// Returns how many blocks the longest shard has, and so every parity file.
    pub fn row_blocks(&self) -> u64 {
        self.blocks_of(self.shard_bytes())
    }

    /// Returns the number of blocks of all shards: how many sums `parity/blocks` has.
    pub fn blocks(&self) -> u64 {
        self.chunks.iter().map(|chunk| self.blocks_of(chunk.bytes)).sum()
    }

    /// Returns the rows of a block.
    pub fn rows_of_block(&self, block: u64) -> Range<u64> {
        let stripes = u64::from(self.block_stripes.get());
        block * stripes..((block + 1) * stripes).min(self.rows())
    }

    /// Returns which parity stripe of a row a file holds, if any.
    pub fn stripe_in(&self, file: u32, row: u64) -> Option<u32> {
        let files = u64::from(self.files);
        let stripe = (u64::from(file) + files - row % files) % files;
        u32::try_from(stripe).ok().filter(|&stripe| stripe < self.losses)
    }

    /// Returns the file that holds a parity stripe of a row.
    pub fn file_of(&self, stripe: u32, row: u64) -> u32 {
        let files = u64::from(self.files);
        u32::try_from((u64::from(stripe) + row) % files).expect("below the number of files")
    }

    /// Returns how many stripes a file holds of the rows before `row`.
    fn held_before(&self, file: u32, row: u64) -> u64 {
        let (files, losses) = (u64::from(self.files), u64::from(self.losses));
        let (cycles, rest) = (row / files, row % files);
        // In each cycle of `files` rows, the file holds those from file - losses + 1 to file, counted in a circle.
        let file = u64::from(file);
        let in_rest = if file + 1 >= losses {
            rest.saturating_sub(file + 1 - losses).min(losses)
        } else {
            rest.min(file + 1) + rest.saturating_sub(files + file + 1 - losses)
        };
        cycles * losses + in_rest
    }

    /// Returns the offset of a row's stripe in the payload of a file that holds it, in bytes.
    pub fn offset_in(&self, file: u32, row: u64) -> u64 {
        self.held_before(file, row) * self.stripe()
    }

    /// Returns the size of a file's stripes in bytes.
    pub fn payload_bytes(&self, file: u32) -> u64 {
        let Some(last) = self.rows().checked_sub(1) else { return 0 };
        let last_stripe = self.stripe_in(file, last).map_or(0, |_| self.stripe_length(last));
        self.offset_in(file, last) + last_stripe
    }

    /// Returns the part of a file's stripes that belongs to the rows of a block, as a range of its payload.
    pub fn part_of_block(&self, file: u32, block: u64) -> Range<u64> {
        let rows = self.rows_of_block(block);
        let end =
            if rows.end == self.rows() { self.payload_bytes(file) } else { self.offset_in(file, rows.end) };
        self.offset_in(file, rows.start)..end
    }

    /// Returns the number of a parity file among all of the bundle.
    pub fn number_of(&self, file: u32) -> u32 {
        self.group * self.files + file
    }

    /// Returns the names and sizes of the entries of a parity file, in order. `text_bytes` is the size of `parity.txt`.
    pub fn items(&self, file: u32, text_bytes: u64) -> [(EntryName, u64); 4] {
        [
            (EntryName::Parity, text_bytes),
            (EntryName::ParityBlocks, self.blocks() * 32),
            (EntryName::ParityCheck, self.row_blocks() * 32),
            (EntryName::ParityStripes(self.group, file), self.payload_bytes(file)),
        ]
    }
}

fn within(
    lines: &mut Lines<'_>,
    key: &str,
    allowed: std::ops::RangeInclusive<u32>,
) -> Result<NonZeroU32, FormatError> {
    let found = lines.parsed::<Number>(key)?.0;
    let fits = u32::try_from(found).ok().filter(|number| allowed.contains(number));
    fits.and_then(NonZeroU32::new).ok_or_else(|| {
        let expected = format!("{key}: {} to {}", allowed.start(), allowed.end());
        lines.refuse(expected, Some(&found.to_string()))
    })
}

fn protected(lines: &mut Lines<'_>, expected: u32, last: u32) -> Result<ProtectedChunk, FormatError> {
    let [number, kind, class, bytes, created, expires, sums, signatures] = lines.words("chunk")?;
    let found = chunk_number(lines, number)?;
    if found != expected || found > last {
        return Err(lines.refuse(format!("chunk {expected} of {last}"), Some(number)));
    }
    let kind: Kind = lines.word(kind)?;
    let class: Class = lines.word(class)?;
    let fits = match kind {
        Kind::Control => class == Class::Metadata,
        Kind::Data => found > 0,
        Kind::Parity => false,
    };
    if !fits {
        return Err(lines.refuse("control metadata, or data and a class".to_owned(), Some(number)));
    }
    let bytes = lines.word::<Number>(bytes)?.0;
    if !(1..=CHUNK_BYTES_MAX).contains(&bytes) {
        return Err(lines.refuse(format!("1 to {CHUNK_BYTES_MAX} bytes"), Some(&bytes.to_string())));
    }
    let created = lines.word(created)?;
    let expires = lines.optional_word(expires)?;
    let sums = lines.word(sums)?;
    let signatures =
        signatures.split(',').map(|word| signature(lines, word)).collect::<Result<Vec<_>, _>>()?;
    let sorted = signatures.is_sorted_by(|a, b| (a.key, a.algorithm) < (b.key, b.algorithm));
    let (allowed, most) = match found {
        0 => (signatures.len() <= SIGNATURES_MAX, SIGNATURES_MAX),
        _ => (are_data_signatures(&signatures), DATA_SIGNATURES_MAX),
    };
    if !sorted || !allowed {
        let expected = format!("1 to {most} signatures, sorted by key and algorithm");
        return Err(lines.refuse(expected, Some(&format!("{} signatures", signatures.len()))));
    }
    Ok(ProtectedChunk { number: found, kind, class, bytes, created, expires, sums, signatures })
}

fn signature_word(signature: &Signature) -> String {
    format!("{}.{}.{}", hex::encode(signature.key), signature.algorithm, hex::encode(&signature.bytes))
}

fn signature(lines: &Lines<'_>, word: &str) -> Result<Signature, FormatError> {
    let parse = || {
        let (key, rest) = word.split_once('.')?;
        let (algorithm, bytes) = rest.split_once('.')?;
        let lower = |text: &str| !text.bytes().any(|byte| byte.is_ascii_uppercase());
        let signature = Signature {
            key: crate::oci::digest::decode_hex(key)?,
            algorithm: algorithm.parse().ok()?,
            bytes: hex::decode(bytes).ok().filter(|_| lower(bytes))?,
        };
        signature.algorithm.bytes().contains(&(signature.bytes.len() as u64)).then_some(signature)
    };
    parse().ok_or_else(|| lines.refuse("KEY.ALGORITHM.SIGNATURE, in lower-case hex".to_owned(), Some(word)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::format::signature::SignatureAlgorithm;

    fn group(stripe: u32, block: u32, losses: u32, files: u32, sizes: &[u64]) -> ParityGroup {
        let chunk = |(number, &bytes): (usize, &u64)| ProtectedChunk {
            number: u32::try_from(number).unwrap(),
            kind: if number == 0 { Kind::Control } else { Kind::Data },
            class: if number == 0 { Class::Metadata } else { Class::Distributable },
            bytes,
            created: "2026-11-20T21:59:35Z".parse().unwrap(),
            expires: None,
            sums: crate::format::Sum([7; 32]).into(),
            signatures: vec![Signature {
                key: [1; 8],
                algorithm: SignatureAlgorithm::ED25519,
                bytes: vec![9; 64],
            }],
        };
        ParityGroup {
            group: 0,
            last_group: 0,
            stripe_bytes: NonZeroU32::new(stripe).unwrap(),
            block_stripes: NonZeroU32::new(block).unwrap(),
            losses,
            files,
            chunks: sizes.iter().enumerate().map(chunk).collect(),
        }
    }

    #[test]
    fn groups_that_need_too_much_are_refused() {
        let parse = |group: &ParityGroup| ParityGroup::parse(&group.render(), 0);
        // Blocks of one stripe: of the shard, and of all files together.
        let fits = group(64, 1, 1, 1, &[64 << 20]);
        assert_eq!(parse(&fits), Ok(fits));
        assert!(parse(&group(64, 1, 1, 1, &[(64 << 20) + 1])).is_err());
        assert!(parse(&group(64, 1, 1, 2, &[64 << 20])).is_err());
        // The memory for a row: 2,048 stripes of 64 KiB fit, 4,096 do not.
        assert!(parse(&group(65_536, 100, 1024, 1024, &[1 << 20])).is_ok());
        assert!(parse(&group(65_536, 100, 2048, 2048, &[1 << 20])).is_err());
    }

    proptest! {
        #[test]
        fn every_parity_stripe_has_one_place(
            units in 1_u32..4,
            block in 1_u32..5,
            losses in 1_u32..6,
            more in 0_u32..3,
            sizes in proptest::collection::vec(1_u64..3000, 1..5),
        ) {
            let group = group(units * 64, block, losses, losses + more, &sizes);
            let last = u32::try_from(sizes.len()).unwrap() - 1;
            prop_assert_eq!(&ParityGroup::parse(&group.render(), last).unwrap(), &group);
            let mut ends = vec![0; group.files as usize];
            for row in 0..group.rows() {
                for stripe in 0..losses {
                    let file = group.file_of(stripe, row);
                    prop_assert_eq!(group.stripe_in(file, row), Some(stripe));
                    prop_assert_eq!(group.offset_in(file, row), ends[file as usize]);
                    ends[file as usize] += group.stripe_length(row);
                }
                let holding = (0..group.files).filter(|&file| group.stripe_in(file, row).is_some());
                prop_assert_eq!(holding.count(), losses as usize);
            }
            for file in 0..group.files {
                prop_assert_eq!(group.payload_bytes(file), ends[file as usize]);
                let mut at = 0;
                for block in 0..group.row_blocks() {
                    let part = group.part_of_block(file, block);
                    prop_assert_eq!(part.start, at);
                    at = part.end;
                }
                prop_assert_eq!(at, ends[file as usize]);
            }
        }
    }
}
