//! What parses renders to the same bytes, and no input makes a parser panic.

use carnet::format::annex::{Annex, AnnexChunk, AnnexDocument};
use carnet::format::chunk_table::{ChunkLine, ChunkTable};
use carnet::format::entry::{Document, EntryName};
use carnet::format::head::Head;
use carnet::format::plan::Plan;
use carnet::format::statement::{Class, Crossing, Kind, Statement};
use carnet::format::sums::Sums;
use carnet::format::tar::Header;
use carnet::format::{Sum, Sum384, SumPair, Sums384, Timestamp};
use carnet::oci::graph::{INDEX_DEPTH_MAX, Walk};
use carnet::oci::{Descriptor, Digest, Document as OciDocument, MediaType};
use proptest::prelude::*;

use super::support::forge::Forged;
use super::support::layout::{Item, image_text, index_text};
use super::support::packed;

fn sum() -> impl Strategy<Value = Sum> {
    any::<[u8; 32]>().prop_map(Sum)
}

fn digest() -> impl Strategy<Value = Digest> {
    prop_oneof![
        any::<[u8; 32]>().prop_map(Digest::Sha256),
        (any::<[u8; 32]>(), any::<[u8; 32]>())
            .prop_map(|(a, b)| { Digest::Sha512([a, b].concat().try_into().expect("64 bytes")) }),
    ]
}

fn name() -> impl Strategy<Value = EntryName> {
    let offset = 0..=9_999_999_999_999_u64;
    let document = prop_oneof![Just(Document::Plan), Just(Document::Chunks), Just(Document::Index)];
    prop_oneof![
        Just(EntryName::Annex),
        Just(EntryName::OciLayout),
        Just(EntryName::Recover),
        document.clone().prop_map(EntryName::Document),
        (document, offset.clone()).prop_map(|(document, offset)| EntryName::AnnexPart(document, offset)),
        digest().prop_map(EntryName::Blob),
        (digest(), offset).prop_map(|(digest, offset)| EntryName::Slice(digest, offset)),
    ]
}

fn time() -> impl Strategy<Value = Timestamp> {
    (0..253_402_207_200_u64)
        .prop_map(|seconds| Timestamp::from_seconds(seconds).expect("before the year 10000"))
}

fn crossing() -> impl Strategy<Value = Crossing> {
    let stream = proptest::option::of((
        "[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?",
        proptest::option::of(0..=i64::MAX as u64),
        proptest::option::of(sum()),
    ));
    ("[a-z0-9]{1,40}", stream, proptest::option::of("[!-~]([ -~]{0,254}[!-~])?")).prop_map(
        |(name, stream, label)| {
            let label = label.filter(|label| label != "-").map(|label| label.parse().expect("a label"));
            let name = name.parse().expect("a name");
            match stream {
                None => Crossing { name, stream: None, sequence: None, previous: None, label },
                Some((stream, sequence, previous)) => Crossing {
                    name,
                    stream: Some(stream.parse().expect("a stream")),
                    sequence,
                    previous,
                    label,
                },
            }
        },
    )
}

fn sum384() -> impl Strategy<Value = Sum384> {
    proptest::collection::vec(any::<u8>(), 48).prop_map(|bytes| Sum384(bytes.try_into().expect("48 bytes")))
}

/// With SHA-384, and without.
fn pair() -> impl Strategy<Value = SumPair> {
    (sum(), proptest::option::of(sum384())).prop_map(|(sha256, sha384)| SumPair { sha256, sha384 })
}

fn class() -> impl Strategy<Value = Class> {
    prop_oneof![Just(Class::Nondistributable), Just(Class::Metadata), Just(Class::Distributable)]
}

fn statement() -> impl Strategy<Value = Statement> {
    let numbers = (0..=99_999_u32, 0..=99_999_u32, 0..=8_589_934_591_u64, 0..3_u8);
    (sum(), crossing(), class(), numbers, time(), proptest::option::of(time()), pair()).prop_map(
        |(bundle, crossing, class, (a, b, bytes, kind), created, expires, sums)| {
            let sums = if kind == 2 { sums.sha256.into() } else { sums };
            let (number, last) = if kind == 2 { (a, b) } else { (a.min(b), a.max(b)) };
            let (kind, class) = match kind {
                2 => (Kind::Parity, None),
                1 if number > 0 => (Kind::Data, Some(class)),
                _ => (Kind::Control, Some(Class::Metadata)),
            };
            Statement { bundle, crossing, kind, class, number, last, bytes, created, expires, sums }
        },
    )
}

/// Changes, insertions and removals at any place.
fn mutations() -> impl Strategy<Value = Vec<(usize, u8, u8)>> {
    proptest::collection::vec((any::<usize>(), any::<u8>(), 0..6_u8), 1..4)
}

fn mutate(bytes: &[u8], mutations: &[(usize, u8, u8)]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for &(at, byte, kind) in mutations {
        if out.is_empty() {
            break;
        }
        let at = at % out.len();
        match kind {
            0 => out[at] = byte,
            1 => out[at] ^= 1 << (byte % 8),
            2 => out.insert(at, byte),
            3 => drop(out.remove(at)),
            4 => out.truncate(at),
            _ => {
                // This makes numbers larger.
                let nine = out[at].is_ascii_digit();
                out[at] = if nine { b'9' } else { b' ' };
            }
        }
    }
    out
}

/// Parses, and asserts that the result renders to the same bytes.
macro_rules! same {
    ($type:ty, $bytes:expr) => {{
        let bytes: &[u8] = $bytes;
        if let Ok(read) = <$type>::parse(bytes) {
            prop_assert_eq!(read.render(), bytes);
        }
    }};
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn statements_read_back(statement in statement(), mutations in mutations()) {
        let bytes = statement.render();
        prop_assert!(bytes.len() <= 4096);
        prop_assert_eq!(Statement::parse(&bytes).expect("a statement"), statement);
        same!(Statement, &mutate(&bytes, &mutations));
    }

    #[test]
    fn sums_read_back(entries in proptest::collection::hash_map(name(), sum(), 1..20), mutations in mutations()) {
        let sum_of = |(name, sum): (EntryName, Sum)| match name {
            EntryName::Blob(Digest::Sha256(digest)) => (name, Sum(digest)),
            _ => (name, sum),
        };
        let sums = Sums::new(entries.into_iter().map(sum_of).collect());
        let bytes = sums.render();
        prop_assert_eq!(Sums::parse(&bytes).expect("sums"), sums);
        same!(Sums, &mutate(&bytes, &mutations));
    }

    #[test]
    fn lists_of_sha384_read_back(entries in proptest::collection::vec((name(), sum384()), 1..20), mutations in mutations()) {
        let sums = Sums384::new(entries);
        let bytes = sums.render();
        prop_assert_eq!(Sums384::parse(&bytes).expect("sums"), sums);
        same!(Sums384, &mutate(&bytes, &mutations));
    }

    #[test]
    fn chunk_tables_read_back(lines in proptest::collection::vec((class(), 0..=8_589_934_591_u64, pair()), 0..20), mutations in mutations()) {
        let lines = lines.into_iter().zip(1..).map(|((class, bytes, sums), number)| ChunkLine { number, class, bytes, sums });
        let table = ChunkTable::new(lines.collect());
        let bytes = table.render();
        prop_assert_eq!(ChunkTable::parse(&bytes).expect("a table"), table);
        same!(ChunkTable, &mutate(&bytes, &mutations));
    }

    #[test]
    fn annexes_read_back(sums in proptest::collection::vec(pair(), 4..12), sizes in (0..1_u64 << 24, 0..1_u64 << 24, 0..1_u64 << 24), first in 1..50_000_u32, mutations in mutations()) {
        let document = |at: usize, bytes| AnnexDocument { document: Document::ALL[at], bytes, sum: sums[at].sha256 };
        let documents = [document(0, sizes.0), document(1, sizes.1), document(2, sizes.2)];
        let chunks = sums[3..].iter().zip(first..).map(|(&sums, number)| AnnexChunk { number, bytes: sizes.0, sums });
        let annex = Annex { documents, chunks: chunks.collect() };
        let bytes = annex.render();
        prop_assert_eq!(Annex::parse(&bytes).expect("an annex"), annex);
        same!(Annex, &mutate(&bytes, &mutations));
    }

    #[test]
    fn headers_read_back(name in name(), bytes in 0..=0o77_777_777_777_u64, mutations in mutations()) {
        let header = Header { name, bytes };
        let block = header.encode();
        prop_assert_eq!(Header::decode(&block).expect("a header"), header);
        if let Ok(changed) = <[u8; 512]>::try_from(mutate(&block, &mutations))
            && let Ok(read) = Header::decode(&changed)
        {
            prop_assert_eq!(read.encode(), changed);
        }
    }

    #[test]
    fn a_header_has_one_encoding(block in proptest::collection::vec(any::<u8>(), 512)) {
        let block: [u8; 512] = block.try_into().expect("512 bytes");
        prop_assert!(Header::decode(&block).map_or(true, |read| read.encode() == block));
    }

    #[test]
    fn plans_read_back(mutations in mutations()) {
        let text = Forged::new().plan;
        let plan = Plan::parse(&text).expect("a plan");
        prop_assert_eq!(&plan.render(), &text);
        same!(Plan, &mutate(&text, &mutations));
    }

    #[test]
    fn heads_read_back(mutations in mutations()) {
        let chunk = &packed().chunks[1];
        let changed = mutate(&chunk[..4096], &mutations);
        if let Ok(head) = Head::parse(&changed, chunk.len() as u64) {
            let bytes = head.render();
            prop_assert_eq!(&bytes[..], &changed[..bytes.len()]);
            same!(Statement, &head.statement_bytes);
        }
    }

    #[test]
    fn random_bytes_render_back_or_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        same!(Statement, &bytes);
        same!(Sums, &bytes);
        same!(ChunkTable, &bytes);
        same!(Annex, &bytes);
        same!(Plan, &bytes);
        prop_assert!(Head::parse(&bytes, bytes.len() as u64).is_err());
    }

    #[test]
    fn documents_never_panic(mutations in mutations()) {
        let item = Item::of("application/x", b"x").named("a").with(r#""platform":{"os":"a","architecture":"b"},"data":"eA==""#);
        for (text, media_type) in [
            (image_text(&item, std::slice::from_ref(&item)), MediaType::image_manifest()),
            (index_text(std::slice::from_ref(&item)), MediaType::image_index()),
        ] {
            let bytes = mutate(text.as_bytes(), &mutations);
            let at = Descriptor::new(media_type, Digest::sha256(&bytes), bytes.len() as u64);
            if let Ok(document) = OciDocument::parse(&at, &bytes) {
                prop_assert!(document.successors().all(|child| child.inline_data().is_ok()));
            }
        }
    }

    #[test]
    fn walks_are_bounded(edges in proptest::collection::vec((0..12_u8, 0..12_u8, any::<bool>()), 1..60)) {
        let at = |n: u8, index: bool| {
            let media_type = if index { MediaType::image_index() } else { MediaType::image_manifest() };
            Descriptor::new(media_type, Digest::sha256(&[n]), 1)
        };
        // Real digests cannot form cycles, but a walk must not rely on that.
        let Ok(mut walk) = Walk::new(&at(0, true), &[]) else { return Ok(()) };
        let mut entered = 0;
        while let Some((descriptor, depth)) = walk.next() {
            entered += 1;
            prop_assert!(entered <= 12, "every document once");
            prop_assert!(depth <= INDEX_DEPTH_MAX);
            let from = (0..12).find(|&n| Digest::sha256(&[n]) == descriptor.digest).expect("a node");
            let children = edges.iter().filter(|edge| edge.0 == from).map(|edge| at(edge.1, edge.2));
            let document = OciDocument::Index { manifests: children.collect(), subject: None, artifact_type: None };
            if walk.enter(&descriptor, depth, &document).is_err() {
                return Ok(());
            }
        }
        prop_assert!(walk.finish().nodes.len() <= 12);
    }
}
