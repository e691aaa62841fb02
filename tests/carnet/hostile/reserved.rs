//! What is ignored if it is odd: signatures of other algorithms, parity files, other room for heads.

use carnet::format::Sum;
use carnet::format::signature::Signature;
use carnet::format::statement::{Class, Kind, Statement};
use carnet::trust::KeyFile;

use super::support::forge::{Forged, Parts, head, signature};
use super::support::run::{Expect, deliver};
use super::support::{named, packed};

/// The control chunk with these signatures beside the packer's.
fn control_with(others: &[Signature]) -> Vec<(String, Vec<u8>)> {
    chunk_with(0, others)
}

fn chunk_with(number: usize, others: &[Signature]) -> Vec<(String, Vec<u8>)> {
    let mut chunks = packed().chunks.clone();
    let parts = &Forged::new().chunks[number];
    let text = parts.fitting().render();
    let mut signatures = vec![signature(&packed().key, &text)];
    signatures.extend(others.iter().cloned());
    signatures.sort_by_key(|signature| (signature.key, signature.algorithm));
    chunks[number] = [head(&text, &signatures), parts.body()].concat();
    named(&chunks)
}

fn of(algorithm: &str, bytes: usize) -> Signature {
    Signature { key: [0x11; 8], algorithm: algorithm.parse().expect("a name"), bytes: vec![7; bytes] }
}

#[test]
fn a_signature_of_an_unknown_algorithm_counts_for_nothing() {
    let (verified, _) = deliver("another algorithm", &control_with(&[of("slhdsa", 4627)]), Expect::Complete);
    assert!(verified.stdout.contains("algorithm"), "{verified}");
    deliver("two of one key", &control_with(&[of("a", 1), of("b", 1)]), Expect::Complete);
    let alone = {
        let mut chunks = packed().chunks.clone();
        let parts = &Forged::new().chunks[0];
        let text = parts.fitting().render();
        chunks[0] = [head(&text, &[of("slhdsa", 4627)]), parts.body()].concat();
        named(&chunks)
    };
    deliver("no other signature", &alone, Expect::Untrusted);
}

#[test]
fn signatures_have_bounds() {
    let passenger = |what, others: &[Signature]| deliver(what, &chunk_with(1, others), Expect::Incomplete);
    // The plan says that each data chunk has one Ed25519 signature, and the room of its statement is not for others.
    passenger("a second signature that the plan does not have", &[of("mldsa87", 4627)]);
    passenger("a short one of an unknown algorithm", &[of("a", 1)]);
    passenger("a third one", &[of("a", 1), of("b", 1)]);
    deliver(
        "an ML-DSA-87 signature that is short",
        &control_with(&[of("mldsa87", 4626)]),
        Expect::Incomplete,
    );
    deliver("an ML-DSA-87 signature that is long", &control_with(&[of("mldsa87", 4628)]), Expect::Incomplete);
    deliver("an ML-DSA-87 signature of nobody", &control_with(&[of("mldsa87", 4627)]), Expect::Complete);
    deliver("an Ed25519 signature that is short", &control_with(&[of("ed25519", 63)]), Expect::Incomplete);
    deliver("an Ed25519 signature that is long", &control_with(&[of("ed25519", 65)]), Expect::Incomplete);
    deliver("an ECDSA signature that is short", &control_with(&[of("ecdsap384", 7)]), Expect::Incomplete);
    deliver("an ECDSA signature that is long", &control_with(&[of("ecdsap384", 104)]), Expect::Incomplete);
    deliver("an ECDSA signature of nobody", &control_with(&[of("ecdsap384", 103)]), Expect::Complete);
    deliver("an empty signature", &control_with(&[of("new", 0)]), Expect::Incomplete);
    deliver("too long a signature", &control_with(&[of("new", 8193)]), Expect::Incomplete);
    // The plan keeps 20,992 bytes for the head of the control chunk.
    deliver(
        "more than the plan has room for",
        &control_with(&[of("a", 8192), of("b", 8192), of("c", 8192)]),
        Expect::Incomplete,
    );
}

/// Changes the line `heads` of the plan; everything else is sealed to go with it.
fn heads(line: &str) {
    let mut forged = Forged::new();
    let text = String::from_utf8(forged.plan.clone()).expect("ASCII");
    assert!(text.contains("\nheads 5632 20992\n"), "{text}");
    forged.plan = text.replacen("\nheads 5632 20992\n", &format!("\n{line}"), 1).into_bytes();
    deliver(line, &named(&forged.seal()), Expect::Incomplete);
}

#[test]
fn the_room_for_heads_has_one_form_and_bounds() {
    heads("");
    heads("heads 5632\n");
    heads("heads 20992 5632\n");
    heads("heads 5120 20992\n");
    heads("heads 5633 20992\n");
    heads("heads 5632 20993\n");
    heads("heads 5632 99999744\n");
    heads("heads 5632 9223372036854775807\n");
    heads("heads 05632 20992\n");
}

/// A parity file that has nothing of one but its statement.
fn parity(number: u32, change: impl FnOnce(&mut Statement)) -> Vec<u8> {
    sealed_by(&packed().key, number, change)
}

fn sealed_by(key: &KeyFile, number: u32, change: impl FnOnce(&mut Statement)) -> Vec<u8> {
    let control = &Forged::new().chunks[0];
    let payload = vec![0xab; 3000];
    let mut statement = Statement {
        kind: Kind::Parity,
        class: None,
        number,
        bytes: payload.len() as u64 + 512,
        sums: Sum::of(b"what a later version defines").into(),
        ..control.statement.clone()
    };
    change(&mut statement);
    let text = statement.render();
    let sums = super::support::tar::entry(b"02_sums.txt", b"");
    [head(&text, &[signature(key, &text)]), sums, payload].concat()
}

fn beside(chunk: Vec<u8>) -> Vec<(String, Vec<u8>)> {
    let mut files = named(&packed().chunks);
    files.push(("extra.tar".to_owned(), chunk));
    files
}

#[test]
fn a_parity_file_with_another_content_harms_nothing() {
    for number in [0, 1, 99_999] {
        let (verified, unpacked) =
            deliver("a parity file", &beside(parity(number, |_| ())), Expect::Complete);
        assert!(verified.stdout.contains("damaged"), "{verified}");
        assert_eq!(unpacked.code, 0, "{unpacked}");
    }
    let mut lost = beside(parity(1, |_| ()));
    lost.remove(1);
    deliver("a parity file that says nothing", &lost, Expect::Incomplete);
    let stranger = sealed_by(&KeyFile::generate().expect("a key"), 0, |_| ());
    let (verified, _) = deliver("a stranger's parity", &beside(stranger), Expect::Complete);
    assert!(verified.stdout.contains("untrusted"), "{verified}");
}

#[test]
fn a_parity_chunk_has_no_class_and_others_have_one() {
    let classed = parity(0, |statement| statement.class = Some(Class::Metadata));
    let (verified, _) = deliver("a class", &beside(classed), Expect::Complete);
    assert!(verified.stdout.contains("unreadable"), "{verified}");
    let mut chunks = packed().chunks.clone();
    let mut parts = Parts::of(&chunks[1]);
    parts.statement.class = None;
    chunks[1] = parts.seal();
    deliver("a data chunk without a class", &named(&chunks), Expect::Incomplete);
}
