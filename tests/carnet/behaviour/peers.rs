//! Other tools read what carnet writes: skopeo, umoci, openssl, coreutils.

use std::process::Command;

use super::layouts::{CONFIG, EMPTY, LAYER, MANIFEST};
use super::support::{
    Desk, Run, assert_same_blobs, assert_same_layout, entries, installed, noise, sample_image,
};
use serde_json::json;

const NAME: &str = "sample/hello:1.0";

/// A desk with the sample image packed. `None` without the tools; then the test is reported as skipped.
fn packed(options: &str) -> Option<Desk> {
    if !installed(&["skopeo", "umoci", "jq"]) {
        return None;
    }
    let desk = Desk::new();
    let args = format!("pack oci:{} --to out --name b --key k.key.pem {options}", sample_image().display());
    desk.carnet(&args).ok();
    Some(desk)
}

fn skopeo(desk: &Desk, args: &str) -> Run {
    let mut command = Command::new("skopeo");
    command.arg("--insecure-policy").args(args.split_whitespace()).current_dir(desk.path(""));
    Run::of(&mut command)
}

#[test]
fn skopeo_and_umoci_read_unpacked_layouts() {
    let Some(desk) = packed("--chunk-size 1MiB") else { return };
    desk.carnet("unpack out --pub k.pub.pem --to oci:back").ok();
    assert_same_layout(&sample_image(), &desk.path("back"));
    desk.sh("umoci ls --layout back").ok().says(&[NAME]);
    skopeo(&desk, &format!("inspect oci:back:{NAME}")).ok();
    skopeo(&desk, &format!("copy -q oci:back:{NAME} dir:copied")).ok();
    // umoci uses bare tags as names.
    skopeo(&desk, &format!("copy -q oci:back:{NAME} oci:short:one")).ok();
    desk.sh("umoci unpack --rootless --image short:one bundle").ok();
    assert!(desk.path("bundle/rootfs/app/hello").exists());
    desk.sh(&format!("umoci unpack --rootless --image back:{NAME} bundle2")).ok();
    assert!(desk.path("bundle2/rootfs/app/hello").exists());
}

#[test]
fn skopeo_reads_a_single_file_bundle_directly() {
    let Some(desk) = packed("") else { return };
    assert_eq!(desk.files("out").len(), 1);
    let digest =
        skopeo(&desk, &format!("inspect --format {{{{.Digest}}}} oci-archive:out/b_00000.tar:{NAME}")).ok();
    let entries = entries(&sample_image());
    let (_, expected, ..) = entries.iter().find(|(name, ..)| name.as_deref() == Some(NAME)).unwrap();
    assert_eq!(digest.stdout.trim(), expected);
    skopeo(&desk, &format!("copy -q oci-archive:out/b_00000.tar:{NAME} oci:copied:{NAME}")).ok();
    // After a release it is still readable.
    desk.carnet("keygen r").ok();
    desk.carnet("sign out --key r.key.pem").ok();
    skopeo(&desk, &format!("copy -q oci-archive:out/b_00000.tar:{NAME} dir:copied2")).ok();
}

#[test]
fn skopeo_reads_the_archives_that_unpack_writes() {
    let Some(desk) = packed("--chunk-size 1MiB --no-referrers") else { return };
    desk.carnet("unpack out --pub k.pub.pem --to oci-archive:a.tar").ok();
    skopeo(&desk, &format!("inspect oci-archive:a.tar:{NAME}")).ok();
    desk.carnet("unpack out --pub k.pub.pem --to docker-archive:d.tar").ok();
    skopeo(&desk, &format!("inspect docker-archive:d.tar:{NAME}")).ok().says(&["sample/hello"]);
    skopeo(&desk, &format!("copy -q docker-archive:d.tar:{NAME} dir:copied")).ok();
    desk.carnet(&format!("pack docker-archive:d.tar:{NAME} --to again --name b --key k.key.pem")).ok();
}

#[test]
fn an_image_with_referrers_becomes_a_docker_archive_too() {
    let Some(desk) = packed("") else { return };
    desk.carnet("unpack out --pub k.pub.pem --to docker-archive:d.tar").ok();
    skopeo(&desk, &format!("inspect docker-archive:d.tar:{NAME}")).ok();
}

#[test]
fn gnu_tar_lists_every_chunk_without_a_warning() {
    let desk = Desk::new();
    everything(&desk);
    desk.pack("oci:src --chunk-size 64KiB").ok();
    for name in desk.files("out").keys() {
        let run = desk.sh(&format!("tar -tvf out/{name}")).ok();
        assert_eq!(run.stderr, "", "{name}");
    }
}

/// Everything that the recovery text must handle: slices, both digest algorithms, an annex, a shared blob.
fn everything(desk: &Desk) {
    let mut source = desk.source("src");
    let config = source.blob(CONFIG, b"{\"rootfs\":{}}");
    let mut layers: Vec<_> = (0..450).map(|at| source.blob(LAYER, &noise(at, 30))).collect();
    layers.push(source.blob(LAYER, &noise(5000, 3 << 20)));
    layers.push(source.blob_sha512(LAYER, &noise(5001, 200_000)));
    layers.push(source.blob_sha512(LAYER, &noise(5002, 2000)));
    layers.push(source.blob(LAYER, b""));
    let foreign = "application/vnd.oci.image.layer.nondistributable.v1.tar";
    layers.push(source.blob(foreign, &noise(5003, 100_000)));
    let image = source.manifest(&config, &layers);
    source.tag(&image, "team/app:1.0");
    let sbom = source.referrer(&image, "application/spdx+json", "sbom");
    source.list(&sbom);
    let empty = source.blob(EMPTY, b"{}");
    let bare = source.document(MANIFEST, &json!({ "config": empty, "layers": [], "artifactType": "x/y" }));
    source.list(&bare);
}

/// Follows the recovery text to the letter, in a folder with only the chunks and the public key.
fn recover(desk: &Desk) -> Run {
    desk.sh("rm -rf r && mkdir r && cp out/*.tar r/ && cp k.pub.pem r/packer.pub.pem").ok();
    desk.sh("test -f out/b_00000.tar && tar -xOf out/b_00000.tar recover.txt > recover.sh");
    desk.sh("cd r && sh ../recover.sh")
}

#[test]
fn the_recovery_text_rebuilds_a_single_file_bundle() {
    if !installed(&["openssl"]) {
        return;
    }
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[100_000, 0]);
    source.tag(&image, "app:1");
    source.list(&source.referrer(&image, "application/spdx+json", "sbom"));
    desk.pack("oci:src").ok();
    recover(&desk).ok();
    assert_same_blobs(source.path(), &desk.path("r/out"));
    assert_eq!(entries(source.path()), entries(&desk.path("r/out")));
}

#[test]
fn the_recovery_text_rebuilds_slices_long_digests_and_an_annex() {
    if !installed(&["openssl"]) {
        return;
    }
    let desk = Desk::new();
    everything(&desk);
    desk.pack("oci:src --chunk-size 64KiB").ok();
    desk.sh("tar -tf out/b_00000.tar").ok().says(&["annex.txt"]);
    recover(&desk).ok();
    assert_same_blobs(&desk.path("src"), &desk.path("r/out"));
    assert_eq!(entries(&desk.path("src")), entries(&desk.path("r/out")));
}

#[test]
fn the_recovery_text_skips_damaged_and_forged_parts() {
    if !installed(&["openssl"]) {
        return;
    }
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[200_000]);
    source.tag(&image, "app:1");
    let other = source.image(2, &[40_000, 30_000]);
    source.tag(&other, "other:1");
    desk.pack("oci:src --chunk-size 64KiB").ok();
    let last = desk.files("out").into_keys().next_back().unwrap();
    // A slice, the control chunk, a chunk of whole blobs: each damaged, then missing.
    for name in ["b_00002.tar", "b_00000.tar", &last] {
        let path = desk.path("out").join(name);
        let good = std::fs::read(&path).unwrap();
        let mut bytes = good.clone();
        // The last byte before the padding belongs to the last entry.
        let at = bytes.iter().rposition(|byte| *byte != 0).unwrap();
        bytes[at] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let run = recover(&desk).ends(1);
        run.says(&[name, "damaged", if name == "b_00000.tar" { "control chunk" } else { "incomplete" }]);
        std::fs::rename(&path, desk.path("held-back")).unwrap();
        recover(&desk).ends(1);
        std::fs::write(&path, good).unwrap();
        recover(&desk).ok();
    }
    desk.carnet("keygen other").ok();
    desk.sh("cp other.pub.pem k.pub.pem").ok();
    recover(&desk).ends(1).says(&["no good signature"]);
}
