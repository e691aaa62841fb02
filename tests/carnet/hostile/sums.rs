//! The list of sums must match the entries that follow it exactly.

use carnet::format::Sum;
use carnet::format::entry::EntryName;

use super::support::forge::{Forged, Parts};
use super::support::named;
use super::support::run::{Expect, deliver};
use super::support::tar::entry;

fn refused(what: &str, spoil: &dyn Fn(&mut Parts)) {
    for at in [Forged::new().richest(), 0] {
        let mut forged = Forged::new();
        spoil(&mut forged.chunks[at]);
        let sealed = if at == 0 {
            let mut chunks = forged.seal();
            chunks[0] = forged.chunks[0].seal();
            chunks
        } else {
            forged.seal()
        };
        deliver(&format!("{what}, chunk {at}"), &named(&sealed), Expect::Incomplete);
    }
}

fn edit(what: &str, with: &dyn Fn(&str) -> String) {
    refused(what, &|parts| {
        let text = String::from_utf8(parts.sums.clone()).expect("ASCII");
        let edited = with(&text);
        assert_ne!(text, edited, "{what} changes something");
        parts.sums = edited.into_bytes();
    });
}

fn first_line(text: &str) -> String {
    format!("{}\n", text.lines().next().expect("a line"))
}

#[test]
fn entries_and_their_list_must_match() {
    refused("an entry that is not listed", &|parts| {
        let name = EntryName::Blob(carnet::oci::Digest::sha256(b"hidden"));
        parts.blocks.push(entry(name.to_string().as_bytes(), b"hidden"));
    });
    refused("an entry that is listed and not there", &|parts| {
        parts.blocks.pop();
    });
    refused("nothing but the list", &|parts| parts.blocks.clear());
    refused("another order", &|parts| parts.blocks.reverse());
    refused("one more blob than planned", &|parts| {
        let name = EntryName::Blob(carnet::oci::Digest::sha256(b"hidden"));
        parts.entries.push((name, b"hidden".to_vec()));
        parts.rebuild();
    });
    refused("one entry less than planned", &|parts| {
        parts.entries.pop();
        parts.rebuild();
    });
}

#[test]
fn sums_in_another_form_are_refused() {
    edit("a line twice", &|text| format!("{text}{}", first_line(text)));
    edit("the binary mark", &|text| text.replacen("  ", " *", 1));
    edit("an escaped name", &|text| format!("\\{text}"));
    edit("the form of BSD", &|text| {
        let (sum, name) = text.lines().next().and_then(|line| line.split_once("  ")).expect("a line");
        text.replacen(&first_line(text), &format!("SHA256 ({name}) = {sum}\n"), 1)
    });
    edit("one space", &|text| text.replacen("  ", " ", 1));
    edit("three spaces", &|text| text.replacen("  ", "   ", 1));
    edit("a comment", &|text| format!("# sums\n{text}"));
    edit("an empty line", &|text| format!("{text}\n"));
    edit("no LF at the end", &|text| text.trim_end().to_owned());
    edit("CR LF", &|text| text.replace('\n', "\r\n"));
    edit("upper-case sums", &|text| format!("{}{}", text[..64].to_uppercase(), &text[64..]));
    edit("a sum too short", &|text| text[1..].to_owned());
    edit("an MD5 sum", &|text| text[32..].to_owned());
    edit("a SHA-512 sum", &|text| format!("{}{text}", &text[..64]));
    edit("nothing", &|_| String::new());
    edit("the head is listed", &|text| format!("{}  00_statement.txt\n{text}", Sum::of(b"x")));
    edit("the list lists itself", &|text| format!("{}  02_sums.txt\n{text}", Sum::of(b"x")));
    edit("a megabyte of lines", &|text| text.repeat(20_000));
}

#[test]
fn a_false_sum_is_refused_unless_the_digest_covers_it() {
    for line in 0..Forged::new().chunks[Forged::new().richest()].entries.len() {
        let mut forged = Forged::new();
        let at = forged.richest();
        let sums = &mut forged.chunks[at].sums;
        let start = sums.split_inclusive(|&b| b == b'\n').take(line).map(<[u8]>::len).sum::<usize>();
        sums[start..start + 64].copy_from_slice(Sum::of(b"another").to_string().as_bytes());
        // The digest of the blob covers its slices if all of them arrived. Their sums are for readers that have
        // only some of them, or no carnet.
        let is_slice = matches!(forged.chunks[at].entries[line].0, EntryName::Slice(..));
        let expect = if is_slice { Expect::Complete } else { Expect::Incomplete };
        deliver(&format!("another sum in line {line}"), &named(&forged.seal()), expect);
    }
}

#[test]
fn malformed_digests_in_names_are_refused() {
    let bytes = |at: usize| Forged::new().chunks[at].payload(EntryName::OciLayout);
    let sum = Sum::of(&bytes(0)).to_string();
    for (what, name) in [
        ("SHA-256 of 128 digits", format!("blobs/sha256/{sum}{sum}")),
        ("SHA-512 of a SHA-256 value", format!("blobs/sha512/{sum}")),
        ("SHA-512 doubled", format!("blobs/sha512/{sum}/{sum}")),
        ("MD5", format!("blobs/md5/{}", &sum[..32])),
        ("upper case", format!("blobs/sha256/{}", sum.to_uppercase())),
        ("nothing", "blobs/sha256/".to_owned()),
        ("a path", "blobs/sha256/../../x".to_owned()),
        ("another blob's digest", format!("blobs/sha256/{}", Sum::of(b"another"))),
    ] {
        refused(what, &|parts| {
            parts.blocks.push(entry(name.as_bytes(), &bytes(0)));
            parts.sums.extend(format!("{sum}  {name}\n").bytes());
        });
    }
}

#[test]
fn sums_that_the_statement_does_not_name_are_refused() {
    for at in [0, 1, Forged::new().richest()] {
        let forged = Forged::new();
        let mut parts = forged.chunks[at].clone();
        let text = parts.fitting().render();
        let last = parts.sums.len() - 2;
        parts.sums[last] ^= 1;
        let mut chunks = forged.seal();
        chunks[at] = parts.seal_text(&text);
        deliver("sums that the statement does not name", &named(&chunks), Expect::Incomplete);
    }
}
