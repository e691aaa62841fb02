use std::borrow::Cow;

use proptest::prelude::*;

use super::writer::{Written, member, zip};
use super::{Archive, Member, ZipError, contradictions};
use crate::content::deflate::DeflateError;

fn members<'a>(archive: &Archive<'a>) -> Vec<Member<'a>> {
    archive.members().map(Result::unwrap).collect()
}

fn problems(bytes: &[u8]) -> Vec<String> {
    let archive = Archive::open(bytes).unwrap();
    contradictions(&archive, &members(&archive))
}

fn two() -> Vec<Written> {
    vec![member("a.txt", b"hello hello hello"), Written { deflate: false, ..member("b/c", b"stored") }]
}

#[test]
fn members_are_listed_and_read() {
    let bytes = zip(&two());
    let archive = Archive::open(&bytes).unwrap();
    let found = members(&archive);
    assert_eq!(found.iter().map(|member| member.name).collect::<Vec<_>>(), [b"a.txt".as_slice(), b"b/c"]);
    assert_eq!(archive.read(&found[0], 100).unwrap(), b"hello hello hello".as_slice());
    assert!(matches!(archive.read(&found[1], 6).unwrap(), Cow::Borrowed(b"stored")));
    assert_eq!(archive.read(&found[1], 5), Err(ZipError::TooLarge { size: 6, limit: 5 }));
    assert!(problems(&bytes).is_empty());
}

#[test]
fn an_archive_behind_a_script_is_read() {
    let mut bytes = b"#!/bin/sh\nexec java -jar \"$0\"\n".to_vec();
    bytes.extend(zip(&two()));
    let archive = Archive::open(&bytes).unwrap();
    assert_eq!(archive.read(&members(&archive)[0], 100).unwrap(), b"hello hello hello".as_slice());
    assert!(problems(&bytes).is_empty());
}

#[test]
fn two_archives_in_a_row_are_named() {
    let mut bytes = zip(&two());
    let first = bytes.len();
    bytes.extend(zip(&two()[..1]));
    assert_eq!(problems(&bytes), [format!("the first {first} bytes are another archive")]);
}

#[test]
fn bytes_behind_the_end_are_named() {
    let mut bytes = zip(&two());
    bytes.extend(b"more");
    assert_eq!(problems(&bytes), ["4 bytes follow the end record"]);
}

#[test]
fn other_local_names_are_named() {
    let bytes = zip(&[Written { local_name: Some(b"evil.class".to_vec()), ..member("good.class", b"x") }]);
    assert_eq!(
        problems(&bytes),
        ["member \"good.class\": the local header has the name member \"evil.class\""]
    );
}

#[test]
fn members_without_a_record_are_named() {
    let bytes = zip(&[Written { listed: false, ..member("hidden", b"x") }, member("a", b"x")]);
    assert_eq!(problems(&bytes), ["member \"a\": before it is a member that the directory does not name"]);
}

#[test]
fn equal_names_and_shared_bytes_are_named() {
    let mut bytes = zip(&[member("a", b"x"), member("a", b"x")]);
    assert_eq!(problems(&bytes), ["member \"a\": there are two members of this name"]);
    // The second record points to the first member.
    let at = bytes.len() - 22 - 5;
    bytes[at..at + 4].fill(0);
    assert_eq!(problems(&bytes)[1], "member \"a\": it shares bytes with another member");
}

#[test]
fn wrong_sums_and_sizes_are_errors() {
    let good = zip(&[member("a", b"content")]);
    let archive = Archive::open(&good).unwrap();
    let entry = members(&archive)[0];
    assert!(matches!(archive.read(&Member { sum: 0, ..entry }, 100), Err(ZipError::Sum { expected: 0, .. })));
    assert_eq!(
        archive.read(&Member { size: 6, ..entry }, 6),
        Err(ZipError::Deflate(DeflateError::TooLarge { limit: 6 }))
    );
    assert_eq!(
        archive.read(&Member { size: 8, ..entry }, 100),
        Err(ZipError::Size { expected: 8, found: 7 })
    );
    assert_eq!(archive.read(&Member { method: 12, ..entry }, 100), Err(ZipError::Method { method: 12 }));
    assert_eq!(archive.read(&Member { flags: 1, ..entry }, 100), Err(ZipError::Encrypted));
    assert_eq!(archive.read(&Member { offset: 1, ..entry }, 100), Err(ZipError::NoLocalHeader { offset: 1 }));
    assert_eq!(
        archive.read(&Member { compressed: u64::MAX, ..entry }, 100),
        Err(ZipError::Outside { size: u64::MAX })
    );
}

#[test]
fn what_is_no_archive_is_an_error() {
    assert_eq!(Archive::open(b"").unwrap_err(), ZipError::NoEnd);
    assert_eq!(Archive::open(&[0; 100]).unwrap_err(), ZipError::NoEnd);
    let mut bytes = zip(&two());
    let at = bytes.len() - 10;
    bytes[at..at + 4].fill(0x7f);
    assert!(matches!(Archive::open(&bytes), Err(ZipError::DirectoryOutside { .. })));
}

#[test]
fn a_broken_directory_ends_the_list() {
    let mut bytes = zip(&two());
    let second = bytes.len() - 22 - 46 - 3;
    bytes[second] = 0;
    let archive = Archive::open(&bytes).unwrap();
    let found: Vec<_> = archive.members().collect();
    assert_eq!(found.len(), 2);
    assert_eq!(found[1], Err(ZipError::DirectoryRecord { number: 2 }));
}

proptest! {
    #[test]
    fn damaged_archives_never_panic(changes in prop::collection::vec((0_usize..300, any::<u8>()), 1..6), cut in 0_usize..300) {
        let mut bytes = zip(&two());
        for (at, byte) in changes {
            let length = bytes.len();
            bytes[at % length] = byte;
        }
        bytes.truncate(cut.max(22));
        if let Ok(archive) = Archive::open(&bytes) {
            let members: Vec<_> = archive.members().filter_map(Result::ok).collect();
            for member in &members {
                let _ = archive.read(member, 1000);
            }
            contradictions(&archive, &members);
        }
    }
}
