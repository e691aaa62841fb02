//! Parity files that lie. Whatever they say, nothing is written that its own signature does not prove.

use std::fs;
use std::path::PathBuf;

use carnet::format::entry::EntryName;

use super::support::forge::Parts;
use super::support::run::{Expect, Ran, carnet, deliver};
use super::support::{folder, named, packed};

/// The parity files of the trusted packer for the bundle.
fn parity_files() -> Vec<Vec<u8>> {
    let station = folder();
    let (place, to) = (station.path().join("in"), station.path().join("parity"));
    fs::create_dir(&place).expect("a folder");
    for (name, bytes) in named(&packed().chunks) {
        fs::write(place.join(name), bytes).expect("written");
    }
    let key = station.path().join("station.key.pem");
    fs::write(&key, packed().key.to_pem(None).expect("a key").as_bytes()).expect("written");
    let ran = carnet([
        "parity".as_ref(),
        place.as_os_str(),
        "--parity".as_ref(),
        "1".as_ref(),
        "--key".as_ref(),
        key.as_os_str(),
        "--to".as_ref(),
        to.as_os_str(),
    ]);
    assert_eq!(ran.code, 0, "{ran}");
    let mut paths: Vec<PathBuf> =
        fs::read_dir(&to).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("read")).collect()
}

/// A parity file with one entry changed, signed by the trusted packer.
fn with(bytes: &[u8], name: &str, change: &dyn Fn(&mut Vec<u8>)) -> Vec<u8> {
    let mut parts = Parts::of(bytes);
    for (known, payload) in &mut parts.entries {
        if known.to_string() == name || (name == "stripes" && matches!(known, EntryName::ParityStripes(..))) {
            change(payload);
        }
    }
    parts.rebuild();
    parts.seal()
}

fn text(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    with(bytes, "parity.txt", &|payload| {
        let text = String::from_utf8(payload.clone()).expect("ASCII");
        assert!(text.contains(from), "{text}");
        *payload = text.replacen(from, to, 1).into_bytes();
    })
}

/// Repairs the bundle without chunk 1, with these parity files.
fn repaired(parity: &[Vec<u8>]) -> (Ran, bool) {
    let station = folder();
    let (place, to) = (station.path().join("in"), station.path().join("to"));
    fs::create_dir(&place).expect("a folder");
    for (number, (name, bytes)) in named(&packed().chunks).into_iter().enumerate() {
        if number != 1 {
            fs::write(place.join(name), bytes).expect("written");
        }
    }
    for (number, bytes) in parity.iter().enumerate() {
        fs::write(place.join(format!("p{number}.tar")), bytes).expect("written");
    }
    let ran = carnet([
        "repair".as_ref(),
        place.as_os_str(),
        "--pub".as_ref(),
        packed().public.as_os_str(),
        "--to".as_ref(),
        to.as_os_str(),
    ]);
    let files = fs::read_dir(&to).map_or(0, |entries| {
        entries
            .filter(|entry| !entry.as_ref().is_ok_and(|e| e.file_name().to_string_lossy().starts_with('.')))
            .count()
    });
    (ran, files > 0)
}

/// Repairs chunk 1, which has a wrong byte, in its place, with these parity files. Returns whether a chunk file changed.
fn mended(parity: &[Vec<u8>]) -> (Ran, bool) {
    let station = folder();
    let place = station.path();
    let mut chunks = named(&packed().chunks);
    let last = chunks[1].1.len() - 1;
    chunks[1].1[last - 2_000] ^= 1;
    for (name, bytes) in &chunks {
        fs::write(place.join(name), bytes).expect("written");
    }
    for (number, bytes) in parity.iter().enumerate() {
        fs::write(place.join(format!("p{number}.tar")), bytes).expect("written");
    }
    let public = packed().public.as_os_str();
    let ran = carnet(["repair".as_ref(), place.as_os_str(), "--pub".as_ref(), public]);
    let is_changed = |(name, bytes): &(String, Vec<u8>)| fs::read(place.join(name)).expect("read") != *bytes;
    (ran, chunks.iter().any(is_changed))
}

#[test]
fn parity_that_is_right_repairs() {
    let (ran, changed) = mended(&parity_files());
    assert_eq!((ran.code, changed), (0, true), "{ran}");
    let (ran, wrote) = repaired(&parity_files());
    assert_eq!((ran.code, wrote), (0, true), "{ran}");
}

#[test]
fn parity_that_lies_writes_nothing() {
    let right = parity_files();
    let all = |change: &dyn Fn(&[u8]) -> Vec<u8>| right.iter().map(|bytes| change(bytes)).collect::<Vec<_>>();
    let zero = |payload: &mut Vec<u8>| payload.iter_mut().for_each(|byte| *byte = 0);
    // Stripes of another bundle, with sums that fit: the result does not match its statement.
    let stripes = all(&|bytes| {
        let changed = with(bytes, "stripes", &|payload| payload.iter_mut().for_each(|byte| *byte ^= 0x55));
        with(&changed, "parity/check", &|_| ())
    });
    let cases: Vec<(&str, Vec<Vec<u8>>)> = vec![
        ("other stripes", stripes),
        ("other sums of blocks", all(&|bytes| with(bytes, "parity/blocks", &zero))),
        ("sums of blocks that are short", all(&|bytes| with(bytes, "parity/blocks", &|p| p.truncate(32)))),
        ("stripes that are short", all(&|bytes| with(bytes, "stripes", &|p| p.truncate(64)))),
        ("more losses", all(&|bytes| text(bytes, "losses 1\n", "losses 2\n"))),
        ("an odd stripe", all(&|bytes| text(bytes, "\nstripe ", "\nstripe 1"))),
        ("another group", all(&|bytes| text(bytes, "group 0 of 0", "group 0 of 1"))),
        ("no chunk 1", all(&|bytes| text(bytes, "\nchunk 1 ", "\nchunk 3 "))),
        ("another length", all(&|bytes| text(bytes, "distributable ", "distributable 1"))),
        ("an empty text", all(&|bytes| with(bytes, "parity.txt", &Vec::clear))),
    ];
    for (what, parity) in cases {
        let (ran, wrote) = repaired(&parity);
        assert_ne!(ran.code, 0, "{what}: {ran}");
        assert!(!wrote, "{what}: {ran}");
        let (ran, changed) = mended(&parity);
        assert_ne!(ran.code, 0, "{what}: {ran}");
        assert!(!changed, "{what}: {ran}");
        let mut files = named(&packed().chunks);
        files.extend(parity.into_iter().enumerate().map(|(number, bytes)| (format!("p{number}.tar"), bytes)));
        deliver(what, &files, Expect::Complete);
    }
}

#[test]
fn parity_of_a_strangers_key_is_not_used() {
    let stranger = carnet::trust::KeyFile::generate().expect("a key");
    let parity: Vec<Vec<u8>> = parity_files()
        .iter()
        .map(|bytes| {
            let parts = Parts::of(bytes);
            let text = parts.fitting().render();
            let signature = super::support::forge::signature(&stranger, &text);
            [super::support::forge::head(&text, &[signature]), parts.body()].concat()
        })
        .collect();
    let (ran, wrote) = repaired(&parity);
    assert!(ran.code != 0 && !wrote, "{ran}");
    assert!(ran.stderr.contains("no-parity"), "{ran}");
}
