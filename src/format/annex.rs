//! `annex.txt`: the location of the control chunk's documents if they do not fit into the control chunk
//! (docs/format.md, "The annex").

use super::entry::{Document, EntryName};
use super::error::FormatError;
use super::limits::{ANNEX_BYTES_MAX, CHUNK_BYTES_MAX};
use super::lines::{Lines, Number, Sum};
use super::profile::Profile;
use super::shape::{Item, Shape, entry_cost, sealed_overhead};
use super::statement::chunk_number;
use super::sum_pair::SumPair;
use super::tar::BLOCK;

const FIRST_LINE: &str = "carnet-annex v1";

/// A document that is stored in annex chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnnexDocument {
    /// The document.
    pub document: Document,
    /// The size of the document in bytes.
    pub bytes: u64,
    /// The SHA-256 of the document.
    pub sum: Sum,
}

/// A chunk that holds parts of the documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnnexChunk {
    /// The chunk number. Annex chunks follow the data chunks.
    pub number: u32,
    /// The size of the sealed part in bytes.
    pub bytes: u64,
    /// The sums of the chunk.
    pub sums: SumPair,
}

/// The three documents and the chunks that hold them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annex {
    /// `plan.txt`, `chunks.txt` and `index.json`, in this order.
    pub documents: [AnnexDocument; 3],
    /// The annex chunks, by number, without gaps.
    pub chunks: Vec<AnnexChunk>,
}

impl Annex {
    /// Returns the size of `annex.txt` of a bundle of this profile, in bytes.
    pub fn bytes(
        profile: Option<Profile>,
        documents: [u64; 3],
        chunks: impl IntoIterator<Item = (u32, u64)>,
    ) -> u64 {
        let (sum, sums) = (Sum([0; 32]), SumPair::zero(profile));
        let document = |i: usize| AnnexDocument { document: Document::ALL[i], bytes: documents[i], sum };
        let chunk = |(number, bytes)| AnnexChunk { number, bytes, sums };
        let annex = Annex {
            documents: [document(0), document(1), document(2)],
            chunks: chunks.into_iter().map(chunk).collect(),
        };
        annex.render().len() as u64
    }

    /// Renders `annex.txt`.
    pub fn render(&self) -> Vec<u8> {
        let mut text = format!("{FIRST_LINE}\n");
        text.extend(
            self.documents.iter().map(|d| format!("document {} {} {}\n", d.document.name(), d.bytes, d.sum)),
        );
        text.extend(
            self.chunks.iter().map(|c| format!("chunk {} control {} {}\n", c.number, c.bytes, c.sums)),
        );
        text.into_bytes()
    }

    /// Parses `annex.txt`.
    ///
    /// # Errors
    /// [`FormatError`] if any byte differs from what [`Annex::render`] would write.
    pub fn parse(bytes: &[u8]) -> Result<Annex, FormatError> {
        let mut lines = Lines::new("annex.txt", bytes, ANNEX_BYTES_MAX)?;
        lines.exactly(FIRST_LINE)?;
        let mut document = |document: Document| {
            let [name, bytes, sum] = lines.words("document")?;
            let bytes = lines.word::<Number>(bytes)?.0;
            if name != document.name() || bytes > document.bytes_max() {
                let expected = format!("{} of at most {} bytes", document.name(), document.bytes_max());
                return Err(lines.refuse(expected, Some(name)));
            }
            Ok(AnnexDocument { document, bytes, sum: lines.word(sum)? })
        };
        let documents =
            [document(Document::ALL[0])?, document(Document::ALL[1])?, document(Document::ALL[2])?];
        let mut chunks: Vec<AnnexChunk> = Vec::new();
        while lines.next_is("chunk") {
            let [number, kind, bytes, sums] = lines.words("chunk")?;
            let chunk = AnnexChunk {
                number: chunk_number(&lines, number)?,
                bytes: lines.word::<Number>(bytes)?.0,
                sums: lines.word(sums)?,
            };
            let follows = chunks.last().is_none_or(|before| before.number + 1 == chunk.number);
            if kind != "control" || chunk.number == 0 || !follows || chunk.bytes > CHUNK_BYTES_MAX {
                return Err(lines.refuse("the next annex chunk".to_owned(), Some(number)));
            }
            chunks.push(chunk);
        }
        lines.end()?;
        if chunks.is_empty() {
            return Err(lines.refuse("an annex chunk".to_owned(), None));
        }
        Ok(Annex { documents, chunks })
    }
}

/// Distributes documents of these sizes over annex chunks of a bundle of this profile, with sealed parts of at most `capacity`
/// bytes. Each chunk is filled before the next begins.
#[doc(hidden)]
pub fn annex_shapes(profile: Option<Profile>, capacity: u64, documents: [u64; 3]) -> Vec<Shape> {
    let room_max = capacity - sealed_overhead(profile);
    let mut shapes = Vec::new();
    let mut items: Vec<Item> = Vec::new();
    let mut room = room_max;
    for (document, bytes) in Document::ALL.into_iter().zip(documents) {
        let mut offset = 0;
        while offset < bytes {
            let name = EntryName::AnnexPart(document, offset);
            let fixed = entry_cost(profile, &name, 0);
            // A part shorter than a block is not worth its own header.
            if room < fixed + BLOCK {
                shapes.push(Shape::in_profile(profile, std::mem::take(&mut items)));
                room = room_max;
                continue;
            }
            let part = (bytes - offset).min((room - fixed) / BLOCK * BLOCK);
            items.push(Item { name, bytes: part });
            room -= entry_cost(profile, &name, part);
            offset += part;
        }
    }
    if !items.is_empty() {
        shapes.push(Shape::in_profile(profile, items));
    }
    shapes
}
