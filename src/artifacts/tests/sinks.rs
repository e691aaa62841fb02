use std::process::Command;

use super::*;
use crate::diagnosis::{Code, Diagnose};

/// The blobs to write, with their descriptors.
struct Cargo {
    blobs: Vec<(Descriptor, Vec<u8>)>,
    image: Descriptor,
}

fn cargo(text: &str) -> Cargo {
    let mut made = LayoutBuilder::new();
    let image = made.image(text);
    let blobs = made.files.iter().filter(|(name, _)| name.starts_with("blobs/")).map(|(_, bytes)| {
        let digest = Digest::sha256(bytes);
        (Descriptor::new(MediaType::image_layer(), digest, bytes.len() as u64), bytes.clone())
    });
    Cargo { blobs: blobs.collect(), image }
}

impl Cargo {
    fn sizes(&self) -> Vec<(Digest, u64)> {
        self.blobs.iter().map(|(descriptor, _)| (descriptor.digest, descriptor.size)).collect()
    }

    /// Writes all blobs concurrently: first half of each, then the second half.
    fn write(&self, sink: &dyn ArtifactSink) {
        let mut writers = Vec::new();
        for (descriptor, bytes) in &self.blobs {
            if !sink.contains(descriptor).unwrap() {
                writers.push((sink.begin(descriptor).unwrap(), descriptor, bytes));
            }
        }
        for (writer, _, bytes) in &mut writers {
            writer.write(&bytes[..bytes.len() / 2]).unwrap();
        }
        for (mut writer, descriptor, bytes) in writers {
            writer.write(&bytes[bytes.len() / 2..]).unwrap();
            writer.commit(proof(descriptor)).unwrap();
            assert!(sink.contains(descriptor).unwrap());
        }
    }
}

fn proof(descriptor: &Descriptor) -> VerifiedBlob {
    let Descriptor { digest, size, .. } = *descriptor;
    VerifiedBlob::prove(digest, size, digest, size).unwrap()
}

fn sink(text: &str, cargo: &Cargo, on_existing_name: ExistingName) -> Box<dyn ArtifactSink> {
    text.parse::<DestinationSpec>().unwrap().open(&cargo.sizes(), on_existing_name).unwrap()
}

fn listing(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

const FORMS: [&str; 3] = ["oci", "oci-archive", "docker-archive"];

#[test]
fn written_artifacts_can_be_read() {
    for form in FORMS {
        let folder = tempfile::tempdir().unwrap();
        let text = format!("{form}:{}", folder.path().join("out").display());
        let cargo = cargo("a layer");
        let sink = sink(&text, &cargo, ExistingName::Refuse);
        cargo.write(sink.as_ref());
        assert!(!folder.path().join("out/index.json").exists() && !folder.path().join("out").is_file());
        let index = [entry(Some("team/app:1.0"), &cargo.image)];
        sink.check_names(&index).unwrap();
        sink.finish(&index).unwrap();
        assert_eq!(listing(folder.path()), ["out"], "{form}");
        let source = open(&text);
        let roots = source.roots(&Selection::Every).unwrap();
        assert_eq!(names(&roots), [(Some("team/app:1.0".to_owned()), cargo.image.digest)]);
        for (descriptor, bytes) in &cargo.blobs {
            assert_eq!(&read_all(source.as_ref(), descriptor, 0), bytes);
        }
        let reference = format!("{text}:team/app:1.0");
        if let Ok(output) = Command::new("skopeo").args(["inspect", "--raw", &reference]).output() {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            if form != "docker-archive" {
                assert_eq!(Digest::sha256(&output.stdout), cargo.image.digest);
            }
        }
        if form == "oci" {
            assert_eq!(listing(&folder.path().join("out")), ["blobs", "index.json", "oci-layout"]);
            if let Ok(output) =
                Command::new("umoci").args(["ls", "--layout"]).arg(folder.path().join("out")).output()
            {
                assert_eq!(output.stdout, b"team/app:1.0\n");
            }
        } else if let Ok(output) = Command::new("tar").arg("tf").arg(folder.path().join("out")).output() {
            assert!(output.status.success() && output.stderr.is_empty());
        }
    }
}

#[test]
fn a_dropped_sink_leaves_nothing() {
    for form in FORMS {
        let folder = tempfile::tempdir().unwrap();
        let text = format!("{form}:{}", folder.path().join("out").display());
        let cargo = cargo("a layer");
        let sink = sink(&text, &cargo, ExistingName::Refuse);
        let (descriptor, bytes) = &cargo.blobs[0];
        let mut writer = sink.begin(descriptor).unwrap();
        writer.write(bytes).unwrap();
        drop(writer);
        assert!(!sink.contains(descriptor).unwrap());
        cargo.write(sink.as_ref());
        drop(sink);
        assert_eq!(listing(folder.path()), [""; 0], "{form}");
    }
}

#[test]
fn a_commit_needs_the_proof_of_its_own_blob() {
    for form in FORMS {
        let folder = tempfile::tempdir().unwrap();
        let text = format!("{form}:{}", folder.path().join("out").display());
        let cargo = cargo("a layer");
        let sink = sink(&text, &cargo, ExistingName::Refuse);
        let ((one, bytes), (other, _)) = (&cargo.blobs[0], &cargo.blobs[1]);
        let mut writer = sink.begin(one).unwrap();
        writer.write(bytes).unwrap();
        assert_eq!(writer.write(b"more").unwrap_err().code(), Code::BlobSizeMismatch);
        assert_eq!(writer.commit(proof(other)).unwrap_err().code(), Code::BlobMismatch);
        let mut writer = sink.begin(one).unwrap();
        writer.write(&bytes[1..]).unwrap();
        assert_eq!(writer.commit(proof(one)).unwrap_err().code(), Code::BlobSizeMismatch);
        assert!(!sink.contains(one).unwrap());
        let index = [entry(None, &cargo.image)];
        assert_eq!(sink.finish(&index).unwrap_err().code(), Code::BlobMissing, "{form}");
        assert_eq!(listing(folder.path()), [""; 0], "{form}");
    }
}

#[test]
fn an_existing_layout_keeps_its_entries() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("oci:{}", folder.path().display());
    let mut made = LayoutBuilder::new();
    let old = made.image("old");
    let unnamed = made.image("unnamed");
    made.list(&old, Some("1.0"));
    made.list(&unnamed, None);
    made.entries[0] = made.entries[0].replace("{\"org", "{\"vendor\":\"x\",\"org");
    made.write_directory(folder.path());
    let before = fs::read(folder.path().join("index.json")).unwrap();

    let cargo = cargo("new");
    let refusing = sink(&text, &cargo, ExistingName::Refuse);
    cargo.write(refusing.as_ref());
    let taken = [entry(Some("1.0"), &cargo.image)];
    assert_eq!(refusing.check_names(&taken).unwrap_err().code(), Code::NameTaken);
    assert_eq!(refusing.finish(&taken).unwrap_err().code(), Code::NameTaken);
    assert_eq!(fs::read(folder.path().join("index.json")).unwrap(), before);
    assert!(!folder.path().join(layout_files::blob_path(&cargo.image.digest)).exists());

    let index = [entry(Some("2.0"), &cargo.image), entry(Some("1.0"), &old), entry(None, &unnamed)];
    for _ in 0..2 {
        let sink = sink(&text, &cargo, ExistingName::Refuse);
        cargo.write(sink.as_ref());
        sink.finish(&index).unwrap();
        let found: serde_json::Value =
            serde_json::from_slice(&fs::read(folder.path().join("index.json")).unwrap()).unwrap();
        let entries = found["manifests"].as_array().unwrap();
        assert_eq!(entries.len(), 3, "running again adds nothing");
        assert_eq!(entries[0], serde_json::from_str::<serde_json::Value>(&made.entries[0]).unwrap());
    }
    let replacing = sink(&text, &cargo, ExistingName::Replace);
    cargo.write(replacing.as_ref());
    replacing.finish(&taken).unwrap();
    let source = open(&text);
    let root = source.roots(&Selection::Name("1.0".parse().unwrap())).unwrap();
    assert_eq!(root[0].descriptor.digest, cargo.image.digest);
    assert_eq!(listing(folder.path()), ["blobs", "index.json", "oci-layout"]);
}

#[test]
fn damaged_blobs_are_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("oci:{}", folder.path().display());
    let cargo = cargo("a layer");
    let (descriptor, bytes) = &cargo.blobs[0];
    let mut damaged = bytes.clone();
    damaged[0] ^= 1;
    let path = folder.path().join(layout_files::blob_path(&descriptor.digest));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, &damaged).unwrap();
    let sink = sink(&text, &cargo, ExistingName::Refuse);
    assert!(!sink.contains(descriptor).unwrap());
    cargo.write(sink.as_ref());
    sink.finish(&[entry(None, &cargo.image)]).unwrap();
    assert_eq!(&fs::read(&path).unwrap(), bytes);
}

#[test]
fn symbolic_links_in_a_layout_are_not_followed() {
    for link in ["blobs", "blobs/sha256"] {
        let folder = tempfile::tempdir().unwrap();
        let (out, elsewhere) = (folder.path().join("out"), folder.path().join("elsewhere"));
        fs::create_dir_all(out.join(link).parent().unwrap()).unwrap();
        fs::create_dir(&elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, out.join(link)).unwrap();
        let cargo = cargo("a layer");
        let sink = sink(&format!("oci:{}", out.display()), &cargo, ExistingName::Refuse);
        cargo.write(sink.as_ref());
        assert_eq!(sink.finish(&[entry(None, &cargo.image)]).unwrap_err().code(), Code::UnsafePath, "{link}");
        assert_eq!(listing(&elsewhere), [""; 0]);
    }
}

#[test]
fn existing_files_are_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let text = format!("oci-archive:{}", out.display());
    let cargo = cargo("a layer");
    let late = sink(&text, &cargo, ExistingName::Refuse);
    cargo.write(late.as_ref());
    fs::write(&out, "mine").unwrap();
    assert_eq!(late.finish(&[entry(None, &cargo.image)]).unwrap_err().code(), Code::TargetExists);
    assert_eq!(fs::read(&out).unwrap(), b"mine");
    let spec = text.parse::<DestinationSpec>().unwrap();
    let error = spec.open(&cargo.sizes(), ExistingName::Replace).err().unwrap();
    assert_eq!(error.code(), Code::TargetExists);
    let error = LayoutSink::open(folder.path(), "oci:x", ExistingName::Refuse).unwrap_err();
    assert_eq!(error.code(), Code::NotALayout);
    assert_eq!(listing(folder.path()), ["out"]);
}

/// The path of a SHA-512 blob does not fit into the header.
#[test]
fn long_names_and_large_sizes_fit_an_archive() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let digest = Digest::Sha512([0; 64]).same_algorithm(b"long");
    let long = Descriptor::new(MediaType::image_layer(), digest, 4);
    let sink = ArchiveSink::oci(&out, "oci-archive:out", &[(digest, 4)]).unwrap();
    let mut writer = sink.begin(&long).unwrap();
    writer.write(b"long").unwrap();
    writer.commit(proof(&long)).unwrap();
    Box::new(sink).finish(&[]).unwrap();
    let source = Layout::in_archive(&out, "oci-archive:out", None).unwrap();
    assert_eq!(read_all(&source, &long, 0), b"long");
    let mut plan = tar_plan::TarPlan::default();
    let place = plan.place(&out, "blobs/sha256/x", 9 << 30).unwrap();
    let header = tar::Header::from_byte_slice(&place.headers);
    assert_eq!(header.entry_size().unwrap(), 9 << 30);
    assert!(plan.place(&out, "x", i64::MAX as u64).is_err());
}

#[test]
fn docker_archives_accept_only_images() {
    let open = |made: &LayoutBuilder, folder: &Path| {
        let blobs: Vec<_> = made
            .files
            .iter()
            .filter(|(name, _)| name.starts_with("blobs/"))
            .map(|(_, bytes)| (Digest::sha256(bytes), bytes.len() as u64))
            .collect();
        let sink = ArchiveSink::docker(&folder.join("out"), "docker-archive:out", &blobs).unwrap();
        for bytes in made.files.iter().filter(|(name, _)| name.starts_with("blobs/")).map(|(_, bytes)| bytes)
        {
            let blob = Descriptor::new(MediaType::image_layer(), Digest::sha256(bytes), bytes.len() as u64);
            let mut writer = sink.begin(&blob).unwrap();
            writer.write(bytes).unwrap();
            writer.commit(proof(&blob)).unwrap();
        }
        Box::new(sink)
    };
    let mut made = LayoutBuilder::new();
    let (one, two) = (made.image("one"), made.image("two"));
    let signature = made.signature(&one);
    let (single, many) = (made.index(&[&one]), made.index(&[&one, &two]));
    let cosign = format!("app:sha256-{}.sig", one.digest.hex());
    for (index, code) in [
        (vec![entry(Some("app:1"), &single), entry(Some("b:1"), &one), entry(None, &signature)], None),
        (vec![entry(Some("app:1"), &one), entry(Some(&cosign), &signature)], None),
        (vec![entry(Some("app:1"), &many)], Some(Code::NotADockerImage)),
        (vec![entry(Some("sig:1"), &signature)], Some(Code::NotADockerImage)),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let finished = open(&made, folder.path()).finish(&index);
        assert_eq!(finished.as_ref().err().map(Diagnose::code), code);
        if code.is_some() {
            assert_eq!(listing(folder.path()), [""; 0]);
            continue;
        }
        let archive = file_in(&folder.path().join("out"), "manifest.json");
        let items: serde_json::Value = serde_json::from_slice(&archive).unwrap();
        assert_eq!(items.as_array().unwrap().len(), 1);
        assert_eq!(items[0]["RepoTags"][0], "app:1");
        assert_eq!(items[0]["Layers"][0], layout_files::blob_path(&Digest::sha256(b"one")));
    }
}

fn file_in(archive: &Path, name: &str) -> Vec<u8> {
    let files = files::Files::in_archive(archive, tar_index::Links::Refused, None).unwrap();
    files.read(name, 1 << 20).unwrap().unwrap()
}
