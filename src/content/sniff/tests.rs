use proptest::prelude::*;

use super::{HEAD_BYTES, MediaType, UNKNOWN, sniff};

fn names(bytes: &[u8]) -> (&'static str, &'static str) {
    let found = sniff(bytes, bytes.len() as u64);
    (found.tika, found.libmagic)
}

fn zip(members: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, content) in members {
        bytes.extend(b"PK\x03\x04\x14\0\0\0\0\0\0\0\0\0\0\0\0\0");
        bytes.extend(u32::try_from(content.len()).unwrap().to_le_bytes());
        bytes.extend(u32::try_from(content.len()).unwrap().to_le_bytes());
        bytes.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        bytes.extend([0, 0]);
        bytes.extend(name.as_bytes());
        bytes.extend(content.as_bytes());
    }
    bytes
}

#[test]
fn archives_in_zip_are_told_by_their_members() {
    assert_eq!(names(&zip(&[("a.txt", "hi")])).0, "application/zip");
    assert_eq!(names(&zip(&[("META-INF/MANIFEST.MF", "M")])).0, "application/java-archive");
    assert_eq!(
        names(&zip(&[("a/B.class", "x"), ("META-INF/MANIFEST.MF", "M")])).0,
        "application/java-archive"
    );
    let document = zip(&[("[Content_Types].xml", "<x/>"), ("_rels/.rels", ""), ("word/document.xml", "")]);
    assert!(names(&document).0.ends_with("wordprocessingml.document"));
    assert_eq!(names(&zip(&[("mimetype", "application/epub+zip")])).0, "application/epub+zip");
    // A lone folder does not make an office document.
    assert_eq!(names(&zip(&[("word/a", "")])).0, "application/zip");
}

#[test]
fn an_old_tar_archive_needs_a_sum_that_holds() {
    let mut header = [0_u8; 512];
    header[..3].copy_from_slice(b"etc");
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    assert_eq!(names(&header).0, "application/x-tar");
    header[0] = b'f';
    assert_eq!(names(&header), ("application/octet-stream", "application/octet-stream"));
    assert_eq!(sniff(&[0; 1024], 1024), UNKNOWN, "the end of an archive is not an archive");
}

#[test]
fn a_json_document_that_is_cut_off_is_json() {
    let text = br#"{"a": [1, 2, {"b": "#;
    assert_eq!(sniff(text, 1000).tika, "application/json");
    assert_eq!(sniff(text, text.len() as u64).tika, "text/plain");
    assert_eq!(sniff(br#"{"a" 1, "#, 1000).tika, "text/plain");
    let deep = "[".repeat(HEAD_BYTES);
    assert_eq!(sniff(deep.as_bytes(), 1 << 40).tika, "application/json");
}

#[test]
fn classes_and_mach_o_files_begin_alike() {
    assert_eq!(names(b"\xca\xfe\xba\xbe\0\0\0\x3d\0\x0a").0, "application/java-vm");
    assert_eq!(names(b"\xca\xfe\xba\xbe\0\0\0\x02\x01\0").0, "application/x-mach-o");
}

#[test]
fn one_control_character_makes_it_no_text() {
    assert_eq!(names(b"hello\n").0, "text/plain");
    assert_eq!(names(b"hello\x01\n").0, "application/octet-stream");
    assert_eq!(names(b"\xff\xfeh\0i\0").0, "text/plain");
    assert_eq!(names(b"\xff\xfeh\0\x01\0").0, "application/octet-stream");
}

#[test]
fn a_name_fits_in_any_case_and_with_parameters() {
    let xml = MediaType::new("application/xml", "text/xml");
    assert!(xml.is_called("Text/XML; charset=utf-8") && xml.is_called("application/xml"));
    assert!(!xml.is_called("text/plain") && !xml.is_called(""));
}

proptest! {
    #[test]
    fn any_bytes_have_a_type(bytes in proptest::collection::vec(any::<u8>(), 0..2048), size in any::<u64>()) {
        let found = sniff(&bytes, size);
        prop_assert!(found.tika.contains('/') && found.libmagic.contains('/'));
    }

    #[test]
    fn damaged_headers_have_a_type(
        which in 0_usize..6, at in 0_usize..120, byte in any::<u8>(), length in 0_usize..200,
    ) {
        let start: &[u8] = [
            &b"PK\x03\x04"[..], b"\x7fELF\x02\x01", b"MZ", b"!<arch>\n", b"\x50\x2a\x4d\x18", b"\xca\xfe\xba\xbe",
        ][which];
        let mut bytes = start.to_vec();
        bytes.resize(200, 0xff);
        bytes[at] = byte;
        bytes.truncate(length);
        sniff(&bytes, 200);
    }
}
