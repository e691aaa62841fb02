use super::*;
use crate::diagnosis::{Advice, Code, Diagnose as _, Failure};

/// Checks the contract of every source.
fn check_contract(source: &dyn ArtifactSource) {
    let roots = source.roots(&Selection::Every).unwrap();
    assert_eq!(roots, source.roots(&Selection::Every).unwrap(), "calling again gives the same");
    for root in &roots {
        let digest = root.descriptor.digest;
        assert!(source.roots(&Selection::Digest(digest)).unwrap().contains(root));
        if let Some(name) = &root.name {
            assert_eq!(source.roots(&Selection::Name(name.clone())).unwrap(), std::slice::from_ref(root));
        }
        let bytes = read_document(source, &root.descriptor).unwrap();
        let document = Document::parse(&root.descriptor, &bytes).unwrap();
        for blob in document.successors() {
            assert_eq!(source.size_of(blob).unwrap(), Some(blob.size));
            let whole = read_all(source, blob, 0);
            assert_eq!(Digest::sha256(&whole), blob.digest);
            assert_eq!(read_all(source, blob, 3), whole.get(3..).unwrap_or_default());
            assert_eq!(read_all(source, blob, u64::MAX), b"");
            let (mut first, mut second) = (source.open(blob, 0).unwrap(), source.open(blob, 0).unwrap());
            let mut one = [0; 1];
            first.read_exact(&mut one).unwrap();
            let mut other = Vec::new();
            second.read_to_end(&mut other).unwrap();
            assert_eq!(other, whole, "two readers do not disturb each other");
        }
        assert_eq!(source.referrers(&digest).unwrap(), source.referrers(&digest).unwrap());
    }
    let absent = Descriptor::new(MediaType::image_layer(), Digest::sha256(b"absent"), 6);
    assert_eq!(source.size_of(&absent).unwrap(), None);
    let error = source.open(&absent, 0).err().unwrap();
    assert_eq!((error.code(), error.failure()), (Code::BlobMissing, Failure::Damaged));
    assert_eq!(source.roots(&Selection::Digest(absent.digest)).unwrap_err().code(), Code::NoSuchArtifact);
    assert_eq!(source.referrers(&absent.digest).unwrap(), []);
}

#[test]
fn layouts_fulfil_the_contract() {
    let mut made = LayoutBuilder::new();
    let (one, two) = (made.image("one layer"), made.image("two layer"));
    let index = made.index(&[&one, &two]);
    made.list(&index, Some("team/app:1.0"));
    made.list(&one, Some("b"));
    made.list(&one, Some("a"));
    made.list(&one, None);
    made.list(&one, Some("a"));
    let folder = tempfile::tempdir().unwrap();
    for source in made.sources(folder.path()) {
        check_contract(source.as_ref());
        let expected = [("a", one.digest), ("b", one.digest), ("team/app:1.0", index.digest)];
        let expected: Vec<_> = expected.map(|(name, digest)| (Some(name.to_owned()), digest)).into();
        assert_eq!(names(&source.roots(&Selection::Every).unwrap()), expected);
        let error = source.roots(&Selection::Digest(two.digest)).unwrap();
        assert_eq!(names(&error), [(None, two.digest)], "a child can be asked for");
        let error = source.roots(&Selection::Digest(Digest::sha256(b"one layer"))).unwrap_err();
        assert_eq!(error.code(), Code::NotAManifest);
        let error = source.roots(&Selection::Name("team/app:1.1".parse().unwrap())).unwrap_err();
        assert!(
            error.to_string().ends_with(r#"has no artifact "team/app:1.1"; similar names: "team/app:1.0""#)
        );
        assert_eq!(error.diagnosis().advice, Some(Advice::DidYouMean { name: "team/app:1.0".to_owned() }));
    }
}

#[test]
fn referrers_are_not_roots() {
    let mut made = LayoutBuilder::new();
    let (image, other) = (made.image("layer"), made.image("other"));
    let (signature, orphan) = {
        let elsewhere = Descriptor::new(MediaType::image_manifest(), Digest::sha256(b"elsewhere"), 9);
        (made.signature(&image), made.signature(&elsewhere))
    };
    let cosign = made.image("cosign");
    let fallback = made.index(&[&signature]);
    let hex = image.digest.hex();
    made.list(&image, Some("team/app:1.0"));
    made.list(&signature, None);
    made.list(&orphan, None);
    made.list(&cosign, Some(&format!("team/app:sha256-{hex}.sig")));
    made.list(&fallback, Some(&format!("sha256-{hex}")));
    made.list(&other, Some(&format!("sha256-{}.att", Digest::sha256(b"elsewhere").hex())));
    let folder = tempfile::tempdir().unwrap();
    for source in made.sources(folder.path()) {
        let roots: Vec<Digest> =
            source.roots(&Selection::Every).unwrap().into_iter().map(|root| root.descriptor.digest).collect();
        assert_eq!(roots, [orphan.digest, other.digest, image.digest]);
        let referrers = source.referrers(&image.digest).unwrap();
        let mut expected = [
            (signature.digest, None),
            (cosign.digest, Some(format!("team/app:sha256-{hex}.sig"))),
            (fallback.digest, Some(format!("sha256-{hex}"))),
        ];
        expected.sort();
        let found: Vec<_> = referrers
            .iter()
            .map(|r| (r.descriptor.digest, r.name.as_ref().map(ToString::to_string)))
            .collect();
        assert_eq!(found, expected);
        let signed = referrers.iter().find(|r| r.descriptor.digest == signature.digest).unwrap();
        assert_eq!(signed.descriptor.artifact_type.as_ref().unwrap().as_str(), "application/x-sig");
        assert!(referrers.iter().all(|r| r.subject == image.digest));
    }
}

/// A name that points at two artifacts is refused.
#[test]
fn ambiguous_names_are_refused() {
    let mut made = LayoutBuilder::new();
    let (one, two) = (made.image("one"), made.image("two"));
    made.list(&one, Some("1.0"));
    made.list(&two, Some("1.0"));
    let folder = tempfile::tempdir().unwrap();
    for source in made.sources(folder.path()) {
        for selection in [Selection::Every, Selection::Name("1.0".parse().unwrap())] {
            assert_eq!(source.roots(&selection).unwrap_err().code(), Code::AmbiguousName);
        }
        assert_eq!(source.roots(&Selection::Digest(one.digest)).unwrap().len(), 1);
    }
}

fn refused(made: &LayoutBuilder) -> ArtifactError {
    let folder = tempfile::tempdir().unwrap();
    made.write_directory(folder.path());
    Layout::in_directory(folder.path(), "oci:x").unwrap_err()
}

/// Names with characters that can be confused with others.
#[test]
fn invalid_names_are_reported() {
    for name in ["a b", "../x", "a\u{202e}b", "a\nb", &"t".repeat(129)] {
        let mut made = LayoutBuilder::new();
        let image = made.image("layer");
        made.list(&image, Some(name));
        let folder = tempfile::tempdir().unwrap();
        made.write_directory(folder.path());
        let layout = Layout::in_directory(folder.path(), "oci:x").unwrap();
        let roots = layout.roots(&Selection::Every).unwrap();
        assert_eq!((roots.len(), &roots[0].name), (1, &None), "{name:?}");
        let notes = layout.notes();
        assert!(!notes[0].contains(['\n', '\u{202e}']), "{notes:?}");
    }
}

/// `index.json` and `oci-layout` files that readers could read differently.
#[test]
fn refuses_ambiguous_indexes() {
    for text in [
        r#"{"schemaVersion":2,"manifests":[],"manifests":[]}"#,
        r#"{"schemaVersion":2,"manifests":[],"Manifests":[]}"#,
        r#"{"schemaVersion":2,"manifests":[],"layers":[]}"#,
        r#"{"schemaVersion":2,"manifests":[{"mediaType":"a/b","digest":"md5:00","size":1}]}"#,
        "[]",
        "",
    ] {
        let mut made = LayoutBuilder::new();
        made.files.insert("index.json".to_owned(), text.as_bytes().to_vec());
        let error = refused(&made);
        assert_eq!((error.code(), error.failure()), (Code::BadIndex, Failure::Damaged), "{text}");
    }
    for text in [
        r#"{"imageLayoutVersion":"2.0.0"}"#,
        "{}",
        r#"{"imageLayoutVersion":"1.0.0","ImageLayoutVersion":"1"}"#,
    ] {
        let mut made = LayoutBuilder::new();
        made.files.insert("oci-layout".to_owned(), text.as_bytes().to_vec());
        assert_eq!(refused(&made).code(), Code::NotALayout, "{text}");
    }
    let mut made = LayoutBuilder::new();
    made.files.insert("index.json".to_owned(), vec![b' '; (4 << 20) + 1]);
    assert_eq!(refused(&made).code(), Code::FileTooLarge);
}

/// A missing or damaged file causes an error only when it is used.
#[test]
fn damage_is_reported_when_a_file_is_used() {
    let mut made = LayoutBuilder::new();
    let (whole, missing, damaged) = (made.image("whole"), made.image("missing"), made.image("damaged"));
    for (descriptor, name) in [(&whole, "whole"), (&missing, "missing"), (&damaged, "damaged")] {
        made.list(descriptor, Some(name));
    }
    let mut short = made.image("short");
    short.size += 1;
    made.list(&short, Some("short"));
    made.files.remove(&layout_files::blob_path(&missing.digest));
    made.files.get_mut(&layout_files::blob_path(&damaged.digest)).unwrap()[0] ^= 1;
    let folder = tempfile::tempdir().unwrap();
    for source in made.sources(folder.path()) {
        assert_eq!(source.roots(&Selection::Every).unwrap().len(), 4);
        assert_eq!(source.referrers(&whole.digest).unwrap(), []);
        read_document(source.as_ref(), &whole).unwrap();
        for (descriptor, code) in
            [(&missing, Code::BlobMissing), (&damaged, Code::BlobMismatch), (&short, Code::BlobSizeMismatch)]
        {
            assert_eq!(read_document(source.as_ref(), descriptor).unwrap_err().code(), code);
        }
        let mut huge = whole.clone();
        huge.size = 1 << 40;
        assert_eq!(read_document(source.as_ref(), &huge).unwrap_err().code(), Code::MalformedDocument);
    }
}

/// Inline data is used instead of a blob only if its digest matches.
#[test]
fn inline_data_replaces_a_blob() {
    let mut made = LayoutBuilder::new();
    let image = made.image("layer");
    made.list(&image, Some("1.0"));
    let folder = tempfile::tempdir().unwrap();
    for source in made.sources(folder.path()) {
        let mut inline = Descriptor::new(MediaType::image_layer(), Digest::sha256(b"hello"), 5);
        inline.data = Some("aGVsbG8=".to_owned());
        assert_eq!(source.size_of(&inline).unwrap(), Some(5));
        assert_eq!(read_all(source.as_ref(), &inline, 1), b"ello");
        inline.data = Some("aGVsbG9v".to_owned());
        assert_eq!(source.size_of(&inline).unwrap(), None);
        assert!(source.open(&inline, 0).is_err());
    }
}

#[test]
fn only_regular_files_are_blobs() {
    let mut made = LayoutBuilder::new();
    let image = made.image("layer");
    made.list(&image, Some("1.0"));
    let folder = tempfile::tempdir().unwrap();
    made.write_directory(folder.path());
    let blob = folder.path().join(layout_files::blob_path(&image.digest));
    fs::remove_file(&blob).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", &blob).unwrap();
    let source = Layout::in_directory(folder.path(), "oci:x").unwrap();
    assert_eq!(source.open(&image, 0).err().unwrap().code(), Code::UnsafePath);
    assert_eq!(source.size_of(&image).unwrap_err().code(), Code::UnsafePath);
    fs::remove_file(&blob).unwrap();
    let status = std::process::Command::new("mkfifo").arg(&blob).status().unwrap();
    assert!(status.success());
    assert_eq!(source.open(&image, 0).err().unwrap().code(), Code::UnsafePath, "and it does not wait");
}
