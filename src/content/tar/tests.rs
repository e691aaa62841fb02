//! Archives that are made here block by block, and what a runtime would see in them.

use proptest::prelude::*;

use super::{EntryKind, TarEntry, TarProblem, TarReader};

/// A header with a right checksum.
fn header(path: &str, flag: u8, size: u64) -> [u8; 512] {
    let mut block = [0; 512];
    block[..path.len()].copy_from_slice(path.as_bytes());
    block[100..108].copy_from_slice(b"0004755\0");
    block[108..116].copy_from_slice(b"0001750\0");
    block[116..124].copy_from_slice(b"0001751\0");
    block[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
    block[136..148].copy_from_slice(b"14524000000\0");
    block[156] = flag;
    block[257..265].copy_from_slice(b"ustar\x0000");
    sealed(block)
}

fn sealed(mut block: [u8; 512]) -> [u8; 512] {
    block[148..156].copy_from_slice(b"        ");
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

fn changed(mut block: [u8; 512], at: usize, bytes: &[u8]) -> [u8; 512] {
    block[at..at + bytes.len()].copy_from_slice(bytes);
    sealed(block)
}

fn padded(body: &[u8]) -> Vec<u8> {
    let mut body = body.to_vec();
    body.resize(body.len().next_multiple_of(512), 0);
    body
}

fn member(path: &str, flag: u8, body: &[u8]) -> Vec<u8> {
    [header(path, flag, body.len() as u64).to_vec(), padded(body)].concat()
}

fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    [format!("{length} {key}=").as_bytes(), value, b"\n"].concat()
}

fn pax(records: &[(&str, &[u8])]) -> Vec<u8> {
    let body: Vec<u8> = records.iter().flat_map(|(key, value)| record(key, value)).collect();
    member("PaxHeaders/x", b'x', &body)
}

fn end() -> Vec<u8> {
    vec![0; 1024]
}

type Walked = (Vec<(TarEntry, Vec<u8>)>, Vec<TarProblem>);

fn walk(archive: &[u8]) -> Walked {
    let mut reader = TarReader::new(archive);
    let (mut entries, mut problems) = (Vec::new(), Vec::new());
    loop {
        let entry = reader.next_entry().unwrap();
        problems.extend(reader.take_problems());
        let Some(entry) = entry else { return (entries, problems) };
        let mut content = Vec::new();
        let limit = 1 << 20;
        if reader.content(&entry, limit, &mut |bytes| content.extend_from_slice(bytes)).unwrap() {
            assert_eq!(content.len() as u64, entry.size.min(limit));
        }
        problems.extend(reader.take_problems());
        entries.push((entry, content));
    }
}

fn rules(problems: &[TarProblem]) -> Vec<&'static str> {
    problems.iter().map(TarProblem::rule).collect()
}

#[test]
fn plain_entries_are_read_in_full() {
    let link = changed(header("bin/sh", b'2', 0), 157, b"dash");
    let device = changed(header("dev/null", b'3', 0), 329, b"0000001\x000000003\0");
    let prefixed = changed(header("name", b'0', 0), 345, b"a/long/prefix");
    let archive = [
        member("usr/", b'5', b""),
        member("./usr/hello", b'0', b"hello"),
        link.to_vec(),
        device.to_vec(),
        prefixed.to_vec(),
        member("old/", 0, b""),
        end(),
    ]
    .concat();
    let (entries, problems) = walk(&archive);
    assert_eq!(problems, []);
    let kinds: Vec<_> =
        entries.iter().map(|(entry, _)| (entry.path.as_slice(), entry.kind, entry.number)).collect();
    assert_eq!(
        kinds,
        [
            (&b"usr/"[..], EntryKind::Folder, 0),
            (b"./usr/hello", EntryKind::File, 1),
            (b"bin/sh", EntryKind::Symlink, 2),
            (b"dev/null", EntryKind::CharDevice, 3),
            (b"a/long/prefix/name", EntryKind::File, 4),
            (b"old/", EntryKind::Folder, 5),
        ]
    );
    let (hello, content) = &entries[1];
    assert_eq!((hello.mode, hello.uid, hello.gid, hello.size, hello.offset), (0o4755, 1000, 1001, 5, 512));
    assert_eq!((content.as_slice(), hello.base_name()), (&b"hello"[..], &b"hello"[..]));
    assert_eq!((entries[2].0.link.as_slice(), entries[3].0.device), (&b"dash"[..], (1, 3)));
}

#[test]
fn pax_and_gnu_names_extend_the_next_entry() {
    let long = "x".repeat(300);
    let archive = [
        pax(&[
            ("path", long.as_bytes()),
            ("size", b"3"),
            ("uid", b"4000000000"),
            ("mtime", b"-1.5"),
            ("SCHILY.xattr.user.a", b"1=2\n"),
            ("SCHILY.xattr.security.capability", b"\x01\0\0\x02"),
        ]),
        member("short", b'0', b"abc"),
        member("././@LongLink", b'L', format!("{long}y\0").as_bytes()),
        member("././@LongLink", b'K', format!("{long}z\0").as_bytes()),
        member("cut", b'2', b""),
        end(),
    ]
    .concat();
    let (entries, problems) = walk(&archive);
    assert_eq!(
        problems,
        [TarProblem::Contradiction { path: long.clone().into_bytes(), field: "uid".to_owned() }]
    );
    let first = &entries[0].0;
    assert_eq!((first.path.as_slice(), first.uid, first.mtime), (long.as_bytes(), 4_000_000_000, -2));
    assert_eq!(
        first.xattrs,
        [
            (b"security.capability".to_vec(), b"\x01\0\0\x02".to_vec()),
            (b"user.a".to_vec(), b"1=2\n".to_vec())
        ]
    );
    let second = &entries[1].0;
    assert_eq!(second.path, format!("{long}y").into_bytes());
    assert_eq!(second.link, format!("{long}z").into_bytes());
    assert_eq!((first.offset, second.number), (0, 1));
}

#[test]
fn what_readers_disagree_about_is_named() {
    let hidden = changed(header("a\0b", b'0', 0), 0, b"a\0b");
    let sized_link = changed(header("l", b'1', 9), 157, b"t");
    for (archive, expected, path) in [
        (
            [pax(&[("size", b"5")]), member("a", b'0', b"abc"), padded(b""), end()].concat(),
            "pax-contradiction",
            "a",
        ),
        ([pax(&[("path", b"b"), ("path", b"c")]), member("a", b'0', b"")].concat(), "pax-contradiction", "c"),
        (
            [pax(&[("path", b"b")]), member("@", b'L', b"c\0"), member("a", b'0', b"")].concat(),
            "pax-contradiction",
            "c",
        ),
        (
            [pax(&[("path", b"b")]), pax(&[("path", b"c")]), member("a", b'0', b"")].concat(),
            "pax-contradiction",
            "c",
        ),
        (
            [member("g", b'g', &record("path", b"evil")), member("a", b'0', b"")].concat(),
            "pax-contradiction",
            "a",
        ),
        (hidden.to_vec(), "odd-name", "a"),
        ([member("@", b'L', b"a\0b\0"), member("x", b'0', b"")].concat(), "odd-name", "a"),
        (sized_link.to_vec(), "odd-entry", "l"),
        (member("a/", b'0', b"x"), "odd-entry", "a/"),
        (member("v", b'V', b""), "odd-entry", "v"),
    ] {
        let (entries, problems) = walk(&[archive, end()].concat());
        assert_eq!(rules(&problems), [expected], "{problems:?}");
        assert_eq!(entries[0].0.path, path.as_bytes());
    }
    let harmless =
        [member("g", b'g', &record("comment", b"0123abcd")), member("a", b'0', b""), end()].concat();
    assert_eq!(walk(&harmless).1, []);
}

#[test]
fn negative_owners_are_read_as_runtimes_set_them() {
    let archive = [pax(&[("uid", b"-1"), ("gid", b"-2")]), member("n", b'0', b""), end()].concat();
    let (entries, problems) = walk(&archive);
    assert_eq!((entries[0].0.uid, entries[0].0.gid), (0, 0xffff_fffe));
    assert_eq!(rules(&problems), ["pax-contradiction", "pax-contradiction", "odd-entry"]);
}

#[test]
fn the_size_of_pax_decides_where_the_next_entry_is() {
    // For a reader that ignores the record, the body is empty and its bytes are another entry.
    let inner = member("inner", b'0', b"");
    let archive =
        [pax(&[("size", b"512")]), header("outer", b'0', 0).to_vec(), inner.clone(), end()].concat();
    let (entries, problems) = walk(&archive);
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].1, inner);
    assert_eq!(problems[0].to_string(), "\"outer\": two headers give different values of size");
}

#[test]
fn the_end_is_looked_at() {
    let one = member("a", b'0', b"a");
    let after = |tail: Vec<u8>| walk(&[one.clone(), tail].concat()).1;
    assert_eq!(after(vec![0; 10_240]), []);
    assert_eq!(after(Vec::new()), [TarProblem::NoEndMarker]);
    assert_eq!(after(vec![0; 512]), [TarProblem::NoEndMarker]);
    assert_eq!(after([vec![0; 512], one.clone()].concat()), [TarProblem::LoneZeroBlock { at: 1024 }]);
    assert_eq!(
        after([end(), vec![0; 700], b"secret".to_vec(), vec![0; 99]].concat()),
        [TarProblem::DataAfterEnd { bytes: 6, path: None }]
    );
    let second = after([end(), vec![0; 512], member("evil", b'0', b"x"), end()].concat());
    assert_eq!(second, [TarProblem::DataAfterEnd { bytes: 513, path: Some(b"evil".to_vec()) }]);
    assert_eq!(
        second[0].to_string(),
        "513 bytes follow the end marker: a second archive, which begins with \"evil\""
    );
    let mut bad = header("b", b'0', 0);
    bad[0] ^= 1;
    assert_eq!(after([bad.to_vec(), end()].concat()), [TarProblem::Checksum { at: 1024 }]);
    assert_eq!(after([pax(&[("path", b"x")]), end()].concat()), [TarProblem::NothingExtended { at: 1024 }]);
}

#[test]
fn every_cut_is_an_early_end() {
    let archive =
        [pax(&[("path", b"long")]), member("a", b'0', &[7; 700]), member("b", b'0', b""), end()].concat();
    for cut in 1..archive.len() - 512 {
        let (_, problems) = walk(&archive[..cut]);
        let expected = match cut {
            1024 => &["odd-entry", "no-end-marker"][..],
            2560 | 3072 | 3584 => &["no-end-marker"],
            _ => &["truncated"],
        };
        assert_eq!(rules(&problems), expected, "{cut}");
    }
}

#[test]
fn sparse_files_have_their_real_size() {
    let body = [vec![b'a'; 512], vec![b'b'; 512]].concat();
    let real = [vec![0; 512], vec![b'a'; 512], vec![0; 1024], vec![b'b'; 512], vec![0; 440]].concat();
    let mut old = header("old", b'S', 1024);
    old[257..265].copy_from_slice(b"ustar  \0");
    old[386..434].copy_from_slice(b"00000001000\x0000000001000\x0000000004000\x0000000001000\0");
    old[483..495].copy_from_slice(format!("{:011o}\0", real.len()).as_bytes());
    let mut first = header("extended", b'S', 1024);
    first[257..265].copy_from_slice(b"ustar  \0");
    first[482] = 1;
    first[386..410].copy_from_slice(b"00000001000\x0000000001000\0");
    first[483..495].copy_from_slice(format!("{:011o}\0", real.len()).as_bytes());
    let mut more = [0; 512];
    more[..24].copy_from_slice(b"00000004000\x0000000001000\0");
    let size = real.len().to_string();
    let map = padded(b"2\n512\n512\n2048\n512\n");
    let archive = [
        [sealed(old).to_vec(), body.clone()].concat(),
        [sealed(first).to_vec(), more.to_vec(), body.clone()].concat(),
        pax(&[
            ("GNU.sparse.size", size.as_bytes()),
            ("GNU.sparse.numblocks", b"2"),
            ("GNU.sparse.offset", b"512"),
            ("GNU.sparse.numbytes", b"512"),
            ("GNU.sparse.offset", b"2048"),
            ("GNU.sparse.numbytes", b"512"),
        ]),
        member("v00", b'0', &body),
        pax(&[
            ("GNU.sparse.name", b"v01"),
            ("GNU.sparse.size", size.as_bytes()),
            ("GNU.sparse.numblocks", b"2"),
            ("GNU.sparse.map", b"512,512,2048,512"),
        ]),
        member("GNUSparseFile/v01", b'0', &body),
        pax(&[
            ("GNU.sparse.major", b"1"),
            ("GNU.sparse.minor", b"0"),
            ("GNU.sparse.name", b"v10"),
            ("GNU.sparse.realsize", size.as_bytes()),
        ]),
        member("GNUSparseFile/v10", b'0', &[map, body.clone()].concat()),
        end(),
    ]
    .concat();
    let (entries, problems) = walk(&archive);
    assert_eq!(rules(&problems), ["odd-entry", "odd-entry"], "{problems:?}");
    let names: Vec<_> = entries.iter().map(|(entry, _)| String::from_utf8_lossy(&entry.path)).collect();
    assert_eq!(names, ["old", "extended", "v00", "v01", "v10"]);
    for (entry, content) in &entries {
        assert!(entry.is_sparse());
        assert_eq!((entry.stored, entry.size), (1024, real.len() as u64));
        assert_eq!(*content, real, "{:?}", entry.path);
    }
    let wrong =
        [pax(&[("GNU.sparse.map", b"0,512"), ("GNU.sparse.numblocks", b"1")]), member("w", b'0', b"x")];
    assert_eq!(rules(&walk(&wrong.concat()).1), ["sparse-map"]);
}

#[test]
fn limits_hold() {
    let long = "x".repeat(5000);
    let archive =
        [pax(&[("path", long.as_bytes())]), member("a", b'0', b"a"), member("b", b'0', b"b"), end()];
    let (entries, problems) = walk(&archive.concat());
    assert_eq!((entries.len(), entries[0].0.number), (1, 1));
    let sentence = problems[0].to_string();
    assert!(sentence.starts_with("the entry at byte 5632 has a path or link of 5000 bytes"), "{sentence}");
    let huge = header("@", b'x', 2 << 20).to_vec();
    assert_eq!(rules(&walk(&huge).1), ["header-too-large"]);
    let big = vec![1; 40_000];
    let xattrs = pax(&[("SCHILY.xattr.user.a", &big), ("SCHILY.xattr.user.b", &big)]);
    let (entries, problems) = walk(&[xattrs, member("a", b'0', b""), end()].concat());
    assert_eq!((entries[0].0.xattrs.len(), rules(&problems)), (1, vec!["header-too-large"]));
    for bad in
        [&b"11 path=a\n"[..], b"5 a=b\n", b"path=a\n", b"99999999999999999999999 a=b\n", b"8 =abcd\n", b"x"]
    {
        let archive = [member("x", b'x', bad), member("a", b'0', b""), end()].concat();
        assert_eq!(rules(&walk(&archive).1), ["bad-header"], "{bad:?}");
    }
}

proptest! {
    #[test]
    fn any_blocks_are_read_without_panic(
        parts in prop::collection::vec(
            (prop::sample::select(b"\x000123456xgLKSV".to_vec()), prop::collection::vec(any::<u8>(), 0..700), any::<bool>()),
            0..8,
        ),
        cut in 0_usize..600,
    ) {
        let mut archive = Vec::new();
        for (flag, bytes, whole) in parts {
            let block: [u8; 512] = std::array::from_fn(|at| bytes.get(at).copied().unwrap_or(0));
            if whole {
                archive.extend_from_slice(&member("a", flag, &bytes));
            } else {
                archive.extend_from_slice(&changed(block, 156, &[flag]));
            }
        }
        archive.truncate(archive.len().saturating_sub(cut));
        let (entries, _) = walk(&archive);
        prop_assert!(entries.len() <= archive.len() / 512);
    }

    /// What the `tar` crate writes, is read as it was meant.
    #[test]
    fn archives_of_another_writer_are_read(
        files in prop::collection::vec(("[a-z]{1,30}(/[a-z]{1,60}){0,6}", prop::collection::vec(any::<u8>(), 0..2000)), 0..6),
    ) {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, body) in &files {
            let mut header = tar::Header::new_gnu();
            header.set_size(body.len() as u64);
            header.set_mode(0o640);
            header.set_uid(5_000_000_000);
            header.set_cksum();
            builder.append_data(&mut header, path, body.as_slice()).unwrap();
        }
        let (entries, problems) = walk(&builder.into_inner().unwrap());
        prop_assert_eq!(problems, []);
        prop_assert_eq!(entries.len(), files.len());
        for ((entry, content), (path, body)) in entries.iter().zip(&files) {
            prop_assert_eq!(&entry.path, path.as_bytes());
            prop_assert_eq!(content, body);
            prop_assert_eq!((entry.mode, entry.uid), (0o640, 5_000_000_000));
        }
    }
}
