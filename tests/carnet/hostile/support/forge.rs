//! Takes chunks apart and puts them together again, as an attacker could: by changing raw bytes without a
//! key, or as a malicious packer with a trusted key.

use carnet::format::body::Body;
use carnet::format::chunk_table::{ChunkLine, ChunkTable};
use carnet::format::entry::{Document, EntryName};
use carnet::format::head::Head;
use carnet::format::plan::Plan;
use carnet::format::signature::Signature;
use carnet::format::statement::{Kind, Statement};
use carnet::format::sums::Sums;
use carnet::format::{Sum, Sum384, SumPair};
use carnet::trust::Signer;

use super::packed;
use super::tar::entry;

/// A chunk in parts. A test may change any of them.
#[derive(Clone)]
pub(in crate::hostile) struct Parts {
    pub(in crate::hostile) statement: Statement,
    /// `02_sums.txt`.
    pub(in crate::hostile) sums: Vec<u8>,
    /// Names and payloads of the entries, from which the sums are computed.
    pub(in crate::hostile) entries: Vec<(EntryName, Vec<u8>)>,
    /// Every entry after the sums: header, payload, padding.
    pub(in crate::hostile) blocks: Vec<Vec<u8>>,
    /// The end of the file.
    pub(in crate::hostile) end: Vec<u8>,
}

fn read(bytes: &[u8]) -> (Head, Body) {
    let head = Head::parse(bytes, bytes.len() as u64).expect("a head");
    let mut at = |buffer: &mut [u8], offset: u64| {
        let start = usize::try_from(offset).expect("small");
        buffer.copy_from_slice(&bytes[start..start + buffer.len()]);
        Ok(())
    };
    let body = Body::read(&head, &mut at).expect("a body");
    (head, body)
}

impl Parts {
    pub(in crate::hostile) fn of(bytes: &[u8]) -> Parts {
        let parts = Parts::of_any(bytes);
        assert_eq!(parts.seal(), bytes, "taken apart and put together it is the same");
        parts
    }

    /// The parts of a chunk that another key may have signed.
    pub(in crate::hostile) fn of_any(bytes: &[u8]) -> Parts {
        let (head, body) = read(bytes);
        let payload = |offset: u64, length: u64| {
            let start = usize::try_from(offset).expect("small");
            bytes[start..start + usize::try_from(length).expect("small")].to_vec()
        };
        let entries = body.entries.iter().map(|e| (e.name, payload(e.offset, e.bytes))).collect();
        let end = vec![0; 1024];
        let mut parts =
            Parts { statement: head.statement, sums: Vec::new(), entries, blocks: Vec::new(), end };
        parts.rebuild();
        parts
    }

    /// Computes the blocks and sums again from the entries.
    pub(in crate::hostile) fn rebuild(&mut self) {
        self.blocks = self.entries.iter().map(|(name, payload)| block(*name, payload)).collect();
        self.sums = sums_of(&self.entries);
    }

    pub(in crate::hostile) fn payload(&self, name: EntryName) -> Vec<u8> {
        let found = self.entries.iter().find(|(known, _)| *known == name);
        found.unwrap_or_else(|| panic!("no {name}")).1.clone()
    }

    /// The sealed part: sums, entries, end.
    pub(in crate::hostile) fn body(&self) -> Vec<u8> {
        [block(EntryName::Sums, &self.sums), self.blocks.concat(), self.end.clone()].concat()
    }

    /// The statement that matches the parts.
    pub(in crate::hostile) fn fitting(&self) -> Statement {
        let bytes = self.body().len() as u64;
        let list = self.entries.first().filter(|(name, _)| *name == EntryName::Sums384);
        let sha384 = list.map(|(_, list)| Sum384::of(list));
        let sums = SumPair { sha256: Sum::of(&self.sums), sha384 };
        Statement { bytes, sums, ..self.statement.clone() }
    }

    /// The chunk signed by the trusted packer, whatever it contains.
    pub(in crate::hostile) fn seal(&self) -> Vec<u8> {
        self.seal_text(&self.fitting().render())
    }

    /// The chunk signed by any key, whatever it contains.
    pub(in crate::hostile) fn seal_by(&self, key: &dyn Signer) -> Vec<u8> {
        let text = self.fitting().render();
        [head(&text, &[signature(key, &text)]), self.body()].concat()
    }

    /// The chunk signed by the trusted packer, with any text as its statement.
    pub(in crate::hostile) fn seal_text(&self, text: &[u8]) -> Vec<u8> {
        [head(text, &[signature(&packed().key, text)]), self.body()].concat()
    }
}

fn block(name: EntryName, payload: &[u8]) -> Vec<u8> {
    let name = name.to_string();
    if name.len() <= 100 {
        return entry(name.as_bytes(), payload);
    }
    let header =
        carnet::format::tar::Header { name: name.parse().expect("a name"), bytes: payload.len() as u64 };
    [header.encode().to_vec(), super::tar::padded(payload)].concat()
}

pub(in crate::hostile) fn sums_of(entries: &[(EntryName, Vec<u8>)]) -> Vec<u8> {
    Sums::new(entries.iter().map(|(name, payload)| (*name, Sum::of(payload))).collect()).render()
}

pub(in crate::hostile) fn signature(key: &dyn Signer, text: &[u8]) -> Signature {
    key.signature(text).expect("a key in a file signs")
}

/// Statement and signatures, as in a file.
pub(in crate::hostile) fn head(text: &[u8], signatures: &[Signature]) -> Vec<u8> {
    let mut out = entry(b"00_statement.txt", text);
    for signature in signatures {
        out.extend(block(EntryName::Signature(signature.key, signature.algorithm), &signature.bytes));
    }
    out
}

/// The whole bundle in parts.
#[derive(Clone)]
pub(in crate::hostile) struct Forged {
    pub(in crate::hostile) chunks: Vec<Parts>,
    /// The text of the plan, which determines the bundle's id.
    pub(in crate::hostile) plan: Vec<u8>,
    /// `index.json`; without it, the one that belongs to the plan, if the plan can be parsed.
    pub(in crate::hostile) index: Option<Vec<u8>>,
}

impl Forged {
    pub(in crate::hostile) fn new() -> Forged {
        Forged::of(&packed().chunks)
    }

    pub(in crate::hostile) fn of(chunks: &[Vec<u8>]) -> Forged {
        let chunks: Vec<Parts> = chunks.iter().map(|bytes| Parts::of(bytes)).collect();
        let plan = chunks[0].payload(EntryName::Document(Document::Plan));
        Forged { chunks, plan, index: None }
    }

    pub(in crate::hostile) fn read_plan(&self) -> Plan {
        Plan::parse(&self.plan).expect("a plan")
    }

    /// The data chunk with the most entries. It has slices.
    pub(in crate::hostile) fn richest(&self) -> usize {
        (1..self.chunks.len()).max_by_key(|&n| self.chunks[n].entries.len()).expect("chunks")
    }

    /// The bundle of a malicious packer: statements, table and sums match the parts as they are now.
    pub(in crate::hostile) fn seal(&self) -> Vec<Vec<u8>> {
        let id = Sum::of(&self.plan);
        let mut chunks = self.chunks.clone();
        let plan = Plan::parse(&self.plan).ok();
        let mut lines = Vec::new();
        for (number, parts) in (0_u32..).zip(&mut chunks) {
            parts.statement.bundle = id;
            if let Some(plan) = &plan {
                parts.statement.crossing = plan.crossing.clone();
                parts.statement.last = plan.last;
            }
            if number > 0 && parts.statement.kind == Kind::Data {
                let Statement { class, bytes, sums, .. } = parts.fitting();
                let class = class.expect("a data chunk has a class");
                lines.push(ChunkLine { number, class, bytes, sums });
            }
        }
        let table = ChunkTable::new(lines).render();
        let index = self.index.clone().or_else(|| plan.map(|plan| plan.index_json()));
        let control = &mut chunks[0];
        replace(control, EntryName::Document(Document::Plan), &self.plan);
        replace(control, EntryName::Document(Document::Chunks), &table);
        if let Some(index) = index {
            replace(control, EntryName::Document(Document::Index), &index);
        }
        chunks.iter().map(Parts::seal).collect()
    }
}

/// Replaces the payload of an existing entry and updates its sum. Everything else is unchanged.
pub(in crate::hostile) fn replace(parts: &mut Parts, name: EntryName, payload: &[u8]) {
    let Some(at) = parts.entries.iter().position(|(known, _)| *known == name) else { return };
    if parts.entries[at].1 != payload {
        parts.entries[at].1 = payload.to_vec();
        parts.blocks[at] = block(name, payload);
        parts.sums = sums_of(&parts.entries);
    }
}
