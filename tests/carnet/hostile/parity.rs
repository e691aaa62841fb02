//! Parity files that lie. Whatever they say, nothing is written that its own signature does not prove.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;

use carnet::format::BlockSum;
use carnet::format::entry::EntryName;
use carnet::format::head::Head;
use carnet::format::parity::ParityGroup;

use super::support::forge::Parts;
use super::support::run::{Expect, Ran, carnet, deliver};
use super::support::{folder, named, other_bundle, packed};

/// The parity files of the trusted packer for the bundle.
fn parity_files() -> Vec<Vec<u8>> {
    parity_of(&packed().chunks)
}

/// The parity files of the trusted packer for a bundle.
fn parity_of(chunks: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let station = folder();
    let (place, to) = (station.path().join("in"), station.path().join("parity"));
    fs::create_dir(&place).expect("a folder");
    for (name, bytes) in named(chunks) {
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

/// Stripes that are all wrong, with sums that fit them.
fn other_stripes(bytes: &[u8]) -> Vec<u8> {
    let parts = Parts::of(bytes);
    let text = parts.payload(EntryName::Parity);
    let group = ParityGroup::parse(&text, parts.statement.last).expect("a group");
    let wrong = with(bytes, "stripes", &|payload| payload.iter_mut().for_each(|byte| *byte ^= 0x55));
    let parts = Parts::of(&wrong);
    let (name, stripes) = parts.entries.last().expect("stripes");
    let EntryName::ParityStripes(_, position) = name else { panic!("{name}") };
    let sums: Vec<u8> = (0..group.row_blocks())
        .flat_map(|block| {
            let part = group.part_of_block(*position, block);
            let at = |offset: u64| usize::try_from(offset).expect("small");
            BlockSum::of(&stripes[at(part.start)..at(part.end)]).0
        })
        .collect();
    with(&wrong, "parity/check", &|payload| payload.clone_from(&sums))
}

/// A parity file whose stripes have another name.
fn at_position(bytes: &[u8], group: u32, position: u32) -> Vec<u8> {
    let mut parts = Parts::of(bytes);
    parts.entries.last_mut().expect("stripes").0 = EntryName::ParityStripes(group, position);
    parts.rebuild();
    parts.seal()
}

/// A parity file with another number.
fn numbered(bytes: &[u8], number: u32) -> Vec<u8> {
    let mut parts = Parts::of(bytes);
    parts.statement.number = number;
    parts.seal()
}

/// Without the line of a chunk.
fn without_line(bytes: &[u8], begin: &str) -> Vec<u8> {
    with(bytes, "parity.txt", &|payload| {
        let text = String::from_utf8(payload.clone()).expect("ASCII");
        assert!(text.lines().any(|line| line.starts_with(begin)), "{text}");
        let kept = text.lines().filter(|line| !line.starts_with(begin)).map(|line| format!("{line}\n"));
        *payload = kept.collect::<String>().into_bytes();
    })
}

/// Parity of another bundle, which says that it is of this one.
fn of_another_bundle() -> Vec<Vec<u8>> {
    let ours = Head::parse(&packed().chunks[0], packed().chunks[0].len() as u64).expect("a head");
    let claiming = |bytes: &Vec<u8>| {
        let mut parts = Parts::of(bytes);
        parts.statement.bundle = ours.statement.bundle;
        parts.seal()
    };
    parity_of(other_bundle()).iter().map(claiming).collect()
}

#[test]
fn parity_that_lies_writes_nothing_and_says_why() {
    let right = parity_files();
    let all = |change: &dyn Fn(&[u8]) -> Vec<u8>| right.iter().map(|bytes| change(bytes)).collect::<Vec<_>>();
    let zero = |payload: &mut Vec<u8>| payload.iter_mut().for_each(|byte| *byte = 0);
    let short = |name: &'static str, bytes: usize| all(&move |file| with(file, name, &|p| p.truncate(bytes)));
    let said = |from: &'static str, to: &'static str| all(&move |bytes| text(bytes, from, to));
    // What is said where chunk 1 is lost.
    let cases: Vec<(&str, Vec<Vec<u8>>, &str)> = vec![
        ("other stripes", all(&other_stripes), "its parity is wrong, what it gives was not kept"),
        ("other sums of blocks", all(&|bytes| with(bytes, "parity/blocks", &zero)), "more files needed"),
        ("sums of blocks that are short", short("parity/blocks", 32), "expected parity/blocks of "),
        ("stripes that are short", short("stripes", 64), "expected parity/00000.00000 of "),
        ("more losses", said("losses 1\n", "losses 2\n"), "p0.tar: parity"),
        ("no losses", said("losses 1\n", "losses 0\n"), "p0.tar: parity"),
        ("more files", said("files ", "files 9"), "p0.tar: parity"),
        ("an odd stripe", said("\nstripe ", "\nstripe 1"), "p0.tar: parity"),
        ("another group", said("group 0 of 0", "group 0 of 1"), "p0.tar: parity"),
        ("a group that is not there", said("group 0 of 0", "group 1 of 0"), "p0.tar: parity"),
        ("no chunk 1", said("\nchunk 1 ", "\nchunk 3 "), "p0.tar: parity"),
        ("a chunk less", all(&|bytes| without_line(bytes, "chunk 1 ")), "p0.tar: parity"),
        ("another length", said("distributable ", "distributable 1"), "p0.tar: parity"),
        ("an empty text", all(&|bytes| with(bytes, "parity.txt", &Vec::clear)), "p0.tar: parity"),
        (
            "another position",
            all(&|bytes| at_position(bytes, 0, 9)),
            "expected a file of group 0 below position ",
        ),
        ("stripes of another group", all(&|bytes| at_position(bytes, 1, 0)), "expected a file of group 0 "),
        ("another number", all(&|bytes| numbered(bytes, 7)), "expected number "),
        ("parity of another bundle", of_another_bundle(), "expected parity of the chunks of this bundle"),
    ];
    for (what, parity, words) in cases {
        let (ran, wrote) = repaired(&parity);
        assert_eq!(ran.code, 4, "{what}: {ran}");
        assert!(ran.stderr.contains("error[bundle-incomplete]"), "{what}: {ran}");
        assert!(ran.stdout.contains(words) && !wrote, "{what}: {ran}");
        let (ran, changed) = mended(&parity);
        assert_eq!(ran.code, 4, "{what}: {ran}");
        assert!(!changed, "{what}: {ran}");
        let mut files = named(&packed().chunks);
        files.extend(
            parity.iter().enumerate().map(|(number, bytes)| (format!("p{number}.tar"), bytes.clone())),
        );
        deliver(what, &files, Expect::Complete);
        // Beside parity that is right, it does no harm.
        let both: Vec<Vec<u8>> = parity.into_iter().chain(right.iter().cloned()).collect();
        let (ran, wrote) = repaired(&both);
        assert_eq!((ran.code, wrote), (0, true), "{what}: {ran}");
        let (ran, changed) = mended(&both);
        assert_eq!((ran.code, changed), (0, true), "{what}: {ran}");
    }
}

#[test]
fn nothing_is_repaired_where_only_parity_says_that_chunks_are_bad() {
    let station = folder();
    let place = station.path();
    let zero = |payload: &mut Vec<u8>| payload.iter_mut().for_each(|byte| *byte = 0);
    for (name, bytes) in named(&packed().chunks) {
        fs::write(place.join(name), bytes).expect("written");
    }
    for (number, bytes) in parity_files().iter().enumerate() {
        fs::write(place.join(format!("p{number}.tar")), with(bytes, "parity/blocks", &zero))
            .expect("written");
    }
    let public = packed().public.as_os_str();
    let ran = carnet(["repair".as_ref(), place.as_os_str(), "--pub".as_ref(), public]);
    assert_eq!(ran.code, 0, "{ran}");
    assert!(ran.stdout.contains("nothing to repair"), "{ran}");
}

#[test]
fn parity_of_another_bundle_in_the_same_folder_is_told_apart() {
    let station = folder();
    let place = station.path();
    let mut files = named(&packed().chunks);
    files.remove(1);
    let theirs = parity_of(other_bundle()).into_iter().enumerate();
    files.extend(theirs.map(|(number, bytes)| (format!("hostile_parity_{number:05}.tar"), bytes)));
    for (name, bytes) in &files {
        fs::write(place.join(name), bytes).expect("written");
    }
    let id =
        |chunk: &[u8]| Head::parse(chunk, chunk.len() as u64).expect("a head").statement.bundle.to_string();
    let (ours, theirs) = (id(&packed().chunks[0]), id(&other_bundle()[0]));
    let public = packed().public.as_os_str();
    let repair = |more: &[&str]| {
        let more = more.iter().map(OsStr::new);
        carnet(["repair".as_ref(), place.as_os_str(), "--pub".as_ref(), public].into_iter().chain(more))
    };
    let ran = repair(&[]);
    assert!(ran.code == 2 && ran.stderr.contains("error[several-bundles]"), "{ran}");
    let ran = repair(&["--bundle", &ours]);
    assert!(ran.code == 4 && ran.stderr.contains("error[no-parity]"), "{ran}");
    let ran = repair(&["--bundle", &theirs]);
    assert!(ran.code == 4 && ran.stderr.contains("error[bundle-incomplete]"), "{ran}");
    let verified =
        carnet(["verify".as_ref(), place.as_os_str(), "--pub".as_ref(), public, "--json".as_ref()]);
    assert_eq!(verified.code, 4, "{verified}");
    let bundles = verified.json()["bundles"].clone();
    let of = |id: &str| {
        bundles.as_array().expect("bundles").iter().find(|b| b["bundle"] == id).expect("it").clone()
    };
    assert_eq!(
        (&of(&ours)["verdict"], &of(&ours)["missing"]),
        (&"incomplete".into(), &serde_json::json!([1]))
    );
    assert_eq!(of(&ours)["protection"], serde_json::Value::Null);
    assert_eq!(of(&theirs)["verdict"], "incomplete");
    for (name, bytes) in &files {
        assert!(fs::read(place.join(name)).expect("read") == *bytes, "{name} was changed");
    }
    assert_eq!(fs::read_dir(place).expect("a folder").count(), files.len());
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
