//! The contents of a bundle, as its control chunk has them: plan, table of chunks, index.

use super::{Member, read_body};
use crate::diagnosis::{Code, Diagnose, Diagnosis};
use crate::format::Sum;
use crate::format::annex::{Annex, AnnexChunk, annex_shapes};
use crate::format::body::{Body, BodyEntry, BodyError};
use crate::format::chunk_table::ChunkTable;
use crate::format::entry::{Document, EntryName};
use crate::format::error::FormatError;
use crate::format::head::Head;
use crate::format::limits::{ANNEX_BYTES_MAX, RECOVER_BYTES_MAX};
use crate::format::plan::{Placed, Plan};
use crate::format::shape::{Item, Shape, control_capacity};
use crate::format::statement::Kind;
use crate::medium::ChunkFile;
use crate::oci::write::OCI_LAYOUT;

/// What a control chunk says the bundle is. It agrees with itself; whether to believe it is another matter.
#[derive(Clone, Debug)]
pub struct Contents {
    /// Where every byte is.
    pub plan: Plan,
    /// What the data chunks are.
    pub chunks: ChunkTable,
    /// What the annex chunks are; empty where there is no annex.
    pub annex: Vec<AnnexChunk>,
    /// What each chunk holds, by number from 0, annex chunks excepted.
    pub pieces: Vec<Vec<Placed>>,
    /// The structure of the control chunk.
    pub control: Body,
}

/// Why the contents cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ContentsError {
    /// The control chunk, or a part of its annex, is damaged.
    #[error("{file}: {source}")]
    Chunk {
        /// Its file, escaped.
        file: String,
        /// Why.
        source: BodyError,
    },
    /// Parts of its annex are not there.
    #[error("annex chunk(s) {} are not there", list(missing))]
    AnnexMissing {
        /// Their numbers.
        missing: Vec<u32>,
        /// The highest number of the bundle.
        last: u32,
    },
}

fn list(numbers: &[u32]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl Diagnose for ContentsError {
    fn diagnosis(&self) -> Diagnosis {
        let code = match self {
            ContentsError::Chunk { .. } => Code::ControlChunkDamaged,
            ContentsError::AnnexMissing { .. } => Code::AnnexMissing,
        };
        code.into()
    }
}

impl Contents {
    /// Reads the contents from a control chunk and, where it has an annex, from `others` of the bundle.
    ///
    /// # Errors
    /// [`ContentsError`]: what is not as docs/format.md has it, does not have the sum that the statement
    /// covers, or contradicts the statement.
    pub fn read<'a>(
        control: &Member<Head>,
        others: impl Iterator<Item = &'a Member<Head>>,
    ) -> Result<Contents, ContentsError> {
        let failed =
            |source: BodyError| ContentsError::Chunk { file: control.file.name().to_owned(), source };
        let body = read_body(control.file.as_ref(), &control.head).map_err(failed)?;
        let (documents, annex) = if body.entry(EntryName::Annex).is_some() {
            read_annex(control, &body, others)?
        } else {
            let read = |document: Document| {
                read_entry(control, &body, EntryName::Document(document), document.bytes_max())
                    .map_err(failed)
            };
            ([read(Document::Plan)?, read(Document::Chunks)?, read(Document::Index)?], Vec::new())
        };
        Contents::check(control, body, &documents, annex).map_err(|error| failed(error.into()))
    }

    fn check(
        control: &Member<Head>,
        body: Body,
        documents: &[Vec<u8>; 3],
        annex: Vec<AnnexChunk>,
    ) -> Result<Contents, FormatError> {
        let refuse = |expected: &str, found: String| FormatError::whole("control chunk", expected, found);
        let statement = &control.head.statement;
        let plan = Plan::parse(&documents[0])?;
        let id = Sum::of(&documents[0]);
        if id != statement.bundle {
            return Err(refuse(&format!("the plan of bundle {}", statement.bundle), id.to_string()));
        }
        if plan.crossing != statement.crossing || plan.last != statement.last {
            return Err(refuse(
                "name, stream, label and chunks of the plan in the statement",
                "others".to_owned(),
            ));
        }
        let capacity = control_capacity(plan.chunk_bytes);
        if statement.bytes > capacity {
            return Err(refuse(
                &format!("a sealed part of at most {capacity} bytes"),
                statement.bytes.to_string(),
            ));
        }
        let chunks = ChunkTable::parse(&documents[1])?;
        let pieces = plan.contents();
        let data = pieces.len() - 1;
        if annex.first().is_some_and(|first| first.number as usize != data + 1) {
            return Err(refuse(
                "annex chunks right after the data chunks",
                format!("chunk {}", annex[0].number),
            ));
        }
        if chunks.lines().len() != data || plan.last as usize != data + annex.len() {
            return Err(refuse(
                &format!("{data} data chunks, as the plan has them"),
                chunks.lines().len().to_string(),
            ));
        }
        for (line, placed) in chunks.lines().iter().zip(&pieces[1..]) {
            let class = plan.blobs[placed[0].blob].class;
            if line.class != class || line.bytes != plan.data_shape(placed).sealed_bytes() {
                return Err(refuse("chunks.txt as the plan has it", format!("chunk {}", line.number)));
            }
        }
        if documents[2] != plan.index_json() {
            return Err(refuse("index.json as the plan has it", "another".to_owned()));
        }
        let sizes = [documents[0].len() as u64, documents[1].len() as u64, documents[2].len() as u64];
        check_control_entries(&plan, &pieces[0], sizes, &annex, &body)?;
        Ok(Contents { plan, chunks, annex, pieces, control: body })
    }

    /// Checks the structure of a data or annex chunk against the plan and the table.
    ///
    /// # Errors
    /// [`FormatError`] for other entries, sizes or sums than planned.
    pub fn check_chunk(&self, head: &Head, body: &Body) -> Result<(), FormatError> {
        let number = head.statement.number;
        let refuse =
            |expected: &str| FormatError::whole("chunk", expected, format!("others in chunk {number}"));
        let statement = &head.statement;
        if statement.crossing != self.plan.crossing || statement.last != self.plan.last {
            return Err(refuse("name, stream, label and chunks of the plan"));
        }
        if let Some(annex) = self.annex.iter().find(|chunk| chunk.number == number) {
            let same = statement.kind == Kind::Control && statement.bytes == annex.bytes;
            return if same { Ok(()) } else { Err(refuse("kind and size of the annex")) };
        }
        let Some(line) = self.chunks.line(number) else { return Err(refuse("a number of the bundle")) };
        let same =
            statement.kind == Kind::Data && statement.class == line.class && statement.bytes == line.bytes;
        if !same || !same_items(self.plan.data_shape(&self.pieces[number as usize]).items(), &body.entries) {
            return Err(refuse("kind, class, size and entries of the plan"));
        }
        Ok(())
    }

    /// Checks another copy of the control chunk, whose sums are the same: sizes and statement must be, too.
    ///
    /// # Errors
    /// [`FormatError`] where they are not.
    pub fn check_copy(&self, head: &Head, body: &Body) -> Result<(), FormatError> {
        let statement = &head.statement;
        let places =
            |body: &Body| body.entries.iter().map(|entry| (entry.name, entry.bytes)).collect::<Vec<_>>();
        let same = statement.crossing == self.plan.crossing
            && statement.last == self.plan.last
            && places(body) == places(&self.control);
        let expected = "name, stream, label, chunks and entries of the plan";
        if same { Ok(()) } else { Err(FormatError::whole("control chunk", expected, "others")) }
    }

    /// The SHA-256 of `02_sums.txt` that a chunk must have; `None` for chunk 0, which says it itself.
    pub fn sums_of(&self, number: u32) -> Option<Sum> {
        let annex = self.annex.iter().find(|chunk| chunk.number == number).map(|chunk| chunk.sums);
        annex.or_else(|| self.chunks.line(number).map(|line| line.sums))
    }
}

fn same_items(items: &[Item], entries: &[BodyEntry]) -> bool {
    items.len() == entries.len()
        && items.iter().zip(entries).all(|(item, entry)| item.name == entry.name && item.bytes == entry.bytes)
}

/// The control chunk holds what the plan makes it hold, in this order, and nothing else.
fn check_control_entries(
    plan: &Plan,
    pieces: &[Placed],
    sizes: [u64; 3],
    annex: &[AnnexChunk],
    body: &Body,
) -> Result<(), FormatError> {
    let refuse = |expected: &str| FormatError::whole("control chunk", expected, "others");
    let bytes_of = |name| body.entry(name).map_or(0, |entry| entry.bytes);
    let recover = bytes_of(EntryName::Recover);
    if recover > RECOVER_BYTES_MAX || bytes_of(EntryName::OciLayout) != OCI_LAYOUT.len() as u64 {
        return Err(refuse("oci-layout and recover.txt within their limits"));
    }
    let layout = body.entry(EntryName::OciLayout).map(|entry| entry.sum);
    if layout != Some(Sum::of(OCI_LAYOUT)) {
        return Err(refuse("oci-layout of image-spec 1.0.0"));
    }
    if !annex.is_empty() && !pieces.is_empty() {
        return Err(refuse("no blobs beside an annex"));
    }
    let mut items = if annex.is_empty() {
        plan.control_shape(pieces, sizes).items().to_vec()
    } else {
        let item = |name| Item { name, bytes: bytes_of(name) };
        vec![item(EntryName::Annex), item(EntryName::OciLayout), item(EntryName::Recover)]
    };
    // The text may be worded otherwise by another version; the plan does not fix its length.
    for item in items.iter_mut().filter(|item| item.name == EntryName::Recover) {
        item.bytes = recover;
    }
    if same_items(&items, &body.entries) { Ok(()) } else { Err(refuse("the entries that the plan gives it")) }
}

/// Reads an entry of a chunk whole and checks its sum.
fn read_entry(
    member: &Member<Head>,
    body: &Body,
    name: EntryName,
    bytes_max: u64,
) -> Result<Vec<u8>, BodyError> {
    let refuse = |expected: String, found: String| FormatError::whole("control chunk", expected, found);
    let entry = body.entry(name).ok_or_else(|| refuse(name.to_string(), "none".to_owned()))?;
    if entry.bytes > bytes_max {
        return Err(refuse(format!("{name} of at most {bytes_max} bytes"), entry.bytes.to_string()).into());
    }
    let bytes = read_range(member.file.as_ref(), entry)?;
    let found = Sum::of(&bytes);
    if found != entry.sum {
        return Err(refuse(format!("{name} with sum {}", entry.sum), found.to_string()).into());
    }
    Ok(bytes)
}

fn read_range(file: &dyn ChunkFile, entry: &BodyEntry) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(entry.bytes).map_err(std::io::Error::other)?];
    file.open()?.read_exact_at(&mut bytes, entry.offset)?;
    Ok(bytes)
}

/// The documents, from the annex chunks that `annex.txt` names.
fn read_annex<'a>(
    control: &Member<Head>,
    body: &Body,
    others: impl Iterator<Item = &'a Member<Head>>,
) -> Result<([Vec<u8>; 3], Vec<AnnexChunk>), ContentsError> {
    let failed = |member: &Member<Head>| {
        let file = member.file.name().to_owned();
        move |source: BodyError| ContentsError::Chunk { file, source }
    };
    let text = read_entry(control, body, EntryName::Annex, ANNEX_BYTES_MAX).map_err(failed(control))?;
    let annex = Annex::parse(&text).map_err(|error| failed(control)(error.into()))?;
    let candidates: Vec<&Member<Head>> = others.collect();
    let last = control.head.statement.last;
    let mut missing = Vec::new();
    let mut parts: [Vec<u8>; 3] = Default::default();
    let mut bodies = Vec::new();
    for chunk in &annex.chunks {
        let named = |member: &&&Member<Head>| {
            let statement = &member.head.statement;
            statement.number == chunk.number && statement.sums == chunk.sums && statement.bytes == chunk.bytes
        };
        // Of several copies any good one will do; one that is damaged is as good as missing.
        let begun = [parts[0].len() as u64, parts[1].len() as u64, parts[2].len() as u64];
        let read = |member: &&Member<Head>| read_annex_chunk(member, &annex, begun).ok();
        match candidates.iter().filter(named).find_map(read) {
            Some((body, more)) => {
                for (part, more) in parts.iter_mut().zip(more) {
                    part.extend(more);
                }
                bodies.push(body);
            }
            None => missing.push(chunk.number),
        }
        if !missing.is_empty() {
            // What follows cannot be placed any more; it is only looked at for being there.
            parts = Default::default();
        }
    }
    if !missing.is_empty() {
        return Err(ContentsError::AnnexMissing { missing, last });
    }
    for (part, line) in parts.iter().zip(&annex.documents) {
        if part.len() as u64 != line.bytes || Sum::of(part) != line.sum {
            let (expected, found) = (format!("{} as annex.txt has it", line.document.name()), "another");
            return Err(failed(control)(FormatError::whole("annex", expected, found).into()));
        }
    }
    check_annex_shapes(&parts, &bodies).map_err(|error| failed(control)(error.into()))?;
    Ok((parts, annex.chunks))
}

/// The parts in an annex chunk, by document; `begun` is how much of each came before.
fn read_annex_chunk(
    member: &Member<Head>,
    annex: &Annex,
    begun: [u64; 3],
) -> Result<(Body, [Vec<u8>; 3]), BodyError> {
    let body = read_body(member.file.as_ref(), &member.head)?;
    let mut parts: [Vec<u8>; 3] = Default::default();
    for entry in &body.entries {
        let refuse = |expected: &str| FormatError::whole("annex chunk", expected, entry.name.to_string());
        let EntryName::AnnexPart(document, offset) = entry.name else {
            return Err(refuse("parts of documents").into());
        };
        let at = Document::ALL.iter().position(|known| *known == document).expect("ALL has all");
        let whole = annex.documents[at].bytes;
        // A chunk after a missing one begins where nobody knows.
        let known = begun == [0; 3] || begun[at] + parts[at].len() as u64 == offset;
        if !known || offset.checked_add(entry.bytes).is_none_or(|end| end > whole) {
            return Err(refuse("parts in order").into());
        }
        parts[at].extend(read_entry(member, &body, entry.name, whole)?);
    }
    Ok((body, parts))
}

/// Annex chunks are filled in one way only.
fn check_annex_shapes(parts: &[Vec<u8>; 3], bodies: &[Body]) -> Result<(), FormatError> {
    let plan = Plan::parse(&parts[0])?;
    let sizes = [parts[0].len() as u64, parts[1].len() as u64, parts[2].len() as u64];
    let shapes = annex_shapes(plan.chunk_bytes, sizes);
    let as_filled = |(shape, body): (&Shape, &Body)| same_items(shape.items(), &body.entries);
    let same = shapes.len() == bodies.len() && shapes.iter().zip(bodies).all(as_filled);
    if same {
        Ok(())
    } else {
        Err(FormatError::whole("annex.txt", "annex chunks filled one after the other", "others"))
    }
}
