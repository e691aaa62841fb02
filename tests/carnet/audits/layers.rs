//! Layers that real tools wrote: GNU tar in all its formats, gzip, zstd, and skopeo with zstd:chunked.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, PermissionsExt};
use std::path::Path;
use std::process::{Command, Stdio};

use carnet::content::inflate::StreamKind;
use carnet::content::tar::{EntryKind, TarEntry};
use carnet::content::{Interest, LayerLimits, LayerProblem, LayerRead, LayerVisitor, read_layer};
use carnet::oci::Digest;
use carnet::rootfs::{Members, TocProblem, compare_toc};
use serde_json::json;

/// Runs a tool of the named Debian package and returns what it printed.
fn run(package: &str, command: &mut Command) -> Vec<u8> {
    let tool = command.get_program().to_string_lossy().into_owned();
    let ran = command.stderr(Stdio::piped()).output();
    let ran = ran.unwrap_or_else(|error| panic!("{tool}: {error}: install the Debian package {package}"));
    assert!(ran.status.success(), "{command:?}: {}", String::from_utf8_lossy(&ran.stderr));
    ran.stdout
}

#[derive(Default)]
struct Seen {
    members: Members,
    entries: Vec<TarEntry>,
    digests: BTreeMap<u32, Digest>,
}

impl LayerVisitor for Seen {
    fn entry(&mut self, entry: &TarEntry) -> Interest {
        assert!(self.members.push(entry));
        self.entries.push(entry.clone());
        Interest::Skip
    }

    fn wants_digests(&self) -> bool {
        true
    }

    fn digest(&mut self, entry: &TarEntry, digest: Digest) {
        self.digests.insert(u32::try_from(entry.number).unwrap(), digest);
    }
}

fn read(mut bytes: &[u8]) -> (LayerRead, Seen) {
    let mut seen = Seen::default();
    let read = read_layer(&mut bytes, &LayerLimits::default(), &mut seen);
    (read, seen)
}

fn sentences(read: &LayerRead) -> Vec<String> {
    read.problems.kept().iter().map(LayerProblem::to_string).collect()
}

/// A folder with what archives find hard: holes, long names, links, large owners.
fn tree(root: &Path, long_names: bool) {
    std::fs::create_dir_all(root.join("etc")).unwrap();
    std::fs::write(root.join("etc/empty"), b"").unwrap();
    std::fs::write(root.join("etc/hello"), b"hello").unwrap();
    std::fs::set_permissions(root.join("etc/hello"), PermissionsExt::from_mode(0o4750)).unwrap();
    std::fs::hard_link(root.join("etc/hello"), root.join("etc/again")).unwrap();
    std::os::unix::fs::symlink("../etc/hello", root.join("etc/link")).unwrap();
    let large: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    std::fs::write(root.join("large"), large).unwrap();
    let holes = std::fs::File::create(root.join("holes")).unwrap();
    for part in 0..40 {
        holes.write_all_at(b"data between holes", part * 100_000 + 7).unwrap();
    }
    holes.set_len(5_000_000).unwrap();
    if long_names {
        let deep = root.join("n".repeat(120)).join("m".repeat(200));
        std::fs::create_dir_all(&deep).unwrap();
        std::fs::write(deep.join("file \u{e9}"), b"deep").unwrap();
        std::os::unix::fs::symlink("t".repeat(300), root.join("far")).unwrap();
    }
}

#[test]
fn what_gnu_tar_writes_is_read_as_it_is_on_disk() {
    for (format, options, odd) in [
        ("v7", &[][..], 0),
        ("ustar", &[], 0),
        ("gnu", &[], 0),
        // Container runtimes do not know the type of old sparse files.
        ("gnu", &["--sparse"], 1),
        ("posix", &[], 0),
        ("posix", &["--sparse", "--sparse-version=0.0"], 0),
        ("posix", &["--sparse", "--sparse-version=0.1"], 0),
        ("posix", &["--sparse", "--sparse-version=1.0"], 0),
    ] {
        let folder = tempfile::tempdir().unwrap();
        tree(folder.path(), matches!(format, "gnu" | "posix"));
        let archive = run(
            "tar",
            Command::new("tar")
                .arg(format!("--format={format}"))
                .args(options)
                .args(["--owner=someone:70000", "--group=some:80000", "-cf", "-", "-C"])
                .arg(folder.path())
                .arg("."),
        );
        let (read, seen) = read(&archive);
        let case = format!("{format} {options:?}");
        assert_eq!(sentences(&read).len(), odd, "{case}: {:?}", sentences(&read));
        assert_eq!(read.diff_id, Some(Digest::sha256(&archive)));
        let listed = String::from_utf8(run(
            "tar",
            Command::new("sh").arg("-c").arg("find . -printf 1 | wc -m").current_dir(folder.path()),
        ));
        assert_eq!(listed.unwrap().trim().parse(), Ok(read.entries.total()), "{case}");
        for entry in &seen.entries {
            let path = folder.path().join(std::ffi::OsStr::from_bytes(&entry.path));
            let metadata = path.symlink_metadata().unwrap();
            assert_eq!((entry.uid, entry.gid), (70_000, 80_000), "{case}");
            match entry.kind {
                EntryKind::Folder => assert!(metadata.is_dir()),
                EntryKind::Symlink => {
                    assert_eq!(std::fs::read_link(&path).unwrap().as_os_str().as_bytes(), entry.link);
                }
                EntryKind::HardLink => assert!(entry.link.starts_with(b"./etc/")),
                _ => {
                    assert_eq!(entry.size, metadata.len(), "{case}");
                    assert_eq!(entry.mode, metadata.permissions().mode() & 0o7777);
                    let number = u32::try_from(entry.number).unwrap();
                    let expected = Digest::sha256(&std::fs::read(&path).unwrap());
                    assert_eq!(seen.digests[&number], expected, "{case}: {path:?}");
                }
            }
        }
        let sparse = seen.entries.iter().filter(|entry| entry.is_sparse()).count();
        assert_eq!(sparse, usize::from(options.contains(&"--sparse")), "{case}");
    }
}

#[test]
fn what_compressors_write_is_read() {
    let folder = tempfile::tempdir().unwrap();
    tree(folder.path(), true);
    let tar = folder.path().join("layer.tar");
    run(
        "tar",
        Command::new("tar").arg("-cf").arg(&tar).arg("-C").arg(folder.path()).args(["etc", "large", "holes"]),
    );
    let plain = Digest::sha256(&std::fs::read(&tar).unwrap());
    for (tool, options, kind) in [
        ("gzip", &["-1", "-c"][..], StreamKind::Gzip),
        ("gzip", &["-9", "-c"], StreamKind::Gzip),
        ("zstd", &["-1", "-c", "-q"], StreamKind::Zstd),
        ("zstd", &["-19", "-c", "-q", "--long=26"], StreamKind::Zstd),
        ("zstd", &["-3", "-c", "-q", "--no-check", "-T2"], StreamKind::Zstd),
    ] {
        let blob = run(tool, Command::new(tool).args(options).arg(&tar));
        let (read, _) = read(&blob);
        assert_eq!(sentences(&read), Vec::<String>::new(), "{tool} {options:?}");
        assert_eq!((read.encoding.kind, read.diff_id), (kind, Some(plain)), "{tool} {options:?}");
    }
    let blob = run("zstd", Command::new("zstd").args(["-1", "-c", "-q", "--long=27", "--ultra"]).arg(&tar));
    let wide = sentences(&read(&blob).0);
    assert!(wide.iter().all(|sentence| sentence.contains("window")), "{wide:?}");
}

/// A layout with one layer, copied by skopeo into one whose layer is zstd:chunked. Returns that layer.
fn chunked(tar: &[u8]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let blobs = folder.path().join("from/blobs/sha256");
    std::fs::create_dir_all(&blobs).unwrap();
    let put = |bytes: &[u8], kind: &str| {
        let digest = Digest::sha256(bytes);
        std::fs::write(blobs.join(digest.hex()), bytes).unwrap();
        let media_type = format!("application/vnd.oci.image.{kind}");
        json!({"mediaType": media_type, "digest": digest.to_string(), "size": bytes.len()})
    };
    let layer = put(tar, "layer.v1.tar");
    let config = json!({"architecture": "amd64", "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}});
    let config = put(config.to_string().as_bytes(), "config.v1+json");
    let manifest = json!({"schemaVersion": 2, "config": config, "layers": [layer],
        "mediaType": "application/vnd.oci.image.manifest.v1+json"});
    let mut manifest = put(manifest.to_string().as_bytes(), "manifest.v1+json");
    manifest["annotations"] = json!({"org.opencontainers.image.ref.name": "t"});
    let index = json!({"schemaVersion": 2, "manifests": [manifest]});
    std::fs::write(folder.path().join("from/index.json"), index.to_string()).unwrap();
    std::fs::write(folder.path().join("from/oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    run(
        "skopeo",
        Command::new("skopeo")
            .args(["copy", "--insecure-policy", "--dest-compress", "--dest-compress-format", "zstd:chunked"])
            .args(["oci:from:t", "oci:to:t"])
            .current_dir(folder.path()),
    );
    let blobs = std::fs::read_dir(folder.path().join("to/blobs/sha256")).unwrap();
    let largest = blobs.map(|blob| std::fs::read(blob.unwrap().path()).unwrap()).max_by_key(Vec::len);
    largest.unwrap()
}

#[test]
fn tables_of_zstd_chunked_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    tree(folder.path(), true);
    let tar = run("tar", Command::new("tar").args(["-cf", "-", "-C"]).arg(folder.path()).arg("."));
    let layer = chunked(&tar);
    let (read, seen) = read(&layer);
    assert_eq!((read.encoding.kind, read.entries.files), (StreamKind::Zstd, 5));
    assert!(read.encoding.parts > 3 && read.encoding.skippable_frames >= 2, "{:?}", read.encoding);
    let rules: Vec<_> = read.problems.kept().iter().map(LayerProblem::rule).collect();
    assert_eq!(rules, ["skippable-frame"]);
    let table = String::from_utf8(read.toc.unwrap()).unwrap();
    let compare = |table: &str| {
        let digest = |number| seen.digests.get(&number).copied();
        let problems = compare_toc(table.as_bytes(), &seen.members, &digest);
        problems.kept().iter().map(TocProblem::to_string).collect::<Vec<_>>()
    };
    assert_eq!(compare(&table), Vec::<String>::new());
    let digest = Digest::sha256(b"hello").to_string();
    let lie = table.replace(&digest, &Digest::sha256(b"other").to_string());
    assert_eq!(compare(&lie), ["the table of contents has another digest for \"etc/hello\""]);
}
