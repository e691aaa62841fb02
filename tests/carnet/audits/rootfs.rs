//! Merged layers, compared with what `umoci unpack` (Debian package umoci) makes of them, entry for entry. It must run as
//! root, because layers have owners.
//!
//! `CARNET_STACKS` is the number of random stacks; a long run takes 500.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use carnet::content::tar::{EntryKind, TarEntry};
use carnet::content::{Interest, LayerLimits, LayerVisitor, read_layer};
use carnet::oci::Digest;
use carnet::rootfs::{Members, Rootfs, RootfsLimits};
use serde_json::json;

const STACKS: u64 = 60;

/// What a path is: type, permissions, owner, group, size, target of a link.
pub(super) type Facts = (&'static str, u32, u32, u32, u64, Vec<u8>);

/// An entry of a layer. `a/` is a folder, `a -> b` a symbolic link, `a => b` a hard link. A number behind `#` is the size
/// of a file, and tells contents apart.
pub(super) fn layer(entries: &[String]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (number, text) in entries.iter().enumerate() {
        let (text, size) = text.split_once('#').unwrap_or((text, "0"));
        let (path, link, kind) = if let Some((path, link)) = text.split_once(" -> ") {
            (path, link, tar::EntryType::Symlink)
        } else if let Some((path, link)) = text.split_once(" => ") {
            (path, link, tar::EntryType::Link)
        } else if text.ends_with('/') {
            (text, "", tar::EntryType::Directory)
        } else {
            (text, "", tar::EntryType::Regular)
        };
        let size = size.parse::<usize>().unwrap();
        let mut header = tar::Header::new_ustar();
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        header.as_mut_bytes()[157..157 + link.len()].copy_from_slice(link.as_bytes());
        header.set_size(size as u64);
        header.set_entry_type(kind);
        // Not set-gid: a folder that is made in such a folder inherits its group, which the merged table does not follow.
        let special = if kind == tar::EntryType::Directory { 0o700 } else { 0o2750 };
        header.set_mode([0o644, 0o755, 0o4711, special, 0o1777, 0o600][number % 6]);
        header.set_uid(1000 + number as u64);
        header.set_gid(2000 + number as u64);
        header.set_mtime(1_700_000_000 + number as u64);
        header.set_cksum();
        builder.append(&header, vec![b'x'; size].as_slice()).unwrap();
    }
    builder.into_inner().unwrap()
}

struct Table(Members);

impl LayerVisitor for Table {
    fn entry(&mut self, entry: &TarEntry) -> Interest {
        assert!(self.0.push(entry));
        Interest::Skip
    }
}

fn table(entries: &[String]) -> Arc<Members> {
    let mut table = Table(Members::new());
    read_layer(&mut layer(entries).as_slice(), &LayerLimits::default(), &mut table);
    Arc::new(table.0)
}

fn merged(layers: &[Vec<String>]) -> Rootfs {
    let tables: Vec<_> = layers.iter().map(|entries| table(entries)).collect();
    Rootfs::merge(&tables, &RootfsLimits::default())
}

/// Whether a runtime refuses the layers, as far as the merged table knows.
fn is_refused(rootfs: &Rootfs) -> bool {
    rootfs.problems().counts().keys().any(|&rule| rule != "duplicate-member")
}

fn ours(rootfs: &Rootfs) -> BTreeMap<Vec<u8>, Facts> {
    let facts = rootfs.iter().map(|entry| {
        let is_link = entry.kind() == EntryKind::Symlink;
        let mode = if is_link { 0 } else { entry.mode() };
        let facts =
            (entry.kind().name(), mode, entry.uid(), entry.gid(), entry.size(), entry.link().to_vec());
        (entry.path(), facts)
    });
    facts.collect()
}

/// Writes an image layout with one image, and unpacks it. `None` if umoci refuses it.
fn theirs(layers: &[Vec<String>]) -> Option<BTreeMap<Vec<u8>, Facts>> {
    let folder = tempfile::tempdir().unwrap();
    let layout = folder.path().join("layout");
    let blobs = layout.join("blobs/sha256");
    std::fs::create_dir_all(&blobs).unwrap();
    let put = |bytes: &[u8], kind: &str| {
        let digest = Digest::sha256(bytes);
        std::fs::write(blobs.join(digest.hex()), bytes).unwrap();
        let media_type = format!("application/vnd.oci.image.{kind}");
        json!({"mediaType": media_type, "digest": digest.to_string(), "size": bytes.len()})
    };
    let layers: Vec<_> = layers.iter().map(|entries| put(&layer(entries), "layer.v1.tar")).collect();
    let diff_ids: Vec<_> = layers.iter().map(|layer| layer["digest"].clone()).collect();
    let config = json!({"architecture": "amd64", "os": "linux", "config": {},
        "rootfs": {"type": "layers", "diff_ids": diff_ids}});
    let config = put(config.to_string().as_bytes(), "config.v1+json");
    let manifest = json!({"schemaVersion": 2, "config": config, "layers": layers,
        "mediaType": "application/vnd.oci.image.manifest.v1+json"});
    let mut manifest = put(manifest.to_string().as_bytes(), "manifest.v1+json");
    manifest["annotations"] = json!({"org.opencontainers.image.ref.name": "t"});
    let index = json!({"schemaVersion": 2, "manifests": [manifest]});
    std::fs::write(layout.join("index.json"), index.to_string()).unwrap();
    std::fs::write(layout.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    unpacked(&format!("{}:t", layout.display()), &folder.path().join("bundle"))
}

/// Unpacks an image into a new folder, and returns what is there. `None` if umoci refuses it.
pub(super) fn unpacked(image: &str, bundle: &Path) -> Option<BTreeMap<Vec<u8>, Facts>> {
    // Folders that no layer has an entry for get their permissions from the mask.
    let ran = Command::new("sh")
        .args(["-c", "umask 022; exec umoci unpack --image \"$0\" \"$1\""])
        .arg(image)
        .arg(bundle)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.code() != Some(127), "umoci is missing: install the Debian package umoci");
    if !ran.status.success() {
        assert!(said.contains("unpack entry") || said.contains("apply layer"), "{said}");
        return None;
    }
    let mut found = BTreeMap::new();
    walk(&bundle.join("rootfs"), b"", &mut found);
    Some(found)
}

fn walk(folder: &Path, above: &[u8], found: &mut BTreeMap<Vec<u8>, Facts>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let metadata = entry.metadata().unwrap();
        let name = entry.file_name();
        let path =
            if above.is_empty() { name.as_bytes().to_vec() } else { [above, name.as_bytes()].join(&b'/') };
        let (kind, size, link) = if metadata.is_dir() {
            ("folder", 0, Vec::new())
        } else if metadata.is_symlink() {
            let target = std::fs::read_link(entry.path()).unwrap();
            ("symlink", 0, target.as_os_str().as_bytes().to_vec())
        } else {
            ("file", metadata.len(), Vec::new())
        };
        let mode = if metadata.is_symlink() { 0 } else { metadata.mode() & 0o7777 };
        found.insert(path.clone(), (kind, mode, metadata.uid(), metadata.gid(), size, link));
        if metadata.is_dir() {
            walk(&entry.path(), &path, found);
        }
    }
}

pub(super) fn must_be_root() {
    let owner = std::fs::metadata("/proc/self").unwrap().uid();
    assert!(owner == 0, "umoci must unpack as root to set owners: run this test as root");
}

/// Compares, and returns the merged layers.
#[track_caller]
fn compare(layers: &[Vec<String>]) -> Rootfs {
    let rootfs = merged(layers);
    match theirs(layers) {
        Some(theirs) => {
            assert!(!is_refused(&rootfs), "umoci accepts {layers:#?}: {:?}", rootfs.problems().counts());
            assert_eq!(ours(&rootfs), theirs, "{layers:#?}");
        }
        None => assert!(is_refused(&rootfs), "umoci refuses {layers:#?}"),
    }
    rootfs
}

/// Stacks that readers of layers have stumbled over.
pub(super) fn traps() -> Vec<Vec<Vec<String>>> {
    let stacks: [&[&[&str]]; 17] = [
        // A whiteout, and a folder that starts anew.
        &[&["var/lib/dpkg/status#9", "etc/a#1"], &["var/lib/dpkg/.wh.status", "etc/.wh..wh..opq", "etc/b#2"]],
        // The same the other way round in the layer.
        &[&["etc/a#1", "etc/d/x#1"], &["etc/b#2", "etc/d/y", "etc/.wh..wh..opq", ".wh.etc"]],
        // A folder becomes a link.
        &[
            &["var/lib/dpkg/status#1"],
            &["opt/dpkg/status#2", "var/lib/.wh.dpkg", "var/lib/dpkg -> /opt/dpkg"],
        ],
        &[&["var/lib/dpkg/status#1"], &["opt/dpkg/status#2", "var/lib/dpkg -> ../../opt/dpkg"]],
        // A hard link to a file of a lower layer.
        &[&["opt/s#7", "var/lib/dpkg/status#1"], &["var/lib/dpkg/status => opt/s"]],
        // A new file under one of two names.
        &[&["a#1", "b => a"], &["a#2", "c => b"]],
        // Twice in a layer.
        &[&["a#1", "d/", "a#2", "d/", "d/x#3", "d/x -> y"]],
        // Absolute names, and names that lead upwards.
        &[&["/etc/x#1", "../../up#2", "a/../b#3", "./c/./d#4", "c//e#5"]],
        // Links as folders.
        &[&["l -> /d", "d/x#1"], &["l/y#2", "l/.wh.x"], &["l/"]],
        &[&["l -> ../../new", "l/y#2", "l/sub/z#1"]],
        // Types change.
        &[&["d/x#1", "f#1", "s -> f"], &["d#2", "f/", "f/y#1", "s#3"], &["d -> f", "s/"]],
        // What only looks like the mark of an opaque folder.
        &[&["d/x#1", "d/y#1"], &["d/.wh..wh..opqX", "d/.wh..wh.plnk"]],
        // Whiteouts of nothing, and in the base.
        &[&[".wh.a", "a#1", "d/.wh..wh..opq"], &["no/.wh.a", "a/.wh..wh..opq"]],
        // The root.
        &[&["./", "a#1"], &["/", ".wh..wh..opq", "b#1"]],
        // Refused.
        &[&["a => b"]],
        &[&["f#1", "f/x#1"]],
        &[&["a -> b", "b -> a", "a/x#1"]],
    ];
    let owned = |entries: &&[&str]| entries.iter().map(|&entry| entry.to_owned()).collect::<Vec<_>>();
    stacks.iter().map(|stack| stack.iter().map(owned).collect()).collect()
}

#[test]
fn traps_are_read_as_umoci_reads_them() {
    must_be_root();
    for stack in traps() {
        compare(&stack);
    }
}

/// Numbers that are the same in every run (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    fn path(&mut self) -> String {
        let names = ["a", "b", "c", "d"];
        let mut path = String::new();
        for _ in 0..self.below(3) {
            path += names[usize::try_from(self.below(4)).unwrap()];
            path += "/";
        }
        path + names[usize::try_from(self.below(4)).unwrap()]
    }

    fn entry(&mut self) -> String {
        let path = self.path();
        match self.below(18) {
            0..=5 => format!("{path}#{}", self.below(5000)),
            6..=8 => format!("{path}/"),
            9 => format!("{path} -> {}", self.path()),
            10 => format!("{path} -> /{}", self.path()),
            11 => format!("{path} -> ../{}", self.path()),
            12..=14 => format!("{path} => {}", self.path()),
            15 | 16 => match path.rsplit_once('/') {
                Some((folder, name)) => format!("{folder}/.wh.{name}"),
                None => format!(".wh.{path}"),
            },
            _ => match path.rsplit_once('/') {
                Some((folder, _)) => format!("{folder}/.wh..wh..opq"),
                None => ".wh..wh..opq".to_owned(),
            },
        }
    }

    /// Layers; most entries that a runtime would refuse are left out.
    fn stack(&mut self) -> Vec<Vec<String>> {
        let keeps_refused = self.below(8) == 0;
        let mut layers = Vec::new();
        let mut tables = Vec::new();
        for _ in 0..2 + self.below(4) {
            let mut entries = Vec::new();
            tables.push(table(&entries));
            for _ in 0..3 + self.below(12) {
                entries.push(self.entry());
                let upper = table(&entries);
                let lower = std::mem::replace(tables.last_mut().unwrap(), upper);
                if !keeps_refused && is_refused(&Rootfs::merge(&tables, &RootfsLimits::default())) {
                    entries.pop();
                    *tables.last_mut().unwrap() = lower;
                }
            }
            layers.push(entries);
        }
        layers
    }
}

/// The layers of a number.
pub(super) fn random_stack(seed: u64) -> Vec<Vec<String>> {
    Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)).stack()
}

#[test]
#[allow(clippy::disallowed_methods)] // A developer says how long it may take.
fn random_stacks_are_merged_as_umoci_unpacks_them() {
    must_be_root();
    let stacks = std::env::var("CARNET_STACKS").map_or(STACKS, |count| count.parse().unwrap());
    let (mut refused, mut hard_links, mut hidden) = (0, 0, 0);
    for seed in 1..=stacks {
        let rootfs = compare(&random_stack(seed));
        refused += u64::from(is_refused(&rootfs));
        hard_links += u64::from(rootfs.iter().any(|entry| entry.is_hard_link()));
        hidden += u64::from(!rootfs.hidden().is_empty());
    }
    let seen =
        format!("{stacks} stacks: {refused} refused, {hard_links} with hard links, {hidden} hide files");
    assert!(refused * 30 > stacks && hard_links * 8 > stacks && hidden * 2 > stacks, "{seen}");
}
