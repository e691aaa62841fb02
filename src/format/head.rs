//! The head of a chunk: statement and signatures, before the bytes that they cover (docs/format.md,
//! "Reading order").

use super::entry::EntryName;
use super::error::FormatError;
use super::limits::{DATA_SIGNATURES_MAX, SIGNATURES_MAX, STATEMENT_BYTES_MAX};
use super::shape::{HeadRoom, head_entry_bytes, signature_entries_bytes};
use super::signature::{ED25519_BYTES, Signature, are_data_signatures};
use super::statement::{Kind, Statement};
use super::tar::{BLOCK, END_BYTES, Header, padded};

/// How many bytes of a file must be read to parse any head, including the header after the signatures.
pub const HEAD_READ_BYTES: u64 = HeadRoom::BYTES_MAX + BLOCK;

/// How many bytes are enough to parse all but the longest heads: sixteen Ed25519 signatures.
pub const HEAD_READ_BYTES_FIRST: u64 = head_entry_bytes(STATEMENT_BYTES_MAX)
    + SIGNATURES_MAX as u64 * head_entry_bytes(ED25519_BYTES as u64)
    + BLOCK;

/// Largest release file, in bytes.
pub const RELEASE_BYTES_MAX: u64 = HeadRoom::BYTES_MAX + END_BYTES;

/// A parsed head. It is not verified yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The statement of the chunk.
    pub statement: Statement,
    /// The bytes of the statement, which are signed.
    pub statement_bytes: Vec<u8>,
    /// The signatures, sorted by key and algorithm.
    pub signatures: Vec<Signature>,
}

impl Head {
    /// Parses the head of a file of `file_bytes` from its first [`HEAD_READ_BYTES`], or from all if it is shorter.
    ///
    /// # Errors
    /// [`FormatError`] if any byte differs from what [`Head::render`] would write, or if the size of the file
    /// differs from the statement.
    pub fn parse(start: &[u8], file_bytes: u64) -> Result<Head, FormatError> {
        let (head, mut at) = read(start)?;
        let header = take_header(start, &mut at)?;
        if header.name != EntryName::Sums {
            let expected = "signatures, followed by 02_sums.txt";
            return Err(FormatError::whole("chunk", expected, header.name.to_string()));
        }
        head.check_count()?;
        let expected = head.sealed_at() + head.statement.bytes;
        if file_bytes != expected {
            return Err(FormatError::whole(
                "chunk",
                format!("a file of {expected} bytes"),
                format!("{file_bytes} bytes"),
            ));
        }
        Ok(head)
    }

    /// Parses a release file (docs/format.md, "Release files"): the head of a control chunk, and the end.
    ///
    /// # Errors
    /// [`FormatError`] if any byte differs from what [`Head::render_release`] would write.
    pub fn parse_release(file: &[u8]) -> Result<Head, FormatError> {
        let (head, at) = read(file)?;
        if !head.statement.is_control() {
            let found = format!("one of chunk {}", head.statement.number);
            return Err(FormatError::whole("release file", "the statement of a control chunk", found));
        }
        head.check_count()?;
        let end = &file[at..];
        if end.len() as u64 != END_BYTES {
            let expected = format!("{END_BYTES} bytes after the signatures");
            return Err(FormatError::whole("release file", expected, format!("{} bytes", end.len())));
        }
        check_zero(end, "end of the release file")?;
        Ok(head)
    }

    /// Renders a release file with this head.
    pub fn render_release(&self) -> Vec<u8> {
        let mut out = self.render();
        out.resize(out.len() + usize::try_from(END_BYTES).expect("two blocks"), 0);
        out
    }

    /// Only the control chunk has release signatures. On another chunk, a packer's second signature is of another
    /// algorithm.
    fn check_count(&self) -> Result<(), FormatError> {
        let is_control = self.statement.number == 0 && self.statement.kind == Kind::Control;
        let found = self.signatures.len();
        if is_control {
            if !(1..=SIGNATURES_MAX).contains(&found) {
                let expected = format!("1 to {SIGNATURES_MAX} signatures");
                return Err(FormatError::whole("chunk", expected, found.to_string()));
            }
        } else if !are_data_signatures(&self.signatures) {
            let expected = format!("1 to {DATA_SIGNATURES_MAX} signatures of different algorithms");
            return Err(FormatError::whole("chunk", expected, found.to_string()));
        }
        Ok(())
    }

    /// Renders the head: the bytes before the sealed part.
    pub fn render(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put(&mut out, EntryName::Statement, &self.statement_bytes);
        for signature in &self.signatures {
            put(&mut out, EntryName::Signature(signature.key, signature.algorithm), &signature.bytes);
        }
        out
    }

    /// Returns the offset of the sealed part in the file, in bytes.
    pub fn sealed_at(&self) -> u64 {
        head_entry_bytes(self.statement_bytes.len() as u64) + self.signature_entries_bytes()
    }

    /// Returns the size of the signatures with their headers, in bytes.
    pub fn signature_entries_bytes(&self) -> u64 {
        signature_entries_bytes(self.signatures.iter().map(|signature| signature.bytes.len() as u64))
    }
}

/// Reads a statement and signatures. Returns where they end; a block follows that is no signature.
fn read(start: &[u8]) -> Result<(Head, usize), FormatError> {
    let mut at = 0_usize;
    let header = take_header(start, &mut at)?;
    if header.name != EntryName::Statement || header.bytes > STATEMENT_BYTES_MAX {
        let expected = format!("00_statement.txt of at most {STATEMENT_BYTES_MAX} bytes as the first entry");
        let found = format!("{} of {} bytes", header.name, header.bytes);
        return Err(FormatError::whole("chunk", expected, found));
    }
    let statement_bytes = take_payload(start, &mut at, header.bytes)?.to_vec();
    let statement = Statement::parse(&statement_bytes)?;
    let mut signatures: Vec<Signature> = Vec::new();
    loop {
        let before = at;
        let block = take(start, &mut at, 512)?;
        if block.iter().all(|byte| *byte == 0) {
            return Ok((Head { statement, statement_bytes, signatures }, before));
        }
        let header = Header::decode(block.try_into().expect("a block has 512 bytes"))?;
        let EntryName::Signature(key, algorithm) = header.name else {
            return Ok((Head { statement, statement_bytes, signatures }, before));
        };
        let follows =
            signatures.last().is_none_or(|before| (before.key, before.algorithm) < (key, algorithm));
        if !follows || signatures.len() == SIGNATURES_MAX {
            let expected = format!("at most {SIGNATURES_MAX} signatures, sorted by key and algorithm");
            return Err(FormatError::whole("chunk", expected, header.name.to_string()));
        }
        let allowed = algorithm.bytes();
        if !allowed.contains(&header.bytes) {
            let expected = format!("a signature of {} to {} bytes", allowed.start(), allowed.end());
            let found = format!("{} of {} bytes", header.name, header.bytes);
            return Err(FormatError::whole("chunk", expected, found));
        }
        let bytes = take_payload(start, &mut at, header.bytes)?.to_vec();
        signatures.push(Signature { key, algorithm, bytes });
    }
}

/// Appends an entry: header, payload, padding.
pub(crate) fn put(out: &mut Vec<u8>, name: EntryName, payload: &[u8]) {
    let bytes = payload.len() as u64;
    out.extend(Header { name, bytes }.encode());
    out.extend(payload);
    out.resize(out.len() + usize::try_from(padded(bytes) - bytes).expect("less than a block"), 0);
}

fn take<'a>(start: &'a [u8], at: &mut usize, bytes: usize) -> Result<&'a [u8], FormatError> {
    let end = at.saturating_add(bytes);
    let taken = start.get(*at..end).ok_or_else(|| {
        FormatError::whole(
            "chunk",
            format!("at least {end} bytes"),
            format!("the end after {} bytes", start.len()),
        )
    })?;
    *at = end;
    Ok(taken)
}

fn take_header(start: &[u8], at: &mut usize) -> Result<Header, FormatError> {
    let block = take(start, at, 512)?;
    Header::decode(block.try_into().expect("a block has 512 bytes"))
}

fn take_payload<'a>(start: &'a [u8], at: &mut usize, bytes: u64) -> Result<&'a [u8], FormatError> {
    let length = usize::try_from(bytes).expect("bounded by the caller");
    let whole = usize::try_from(padded(bytes)).expect("bounded by the caller");
    let (payload, padding) = take(start, at, whole)?.split_at(length);
    check_zero(padding, "padding")?;
    Ok(payload)
}

/// Checks that all bytes are zero.
pub(crate) fn check_zero(bytes: &[u8], what: &'static str) -> Result<(), FormatError> {
    match bytes.iter().find(|&&b| b != 0) {
        None => Ok(()),
        Some(found) => Err(FormatError::whole(what, "zero bytes", format!("{found:#04x}"))),
    }
}
