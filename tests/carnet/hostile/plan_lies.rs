//! C17, C18, J12: a malicious packer whose plan lies, or whose chunks are not what the plan says.

use std::fs;

use carnet::format::entry::EntryName;
use carnet::oci::Digest;

use super::support::forge::Forged;
use super::support::run::{Expect, carnet, deliver, list};
use super::support::{folder, named, noise, packed};

/// Changes the text of the plan; everything else is sealed to go with it.
fn plan(what: &str, edit: &dyn Fn(&str) -> String) {
    let mut forged = Forged::new();
    let text = String::from_utf8(forged.plan.clone()).expect("ASCII");
    let edited = edit(&text);
    assert_ne!(text, edited, "{what} changes something");
    forged.plan = edited.into_bytes();
    deliver(what, &named(&forged.seal()), Expect::Incomplete);
}

/// The line of the blob that is cut, and the same with other pieces.
fn cut(pieces: &'static str) -> impl Fn(&str) -> String {
    move |text| {
        let line = text.lines().find(|line| {
            line.starts_with("blob ")
                && line.contains(':')
                && line.ends_with(|c: char| c.is_ascii_digit())
                && line.rsplit(' ').next().is_some_and(|last| last.contains(':'))
        });
        let line = line.expect("a blob in slices");
        let (rest, old) = line.rsplit_once(' ').expect("words");
        let (first, second) = old.split_once(',').expect("two slices");
        let new = pieces.replace("FIRST", first).replace("SECOND", second);
        text.replacen(line, &format!("{rest} {new}"), 1)
    }
}

#[test]
fn slices_make_up_their_blob() {
    plan("C17 slices swapped", &cut("SECOND,FIRST"));
    plan("C17 a slice twice", &cut("FIRST,FIRST,SECOND"));
    plan("C17 a slice more", &cut("FIRST,SECOND,9:1"));
    plan("C17 a slice less", &cut("FIRST"));
    plan("C17 a hole", &cut("2:100,SECOND"));
    plan("C17 an overlap", &cut("2:90000,3:90000"));
    plan("C17 all of it in one", &cut("2:100000"));
    plan("C17 whole, though it does not fit", &cut("2"));
    plan("C17 an empty slice", &cut("FIRST,SECOND,4:0"));
    plan("C17 a slice in the control chunk", &cut("0:1,FIRST,SECOND"));
    plan("C17 slices in one chunk", &cut("2:50000,2:50000"));
    plan("C17 cut elsewhere", &cut("2:50000,3:50000"));
    plan("C17 sizes that overflow", &cut("2:9223372036854775807,3:9223372036854775807,4:100002"));
    plan("C17 a negative size", &cut("2:-1,3:100001"));
    plan("C17 a chunk there is not", &cut("2:50000,99999:50000"));
    plan("C17 a chunk beyond all", &cut("2:50000,100000:50000"));
    plan("C17 no slice", &cut(","));
    plan("C17 a million slices", &|text| {
        let many: Vec<String> = (1..100_000).map(|n| format!("{n}:1")).collect();
        let first = text.lines().find(|line| line.starts_with("blob ")).expect("a blob");
        text.replacen(first, &format!("{} {}", first.rsplit_once(' ').expect("words").0, many.join(",")), 1)
    });
}

#[test]
fn a_plan_has_one_form() {
    plan("another version", &|text| text.replacen("carnet-plan v1", "carnet-plan v2", 1));
    plan("CR LF", &|text| text.replace('\n', "\r\n"));
    plan("a comment", &|text| format!("{text}# hello\n"));
    plan("an escape", &|text| text.replacen("app:1.0", "app\u{1b}[2J", 1));
    plan("a path for a name", &|text| text.replacen("app:1.0", "../app", 1));
    plan("a name too long", &|text| text.replacen("app:1.0", &"x".repeat(129), 1));
    plan("a homoglyph", &|text| text.replacen("app:1.0", "\u{430}pp:1.0", 1));
    plan("chunk-bytes too small", &|text| text.replacen("chunk-bytes 65536", "chunk-bytes 65535", 1));
    plan("chunk-bytes too large", &|text| text.replacen("chunk-bytes 65536", "chunk-bytes 8589934592", 1));
    plan("chunk-bytes of zero", &|text| text.replacen("chunk-bytes 65536", "chunk-bytes 0", 1));
    plan("more chunks", &|text| text.replacen("chunks 3", "chunks 4", 1));
    plan("fewer chunks", &|text| text.replacen("chunks 3", "chunks 2", 1));
    plan("100000 chunks", &|text| text.replacen("chunks 3", "chunks 100000", 1));
    plan("omitted and carried", &|text| {
        text.replacen("nondistributable carry", "nondistributable omit", 1) + "omitted x\n"
    });
    plan("blobs in another order", &|text| {
        let (head, blobs) = text.split_at(text.find("blob ").expect("blobs"));
        let mut blobs: Vec<&str> = blobs.lines().collect();
        blobs.reverse();
        format!("{head}{}\n", blobs.join("\n"))
    });
    plan("a blob twice", &|text| {
        let line = text.lines().last().expect("a line");
        format!("{text}{line}\n")
    });
    plan("no blobs", &|text| text[..text.find("blob ").expect("blobs")].to_owned());
    plan("a class that another chunk has", &|text| {
        text.replacen(" nondistributable application", " distributable application", 1)
    });
    plan("metadata among the layers", &|text| {
        text.replacen(" distributable application", " metadata application", 1)
    });
}

#[test]
fn a_tag_points_at_what_the_bundle_holds() {
    let absent = Digest::sha256(b"absent").to_string();
    let artifact =
        |text: &str| text.lines().find(|line| line.starts_with("artifact ")).expect("an artifact").to_owned();
    plan("J12 a tag of nothing", &|text| {
        let line = artifact(text);
        let digest = line.split(' ').nth(1).expect("a digest");
        text.replacen(&line, &line.replace(digest, &absent), 1)
    });
    plan("J12 one tag for two artifacts", &|text| {
        let line = artifact(text);
        let config = text
            .lines()
            .find(|line| line.contains(".config.v1+json") && line.starts_with("blob "))
            .expect("a config");
        let words: Vec<&str> = config.split(' ').collect();
        let mut lines = [line.clone(), format!("artifact {} {} {} - app:1.0", words[1], words[2], words[4])];
        lines.sort();
        text.replacen(&line, &lines.join("\n"), 1)
    });
    plan("J12 a tag of another size", &|text| {
        let line = artifact(text);
        let mut words: Vec<&str> = line.split(' ').collect();
        words[2] = "1";
        text.replacen(&line, &words.join(" "), 1)
    });
    plan("J12 a tag of a layer", &|text| {
        let line = artifact(text);
        let layer = text
            .lines()
            .find(|line| line.starts_with("blob ") && line.contains(" distributable "))
            .expect("a layer");
        let words: Vec<&str> = layer.split(' ').collect();
        text.replacen(&line, &format!("artifact {} {} {} - app:1.0", words[1], words[2], words[4]), 1)
    });
    plan("J12 a referrer of nothing", &|text| {
        let line = artifact(text);
        let subject = line.split(' ').nth(1).expect("a digest");
        text.replacen(&line, &format!("{line}\nreferrer {absent} 2 application/json - {subject} -"), 1)
    });
}

#[test]
fn the_index_is_that_of_the_plan() {
    let mut forged = Forged::new();
    let index = String::from_utf8(forged.read_plan().index_json()).expect("text");
    for (what, text) in [
        ("another tag", index.replace("app:1.0", "app:1.1")),
        (
            "a digest that is not there",
            index.replace(&forged.read_plan().artifacts[0].digest.hex(), &"a".repeat(64)),
        ),
        ("the same, with a blank", format!("{index} ")),
        ("two tags", index.replace("]}", ",{}]}")),
        ("no JSON", "x".repeat(index.len())),
    ] {
        assert_ne!(text, index, "{what}");
        forged.index = Some(text.into_bytes());
        deliver(&format!("J12 an index of {what}"), &named(&forged.seal()), Expect::Incomplete);
    }
}

#[test]
fn what_a_manifest_names_travels_or_is_named_as_left_out() {
    let mut forged = Forged::new();
    let text = String::from_utf8(forged.plan.clone()).expect("ASCII");
    let kept = |line: &&str| !(line.starts_with("blob ") && line.contains(" 3000 distributable "));
    let lines: Vec<&str> = text.lines().filter(kept).collect();
    assert_eq!(lines.len() + 1, text.lines().count(), "one layer is dropped");
    forged.plan = (lines.join("\n") + "\n").into_bytes();
    for parts in &mut forged.chunks {
        parts.entries.retain(|(_, payload)| payload.len() != 3000);
        parts.rebuild();
    }
    deliver("J12 a layer dropped", &named(&forged.seal()), Expect::Unsound);
}

/// A bundle in which every sum and signature holds, and a blob is not what its digest says.
fn cut_wrongly() -> Vec<Vec<u8>> {
    let mut forged = Forged::new();
    let at = forged.richest();
    let slice = forged.chunks[at].entries.iter_mut().find(|(name, _)| matches!(name, EntryName::Slice(..)));
    let payload = &mut slice.expect("a slice").1;
    *payload = noise(99, payload.len());
    forged.chunks[at].rebuild();
    forged.seal()
}

#[test]
fn a_blob_is_what_its_digest_says_though_every_slice_is_signed() {
    let (verified, unpacked) = deliver("C18", &named(&cut_wrongly()), Expect::Incomplete);
    assert!(verified.stdout.contains("slices-of-another"), "{verified}");
    assert_eq!(unpacked.error_code(), "blob-mismatch", "{unpacked}");
}

#[test]
fn a_blob_whose_payload_is_another_is_not_unpacked() {
    for at in 0..packed().chunks.len() {
        let mut forged = Forged::new();
        let of_blob = |(name, payload): &(EntryName, Vec<u8>)| {
            matches!(name, EntryName::Blob(_) | EntryName::Slice(..)) && !payload.is_empty()
        };
        let place = forged.chunks[at].entries.iter().position(of_blob).expect("a blob");
        forged.chunks[at].blocks[place][512] ^= 1;
        let mut chunks = forged.seal();
        chunks[at] = forged.chunks[at].seal();
        let (_, unpacked) = deliver("C18 another payload", &named(&chunks), Expect::Incomplete);
        // A control chunk is hashed before anything relies on it; other chunks are hashed as they are moved.
        let expected = if at == 0 { "bundle-incomplete" } else { "blob-mismatch" };
        assert_eq!(unpacked.error_code(), expected, "{unpacked}");
    }
}

#[test]
fn no_target_keeps_anything_of_a_bundle_that_fails() {
    let station = folder();
    let arrived = station.path().join("in");
    fs::create_dir(&arrived).expect("a folder");
    for (name, bytes) in named(&cut_wrongly()) {
        fs::write(arrived.join(name), bytes).expect("written");
    }
    let there = super::support::layout::SourceLayout::new(station.path().join("there"));
    let (config, layer) = there.plain_image(5);
    let image = there.image(&config, &[layer]).named("old:1");
    there.index(&[image]);
    let before = {
        let mut files = Vec::new();
        list(station.path(), &mut files);
        files.sort();
        files
    };
    let index = fs::read(there.path().join("index.json")).expect("an index");
    for to in ["oci-archive:new.tar", "docker-archive:new.tar", "oci:there", "oci:new"] {
        let (transport, name) = to.split_once(':').expect("a transport");
        let to = format!("{transport}:{}", station.path().join(name).display());
        let ran = carnet([
            "unpack".as_ref(),
            arrived.as_os_str(),
            "--pub".as_ref(),
            packed().public.as_os_str(),
            "--to".as_ref(),
            to.as_ref(),
        ]);
        assert_eq!(ran.code, 4, "{to}: {ran}");
        let mut after = Vec::new();
        list(station.path(), &mut after);
        after.retain(|file| !file.ends_with("new/oci-layout"));
        after.sort();
        assert_eq!(after, before, "{to}");
    }
    assert_eq!(fs::read(there.path().join("index.json")).expect("an index"), index);
}
