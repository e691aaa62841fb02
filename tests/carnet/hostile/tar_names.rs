//! Entry names that the format does not have, and files that are not chunks.

use std::fs;
use std::process::{Command, Stdio};

use carnet::format::Sum;

use super::support::forge::{Forged, head, signature};
use super::support::run::{Expect, deliver};
use super::support::tar::{Field, entry, header, set};
use super::support::{folder, named, packed};

fn names() -> Vec<Vec<u8>> {
    let digest = "a".repeat(64);
    let texts = [
        "../x",
        "/x",
        "./x",
        "a//b",
        "a/./b",
        "a/../../b",
        "C:\\x",
        "\\\\?\\x",
        "CON",
        "a.",
        "a ",
        " a",
        "~",
        "-rf",
        "plan.txt/",
        "./plan.txt",
        "PLAN.TXT",
        "Plan.txt",
        "plan.txt ",
        "Oci-Layout",
        "index.json\n",
        "a\u{202e}txt.exe",
        "caf\u{e9}",
        "cafe\u{301}",
        "01_0123456789abcdef.ED25519.sig",
        "03_more.txt",
        "x\u{1b}[2J",
        "..",
        ".",
        "",
    ];
    let mut names: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    names.extend([
        vec![b'n'; 100],
        b"\xff\xfe".to_vec(),
        format!("blobs/sha256/{}", &digest[1..]).into_bytes(),
        format!("blobs/sha256/{}", digest.to_uppercase()).into_bytes(),
        format!("blobs/sha256/../sha256/{digest}").into_bytes(),
        format!("blobs/sha512/{digest}").into_bytes(),
        format!("blobs/md5/{digest}").into_bytes(),
        format!("blobs/sha256/{digest}/x").into_bytes(),
        format!("slices/sha256/{digest}").into_bytes(),
        format!("slices/sha256/{digest}.1").into_bytes(),
        format!("slices/sha256/{digest}.-000000000001").into_bytes(),
        format!("slices/sha256/{digest}.00000000000001").into_bytes(),
        b"annex/plan.txt".to_vec(),
        b"annex/../plan.txt.0000000000000".to_vec(),
    ]);
    names
}

#[test]
fn other_names_in_headers_are_refused() {
    for name in names() {
        let mut forged = Forged::new();
        let at = forged.richest();
        let block = &mut forged.chunks[at].blocks[0];
        let size =
            u64::from_str_radix(std::str::from_utf8(&block[124..135]).expect("octal"), 8).expect("octal");
        block[..512].copy_from_slice(&header(&name, size));
        let what = format!("{:?}", String::from_utf8_lossy(&name));
        deliver(&what, &named(&forged.seal()), Expect::Incomplete);
    }
}

#[test]
fn other_names_in_the_sums_are_refused() {
    for name in names() {
        let mut forged = Forged::new();
        let at = forged.richest();
        let parts = &mut forged.chunks[at];
        let line = [Sum::of(b"x").to_string().as_bytes(), b"  ", &name, b"\n"].concat();
        parts.sums.extend(line);
        parts.blocks.push(entry(&name, b"x"));
        let what = format!("listed {:?}", String::from_utf8_lossy(&name));
        deliver(&what, &named(&forged.seal()), Expect::Incomplete);
    }
}

#[test]
fn compressed_chunks_are_refused() {
    let station = folder();
    for (program, args) in [("gzip", &["-c"][..]), ("xz", &["-c"]), ("bzip2", &["-c"])] {
        let from = station.path().join("chunk");
        fs::write(&from, &packed().chunks[1]).expect("written");
        let ran = Command::new(program)
            .args(args)
            .stdin(fs::File::open(&from).expect("a file"))
            .stderr(Stdio::null())
            .output();
        let Ok(output) = ran else { continue };
        let mut chunks = packed().chunks.clone();
        chunks[1] = output.stdout;
        deliver(program, &named(&chunks), Expect::Incomplete);
    }
}

#[test]
fn chunks_that_are_also_zip_files_are_refused() {
    let zip = b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    for number in [0, 1] {
        let mut chunks = packed().chunks.clone();
        chunks[number].extend(zip);
        deliver("a zip at the end", &named(&chunks), Expect::Incomplete);
        let mut chunks = packed().chunks.clone();
        chunks[number] = [&zip[..], &chunks[number]].concat();
        deliver("a zip at the start", &named(&chunks), Expect::Incomplete);
        let mut forged = Forged::new();
        forged.chunks[number].end.extend(zip);
        let mut sealed = packed().chunks.clone();
        sealed[number] = forged.chunks[number].seal();
        deliver("a zip at the end, signed", &named(&sealed), Expect::Incomplete);
    }
}

#[test]
fn the_number_of_entries_is_bounded() {
    let text = |index: usize| format!("blobs/sha256/{index:064x}").into_bytes();
    let empty = Sum::of(b"");
    for count in [10_001, 60_000] {
        let mut forged = Forged::new();
        let at = forged.richest();
        let parts = &mut forged.chunks[at];
        parts.sums.clear();
        parts.blocks = (0..count).map(|index| entry(&text(index), b"")).collect();
        for index in 0..count {
            parts.sums.extend(format!("{empty}  slices/sha256/{index:064x}.0000000000001\n").bytes());
        }
        deliver(&format!("{count} empty entries"), &named(&forged.seal()), Expect::Incomplete);
    }
}

#[test]
fn the_number_of_signatures_is_bounded() {
    let parts = &Forged::new().chunks[1];
    let text = parts.fitting().render();
    let good = signature(&packed().key, &text);
    for count in [17_usize, 20_000] {
        let mut signatures = vec![good.clone(); count];
        for (index, signature) in signatures.iter_mut().enumerate().skip(1) {
            signature.key = (index as u64).to_be_bytes();
        }
        signatures.sort_by_key(|signature| signature.key);
        let mut chunks = packed().chunks.clone();
        chunks[1] = [head(&text, &signatures), parts.body()].concat();
        deliver(&format!("{count} signatures"), &named(&chunks), Expect::Incomplete);
    }
}

#[test]
fn truncated_files_are_damage() {
    let whole = &packed().chunks[2];
    for length in
        [512, 1024, 2048, 3000, whole.len() / 2, whole.len() - 1024, whole.len() - 512, whole.len() - 1]
    {
        let mut chunks = packed().chunks.clone();
        chunks[2].truncate(length);
        deliver(&format!("{length} bytes left"), &named(&chunks), Expect::Incomplete);
    }
}

#[test]
fn tiny_and_empty_files_are_not_chunks() {
    let first = &packed().chunks[0];
    for (what, bytes) in [
        ("no byte", vec![]),
        ("511 bytes", first[..511].to_vec()),
        ("a header", first[..512].to_vec()),
        ("1024 zeros", vec![0; 1024]),
        ("10 KiB of zeros", vec![0; 10_240]),
        ("a tar of another kind", [entry(b"a.txt", b"x"), vec![0; 1024]].concat()),
        ("a statement alone", [entry(b"00_statement.txt", b"x\n"), vec![0; 1024]].concat()),
    ] {
        deliver(what, &[("x.tar".to_owned(), bytes.clone())], Expect::NoChunk);
        let mut chunks = packed().chunks.clone();
        chunks[1] = bytes;
        deliver(&format!("{what} among chunks"), &named(&chunks), Expect::Incomplete);
    }
}

#[test]
fn a_huge_statement_is_not_read() {
    for size in [4097_u64, 77_777_777, 0o77_777_777_777] {
        let mut chunks = packed().chunks.clone();
        let field = format!("{size:011o}\0").into_bytes();
        set(&mut chunks[1][..512], &[Field(124, field)]);
        deliver(&format!("a statement of {size} bytes"), &named(&chunks), Expect::Incomplete);
    }
}
