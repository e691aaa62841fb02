//! `chunks.txt`: the table of the data chunks, so that one signature over the control chunk covers them
//! (docs/format.md, "chunks.txt").

use super::error::FormatError;
use super::limits::{CHUNK_BYTES_MAX, CHUNKS_BYTES_MAX};
use super::lines::{Lines, Number};
use super::profile::Profile;
use super::statement::{Class, chunk_number};
use super::sum_pair::SumPair;

const FIRST_LINE: &str = "carnet-chunks v1";

/// A line of `chunks.txt`: one data chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkLine {
    /// The chunk number.
    pub number: u32,
    /// The class of its blobs.
    pub class: Class,
    /// The size of the sealed part in bytes.
    pub bytes: u64,
    /// The sums of the chunk.
    pub sums: SumPair,
}

/// All data chunks, by number from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkTable(Vec<ChunkLine>);

impl ChunkTable {
    /// Creates a table from these lines, which must be numbered from 1 without gaps.
    pub fn new(lines: Vec<ChunkLine>) -> ChunkTable {
        debug_assert!(lines.iter().zip(1..).all(|(line, number)| line.number == number));
        ChunkTable(lines)
    }

    /// Returns the lines of the table.
    pub fn lines(&self) -> &[ChunkLine] {
        &self.0
    }

    /// Returns the line of a chunk.
    pub fn line(&self, number: u32) -> Option<&ChunkLine> {
        self.0.get(usize::try_from(number).ok()?.checked_sub(1)?)
    }

    /// Returns the size of `chunks.txt` for these chunks of a bundle of this profile, in bytes. All sums have the same length.
    pub fn bytes(profile: Option<Profile>, chunks: impl IntoIterator<Item = (u32, Class, u64)>) -> u64 {
        let line = |(number, class, bytes)| {
            ChunkLine { number, class, bytes, sums: SumPair::zero(profile) }.render().len() as u64
        };
        FIRST_LINE.len() as u64 + 1 + chunks.into_iter().map(line).sum::<u64>()
    }

    /// Renders `chunks.txt`.
    pub fn render(&self) -> Vec<u8> {
        let mut text = format!("{FIRST_LINE}\n");
        text.extend(self.0.iter().map(ChunkLine::render));
        text.into_bytes()
    }

    /// Parses `chunks.txt`.
    ///
    /// # Errors
    /// [`FormatError`] if any byte differs from what [`ChunkTable::render`] would write.
    pub fn parse(bytes: &[u8]) -> Result<ChunkTable, FormatError> {
        let mut lines = Lines::new("chunks.txt", bytes, CHUNKS_BYTES_MAX)?;
        lines.exactly(FIRST_LINE)?;
        let mut table = Vec::new();
        while lines.next_is("chunk") {
            let [number, kind, class, bytes, sums] = lines.words("chunk")?;
            let line = ChunkLine {
                number: chunk_number(&lines, number)?,
                class: lines.word(class)?,
                bytes: lines.word::<Number>(bytes)?.0,
                sums: lines.word(sums)?,
            };
            let expected = table.len() as u64 + 1;
            if u64::from(line.number) != expected || kind != "data" || line.bytes > CHUNK_BYTES_MAX {
                return Err(lines.refuse(format!("data chunk {expected}"), Some(number)));
            }
            table.push(line);
        }
        lines.end()?;
        Ok(ChunkTable(table))
    }
}

impl ChunkLine {
    fn render(&self) -> String {
        format!("chunk {} data {} {} {}\n", self.number, self.class, self.bytes, self.sums)
    }
}
