//! The profile cnsa2: chunks whose lists of SHA-384 are missing, false, or not those of the plan, sealed by a packer who has the key.

use std::fs;

use carnet::format::chunk_table::{ChunkLine, ChunkTable};
use carnet::format::entry::{Document, EntryName};
use carnet::format::plan::Plan;
use carnet::format::statement::{Kind, Statement};
use carnet::format::{Sum, Sum384, SumPair, Sums384};

use super::support::forge::{Forged, Parts, head, replace, signature};
use super::support::run::{Expect, Ran, judge};
use super::support::{folder, named, packed_in_profile};

const TABLE: EntryName = EntryName::Document(Document::Chunks);

fn forged() -> Vec<Parts> {
    packed_in_profile().chunks.iter().map(|bytes| Parts::of_any(bytes)).collect()
}

/// Writes the list of a chunk again, as it must be.
fn list_again(parts: &mut Parts) {
    let listed = parts.entries.iter().filter(|(name, _)| *name != EntryName::Sums384);
    let list = Sums384::new(listed.map(|(name, payload)| (*name, Sum384::of(payload))).collect());
    replace(parts, EntryName::Sums384, &list.render());
}

/// The table of these chunks.
fn table(chunks: &[Parts]) -> Vec<ChunkLine> {
    let data = (0_u32..).zip(chunks).filter(|(_, parts)| parts.statement.kind == Kind::Data);
    let line = |(number, parts): (u32, &Parts)| {
        let Statement { class, bytes, sums, .. } = parts.fitting();
        ChunkLine { number, class: class.expect("a data chunk has a class"), bytes, sums }
    };
    data.map(line).collect()
}

/// Signs the chunks, and writes a table of them.
fn sealed(mut chunks: Vec<Parts>) -> Vec<Vec<u8>> {
    let lines = table(&chunks);
    replace(&mut chunks[0], TABLE, &ChunkTable::new(lines).render());
    list_again(&mut chunks[0]);
    chunks.iter().map(|parts| parts.seal_by(&packed_in_profile().key)).collect()
}

fn deliver(what: &str, chunks: &[Vec<u8>], expect: Expect) -> (Ran, Ran) {
    let station = folder();
    let arrived = station.path().join("in");
    fs::create_dir(&arrived).expect("a folder");
    for (name, bytes) in named(chunks) {
        fs::write(arrived.join(name), bytes).expect("written");
    }
    let public = packed_in_profile().public.as_os_str();
    judge(what, station.path(), &["--pub".as_ref(), public], expect)
}

/// The number of a data chunk with a slice and another entry.
fn richest(chunks: &[Parts]) -> usize {
    (1..chunks.len()).max_by_key(|&number| chunks[number].entries.len()).expect("chunks")
}

/// Changes the text of the list of a chunk.
fn edit(parts: &mut Parts, change: impl FnOnce(Vec<String>) -> Vec<String>) {
    let text = String::from_utf8(parts.payload(EntryName::Sums384)).expect("ASCII");
    let lines = change(text.lines().map(str::to_owned).collect());
    let edited: String = lines.iter().map(|line| format!("{line}\n")).collect();
    assert_ne!(edited, text, "the list did change");
    replace(parts, EntryName::Sums384, edited.as_bytes());
}

/// Another digit at the beginning of a line.
fn other_digit(line: &str) -> String {
    let first = if line.starts_with('0') { "1" } else { "0" };
    format!("{first}{}", &line[1..])
}

#[test]
fn a_bundle_that_is_sealed_again_is_accepted() {
    let chunks = sealed(forged());
    assert!(chunks == packed_in_profile().chunks);
    deliver("unchanged", &chunks, Expect::Complete);
}

#[test]
fn a_payload_with_the_right_sha256_and_another_sha384_is_damaged() {
    for number in 1..forged().len() {
        for at in 0..forged()[number].entries.len() - 1 {
            let mut chunks = forged();
            edit(&mut chunks[number], |mut lines| {
                lines[at] = other_digit(&lines[at]);
                lines
            });
            let what = format!("line {at} of chunk {number}");
            let (verified, unpacked) = deliver(&what, &sealed(chunks), Expect::Incomplete);
            let findings = verified.json().to_string();
            assert!(findings.contains("mismatch"), "{what}: {verified}");
            assert_eq!(unpacked.error_code(), "blob-mismatch", "{what}: {unpacked}");
        }
    }
}

#[test]
fn an_entry_of_the_control_chunk_with_another_sha384_is_damaged() {
    let entries = forged()[0].entries.len() - 1;
    for at in 0..entries {
        let mut chunks = forged();
        edit(&mut chunks[0], |mut lines| {
            lines[at] = other_digit(&lines[at]);
            lines
        });
        let chunks: Vec<_> = chunks.iter().map(|parts| parts.seal_by(&packed_in_profile().key)).collect();
        deliver(&format!("line {at} of the control chunk"), &chunks, Expect::Incomplete);
    }
}

#[test]
fn lists_of_another_form_are_refused() {
    type Change = fn(Vec<String>) -> Vec<String>;
    let changes: [(&str, Change); 8] = [
        ("a line is missing", |lines| lines[1..].to_vec()),
        ("a line is there twice", |lines| [&lines[..1], &lines].concat()),
        ("lines in another order", |lines| lines.into_iter().rev().collect()),
        ("upper case", |lines| lines.iter().map(|line| line[..96].to_uppercase() + &line[96..]).collect()),
        ("one space", |lines| lines.iter().map(|line| line.replacen("  ", " ", 1)).collect()),
        ("a SHA-256", |lines| lines.iter().map(|line| line[32..].to_owned()).collect()),
        ("itself", |lines| [&lines[..], &[format!("{:096}  03_sums384.txt", 0)]].concat()),
        ("an entry that is not there", |lines| [&lines[..], &[format!("{:096}  recover.txt", 0)]].concat()),
    ];
    for (what, change) in changes {
        for number in [0, richest(&forged())] {
            let mut chunks = forged();
            edit(&mut chunks[number], change);
            let lines = table(&chunks);
            if number > 0 {
                replace(&mut chunks[0], TABLE, &ChunkTable::new(lines).render());
                list_again(&mut chunks[0]);
            }
            let chunks: Vec<_> = chunks.iter().map(|parts| parts.seal_by(&packed_in_profile().key)).collect();
            deliver(&format!("{what}, chunk {number}"), &chunks, Expect::Incomplete);
        }
    }
}

#[test]
fn a_chunk_without_its_list_is_refused() {
    let strip = |parts: &mut Parts| {
        parts.entries.remove(0);
        parts.rebuild();
    };
    for number in [0, richest(&forged())] {
        // Its statement says that there is none.
        let mut chunks = forged();
        strip(&mut chunks[number]);
        let lines = table(&chunks);
        replace(&mut chunks[0], TABLE, &ChunkTable::new(lines).render());
        list_again(&mut chunks[0]);
        let key = &packed_in_profile().key;
        let plain: Vec<_> = chunks.iter().map(|parts| parts.seal_by(key)).collect();
        deliver(&format!("chunk {number} has no list"), &plain, Expect::Incomplete);
        // Its statement says that there is one.
        let mut chunks = forged();
        let sha384 = chunks[number].fitting().sums.sha384;
        strip(&mut chunks[number]);
        let mut statement = chunks[number].fitting();
        statement.sums.sha384 = sha384;
        let text = statement.render();
        let mut lying: Vec<_> = chunks.iter().map(|parts| parts.seal_by(key)).collect();
        lying[number] = [head(&text, &[signature(key, &text)]), chunks[number].body()].concat();
        deliver(&format!("chunk {number} has no list, but a sum of it"), &lying, Expect::Incomplete);
    }
}

#[test]
fn a_list_in_a_bundle_without_the_profile_is_refused() {
    for keeps_sum in [true, false] {
        let mut forged = Forged::new();
        let at = forged.richest();
        let parts = &mut forged.chunks[at];
        parts.entries.insert(0, (EntryName::Sums384, Vec::new()));
        parts.rebuild();
        list_again(parts);
        let mut statement = parts.fitting();
        if !keeps_sum {
            statement.sums.sha384 = None;
        }
        let chunk = parts.seal_text(&statement.render());
        let mut chunks = super::support::packed().chunks.clone();
        chunks[at] = chunk;
        let expect = if keeps_sum { Expect::Forked } else { Expect::Incomplete };
        super::support::run::deliver("a list", &named(&chunks), expect);
    }
}

#[test]
fn the_table_binds_the_lists() {
    let at = richest(&forged());
    let with = |change: &dyn Fn(&mut SumPair)| {
        let mut chunks = forged();
        let mut lines = table(&chunks);
        change(&mut lines[at - 1].sums);
        replace(&mut chunks[0], TABLE, &ChunkTable::new(lines).render());
        list_again(&mut chunks[0]);
        chunks.iter().map(|parts| parts.seal_by(&packed_in_profile().key)).collect::<Vec<_>>()
    };
    let other = with(&|sums| sums.sha384 = Some(Sum384::of(b"another list")));
    deliver("another SHA-384", &other, Expect::Forked);
    let stripped = with(&|sums| sums.sha384 = None);
    deliver("no SHA-384", &stripped, Expect::Incomplete);
}

#[test]
fn a_plan_without_the_line_is_not_of_these_chunks() {
    let mut chunks = forged();
    let name = EntryName::Document(Document::Plan);
    let text = String::from_utf8(chunks[0].payload(name)).expect("ASCII");
    let plan = text.replacen("profile cnsa2\n", "", 1).into_bytes();
    assert_ne!(plan, text.as_bytes());
    replace(&mut chunks[0], name, &plan);
    for parts in &mut chunks {
        parts.statement.bundle = Sum::of(&plan);
    }
    deliver("a plan without the line", &sealed(chunks), Expect::Incomplete);
}

#[test]
fn plans_of_the_profile_have_one_form() {
    let text = String::from_utf8(forged()[0].payload(EntryName::Document(Document::Plan))).expect("ASCII");
    assert!(Plan::parse(text.as_bytes()).is_ok());
    for line in [
        "profile -\n",
        "profile cnsa1\n",
        "profile CNSA2\n",
        "profile cnsa2\nprofile cnsa2\n",
        "profile  cnsa2\n",
    ] {
        let changed = text.replacen("profile cnsa2\n", line, 1);
        assert!(Plan::parse(changed.as_bytes()).is_err(), "{line:?}");
    }
    // Nothing is left out of a bundle of the profile.
    let base = format!("base {} old - -\n", Sum::of(b"old"));
    let elsewhere = format!(
        "elsewhere sha256:{} 5 distributable application/vnd.oci.image.layer.v1.tar {} -\n",
        Sum::of(b"layer"),
        Sum::of(b"old")
    );
    let delta = text.replacen("\nblob ", &format!("\n{base}{elsewhere}blob "), 1);
    let refused = Plan::parse(delta.as_bytes()).expect_err("a delta of the profile");
    assert!(refused.to_string().contains("no base line"), "{refused}");
    assert!(Plan::parse(delta.replacen("profile cnsa2\n", "", 1).as_bytes()).is_ok());
}
