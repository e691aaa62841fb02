use std::io::ErrorKind;
use std::ops::ControlFlow;

use super::{Contents, Expansion, Form, Opener as _};
use crate::content::zip::writer;

/// What became of an archive, and the names and contents of what is in it.
type Opened = (Expansion, Vec<(String, Vec<u8>)>);

fn opened(contents: &Contents, form: Form, bytes: &[u8]) -> std::io::Result<Opened> {
    let mut found = Vec::new();
    let mut source = bytes;
    let expansion = contents.expand(form, &mut source, &mut |element, content| {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes).unwrap();
        found.push((String::from_utf8_lossy(element.name).into_owned(), bytes));
        ControlFlow::Continue(())
    })?;
    Ok((expansion, found))
}

#[test]
fn forms_are_told_by_the_head() {
    let tar = {
        let mut block = [0; 512];
        block[0] = b'a';
        block[257..262].copy_from_slice(b"ustar");
        block
    };
    for (head, form) in [
        (b"PK\x05\x06".as_slice(), Some(Form::Zip)),
        (b"7z\xbc\xaf\x27\x1c", Some(Form::SevenZip)),
        (b"Rar!\x1a\x07\x01\0", Some(Form::Rar)),
        (b"!<arch>\nx", Some(Form::Ar)),
        (b"!<arch>\ndebian-binary", Some(Form::Deb)),
        (b"070701", Some(Form::Cpio)),
        (b"\xc7\x71", None),
        (b"\x1f\x8b\x08\0", Some(Form::Gzip)),
        (b"\x1f\x8b are two bytes of something else", None),
        (b"BZh91AY&SY", Some(Form::Bzip2)),
        (b"BZhang", None),
        (b"\xfd7zXZ\0", Some(Form::Xz)),
        (b"\x28\xb5\x2f\xfd", Some(Form::Zstd)),
        (&tar, Some(Form::Tar)),
        (b"text", None),
        (b"", None),
    ] {
        assert_eq!(Form::of_head(head), form, "{head:?}");
    }
}

#[test]
fn a_zip_archive_needs_memory_for_itself() {
    let zip = writer::zip(&[writer::member("a", b"hello")]);
    let bytes = zip.len() as u64;
    let (expansion, found) = opened(&Contents::with_memory(bytes), Form::Zip, &zip).unwrap();
    assert_eq!((expansion, found), (Expansion::Done, vec![("a".to_owned(), b"hello".to_vec())]));
    let error = opened(&Contents::with_memory(bytes - 1), Form::Zip, &zip).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "another reader may open it");
}

#[test]
fn damage_is_told_apart_from_what_is_not_known() {
    let contents = Contents::default();
    for form in [
        Form::Bzip2,
        Form::Cab,
        Form::Cpio,
        Form::Iso9660,
        Form::Lz4,
        Form::Lzip,
        Form::Rar,
        Form::Rpm,
        Form::SevenZip,
        Form::Xz,
    ] {
        assert_eq!(opened(&contents, form, b"x").unwrap(), (Expansion::Unknown, vec![]));
    }
    for form in [Form::Ar, Form::Deb, Form::Tar, Form::Zip] {
        assert_eq!(
            opened(&contents, form, &[b'x'; 600]).unwrap_err().kind(),
            ErrorKind::InvalidData,
            "{form:?}"
        );
    }
}
