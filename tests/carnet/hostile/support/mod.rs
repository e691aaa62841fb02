//! Packs a small bundle with the real program, and has everything to forge others from it.

pub(super) mod forge;
pub(super) mod layout;
pub(super) mod run;
pub(super) mod tar;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use carnet::trust::KeyFile;
use tempfile::TempDir;

use layout::{NONDISTRIBUTABLE_TYPE, SourceLayout};
use run::carnet;

/// A temporary folder.
pub(super) fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// The key that packs and releases, its files, and the bundle that it packed.
pub(super) struct Packed {
    _folder: TempDir,
    pub(super) key: KeyFile,
    pub(super) public: PathBuf,
    pub(super) private: PathBuf,
    /// The chunk files by number, as they were packed.
    pub(super) chunks: Vec<Vec<u8>>,
}

/// Bytes that do not repeat and are the same in every run.
pub(super) fn noise(seed: u64, bytes: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..bytes).map(|_| next()).collect()
}

fn pack(key: &Path, seed: u64, folder: &Path, options: &[&str]) -> Vec<Vec<u8>> {
    let source = SourceLayout::new(folder.join("images"));
    let config = source.blob(br#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers"}}"#);
    let layers = [
        source.layer(&noise(seed, 100_000)),
        source.layer(&noise(seed + 1, 3_000)),
        source.layer(&noise(seed + 2, 0)),
        source.typed(NONDISTRIBUTABLE_TYPE, &noise(seed + 3, 5_000)),
    ];
    let manifest = source.image(&config, &layers);
    source.index(&[manifest.named("app:1.0")]);
    let out = folder.join("out");
    let spec = source.spec();
    let args: [&OsStr; 10] = [
        "pack".as_ref(),
        spec.as_ref(),
        "--to".as_ref(),
        out.as_os_str(),
        "--name".as_ref(),
        "hostile".as_ref(),
        "--chunk-size".as_ref(),
        "64KiB".as_ref(),
        "--key".as_ref(),
        key.as_os_str(),
    ];
    let ran = carnet(args.into_iter().chain(options.iter().map(AsRef::as_ref)));
    assert_eq!(ran.code, 0, "{ran}");
    let mut files: Vec<PathBuf> =
        fs::read_dir(&out).expect("packed").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files.iter().map(|file| fs::read(file).expect("a chunk")).collect()
}

fn packed_with(seed: u64, key: KeyFile, options: &[&str]) -> Packed {
    // It outlives the process, so it is beside what cargo builds.
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    let (private, public) = key.write_pair(&folder.path().join("station"), None).expect("keys");
    let chunks = pack(&private, seed, folder.path(), options);
    assert!(chunks.len() >= 4, "a bundle of several chunks: {}", chunks.len());
    Packed { _folder: folder, key, public, private, chunks }
}

/// The bundle that most tests start with. It is packed once.
pub(super) fn packed() -> &'static Packed {
    static PACKED: OnceLock<Packed> = OnceLock::new();
    PACKED.get_or_init(|| packed_with(1, KeyFile::generate().expect("a key"), &[]))
}

/// The bundle in the profile cnsa2, with a key of its own.
pub(super) fn packed_in_profile() -> &'static Packed {
    static PACKED: OnceLock<Packed> = OnceLock::new();
    let key = || KeyFile::generate_ml_dsa_87().expect("a key");
    PACKED.get_or_init(|| packed_with(1, key(), &["--profile", "cnsa2"]))
}

/// Another bundle, signed with the same key.
pub(super) fn other_bundle() -> &'static Vec<Vec<u8>> {
    static OTHER: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    OTHER.get_or_init(|| pack(&packed().private, 77, folder().path(), &[]))
}

/// The chunks with file names.
pub(super) fn named(chunks: &[Vec<u8>]) -> Vec<(String, Vec<u8>)> {
    chunks.iter().enumerate().map(|(n, bytes)| (format!("hostile_{n:05}.tar"), bytes.clone())).collect()
}
