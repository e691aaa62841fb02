//! The contents of a bundle according to its control chunk: plan, chunk table, index.

use std::collections::BTreeSet;

use super::{Finding, Member, read_body};
use crate::diagnosis::{Code, Diagnose, Diagnosis, count};
use crate::format::annex::{Annex, AnnexChunk, annex_shapes};
use crate::format::body::{Body, BodyEntry, BodyError};
use crate::format::chunk_table::ChunkTable;
use crate::format::entry::{Document, EntryName};
use crate::format::error::FormatError;
use crate::format::head::Head;
use crate::format::limits::{ANNEX_BYTES_MAX, RECOVER_BYTES_MAX};
use crate::format::plan::{Placed, Plan};
use crate::format::shape::{Item, Shape};
use crate::format::statement::{Class, Kind};
use crate::format::{Profile, Sum, Sum384, SumPair};
use crate::medium::ChunkFile;
use crate::oci::Digest;
use crate::oci::write::OCI_LAYOUT;

/// The contents of a bundle according to its control chunk. They are consistent, but not necessarily trusted.
#[derive(Clone, Debug)]
pub struct Contents {
    /// The plan: the location of every byte.
    pub plan: Plan,
    /// The table of the data chunks.
    pub chunks: ChunkTable,
    /// The annex chunks; empty if there is no annex.
    #[doc(hidden)]
    pub annex: Vec<AnnexChunk>,
    /// The pieces in each chunk, by number from 0, without annex chunks.
    #[doc(hidden)]
    pub pieces: Vec<Vec<Placed>>,
    /// The structure of the control chunk.
    #[doc(hidden)]
    pub control: Body,
}

/// The contents of a bundle cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ContentsError {
    /// The control chunk or a part of its annex is damaged.
    #[error("{file}: {source}")]
    Chunk {
        /// The path of the chunk file.
        file: String,
        /// The cause.
        source: BodyError,
    },
    /// Parts of the annex are missing.
    #[error("{} missing: {}", count(missing.len() as u64, "annex chunk is", "annex chunks are"), list(missing))]
    AnnexMissing {
        /// The numbers of the missing chunks.
        missing: Vec<u32>,
        /// The highest chunk number of the bundle.
        last: u32,
    },
}

impl ContentsError {
    /// Returns the error as a finding on the control chunk.
    pub fn finding(&self) -> Finding {
        match self {
            ContentsError::Chunk { source, .. } => source.into(),
            ContentsError::AnnexMissing { .. } => Finding::Malformed {
                part: "annex.txt".to_owned(),
                line: 0,
                expected: "all annex chunks".to_owned(),
                found: self.to_string(),
            },
        }
    }
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
    /// Reads the contents from a control chunk and, if it has an annex, from the `others` of the bundle.
    ///
    /// # Errors
    /// [`ContentsError`] if a part violates docs/format.md, does not have the sum in the statement, or
    /// contradicts the statement.
    #[doc(hidden)]
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
                "a statement with the name, stream, label and chunk count of the plan",
                "different values".to_owned(),
            ));
        }
        let capacity = plan.control_capacity();
        if statement.bytes > capacity {
            return Err(refuse(
                &format!("a sealed part of at most {capacity} bytes"),
                statement.bytes.to_string(),
            ));
        }
        check_head_room(&control.head, plan.heads.control)?;
        let chunks = ChunkTable::parse(&documents[1])?;
        let annexed = annex.iter().map(|chunk| chunk.sums);
        let listed = chunks.lines().iter().map(|line| line.sums).chain(annexed);
        std::iter::once(statement.sums)
            .chain(listed)
            .try_for_each(|sums| check_profile(plan.profile, sums))?;
        let pieces = plan.contents();
        let data = pieces.len() - 1;
        if annex.first().is_some_and(|first| first.number as usize != data + 1) {
            return Err(refuse(
                "the annex chunks directly after the data chunks",
                format!("chunk {}", annex[0].number),
            ));
        }
        if chunks.lines().len() != data || plan.last as usize != data + annex.len() {
            return Err(refuse(
                &format!("{data} data chunks, as in the plan"),
                chunks.lines().len().to_string(),
            ));
        }
        for (line, placed) in chunks.lines().iter().zip(&pieces[1..]) {
            let class = plan.blobs[placed[0].blob].class;
            if line.class != class || line.bytes != plan.data_shape(placed).sealed_bytes() {
                return Err(refuse(
                    "chunks.txt with the classes and sizes of the plan",
                    format!("other values for chunk {}", line.number),
                ));
            }
        }
        if documents[2] != plan.index_json() {
            return Err(refuse("index.json with the entries of the plan", "different content".to_owned()));
        }
        let sizes = [documents[0].len() as u64, documents[1].len() as u64, documents[2].len() as u64];
        check_control_entries(&plan, &pieces[0], sizes, &annex, &body)?;
        Ok(Contents { plan, chunks, annex, pieces, control: body })
    }

    /// Checks the structure of a data or annex chunk against the plan and the table.
    ///
    /// # Errors
    /// [`FormatError`] if entries or sizes differ from the plan.
    #[doc(hidden)]
    pub fn check_chunk(&self, head: &Head, body: &Body) -> Result<(), FormatError> {
        let number = head.statement.number;
        let refuse = |expected: &str| {
            FormatError::whole("chunk", expected, format!("different values in chunk {number}"))
        };
        let statement = &head.statement;
        if statement.crossing != self.plan.crossing || statement.last != self.plan.last {
            return Err(refuse("the name, stream, label and chunk count of the plan"));
        }
        check_profile(self.plan.profile, statement.sums)?;
        check_signatures(head, self.plan.heads.data_signatures())?;
        if let Some(annex) = self.annex.iter().find(|chunk| chunk.number == number) {
            let same = statement.kind == Kind::Control && statement.bytes == annex.bytes;
            return if same { Ok(()) } else { Err(refuse("the kind and size in annex.txt")) };
        }
        let Some(line) = self.chunks.line(number) else { return Err(refuse("a chunk number of the bundle")) };
        let same = statement.kind == Kind::Data
            && statement.class == Some(line.class)
            && statement.bytes == line.bytes;
        if !same || !same_items(self.plan.data_shape(&self.pieces[number as usize]).items(), &body.entries) {
            return Err(refuse("the kind, class, size and entries of the plan"));
        }
        Ok(())
    }

    /// Checks another copy of the control chunk with the same sums: its sizes and statement must also be the same.
    ///
    /// # Errors
    /// [`FormatError`] if they differ.
    #[doc(hidden)]
    pub fn check_copy(&self, head: &Head, body: &Body) -> Result<(), FormatError> {
        let statement = &head.statement;
        let places =
            |body: &Body| body.entries.iter().map(|entry| (entry.name, entry.bytes)).collect::<Vec<_>>();
        let same = statement.crossing == self.plan.crossing
            && statement.last == self.plan.last
            && places(body) == places(&self.control);
        let expected = "the name, stream, label, chunk count and entries of the plan";
        if same { Ok(()) } else { Err(FormatError::whole("control chunk", expected, "different values")) }
    }

    /// The layers in the control chunk. Only a bundle of one file has them there.
    #[doc(hidden)]
    pub fn layers_in_control(&self) -> BTreeSet<Digest> {
        let blobs = self.pieces[0].iter().map(|placed| &self.plan.blobs[placed.blob]);
        blobs.filter(|blob| blob.class != Class::Metadata).map(|blob| blob.digest).collect()
    }

    /// Returns the expected sums of a chunk; `None` for chunk 0, whose own statement gives them.
    #[doc(hidden)]
    pub fn sums_of(&self, number: u32) -> Option<SumPair> {
        let annex = self.annex.iter().find(|chunk| chunk.number == number).map(|chunk| chunk.sums);
        annex.or_else(|| self.chunks.line(number).map(|line| line.sums))
    }
}

/// Checks that a head fits into the space that the plan reserves for it, so that no chunk exceeds the limit.
fn check_head_room(head: &Head, room: u64) -> Result<(), FormatError> {
    let found = head.sealed_at();
    if found <= room {
        return Ok(());
    }
    Err(FormatError::whole(
        "chunk",
        format!("a head of at most {room} bytes, as in the plan"),
        format!("{found} bytes"),
    ))
}

/// Checks that a chunk other than the control chunk has signatures of the sizes that the plan gives. Otherwise anybody could
/// add one that counts for nothing.
fn check_signatures(head: &Head, planned: u64) -> Result<(), FormatError> {
    let found = head.signature_entries_bytes();
    if found == planned {
        return Ok(());
    }
    Err(FormatError::whole(
        "chunk",
        format!("signatures that take {planned} bytes, as in the plan"),
        format!("{found} bytes"),
    ))
}

/// Checks that the sums of a chunk have a SHA-384 if the plan has a profile, and only then.
fn check_profile(planned: Option<Profile>, sums: SumPair) -> Result<(), FormatError> {
    let words =
        |profile: Option<Profile>| if profile.is_some() { "SHA-256 and SHA-384" } else { "SHA-256 alone" };
    if sums.profile() == planned {
        return Ok(());
    }
    let expected = format!("sums with {}, as in the plan", words(planned));
    Err(FormatError::whole("chunk", expected, words(sums.profile())))
}

fn same_items(items: &[Item], entries: &[BodyEntry]) -> bool {
    items.len() == entries.len()
        && items.iter().zip(entries).all(|(item, entry)| item.name == entry.name && item.bytes == entry.bytes)
}

/// Checks that the control chunk has exactly the entries that follow from the plan, in this order.
fn check_control_entries(
    plan: &Plan,
    pieces: &[Placed],
    sizes: [u64; 3],
    annex: &[AnnexChunk],
    body: &Body,
) -> Result<(), FormatError> {
    let refuse = |expected: &str| FormatError::whole("control chunk", expected, "different content");
    let bytes_of = |name| body.entry(name).map_or(0, |entry| entry.bytes);
    let recover = bytes_of(EntryName::Recover);
    if recover > RECOVER_BYTES_MAX || bytes_of(EntryName::OciLayout) != OCI_LAYOUT.len() as u64 {
        return Err(refuse("oci-layout and recover.txt of allowed sizes"));
    }
    let layout = body.entry(EntryName::OciLayout).map(|entry| entry.sum);
    if layout != Some(Sum::of(OCI_LAYOUT)) {
        return Err(refuse("oci-layout with imageLayoutVersion 1.0.0"));
    }
    if !annex.is_empty() && !pieces.is_empty() {
        return Err(refuse("no blobs in a control chunk with an annex"));
    }
    let mut items = if annex.is_empty() {
        plan.control_shape(pieces, sizes).items().to_vec()
    } else {
        let item = |name| Item { name, bytes: bytes_of(name) };
        let items = vec![item(EntryName::Annex), item(EntryName::OciLayout), item(EntryName::Recover)];
        Shape::in_profile(plan.profile, items).items().to_vec()
    };
    // Another version may word this text differently; the plan does not fix its length.
    for item in items.iter_mut().filter(|item| item.name == EntryName::Recover) {
        item.bytes = recover;
    }
    if same_items(&items, &body.entries) { Ok(()) } else { Err(refuse("the entries of the plan")) }
}

/// Reads a whole entry of a chunk and checks its sum.
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
    if let Some(expected) = body.pair(entry).sha384 {
        let found = Sum384::of(&bytes);
        if found != expected {
            return Err(refuse(format!("{name} with SHA-384 {expected}"), found.to_string()).into());
        }
    }
    Ok(bytes)
}

fn read_range(file: &dyn ChunkFile, entry: &BodyEntry) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(entry.bytes).map_err(std::io::Error::other)?];
    file.open()?.read_exact_at(&mut bytes, entry.offset)?;
    Ok(bytes)
}

/// Reads the documents from the annex chunks that `annex.txt` names.
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
        // Any good copy is enough; a damaged one counts as missing.
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
            // The parts that follow cannot be placed; only check that they are present.
            parts = Default::default();
        }
    }
    if !missing.is_empty() {
        return Err(ContentsError::AnnexMissing { missing, last });
    }
    for (part, line) in parts.iter().zip(&annex.documents) {
        if part.len() as u64 != line.bytes || Sum::of(part) != line.sum {
            let (expected, found) =
                (format!("{} with the size and sum in annex.txt", line.document.name()), "different content");
            return Err(failed(control)(FormatError::whole("annex", expected, found).into()));
        }
    }
    check_annex_shapes(&parts, &bodies).map_err(|error| failed(control)(error.into()))?;
    Ok((parts, annex.chunks))
}

/// Reads the parts in an annex chunk, by document. `begun` is the number of bytes of each that were read before.
fn read_annex_chunk(
    member: &Member<Head>,
    annex: &Annex,
    begun: [u64; 3],
) -> Result<(Body, [Vec<u8>; 3]), BodyError> {
    let body = read_body(member.file.as_ref(), &member.head)?;
    let mut parts: [Vec<u8>; 3] = Default::default();
    for entry in body.entries.iter().filter(|entry| entry.name != EntryName::Sums384) {
        let refuse = |expected: &str| FormatError::whole("annex chunk", expected, entry.name.to_string());
        let EntryName::AnnexPart(document, offset) = entry.name else {
            return Err(refuse("only parts of documents").into());
        };
        let at =
            Document::ALL.iter().position(|known| *known == document).expect("ALL contains every document");
        let whole = annex.documents[at].bytes;
        // After a missing chunk, the position in the document is unknown.
        let known = begun == [0; 3] || begun[at] + parts[at].len() as u64 == offset;
        if !known || offset.checked_add(entry.bytes).is_none_or(|end| end > whole) {
            return Err(refuse("the parts in order").into());
        }
        parts[at].extend(read_entry(member, &body, entry.name, whole)?);
    }
    Ok((body, parts))
}

/// Checks that the annex chunks are filled in the only allowed way.
fn check_annex_shapes(parts: &[Vec<u8>; 3], bodies: &[Body]) -> Result<(), FormatError> {
    let plan = Plan::parse(&parts[0])?;
    let sizes = [parts[0].len() as u64, parts[1].len() as u64, parts[2].len() as u64];
    let shapes = annex_shapes(plan.profile, plan.data_capacity(), sizes);
    let as_filled = |(shape, body): (&Shape, &Body)| same_items(shape.items(), &body.entries);
    let same = shapes.len() == bodies.len() && shapes.iter().zip(bodies).all(as_filled);
    if same {
        Ok(())
    } else {
        Err(FormatError::whole(
            "annex.txt",
            "annex chunks that are filled one after the other",
            "a different layout",
        ))
    }
}
