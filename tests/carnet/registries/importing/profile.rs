//! Bundles of the profile cnsa2 on their way into a registry.

use std::fs;
use std::path::Path;

use carnet::format::body::{Body, BodyEntry};
use carnet::format::head::Head;
use carnet::format::{Sum, Sum384, SumPair};
use carnet::trust::{KeyFile, Signer};

use crate::behaviour::layouts::digest_of;
use crate::registries::server::Registry;
use crate::registries::station::Station;

fn usize_of(number: u64) -> usize {
    usize::try_from(number).unwrap()
}

/// Seals a chunk again, after the SHA-384 of a blob was changed in its list.
fn lie_about(file: &Path, blob: &str, key: &KeyFile) {
    let mut bytes = fs::read(file).unwrap();
    let mut head = Head::parse(&bytes, bytes.len() as u64).unwrap();
    let mut read_at = |buffer: &mut [u8], offset: u64| {
        buffer.copy_from_slice(&bytes[usize_of(offset)..][..buffer.len()]);
        Ok(())
    };
    let body = Body::read(&head, &mut read_at).unwrap();
    let BodyEntry { offset, bytes: length, .. } = body.entries[0];
    let list = usize_of(offset)..usize_of(offset + length);
    let text = String::from_utf8(bytes[list.clone()].to_vec()).unwrap();
    let name = blob.replace(':', "/");
    let at = list.start + text.find(&format!("  blobs/{name}\n")).unwrap() - 1;
    bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
    let (sha256, sha384) = (Sum::of(&bytes[list.clone()]), Some(Sum384::of(&bytes[list])));
    let sums = usize_of(head.sealed_at()) + 512;
    bytes[sums..sums + 64].copy_from_slice(sha256.to_string().as_bytes());
    let sha256 = Sum::of(&bytes[sums..sums + usize_of(body.sums_bytes())]);
    let sealed = bytes.split_off(usize_of(head.sealed_at()));
    head.statement.sums = SumPair { sha256, sha384 };
    head.statement_bytes = head.statement.render();
    head.signatures = vec![(key as &dyn Signer).signature(&head.statement_bytes).unwrap()];
    fs::write(file, [head.render(), sealed].concat()).unwrap();
}

#[test]
fn a_bundle_of_the_profile_arrives_and_a_false_sha384_does_not() {
    let station = Station::new();
    let mut source = station.source("src");
    let image = source.image(1, &[70_000, 500]);
    source.tag(&image, "low.example/app:1");
    station.carnet("keygen q --algorithm mldsa87").ok();
    let manifest: serde_json::Value =
        serde_json::from_slice(&fs::read(source.blob_path(&image)).unwrap()).unwrap();
    let layer = digest_of(&manifest["layers"][0]).to_owned();
    let trust = "version = 1\nrelease-threshold = 1\nprofile = \"cnsa2\"\n[[keys]]\nholder = \"q\"\n\
                 public-key-file = \"q.pub.pem\"\nroles = [\"packer\", \"releaser\"]\n";
    station.write("trust.toml", trust);
    let import = |folder: &str, registry: &Registry| {
        let to = format!("--to docker://{}", registry.name());
        station.carnet(&format!("import {folder} --trust trust.toml {to}"))
    };
    for (folder, size) in [("one", "2g"), ("several", "64KiB")] {
        let pack = format!("pack oci:src --to {folder} --name b --key q.key.pem --profile cnsa2");
        station.carnet(&format!("{pack} --chunk-size {size}")).ok();
        let registry = Registry::start();
        import(folder, &registry).ok();
        assert_eq!(registry.repository("app").tags.len(), 1, "{folder}");
    }
    let registry = Registry::start();
    let key = KeyFile::load(&station.path("q.key.pem"), None).unwrap();
    lie_about(&station.path("one/b_00000.tar"), &layer, &key);
    import("one", &registry).ends(4).says(&["error[blob-mismatch]", "SHA-384"]);
    let app = registry.repository("app");
    assert!(app.tags.is_empty() && app.manifests.is_empty());
}
