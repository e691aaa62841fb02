//! Unpacking into layouts and archives.

use std::process::Stdio;
use std::time::Duration;

use super::layouts::{CONFIG, LAYER, digest_of, hex_of};
use super::support::{Desk, assert_same_blobs, assert_same_layout, entries, files, noise, signal, wait_for};

fn fill(desk: &Desk, name: &str, seed: u64, tag: &str) -> String {
    let mut source = desk.source(name);
    let image = source.image(seed, &[150_000, 100]);
    source.tag(&image, tag);
    digest_of(&image).to_owned()
}

const UNPACK: &str = "unpack out --pub k.pub.pem --to";

#[test]
fn an_existing_layout_keeps_its_artifacts() {
    let desk = Desk::new();
    fill(&desk, "src", 1, "new:1");
    fill(&desk, "back", 2, "old:1");
    let old = files(&desk.path("back"));
    desk.pack("oci:src --chunk-size 64KiB").ok();
    desk.carnet(&format!("{UNPACK} oci:back")).ok();
    let mut expected = entries(&desk.path("src"));
    let index = std::fs::read_to_string(desk.path("back/index.json")).unwrap();
    assert!(index.contains("old:1"));
    expected.extend(
        entries(&desk.path("back")).into_iter().filter(|(name, ..)| name.as_deref() == Some("old:1")),
    );
    assert_eq!(entries(&desk.path("back")), expected);
    let new = files(&desk.path("back"));
    for (name, bytes) in old.iter().chain(&files(&desk.path("src"))) {
        if name != "index.json" {
            assert!(new[name] == *bytes, "{name}");
        }
    }
}

#[test]
fn unpacking_again_changes_nothing() {
    let desk = Desk::new();
    fill(&desk, "src", 1, "app:1");
    desk.pack("oci:src").ok();
    desk.carnet(&format!("{UNPACK} oci:back")).ok();
    let before = files(&desk.path("back"));
    let report = desk.carnet(&format!("{UNPACK} oci:back --json")).ok().json();
    assert_eq!((&report["blobs_written"], &report["blobs_present"]), (&0.into(), &4.into()));
    assert!(files(&desk.path("back")) == before);
}

#[test]
fn a_taken_name_is_kept_unless_told_otherwise() {
    let desk = Desk::new();
    let new = fill(&desk, "src", 1, "app:1");
    let old = fill(&desk, "back", 2, "app:1");
    let before = files(&desk.path("back"));
    desk.pack("oci:src").ok();
    desk.carnet(&format!("{UNPACK} oci:back")).ends(1).says(&["app:1", &old, &new, "--overwrite-tags"]);
    assert!(files(&desk.path("back")) == before, "nothing was changed");
    desk.carnet(&format!("{UNPACK} oci:back --overwrite-tags")).ok();
    let found = entries(&desk.path("back"));
    let named: Vec<_> = found.iter().filter(|(name, ..)| name.as_deref() == Some("app:1")).collect();
    assert_eq!(named.len(), 1);
    assert_eq!(named[0].1, new);
    for (name, bytes) in before {
        assert!(name == "index.json" || std::fs::read(desk.path("back").join(name)).unwrap() == bytes);
    }
}

#[test]
fn a_taken_name_is_reported_before_anything_is_written() {
    let desk = Desk::new();
    fill(&desk, "src", 1, "app:1");
    fill(&desk, "back", 2, "app:1");
    desk.pack("oci:src --chunk-size 64KiB").ok();
    let path = desk.path("out/b_00002.tar");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[20_000] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    // If blobs had been read, the damage would have been reported instead.
    desk.carnet(&format!("{UNPACK} oci:back")).ends(1).says(&["name-taken"]);
}

#[test]
fn a_damaged_blob_in_the_target_is_replaced() {
    let desk = Desk::new();
    fill(&desk, "src", 1, "app:1");
    desk.pack("oci:src").ok();
    desk.carnet(&format!("{UNPACK} oci:back")).ok();
    for path in files(&desk.path("back/blobs")).keys() {
        let path = desk.path("back/blobs").join(path);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[0] ^= 1;
        std::fs::write(path, bytes).unwrap();
    }
    desk.carnet(&format!("{UNPACK} oci:back")).ok();
    assert_same_layout(&desk.path("src"), &desk.path("back"));
}

#[test]
fn a_folder_that_is_not_a_layout_is_left_alone() {
    let desk = Desk::new();
    fill(&desk, "src", 1, "app:1");
    desk.pack("oci:src").ok();
    std::fs::create_dir(desk.path("home")).unwrap();
    std::fs::write(desk.path("home/letter"), "dear").unwrap();
    desk.carnet(&format!("{UNPACK} oci:home")).ends(1).says(&["home", "letter"]);
    assert_eq!(files(&desk.path("home")).len(), 1);
    std::fs::create_dir(desk.path("empty")).unwrap();
    desk.carnet(&format!("{UNPACK} oci:empty")).ok();
    desk.carnet(&format!("{UNPACK} oci:nowhere/below")).ends(1).says(&["nowhere"]);
    for bad in ["back", "oci:a:b", "oci:", "docker://x"] {
        desk.carnet(&format!("{UNPACK} {bad}")).ends(2);
    }
}

#[test]
fn an_archive_equals_the_source_and_is_never_overwritten() {
    let desk = Desk::new();
    fill(&desk, "src", 1, "app:1");
    desk.pack("oci:src --chunk-size 64KiB").ok();
    desk.carnet(&format!("{UNPACK} oci-archive:back.tar")).ok();
    desk.sh("mkdir back && tar -C back -xf back.tar").ok();
    assert_same_layout(&desk.path("src"), &desk.path("back"));
    for (kind, name) in [("oci-archive", "back.tar"), ("docker-archive", "letter.tar")] {
        std::fs::write(desk.path("letter.tar"), "dear").unwrap();
        let before = std::fs::read(desk.path(name)).unwrap();
        desk.carnet(&format!("{UNPACK} {kind}:{name}")).ends(1).says(&[name, "already exists"]);
        assert!(std::fs::read(desk.path(name)).unwrap() == before);
    }
    desk.carnet("pack oci-archive:back.tar --to again --name b --key k.key.pem --chunk-size 64KiB").ok();
    let id = |folder: &str| desk.inspected(folder)["bundle"].clone();
    assert_eq!(id("out"), id("again"));
}

#[test]
fn an_artifact_that_docker_cannot_load_is_refused_as_a_docker_archive() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let config = source.blob("application/vnd.nobody.config", b"{}");
    let model = source.manifest(&config, &[source.blob("application/vnd.nobody.model", b"x")]);
    source.tag(&model, "model:1");
    desk.pack("oci:src").ok();
    desk.carnet(&format!("{UNPACK} docker-archive:back.tar")).ends(1).says(&["oci-archive:"]);
    assert!(!desk.path("back.tar").exists());
}

#[test]
fn a_damaged_bundle_leaves_no_artifact() {
    let desk = Desk::new();
    let digest = fill(&desk, "src", 1, "app:1");
    desk.pack("oci:src --chunk-size 64KiB").ok();
    let path = desk.path("out/b_00002.tar");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[20_000] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    for to in ["oci:back", "oci-archive:back.tar", "docker-archive:back2.tar"] {
        desk.carnet(&format!("{UNPACK} {to}")).ends(4).says(&["b_00002.tar"]);
    }
    let left: Vec<String> = files(&desk.path("")).into_keys().filter(|name| name.contains("back")).collect();
    assert!(left.is_empty(), "{left:?}");
    fill(&desk, "back", 2, "old:1");
    let before = files(&desk.path("back"));
    desk.carnet(&format!("{UNPACK} oci:back")).ends(4);
    assert!(files(&desk.path("back")) == before, "{digest} is not there");
}

#[test]
fn a_killed_unpack_leaves_no_artifact_and_the_next_run_works() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let config = source.blob(CONFIG, b"{}");
    let layers: Vec<_> = (0..40).map(|seed| source.blob(LAYER, &noise(seed, 400_000))).collect();
    let image = source.manifest(&config, &layers);
    source.tag(&image, "app:1");
    desk.pack("oci:src --chunk-size 1MiB").ok();
    let pauses = [0, 2, 5, 10, 20, 40];
    let mut killed = 0;
    for (at, pause) in pauses.into_iter().enumerate() {
        let (old, new) = (format!("old{at}"), format!("new{at}"));
        fill(&desk, &old, 2, "old:1");
        let before = files(&desk.path(&old));
        for to in [format!("oci:{old}"), format!("oci:{new}"), format!("oci-archive:{new}.tar")] {
            let mut child = desk.command(&format!("{UNPACK} {to} -q")).spawn().unwrap();
            std::thread::sleep(Duration::from_millis(pause));
            child.kill().unwrap();
            if child.wait().unwrap().success() {
                continue;
            }
            killed += 1;
            // A kill between the last write and the exit comes too late.
            let index = |folder: &str| std::fs::read_to_string(desk.path(folder).join("index.json"));
            if to == format!("oci:{old}") && !index(&old).unwrap().contains("app:1") {
                for (name, bytes) in &before {
                    assert!(std::fs::read(desk.path(&old).join(name)).unwrap() == *bytes, "{name}");
                }
            }
            if let (true, Ok(index)) = (to == format!("oci:{new}"), index(&new)) {
                assert!(index.contains("app:1"), "no index without the artifacts: {index}");
                assert_same_blobs(source.path(), &desk.path(&new));
            }
            if desk.path(format!("{new}.tar")).exists() {
                desk.sh(&format!("tar -tf {new}.tar")).ok().says(&["index.json"]);
            }
        }
    }
    assert!(killed > 0);
    for at in 0..pauses.len() {
        let (old, new) = (format!("old{at}"), format!("new{at}"));
        desk.carnet(&format!("{UNPACK} oci:{new}")).ok();
        assert_same_layout(source.path(), &desk.path(&new));
        if !desk.path(format!("{new}.tar")).exists() {
            desk.carnet(&format!("{UNPACK} oci-archive:{new}.tar")).ok();
        }
        desk.carnet(&format!("{UNPACK} oci:{old}")).ok();
        desk.carnet(&format!("pack oci:{old} --dry-run --to x --name b --key k.key.pem")).ok();
    }
    let strays = desk.sh("find . -name '*carnet-*'").ok();
    assert_eq!(strays.stdout, "", "what killed runs left is gone");
}

#[test]
fn with_several_bundles_one_must_be_chosen() {
    let desk = Desk::new();
    fill(&desk, "src", 1, "app:1");
    fill(&desk, "other", 2, "other:1");
    desk.pack("oci:src").ok();
    desk.carnet("pack oci:other --to out --name other --key k.key.pem").ok();
    desk.carnet(&format!("{UNPACK} oci:back")).ends(2).says(&["--bundle"]);
    desk.carnet(&format!("{UNPACK} oci:back --bundle other")).ok();
    assert_same_layout(&desk.path("other"), &desk.path("back"));
    desk.carnet(&format!("{UNPACK} oci:x --bundle nobody")).ends(4).says(&["nobody"]);
}

#[test]
fn chunk_files_may_have_any_name_in_any_folder() {
    let desk = Desk::new();
    fill(&desk, "src", 1, "app:1");
    desk.pack("oci:src --chunk-size 64KiB").ok();
    desk.sh("mkdir -p a/b c && i=0; for f in out/*; do i=$((i+1)); if [ $((i % 2)) = 0 ]; then mv $f a/b/piece.$i; else mv $f c/$i; fi; done; cp c/1 a/again; echo letter > c/readme; rmdir out")
        .ok();
    for line in ["verify c a --pub k.pub.pem", "missing a c", "inspect a c --pub k.pub.pem"] {
        desk.carnet(line).ok();
    }
    let report = desk.carnet("verify a/b c a --pub k.pub.pem --json").ok().json();
    assert_eq!(report["bundles"][0]["verdict"], "complete");
    desk.carnet("unpack a c --pub k.pub.pem --to oci:back").ok();
    assert_same_layout(&desk.path("src"), &desk.path("back"));
    desk.carnet("verify nowhere --pub k.pub.pem").ends(1).says(&["nowhere"]);
    std::fs::create_dir(desk.path("empty")).unwrap();
    desk.carnet("verify empty --pub k.pub.pem").ends(4).says(&["no chunk"]);
}

#[test]
fn an_interrupted_unpack_ends_with_130() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let config = source.blob(CONFIG, b"{}");
    let layers: Vec<_> = (0..30).map(|seed| source.blob(LAYER, &noise(seed, 1_000_000))).collect();
    let image = source.manifest(&config, &layers);
    source.tag(&image, "app:1");
    desk.pack("oci:src").ok();
    let mut child =
        desk.command(&format!("{UNPACK} oci:back --jobs 1")).stderr(Stdio::piped()).spawn().unwrap();
    let begun = || {
        let staging = std::fs::read_dir(desk.path("back")).into_iter().flatten().flatten();
        staging.filter_map(|entry| std::fs::read_dir(entry.path()).ok()).any(|entries| entries.count() > 2)
    };
    assert!(wait_for(&mut child, begun), "it ended too early");
    signal(&child, "INT");
    let out = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(130), "{said}");
    assert!(said.contains("run the same command again"), "{said}");
    assert!(!desk.path("back").exists(), "{:?}", files(&desk.path("back")).keys());
    desk.carnet(&format!("{UNPACK} oci:back")).ok();
    assert!(desk.path("back/blobs/sha256").join(hex_of(&image)).exists());
}
