//! The table of media types agrees with `file --mime-type` on files made here and on files of this system.

use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use carnet::content::sniff::{HEAD_BYTES, sniff};

/// What `file` (Debian package file) says of each path.
fn libmagic(paths: &[PathBuf]) -> Vec<String> {
    let mut child = Command::new("file")
        .args(["--brief", "--mime-type", "--no-pad", "--files-from", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this test needs the program file (Debian package file)");
    let list: String = paths.iter().map(|path| format!("{}\n", path.display())).collect();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(list.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

fn ours(path: &Path) -> &'static str {
    let file = File::open(path).unwrap();
    let bytes = file.metadata().unwrap().len();
    let mut head = Vec::new();
    file.take(HEAD_BYTES as u64).read_to_end(&mut head).unwrap();
    sniff(&head, bytes).libmagic
}

fn elf(kind: u8) -> Vec<u8> {
    let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
    bytes.resize(16, 0);
    bytes.extend([kind, 0, 62, 0, 1, 0, 0, 0]);
    bytes.resize(52, 0);
    bytes.extend([64, 0, 56, 0, 0, 0, 64, 0, 0, 0, 0, 0]);
    bytes
}

fn tar(magic: &[u8]) -> Vec<u8> {
    let mut header = [0_u8; 512];
    header[..5].copy_from_slice(b"etc/a");
    for (at, field) in [(100, "0000644\0"), (108, "0000000\0"), (116, "0000000\0"), (124, "00000000000\0")] {
        header[at..at + field.len()].copy_from_slice(field.as_bytes());
    }
    header[136..148].copy_from_slice(b"00000000000\0");
    header[156] = b'0';
    header[257..257 + magic.len()].copy_from_slice(magic);
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut bytes = header.to_vec();
    bytes.resize(2048, 0);
    bytes
}

fn zip(members: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, content) in members {
        let length = u32::try_from(content.len()).unwrap().to_le_bytes();
        bytes.extend(b"PK\x03\x04\x14\0\0\0\0\0\0\0\0\0\0\0\0\0");
        bytes.extend(length);
        bytes.extend(length);
        bytes.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        bytes.extend([0, 0]);
        bytes.extend([name.as_bytes(), content.as_bytes()].concat());
    }
    bytes
}

fn padded(start: &[u8], bytes: usize) -> Vec<u8> {
    let mut file = start.to_vec();
    file.resize(bytes, 0);
    file
}

fn pe() -> Vec<u8> {
    let mut bytes = padded(b"MZ", 64);
    bytes[60] = 64;
    bytes.extend(b"PE\0\0\x64\x86\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\xf0\0\x22\0\x0b\x02");
    padded(&bytes, 400)
}

fn pem(label: &str) -> Vec<u8> {
    let gap = if label.starts_with("PGP") { "\n" } else { "" };
    format!("-----BEGIN {label}-----\n{gap}MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A\n-----END {label}-----\n")
        .into_bytes()
}

fn member_of_ar(name: &str, content: &str) -> Vec<u8> {
    let bytes = content.len();
    format!("!<arch>\n{name:<16}0           0     0     100644  {bytes:<10}`\n{content}").into_bytes()
}

fn iso() -> Vec<u8> {
    let mut bytes = padded(&[], 32768);
    bytes.extend(b"\x01CD001\x01\0");
    bytes.resize(34816, b' ');
    bytes.extend(b"\xffCD001\x01");
    padded(&bytes, 36864)
}

fn made() -> Vec<(&'static str, Vec<u8>)> {
    let office = |folder| zip(&[("[Content_Types].xml", "<x/>"), ("_rels/.rels", "<x/>"), (folder, "<x/>")]);
    vec![
        ("tar, GNU", tar(b"ustar  \0")),
        ("tar, POSIX", tar(b"ustar\x0000")),
        ("tar, old", tar(b"")),
        ("gzip", padded(b"\x1f\x8b\x08\0\0\0\0\0\0\x03", 40)),
        ("zstd", b"\x28\xb5\x2f\xfd\x04\x05\x21\0\0hello".to_vec()),
        ("zstd, skippable", b"\x50\x2a\x4d\x18\x04\0\0\0abcd\x28\xb5\x2f\xfd\x04\x05\x21\0\0hello".to_vec()),
        ("bzip2", padded(b"BZh91AY&SY", 40)),
        ("xz", padded(b"\xfd7zXZ\0\0\x04\xe6\xd6\xb4\x46", 40)),
        ("lz4", padded(b"\x04\x22\x4d\x18\x64\x40\xa7", 20)),
        ("lzip", padded(b"LZIP\x01\x0c", 30)),
        ("compress", b"\x1f\x9d\x90abc".to_vec()),
        ("zip", zip(&[("a.txt", "hi"), ("b/c.txt", "hello world, and a little more")])),
        ("zip, empty", padded(b"PK\x05\x06", 22)),
        ("epub", zip(&[("mimetype", "application/epub+zip")])),
        ("odt", zip(&[("mimetype", "application/vnd.oasis.opendocument.text")])),
        ("docx", office("word/document.xml")),
        ("xlsx", office("xl/workbook.xml")),
        ("pptx", office("ppt/presentation.xml")),
        ("ELF object", elf(1)),
        ("ELF program", elf(2)),
        ("ELF library", elf(3)),
        ("ELF core", elf(4)),
        ("PE", pe()),
        ("MZ", padded(b"MZ\x90\0", 80)),
        ("Mach-O 64", padded(b"\xcf\xfa\xed\xfe\x07\0\0\x01\x03\0\0\0\x02", 32)),
        ("Mach-O 32", padded(b"\xce\xfa\xed\xfe\x07\0\0\0\x03\0\0\0\x02", 28)),
        ("Mach-O, fat", padded(b"\xca\xfe\xba\xbe\0\0\0\x02\x01\0\0\x07\0\0\0\x03\0\0\x10", 128)),
        ("Java class", padded(b"\xca\xfe\xba\xbe\0\0\0\x3d\0\x0a\x01\0\x01a", 40)),
        ("WebAssembly", b"\0asm\x01\0\0\0".to_vec()),
        ("Python bytecode", padded(b"\xa7\x0d\r\n", 40)),
        ("PDF", b"%PDF-1.7\n%\xe2\xe3\n".to_vec()),
        ("PNG", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0".to_vec()),
        ("JPEG", b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0".to_vec()),
        ("GIF", padded(b"GIF89a\x01\0\x01", 14)),
        ("BMP", padded(b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\x18\0", 70)),
        ("TIFF", padded(b"II*\0\x08", 28)),
        ("WebP", padded(b"RIFF\x1e\0\0\0WEBPVP8 ", 40)),
        ("WAV", padded(b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0", 44)),
        ("FLAC", padded(b"fLaC\0\0\0\x22\x10\0\x10", 50)),
        ("MP4", padded(b"\0\0\0\x18ftypisom\0\0\x02\0isomiso2", 44)),
        ("MIDI", b"MThd\0\0\0\x06\0\x01\0\x01\0\x60".to_vec()),
        ("RPM", padded(b"\xed\xab\xee\xdb\x03\0\0\0\0\x01a-1-1", 120)),
        ("Debian package", member_of_ar("debian-binary", "2.0\n")),
        ("ar", member_of_ar("a.o/", "1234")),
        ("cpio", [b"070701".as_slice(), &[b'0'; 104], b"a\0\0"].concat()),
        ("cpio, old", padded(b"\xc7\x71", 26)),
        ("ISO 9660", iso()),
        ("SQLite", padded(b"SQLite format 3\0\x10\0\x01\x01\0\x40\x20\x20\0\0\0\x01\0\0\0\x01", 4096)),
        ("7-Zip", padded(b"7z\xbc\xaf\x27\x1c\0\x04", 40)),
        ("RAR", padded(b"Rar!\x1a\x07\x01\0", 40)),
        ("cabinet", padded(b"MSCF\0\0\0\0\x64\0\0\0\0\0\0\0,\0\0\0\0\0\0\0\x03\x01\x01\0\x01", 140)),
        ("XML", b"<?xml version=\"1.0\"?>\n<a/>\n".to_vec()),
        ("XML with a mark", b"\xef\xbb\xbf<?xml version=\"1.0\"?>\n<a/>\n".to_vec()),
        ("HTML", b"<!DOCTYPE html>\n<html><head><title>x</title></head></html>\n".to_vec()),
        ("SVG", b"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"1\"/>\n".to_vec()),
        ("JSON", b"{\"a\": [1, 2, {\"b\": null}]}\n".to_vec()),
        ("JSON, array", b"[1,2,3]\n".to_vec()),
        ("JSON, broken", b"{\"a\": [1, 2, \n".to_vec()),
        ("JSON lines", b"{\"a\":1}\n{\"a\":2}\n".to_vec()),
        ("text", b"hello world\n".to_vec()),
        ("text, UTF-8", "h\u{e4}llo w\u{f6}rld\n".as_bytes().to_vec()),
        ("text, Latin 1", b"h\xe4llo world\n".to_vec()),
        ("text, UTF-16", b"\xff\xfeh\0e\0l\0l\0o\0\n\0".to_vec()),
        ("one byte", b"a".to_vec()),
        ("nothing", Vec::new()),
        ("zeros", vec![0; 1000]),
        ("sh", b"#!/bin/sh\necho a\n".to_vec()),
        ("bash", b"#!/usr/bin/env bash\necho\n".to_vec()),
        ("dash", b"#!/bin/dash\necho\n".to_vec()),
        ("Python", b"#!/usr/bin/python3\nprint(1)\n".to_vec()),
        ("Python by env", b"#!/usr/bin/env python3\nprint(1)\n".to_vec()),
        ("Perl", b"#!/usr/bin/perl -w\nprint 1;\n".to_vec()),
        ("Ruby", b"#!/usr/bin/env ruby\nputs 1\n".to_vec()),
        ("Node", b"#!/usr/bin/env node\nconsole.log(1)\n".to_vec()),
        ("awk", b"#!/usr/bin/awk -f\nBEGIN{}\n".to_vec()),
        ("PHP", b"<?php\necho 1;\n".to_vec()),
        ("PEM key", pem("PRIVATE KEY")),
        ("PEM certificate", pem("CERTIFICATE")),
        ("PGP keys", pem("PGP PUBLIC KEY BLOCK")),
        ("PGP message", pem("PGP MESSAGE")),
        ("PGP signature", pem("PGP SIGNATURE")),
        ("rich text", b"{\\rtf1\\ansi a}".to_vec()),
        ("PostScript", b"%!PS-Adobe-3.0\n%%Pages: 1\n".to_vec()),
        ("TrueType", padded(b"\0\x01\0\0\0\x0a\0\x80\0\x03\0\x20OS/2", 120)),
        ("WOFF2", padded(b"wOF2\0\x01", 48)),
        ("diff", b"--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n".to_vec()),
    ]
}

#[test]
fn made_files_have_the_names_that_libmagic_gives_them() {
    let dir = tempfile::tempdir().unwrap();
    let made = made();
    let path = |index: usize| dir.path().join(format!("{index}"));
    for (index, (_, bytes)) in made.iter().enumerate() {
        fs::write(path(index), bytes).unwrap();
    }
    let paths: Vec<PathBuf> = (0..made.len()).map(path).collect();
    let mut wrong = Vec::new();
    for ((path, expected), (name, _)) in paths.iter().zip(libmagic(&paths)).zip(&made) {
        let found = ours(path);
        if found != expected {
            wrong.push(format!("{name}: libmagic says {expected}, the table {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Of real files, those that the table has a row for must agree. What only libmagic knows, such as languages by their
/// words, is `text/plain` or unknown here, and does not count.
#[test]
fn files_of_this_system_have_the_names_that_libmagic_gives_them() {
    let mut paths = Vec::new();
    for folder in ["/usr/bin", "/usr/share/misc", "/usr/lib/x86_64-linux-gnu", "/usr/lib/python3", "/etc"] {
        let Ok(entries) = fs::read_dir(folder) else { continue };
        let files = entries.map(|entry| entry.unwrap().path());
        let mut files: Vec<_> = files
            .filter(|path| path.symlink_metadata().unwrap().is_file() && File::open(path).is_ok())
            .collect();
        files.sort();
        files.truncate(150);
        paths.extend(files);
    }
    assert!(paths.len() > 100, "there is too little to compare");
    let mut wrong = Vec::new();
    for (path, expected) in paths.iter().zip(libmagic(&paths)) {
        let found = ours(path);
        let is_left_open = found == "text/plain" || found == "application/octet-stream";
        if found != expected
            && !(is_left_open && expected.starts_with("text/") || found == "application/octet-stream")
        {
            wrong.push(format!("{}: libmagic says {expected}, the table {found}", path.display()));
        }
    }
    // libmagic has hundreds of weak rules, of which one or two hit by chance.
    assert!(wrong.len() * 50 <= paths.len(), "{} of {}:\n{}", wrong.len(), paths.len(), wrong.join("\n"));
}
