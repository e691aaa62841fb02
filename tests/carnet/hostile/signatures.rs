//! Signatures: who signed decides, and each holder counts once.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use carnet::format::signature::Signature;
use carnet::trust::{KeyFile, PublicKey, Signer as _};

use super::support::forge::{Forged, head, signature};
use super::support::run::{Expect, carnet, deliver, judge};
use super::support::{folder, named, packed};

/// The control chunk signed by all of these keys, the other chunks by the first one only.
fn signed(by: &[&KeyFile]) -> Vec<Vec<u8>> {
    let mut chunks = resigned(&|text| vec![signature(by[0], text)]);
    chunks[0] = resigned(&|text| by.iter().map(|key| signature(*key, text)).collect()).swap_remove(0);
    chunks
}

#[test]
fn only_the_control_chunk_may_have_several_signatures() {
    let mut chunks = signed(&[&packed().key]);
    chunks[1] =
        resigned(&|text| vec![signature(&packed().key, text), signature(&key(), text)]).swap_remove(1);
    deliver("a passenger on chunk 1", &named(&chunks), Expect::Incomplete);
}

fn resigned(sign: &dyn Fn(&[u8]) -> Vec<Signature>) -> Vec<Vec<u8>> {
    let chunk = |parts: &super::support::forge::Parts| {
        let text = parts.fitting().render();
        let mut signatures = sign(&text);
        signatures.sort_by_key(|signature| signature.key);
        [head(&text, &signatures), parts.body()].concat()
    };
    Forged::new().chunks.iter().map(chunk).collect()
}

fn key() -> KeyFile {
    KeyFile::generate().expect("a key")
}

fn deliver_under(what: &str, trust: &str, chunks: &[Vec<u8>], expect: Expect) {
    let station = folder();
    let arrived = station.path().join("in");
    fs::create_dir(&arrived).expect("a folder");
    for (name, bytes) in named(chunks) {
        fs::write(arrived.join(name), bytes).expect("written");
    }
    let policy = folder();
    let file = policy.path().join("trust.toml");
    fs::write(&file, trust).expect("written");
    judge(what, station.path(), &[OsStr::new("--trust"), file.as_os_str()], expect);
}

fn policy(threshold: u32, keys: &[(&str, &PublicKey, &str)]) -> String {
    let mut text = format!("version = 1\nrelease-threshold = {threshold}\n");
    for (holder, key, more) in keys {
        let key = key.to_word();
        text += &format!("[[keys]]\nholder = \"{holder}\"\npublic-key = \"{key}\"\n{more}\n");
    }
    text
}

const BOTH: &str = "roles = [\"packer\", \"releaser\"]";
const PACKER: &str = "roles = [\"packer\"]";
const RELEASER: &str = "roles = [\"releaser\"]";

#[test]
fn a_chunk_without_a_signature_is_refused() {
    deliver("no signatures", &named(&resigned(&|_| Vec::new())), Expect::NoChunk);
}

#[test]
fn signatures_of_untrusted_keys_do_not_count() {
    let stranger = key();
    deliver("signed by a stranger", &named(&signed(&[&stranger])), Expect::Untrusted);
    let named_as_ours = resigned(&|text| {
        vec![Signature { key: packed().key.public_key().id().short().into(), ..signature(&stranger, text) }]
    });
    deliver("signed by a stranger under our id", &named(&named_as_ours), Expect::Untrusted);
    let mut one = packed().chunks.clone();
    one[1] = signed(&[&stranger])[1].clone();
    deliver("one chunk signed by a stranger", &named(&one), Expect::Untrusted);
    let mut control = packed().chunks.clone();
    control[0] = signed(&[&stranger])[0].clone();
    deliver("the control chunk signed by a stranger", &named(&control), Expect::Untrusted);
}

#[test]
fn an_additional_untrusted_signature_does_no_harm() {
    deliver("signed by us and a stranger", &named(&signed(&[&packed().key, &key()])), Expect::Complete);
}

#[test]
fn altered_signatures_are_refused() {
    let ours = |change: &dyn Fn(&mut [u8; 64])| {
        resigned(&|text| {
            let mut signature = signature(&packed().key, text);
            change(signature.bytes.as_mut_slice().try_into().expect("64 bytes"));
            vec![signature]
        })
    };
    // The order of the group. S must be smaller (RFC 8032, section 5.1.7).
    let order = hex::decode("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010").expect("hex");
    let add_order = |bytes: &mut [u8; 64]| {
        let mut carry = 0_u16;
        for (digit, add) in bytes[32..].iter_mut().zip(&order) {
            carry += u16::from(*digit) + u16::from(*add);
            *digit = carry.to_le_bytes()[0];
            carry >>= 8;
        }
    };
    for (what, chunks) in [
        ("S and the group's order", ours(&add_order)),
        ("a changed bit in R", ours(&|bytes| bytes[0] ^= 1)),
        ("a changed bit in S", ours(&|bytes| bytes[32] ^= 1)),
        ("the sign of R", ours(&|bytes| bytes[31] ^= 0x80)),
        ("zeros", ours(&|bytes| bytes.fill(0))),
        (
            "the identity and zero",
            ours(&|bytes| {
                bytes.fill(0);
                bytes[0] = 1;
            }),
        ),
        ("all ones", ours(&|bytes| bytes.fill(0xff))),
    ] {
        deliver(what, &named(&chunks), Expect::Untrusted);
    }
}

#[test]
fn signatures_of_other_lengths_are_refused() {
    for length in [0_usize, 63, 65, 128] {
        let mut chunks = packed().chunks.clone();
        let parts = &Forged::new().chunks[1];
        let text = parts.fitting().render();
        let signature = signature(&packed().key, &text);
        let mut bytes = signature.bytes.clone();
        bytes.resize(length, 0);
        let name = format!("01_{}.ed25519.sig", hex::encode(signature.key));
        let entry = super::support::tar::entry(name.as_bytes(), &bytes);
        chunks[1] = [head(&text, &[]), entry, parts.body()].concat();
        deliver(&format!("a signature of {length} bytes"), &named(&chunks), Expect::Incomplete);
    }
}

#[test]
fn unsorted_and_duplicate_signatures_are_refused() {
    let other = key();
    let parts = &Forged::new().chunks[1];
    let text = parts.fitting().render();
    let ours = signature(&packed().key, &text);
    let mut two = vec![ours.clone(), signature(&other, &text)];
    two.sort_by_key(|signature| std::cmp::Reverse(signature.key));
    for (what, signatures) in [("unsorted", two), ("one twice", vec![ours.clone(), ours])] {
        let mut chunks = packed().chunks.clone();
        chunks[1] = [head(&text, &signatures), parts.body()].concat();
        deliver(what, &named(&chunks), Expect::Incomplete);
    }
}

#[test]
fn weak_keys_are_refused() {
    let station = folder();
    // The points of small order (cr.yp.to/ecdh.html#validate, as Edwards points), and two encodings that are not canonical.
    for point in [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ] {
        use base64::Engine as _;
        let der = hex::decode(format!("302a300506032b6570032100{point}")).expect("hex");
        let text = base64::engine::general_purpose::STANDARD.encode(der);
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n");
        let file = station.path().join("weak.pem");
        fs::write(&file, pem).expect("written");
        let ran = carnet([
            "verify".as_ref(),
            Path::new("/").as_os_str(),
            "--pub".as_ref(),
            file.as_os_str(),
            "--json".as_ref(),
        ]);
        assert!([1, 2, 3].contains(&ran.code), "{point}: {ran}");
        assert!(ran.error_code().contains("key"), "{point}: {ran}");
    }
}

#[test]
fn roles_streams_and_validity_of_keys_are_enforced() {
    let ours = packed().key.public_key();
    let other = key();
    let chunks = &packed().chunks;
    let with = |more: &str| {
        policy(1, &[("us", ours, &format!("{BOTH}\n{more}")), ("they", other.public_key(), BOTH)])
    };
    deliver_under("a valid key", &with(""), chunks, Expect::Complete);
    deliver_under("expired", &with("valid-until = 2020-01-01T00:00:00Z"), chunks, Expect::Untrusted);
    deliver_under("not yet valid", &with("valid-from = 2999-01-01T00:00:00Z"), chunks, Expect::Untrusted);
    deliver_under("revoked", &with("revoked = true"), chunks, Expect::Untrusted);
    deliver_under("revoked before", &with("revoked = 2020-01-01T00:00:00Z"), chunks, Expect::Untrusted);
    deliver_under(
        "a key for another stream",
        &with("streams = [\"corp-to-high\"]"),
        chunks,
        Expect::Untrusted,
    );
    let swapped = policy(1, &[("us", ours, RELEASER), ("they", other.public_key(), PACKER)]);
    deliver_under("the right key in the wrong role", &swapped, chunks, Expect::Untrusted);
    let packer = policy(1, &[("us", ours, PACKER), ("they", other.public_key(), RELEASER)]);
    deliver_under("a packer does not release", &packer, chunks, Expect::Unreleased);
}

#[test]
fn a_release_needs_different_holders() {
    let (ours, second, third) = (&packed().key, key(), key());
    let two = signed(&[ours, &second]);
    let different = policy(2, &[("us", ours.public_key(), BOTH), ("they", second.public_key(), RELEASER)]);
    deliver_under("two of two", &different, &two, Expect::Complete);
    deliver_under("one of two", &different, &packed().chunks, Expect::Unreleased);
    let same = policy(
        2,
        &[
            ("us", ours.public_key(), BOTH),
            ("us", second.public_key(), RELEASER),
            ("they", third.public_key(), RELEASER),
        ],
    );
    deliver_under("two keys of one holder", &same, &two, Expect::Unreleased);
    let mut doubled = packed().chunks.clone();
    let parts = &Forged::new().chunks[0];
    let text = parts.fitting().render();
    let mine = signature(ours, &text);
    let again = Signature { key: second.public_key().id().short().into(), ..mine.clone() };
    let mut signatures = vec![mine, again];
    signatures.sort_by_key(|signature| signature.key);
    doubled[0] = [head(&text, &signatures), parts.body()].concat();
    deliver_under("one signature under two ids", &different, &doubled, Expect::Unreleased);
    let data_only = {
        let mut chunks = two.clone();
        chunks[0].clone_from(&packed().chunks[0]);
        chunks
    };
    deliver_under("the release is on the control chunk", &different, &data_only, Expect::Unreleased);
}

#[test]
fn an_expired_bundle_is_refused() {
    let mut forged = Forged::new();
    for parts in &mut forged.chunks {
        parts.statement.created = "2020-01-01T00:00:00Z".parse().expect("a time");
        parts.statement.expires = Some("2020-01-02T00:00:00Z".parse().expect("a time"));
    }
    deliver("an expired bundle", &named(&forged.seal()), Expect::Expired);
}
