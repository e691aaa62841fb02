//! Bundles of every released format version must stay readable. `tests/frozen/vN` is never changed.

use std::path::{Path, PathBuf};
use std::process::Command;

fn carnet(args: &[&str]) -> serde_json::Value {
    let ran = Command::new(env!("CARGO_BIN_EXE_carnet")).args(args).arg("--json").output().unwrap();
    assert!(ran.status.success(), "{args:?}: {}", String::from_utf8_lossy(&ran.stderr));
    serde_json::from_slice(&ran.stdout).unwrap()
}

/// The hex digests of the blobs of a layout, sorted.
fn blobs(layout: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for algorithm in ["sha256", "sha512"] {
        for entry in std::fs::read_dir(layout.join("blobs").join(algorithm)).unwrap() {
            found.push(entry.unwrap().file_name().into_string().unwrap());
        }
    }
    found.sort();
    found
}

fn frozen(bundle: &str) -> (PathBuf, PathBuf) {
    let folder = super::root().join("tests/frozen/v1");
    let own = folder.join(bundle).join("station.pub.pem");
    (folder.join(bundle), if own.exists() { own } else { folder.join("station.pub.pem") })
}

fn unpacked(bundle: &str, id: &str) -> Vec<String> {
    let (chunks, key) = frozen(bundle);
    let (chunks, key) = (chunks.to_str().unwrap(), key.to_str().unwrap());
    let verified = carnet(&["verify", chunks, "--pub", key]);
    assert_eq!(verified["bundles"][0]["verdict"], "complete");
    assert_eq!(verified["bundles"][0]["bundle"], id);
    let target = tempfile::tempdir().unwrap();
    let layout = target.path().join("layout");
    carnet(&["unpack", chunks, "--pub", key, "--to", &format!("oci:{}", layout.display())]);
    blobs(&layout)
}

fn expected() -> Vec<String> {
    let list = std::fs::read_to_string(super::root().join("tests/frozen/v1/blobs.txt")).unwrap();
    let mut blobs: Vec<String> = list.lines().map(str::to_owned).collect();
    blobs.sort();
    blobs
}

#[test]
fn a_version_1_bundle_with_split_blobs_stays_readable() {
    assert_eq!(
        unpacked("slices", "ee924ebe834e9a3cf1c3fb842d5772c8551734cfc545b98dcbaf69bd7c438f57"),
        expected()
    );
}

#[test]
fn a_version_1_bundle_in_one_file_stays_readable() {
    let left_out = carnet::oci::Digest::sha256("not to be passed on\n".repeat(20).as_bytes()).hex();
    let mut wanted = expected();
    wanted.retain(|blob| *blob != left_out);
    assert_eq!(
        unpacked("single", "2dfcf1910dd186a68de1e8dcc6174e7b38afd389eb9008fdf596a8ee50939383"),
        wanted
    );
}

#[test]
fn a_version_1_bundle_of_the_profile_stays_readable() {
    assert_eq!(
        unpacked("profile", "a12a50401542c1116ed61b11750bb76c8bac7ca6c0134990fd8321bb46a59887"),
        expected()
    );
}

#[test]
fn version_1_parity_recovers_every_chunk() {
    let frozen = super::root().join("tests/frozen/v1/parity");
    let key = frozen.join("station.pub.pem");
    let chunks = ["parity_00000.tar", "parity_00001.tar", "parity_00002.tar"];
    for lost in chunks {
        let target = tempfile::tempdir().unwrap();
        let (arrived, to) = (target.path().join("in"), target.path().join("to"));
        std::fs::create_dir(&arrived).unwrap();
        for entry in std::fs::read_dir(&frozen).unwrap().map(|entry| entry.unwrap()) {
            if entry.file_name() != lost {
                std::fs::copy(entry.path(), arrived.join(entry.file_name())).unwrap();
            }
        }
        let [arrived, key] = [&arrived, &key].map(|path| path.to_str().unwrap());
        let report = carnet(&["repair", arrived, "--pub", key, "--to", to.to_str().unwrap()]);
        assert_eq!(report["repaired"][0]["file"], to.join(lost).to_str().unwrap());
        assert!(std::fs::read(to.join(lost)).unwrap() == std::fs::read(frozen.join(lost)).unwrap(), "{lost}");
    }
}
