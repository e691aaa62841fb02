use super::*;
use crate::diagnosis::{Code, Diagnose as _};

fn open(made: &LayoutBuilder) -> Result<DockerArchive, ArtifactError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("saved.tar");
    let mut made = made.clone();
    if !made.files.contains_key("oci-layout") {
        made.files.insert("index.json".to_owned(), Vec::new());
    }
    made.write_archive(&path);
    DockerArchive::open(&path, "docker-archive:saved.tar", None)
}

/// An archive as an old `docker save` writes it, for one image with the layers `texts`.
fn saved(texts: &[&[u8]], manifest: &str) -> LayoutBuilder {
    let mut made = LayoutBuilder::default();
    let ids: Vec<String> = texts.iter().map(|text| format!("\"{}\"", Digest::sha256(text))).collect();
    let config = format!(r#"{{"rootfs":{{"type":"layers","diff_ids":[{}]}}}}"#, ids.join(","));
    made.files.insert("c.json".to_owned(), config.into_bytes());
    for (at, text) in texts.iter().enumerate() {
        made.files.insert(format!("{at}/layer.tar"), text.to_vec());
    }
    made.files.insert("manifest.json".to_owned(), manifest.as_bytes().to_vec());
    made
}

#[test]
fn generates_manifests_for_the_legacy_format() {
    let gzip = b"\x1f\x8b compressed".as_slice();
    let source = open(&saved(
        &[b"plain", gzip],
        r#"[{"Config":"c.json","RepoTags":["app:1.0","team/app:1.0"],"Layers":["0/layer.tar","./1/layer.tar"]}]"#,
    ))
    .unwrap();
    let roots = source.roots(&Selection::Every).unwrap();
    assert_eq!(roots.len(), 2);
    let bytes = read_document(&source, &roots[0].descriptor).unwrap();
    let document = Document::parse(&roots[0].descriptor, &bytes).unwrap();
    let parts: Vec<Descriptor> = document.successors().cloned().collect();
    assert_eq!(parts[1], Descriptor::new(MediaType::image_layer(), Digest::sha256(b"plain"), 5));
    assert_eq!(parts[2], Descriptor::new(MediaType::image_layer_gzip(), Digest::sha256(gzip), 13));
    for part in &parts {
        assert_eq!(source.size_of(part).unwrap(), Some(part.size));
        assert_eq!(Digest::sha256(&read_all(&source, part, 0)), part.digest);
    }
    assert_eq!(read_all(&source, &parts[1], 2), b"ain");
    assert_eq!(source.roots(&Selection::Name("app:1.0".parse().unwrap())).unwrap().len(), 1);
    assert!(source.roots(&Selection::Digest(parts[1].digest)).is_err());
}

/// Paths in `manifest.json` can only name files of the archive.
#[test]
fn refuses_ambiguous_legacy_archives() {
    for (manifest, code) in [
        (r#"[{"Config":"../../x","Layers":["0/layer.tar"]}]"#, Code::BadArchive),
        (r#"[{"Config":"/etc/passwd","Layers":["0/layer.tar"]}]"#, Code::BadArchive),
        (r#"[{"Config":"c.json","Layers":["../0/layer.tar"]}]"#, Code::BadArchive),
        (r#"[{"Config":"c.json","Layers":["9/layer.tar"]}]"#, Code::BadArchive),
        (r#"[{"Config":"c.json","Layers":[]}]"#, Code::BadArchive),
        (r#"[{"Config":"c.json","Layers":["0/layer.tar"],"Layers":[]}]"#, Code::BadArchive),
        (r#"[{"Config":"c.json","Layers":["0/layer.tar"],"layers":[]}]"#, Code::BadArchive),
        ("{}", Code::BadArchive),
    ] {
        assert_eq!(open(&saved(&[b"layer"], manifest)).unwrap_err().code(), code, "{manifest}");
    }
    let mut nothing = saved(&[], "[]");
    nothing.files.remove("manifest.json");
    assert_eq!(open(&nothing).unwrap_err().code(), Code::NotADockerImage);
}

#[test]
fn a_layout_inside_takes_precedence() {
    let mut made = LayoutBuilder::new();
    let image = made.image("layer");
    let annotations = r#""annotations":{"io.containerd.image.name":"low.example/library/app:1.0","org.opencontainers.image.ref.name":"1.0"}"#;
    made.entries.push(format!("{},{annotations}}}", json(&image).strip_suffix('}').unwrap()));
    made.files.insert("manifest.json".to_owned(), b"[]".to_vec());
    let source = open(&made).unwrap();
    let roots = source.roots(&Selection::Every).unwrap();
    assert_eq!(names(&roots), [(Some("low.example/library/app:1.0".to_owned()), image.digest)]);
    read_document(&source, &image).unwrap();
}
