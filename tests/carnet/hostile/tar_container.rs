//! Entries that two tar readers read differently, in a chunk that an attacker changed and in one that a
//! trusted packer signed.

use super::support::forge::{Forged, Parts};
use super::support::run::{Expect, deliver};
use super::support::tar::{Field, checksum, entry, header, padded, pax, set, special};
use super::support::{named, noise, packed};

/// Changes the entries of a chunk.
type Trick = Box<dyn Fn(&mut Parts)>;

fn before(bytes: Vec<u8>) -> Trick {
    Box::new(move |parts| parts.blocks.insert(0, bytes.clone()))
}

fn after(bytes: Vec<u8>) -> Trick {
    Box::new(move |parts| parts.blocks.push(bytes.clone()))
}

fn fields(of: impl Fn() -> Vec<Field> + 'static) -> Trick {
    Box::new(move |parts| set(&mut parts.blocks[0][..512], &of()))
}

fn change(with: impl Fn(&mut Vec<u8>) + 'static) -> Trick {
    Box::new(move |parts| with(&mut parts.blocks[0]))
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn tricks() -> Vec<(&'static str, Trick)> {
    let evil = [entry(b"evil", b"EVIL"), vec![0; 512]].concat();
    let long_name = special(b'L', b"././@LongLink", b"", b"evil/name\0");
    let mut sparse = special(b'S', b"sparse", b"", &noise(1, 512));
    set(&mut sparse[..512], &[Field(386, b"00000000000\x00000001000000\0".to_vec()), Field(482, vec![1])]);
    vec![
        ("PAX size over a header size of zero", {
            let sized = header(b"a.txt", 0);
            before([pax(b'x', "size", "1024"), sized, evil.clone()].concat())
        }),
        (
            "PAX size below the header's",
            before([pax(b'x', "size", "8"), entry(b"a", &noise(1, 1024))].concat()),
        ),
        (
            "PAX then GNU long name",
            before([pax(b'x', "path", "a"), long_name.clone(), entry(b"b", b"x")].concat()),
        ),
        ("a PAX path for the entry itself", before(pax(b'x', "path", "../evil"))),
        ("a GNU long name for the entry itself", before(long_name)),
        ("a harmless PAX comment", before(pax(b'x', "comment", "hidden words"))),
        ("a global PAX path", before(pax(b'g', "path", "g.txt"))),
        ("a global PAX comment", before(pax(b'g', "comment", "hidden words"))),
        ("GNU magic", fields(|| vec![Field(257, b"ustar  \0".to_vec())])),
        (
            "GNU magic with a prefix",
            fields(|| vec![Field(257, b"ustar  \0".to_vec()), Field(345, b"evil".to_vec())]),
        ),
        ("a prefix", fields(|| vec![Field(345, b"evil".to_vec())])),
        ("a file with a folder's name", {
            let mut folder = entry(b"a/", b"x");
            set(&mut folder[..512], &[Field(156, vec![0])]);
            before(folder)
        }),
        ("typeflag NUL", fields(|| vec![Field(156, vec![0])])),
        ("size minus one in base 256", fields(|| vec![Field(124, vec![0xff; 12])])),
        (
            "its own size in base 256",
            change(|block| {
                let size = u64::from_str_radix(std::str::from_utf8(&block[124..135]).expect("octal"), 8)
                    .expect("octal");
                let field = [&[0x80, 0, 0, 0][..], &size.to_be_bytes()].concat();
                set(&mut block[..512], &[Field(124, field)]);
            }),
        ),
        ("8 GiB and then the end", fields(|| vec![Field(124, b"77777777777\0".to_vec())])),
        ("8 GiB without a terminator", fields(|| vec![Field(124, b"777777777777".to_vec())])),
        ("a zero block, then another entry", after([vec![0; 512], entry(b"hidden", b"x")].concat())),
        ("a zero block before the first entry", before(vec![0; 512])),
        ("two zero blocks, then another entry", after([vec![0; 1024], entry(b"hidden", b"x")].concat())),
        ("more zero blocks at the end", Box::new(|parts| parts.end.extend([0; 512]))),
        ("10 KiB of zeros, as GNU tar pads", Box::new(|parts| parts.end.extend([0; 10_240]))),
        ("one zero block at the end", Box::new(|parts| parts.end.truncate(512))),
        ("no end marker", Box::new(|parts| parts.end.clear())),
        ("a changed bit in the end marker", Box::new(|parts| parts.end[1023] = 1)),
        (
            "a changed byte in the padding",
            Box::new(|parts| {
                let block = parts.blocks.iter_mut().find(|b| b.last() == Some(&0)).expect("padding");
                *block.last_mut().expect("a block") = b'!';
            }),
        ),
        (
            "a path behind the name's NUL",
            Box::new(|parts| {
                let block = &mut parts.blocks[0];
                let end = block.iter().position(|&b| b == 0).expect("a NUL");
                let hidden = b"../../evil";
                let room = hidden.len().min(99 - end);
                set(&mut block[..512], &[Field(end + 1, hidden[..room].to_vec())]);
            }),
        ),
        (
            "an entry twice",
            Box::new(|parts| {
                parts.blocks.push(parts.blocks[0].clone());
            }),
        ),
        (
            "an entry twice, listed twice",
            Box::new(|parts| {
                parts.entries.push(parts.entries[0].clone());
                parts.rebuild();
            }),
        ),
        (
            "a second statement",
            Box::new(|parts| {
                let text = parts.fitting().render();
                parts.blocks.push(entry(b"00_statement.txt", &text));
            }),
        ),
        (
            "a second list of sums",
            Box::new(|parts| {
                let sums = parts.sums.clone();
                parts.blocks.push(entry(b"02_sums.txt", &sums));
            }),
        ),
        (
            "checksum off by one",
            change(|block| {
                block[153] = if block[153] == b'0' { b'1' } else { b'0' };
            }),
        ),
        (
            "checksum in another form",
            change(|block| {
                let digits = String::from_utf8_lossy(&block[148..154]).into_owned();
                block[148..156].copy_from_slice(format!(" {digits}\0").as_bytes());
            }),
        ),
        (
            "a signed checksum",
            change(|block| {
                block[0] = 0xe9;
                checksum(block);
                let signed: i64 =
                    block[..148].iter().chain(&block[156..512]).map(|&b| i64::from(b.cast_signed())).sum();
                block[148..156].copy_from_slice(format!("{:06o}\0 ", signed + 256).as_bytes());
            }),
        ),
        ("a link in place of a folder", before(special(b'2', b"blobs", b"/tmp/x", b""))),
        (
            "a hard link, then the file",
            before([special(b'1', b"x", b"/etc/passwd", b""), entry(b"x", b"evil")].concat()),
        ),
        ("a link named .", before(special(b'2', b".", b"/tmp", b""))),
        (
            "links that lead out in two steps",
            before([special(b'2', b"a", b".", b""), special(b'2', b"a/b", b"..", b"")].concat()),
        ),
        ("a GNU sparse file", before(sparse)),
        (
            "a PAX sparse file",
            before([pax(b'x', "GNU.sparse.numblocks", "1048576"), entry(b"s", b"x")].concat()),
        ),
        ("a V7 header", fields(|| vec![Field(257, vec![0; 8])])),
        ("leading spaces in the mode", fields(|| vec![Field(100, b"   444 \0".to_vec())])),
        (
            "leading spaces in the size",
            change(|block| {
                let size = String::from_utf8_lossy(&block[124..135]).into_owned();
                let field = format!("{:>11}\0", size.trim_start_matches('0')).into_bytes();
                set(&mut block[..512], &[Field(124, field)]);
            }),
        ),
        ("a space as terminator", fields(|| vec![Field(135, vec![b' '])])),
        ("bytes behind the prefix", fields(|| vec![Field(500, vec![1])])),
    ]
}

#[test]
fn tricks_of_a_malicious_packer_are_damage() {
    for (what, trick) in tricks() {
        let mut forged = Forged::new();
        let at = forged.richest();
        trick(&mut forged.chunks[at]);
        deliver(what, &named(&forged.seal()), Expect::Incomplete);
    }
}

#[test]
fn tricks_in_the_control_chunk_are_damage() {
    for (what, trick) in tricks() {
        let mut forged = Forged::new();
        trick(&mut forged.chunks[0]);
        let sealed = forged.chunks[0].seal();
        let mut chunks = packed().chunks.clone();
        chunks[0] = sealed;
        deliver(what, &named(&chunks), Expect::Incomplete);
    }
}

#[test]
fn tricks_under_an_original_signature_are_damage() {
    for (what, trick) in tricks() {
        let forged = Forged::new();
        let at = forged.richest();
        let mut parts = forged.chunks[at].clone();
        let head = packed().chunks[at].len() - parts.body().len();
        trick(&mut parts);
        let mut chunks = packed().chunks.clone();
        chunks[at] = [&chunks[at][..head], &parts.body()].concat();
        deliver(what, &named(&chunks), Expect::Incomplete);
    }
}

#[test]
fn entries_that_are_not_files_are_refused() {
    for kind in b"\x001234567SVMxgLKDANX" {
        for trick in [
            fields(move || vec![Field(156, vec![*kind])]),
            before(special(*kind, b"plan.txt", b"x", b"")),
            after(special(*kind, b"oci-layout", b"/etc/passwd", b"")),
        ] {
            let mut forged = Forged::new();
            let at = forged.richest();
            trick(&mut forged.chunks[at]);
            deliver(&format!("typeflag {kind:#04x}"), &named(&forged.seal()), Expect::Incomplete);
        }
    }
}

#[test]
fn fields_that_are_not_canonical_are_refused() {
    for (what, at, bytes) in [
        ("setuid", 100, &b"0004755\0"[..]),
        ("sticky", 100, b"0001444\0"),
        ("writable", 100, b"0000644\0"),
        ("user", 108, b"0000001\0"),
        ("group", 116, b"0000144\0"),
        ("a time", 136, b"14712345670\0"),
        ("a time to come", 136, b"77777777777\0"),
        ("a user's name", 265, b"root"),
        ("a group's name", 297, b"root"),
        ("a user's text", 265, b"hidden words"),
        ("device numbers", 329, b"0000001\0"),
        ("a link's name", 157, b"../../etc/passwd"),
        ("ustar's version", 263, b" \0"),
    ] {
        let mut forged = Forged::new();
        let richest = forged.richest();
        set(&mut forged.chunks[richest].blocks[0][..512], &[Field(at, bytes.to_vec())]);
        deliver(what, &named(&forged.seal()), Expect::Incomplete);
    }
}

#[test]
fn entries_before_the_statement_are_refused() {
    let chunk = &packed().chunks[1];
    for (what, bytes) in [
        ("a PAX size", pax(b'x', "size", "1024")),
        ("a GNU long name", special(b'L', b"././@LongLink", b"", b"evil\0")),
        ("a global PAX path", pax(b'g', "path", "00_statement.txt")),
        ("a zero block", vec![0; 512]),
        ("a folder", special(b'5', b"./", b"", b"")),
        ("a hard link", special(b'1', b"00_statement.txt", b"/etc/passwd", b"")),
        ("another entry", entry(b"README", &padded(b"read me first"))),
    ] {
        let mut chunks = packed().chunks.clone();
        chunks[1] = [&bytes[..], chunk].concat();
        deliver(what, &named(&chunks), Expect::Incomplete);
    }
}
