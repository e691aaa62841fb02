//! Chunks in volumes: folders that each fit a medium.

use std::collections::BTreeMap;

use carnet::format::volume::VolumeLabel;

use super::support::{Desk, Run, assert_same_layout, signal, wait_for};

/// A desk with a layout that takes about 17 chunks of 64 KiB, and the options for four or so volumes.
fn desk() -> Desk {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[800_000, 100_000]);
    source.tag(&image, "app:1");
    desk
}

const OPTIONS: &str = "oci:src --chunk-size 64KiB --label UNCLASSIFIED --volume-files 6";

fn labels(desk: &Desk) -> Vec<VolumeLabel> {
    let files = desk.files("out");
    let labels = files.iter().filter(|(name, _)| name.ends_with(".txt"));
    labels.map(|(_, bytes)| VolumeLabel::parse(bytes).unwrap()).collect()
}

#[test]
fn each_volume_is_a_folder_with_the_control_chunk_and_a_label() {
    let desk = desk();
    let report = desk.pack(&format!("{OPTIONS} --json")).ok().json();
    let volumes = report["volumes"].as_array().unwrap();
    let last = report["chunks"].as_array().unwrap().len() - 1;
    assert_eq!(volumes.len(), last.div_ceil(4));
    let files = desk.files("out");
    let names: Vec<&str> =
        files.keys().map(String::as_str).filter(|name| name.starts_with("b_volume_002/")).collect();
    let chunks = [0, 5, 6, 7, 8].map(|number| format!("b_volume_002/b_{number:05}.tar"));
    assert_eq!(names[..5], chunks);
    assert_eq!(names[5..], ["b_volume_002/b_volume_002.txt"]);
    assert!(files.keys().all(|name| name.starts_with("b_volume_")), "{:?}", files.keys());
    let label = &labels(&desk)[1];
    assert_eq!((label.volume, label.lasts.len(), label.last() as usize), (2, volumes.len(), last));
    assert_eq!(label.label.as_ref().unwrap().to_string(), "UNCLASSIFIED");
    // The files are those that are packed without volumes.
    let time = label.packed.get().as_second().to_string();
    let command = "pack oci:src --chunk-size 64KiB --label UNCLASSIFIED --to flat --name b --key k.key.pem";
    Run::of(desk.command(command).env("SOURCE_DATE_EPOCH", time)).ok();
    for (name, bytes) in desk.files("flat") {
        let copies: Vec<_> = files.iter().filter(|(path, _)| path.ends_with(&format!("/{name}"))).collect();
        assert_eq!(copies.len(), if name == "b_00000.tar" { volumes.len() } else { 1 });
        assert!(copies.iter().all(|(_, copy)| **copy == bytes), "{name}");
    }
    let run = desk.carnet("verify out --pub k.pub.pem").ok().says(&["COMPLETE"]);
    assert!(!run.stdout.contains("not a chunk"), "labels are known: {}", run.stdout);
    desk.carnet("unpack out --pub k.pub.pem --to oci:back").ok();
    assert_same_layout(&desk.path("src"), &desk.path("back"));
}

#[test]
fn verify_says_which_volume_is_missing() {
    let desk = desk();
    desk.pack(OPTIONS).ok();
    desk.sh("rm -r out/b_volume_002; rm out/b_volume_003/b_00010.tar").ok();
    let run = desk
        .carnet("verify out/b_volume_001 out/b_volume_003 out/b_volume_004 out/b_volume_005 --pub k.pub.pem");
    let run = run.ends(4);
    run.says(&[
        "volume 2 of 5 is missing: chunks 5 to 8, according to the labels (not signed)",
        "volume 3 of 5 lacks, according to the labels (not signed): 10",
    ]);
    // Labels that contradict each other, or are for another bundle, say nothing.
    desk.sh("sed -i 's/^part 2 5 8/part 2 5 7/; s/^part 3 9/part 3 8/' out/b_volume_004/b_volume_004.txt")
        .ok();
    let run = desk.carnet("verify out --pub k.pub.pem").ends(4);
    assert!(!run.stdout.contains("volume 2 of 5"), "{}", run.stdout);
    desk.sh("sed -i 's/^bundle ..../bundle 0000/' out/*/*.txt").ok();
    let run = desk.carnet("verify out --pub k.pub.pem").ends(4);
    assert!(!run.stdout.contains("volume 2 of 5"), "{}", run.stdout);
}

#[test]
fn a_release_is_signed_on_every_volume() {
    let desk = desk();
    desk.pack(OPTIONS).ok();
    desk.carnet("keygen r").ok();
    desk.carnet("sign out --key r.key.pem").ok();
    let controls: Vec<Vec<u8>> = desk
        .files("out")
        .into_iter()
        .filter(|(name, _)| name.ends_with("b_00000.tar"))
        .map(|(_, bytes)| bytes)
        .collect();
    assert_eq!(controls.len(), 5);
    assert!(controls.iter().all(|bytes| *bytes == controls[0]));
    // Packing again changes nothing, and keeps the release.
    let before = desk.files("out");
    desk.pack(OPTIONS).ok().says(&["already exists"]);
    let after = desk.files("out");
    let chunks = |files: &BTreeMap<String, Vec<u8>>| -> Vec<(String, Vec<u8>)> {
        files.clone().into_iter().filter(|(name, _)| name.ends_with(".tar")).collect()
    };
    assert!(chunks(&before) == chunks(&after));
}

#[test]
fn what_does_not_fit_or_is_in_the_way_is_refused() {
    let desk = desk();
    desk.pack("oci:src --chunk-size 64KiB --volume-size 1MiB")
        .ends(2)
        .says(&["error[volume-too-small]", "chunk 0"]);
    desk.pack("oci:src --volume-files 2").ends(2).says(&["error[volume-too-small]", "3 or more"]);
    desk.pack("oci:src --volume-size bd26").ends(2).says(&["bd25, bd50"]);
    desk.pack("oci:src --volume-files 9 --overwrite").ends(2);
    let run = desk.carnet("pack oci:src --volume-files 9 --to s3://bucket --name b --key k.key.pem");
    assert_ne!(run.code, Some(0));
    assert!(!desk.path("out").exists());
    // Packed without volumes before.
    desk.pack("oci:src --chunk-size 64KiB --label UNCLASSIFIED").ok();
    let before = desk.files("out");
    desk.pack(OPTIONS).ends(1).says(&["error[target-exists]", "out/b_00000.tar"]);
    assert!(desk.files("out") == before);
    desk.sh("rm -r out").ok();
    // Packed with other volumes before.
    desk.pack(OPTIONS).ok();
    let before = desk.files("out");
    desk.pack(&OPTIONS.replace("files 6", "files 7")).ends(1).says(&["error[target-exists]", "b_volume_00"]);
    assert!(desk.files("out") == before);
}

#[test]
fn volumes_are_counted_with_the_file_system() {
    let desk = desk();
    let report = desk.pack("oci:src --chunk-size 64KiB --volume-size 1500KiB --json").ok().json();
    let volumes = report["volumes"].as_array().unwrap();
    assert!(volumes.len() > 2, "{volumes:?}");
    for volume in volumes {
        let bytes = volume["bytes"].as_u64().unwrap();
        let files = desk.files(&format!("out/{}", volume["folder"].as_str().unwrap()));
        let content: u64 = files.values().map(|bytes| bytes.len() as u64).sum();
        assert!(bytes <= 1500 << 10 && content + (1 << 20) < bytes, "{content} {bytes}");
    }
    desk.carnet("verify out --pub k.pub.pem").ok();
    let planned = desk.carnet(
        "pack oci:src --chunk-size 64KiB --volume-size 1500KiB --to none --name b --key k.key.pem --dry-run",
    );
    planned.ok().says(&["b_volume_001"]);
    assert!(!desk.path("none").exists());
}

#[test]
fn a_killed_run_is_finished_by_the_next() {
    let desk = desk();
    let mut source = desk.source("src");
    let image = source.image(2, &[9_000_000, 4_000_000]);
    source.tag(&image, "app:2");
    for after in [1, 30, 90, 150] {
        let mut child =
            desk.command(&format!("pack {OPTIONS} --to out --name b --key k.key.pem -q")).spawn().unwrap();
        let chunks = || {
            let folders = std::fs::read_dir(desk.path("out")).into_iter().flatten().flatten();
            folders.filter_map(|folder| std::fs::read_dir(folder.path()).ok()).flatten().count()
        };
        if wait_for(&mut child, || chunks() > after) {
            signal(&child, "KILL");
        }
        child.wait().unwrap();
    }
    desk.pack(OPTIONS).ok();
    desk.carnet("verify out --pub k.pub.pem").ok().says(&["COMPLETE"]);
    assert_eq!(labels(&desk).len(), labels(&desk)[0].lasts.len());
    assert!(!desk.path("out/.b.partial").exists());
    // Killed after the last chunk: labels and copies of the control chunk are missing.
    desk.sh("rm out/b_volume_003/b_00000.tar out/b_volume_002/b_volume_002.txt").ok();
    let before = labels(&desk).len();
    desk.pack(OPTIONS).ok();
    assert_eq!(labels(&desk).len(), before + 1);
    assert!(desk.path("out/b_volume_003/b_00000.tar").exists());
    // Somebody else's control chunk is not taken for ours.
    desk.sh("echo precious > out/b_volume_003/b_00000.tar").ok();
    desk.pack(OPTIONS).ends(1).says(&["error[target-exists]", "b_volume_003/b_00000.tar"]);
    assert_eq!(std::fs::read(desk.path("out/b_volume_003/b_00000.tar")).unwrap(), b"precious\n");
}

#[test]
fn verify_says_which_volume_of_parity_files_is_missing() {
    let desk = desk();
    desk.pack(&format!("{OPTIONS} --parity 9")).ok();
    let text =
        String::from_utf8(desk.files("out")["b_parity_volume_002/b_parity_volume_002.txt"].clone()).unwrap();
    assert!(
        text.starts_with("carnet-parity-volume v1\n") && text.contains("\nvolume 2 of 3\npart 1 0 3\n"),
        "{text}"
    );
    let run = desk.carnet("verify out --pub k.pub.pem").ok();
    assert!(!run.stdout.contains("according to the labels"), "{}", run.stdout);
    // Nothing else is missing.
    desk.sh("rm -r out/b_parity_volume_002; rm out/b_parity_volume_003/b_parity_00008.tar").ok();
    let run = desk.carnet("verify out --pub k.pub.pem").ok().says(&[
        "COMPLETE",
        "parity volume 2 of 3 is missing: parity files 4 to 7, according to the labels (not signed)",
    ]);
    assert!(run.stdout.contains("parity volume 3 of 3"), "{}", run.stdout);
    let report = desk.carnet("verify out --pub k.pub.pem --json").ok().json();
    assert_eq!(report["bundles"][0]["volumes"][0]["parity"], true);
    // A volume of each kind.
    desk.sh("rm -r out/b_volume_003").ok();
    desk.carnet("verify out --pub k.pub.pem")
        .ends(4)
        .says(&["volume 3 of 5 is missing: chunks 9 to 12", "parity volume 2"]);
    // The control chunk on a volume of parity files is enough to say what the bundle is, and gets releases, too.
    desk.carnet("inspect out/b_parity_volume_001 --pub k.pub.pem").ok().says(&["app:1"]);
    desk.carnet("keygen r").ok();
    desk.carnet("sign out --key r.key.pem").ok();
    let files = desk.files("out");
    let controls: Vec<_> = files.iter().filter(|(name, _)| name.ends_with("/b_00000.tar")).collect();
    assert!(controls.len() > 5 && controls.iter().all(|(_, bytes)| *bytes == controls[0].1));
    // Labels that contradict each other say nothing.
    desk.sh("sed -i 's/^part 2 4 7/part 2 4 6/; s/^part 3 8/part 3 7/' out/b_parity_volume_001/*.txt").ok();
    let run = desk.carnet("verify out --pub k.pub.pem");
    assert!(!run.stdout.contains("parity volume"), "{}", run.stdout);
}

#[test]
fn parity_has_volumes_of_its_own() {
    let desk = desk();
    desk.pack(&format!("{OPTIONS} --parity 5")).ok().says(&["parity"]);
    let files = desk.files("out");
    let mut parity: BTreeMap<&str, usize> = BTreeMap::new();
    for (folder, file) in files.keys().map(|path| path.split_once('/').unwrap()) {
        let is_control = file == "b_00000.tar";
        assert!(is_control || folder.contains("parity") == file.contains("parity"), "{folder}/{file}");
        if folder.contains("parity") {
            *parity.entry(folder).or_default() += usize::from(file.ends_with(".tar") && !is_control);
            assert!(files.contains_key(&format!("{folder}/b_00000.tar")), "{folder}");
            assert!(files.contains_key(&format!("{folder}/{folder}.txt")), "{folder}");
        }
    }
    assert!(parity.len() > 1 && parity.values().all(|files| *files <= 4), "{parity:?}");
    desk.carnet("verify out --pub k.pub.pem").ok().says(&["COMPLETE", "5 more files may be lost"]);
    // A volume is lost, and comes back from the parity.
    desk.sh("rm -r out/b_volume_002").ok();
    desk.carnet("verify out --pub k.pub.pem").ends(4).says(&["RECOVERABLE", "volume 2 of"]);
    desk.carnet("unpack out --pub k.pub.pem --to oci:back").ok().says(&["recovered from parity"]);
    assert_same_layout(&desk.path("src"), &desk.path("back"));
    // The same for a bundle that is there already. What does not fit is said.
    desk.sh("rm -r out").ok();
    desk.pack(OPTIONS).ok();
    desk.carnet("parity out --parity 5 --key k.key.pem --volume-files 6")
        .ok()
        .says(&["volumes of their own"]);
    desk.sh("rm -r out/b_volume_003").ok();
    desk.carnet("verify out --pub k.pub.pem").ends(4).says(&["RECOVERABLE"]);
    desk.sh("rm -r out").ok();
    desk.pack(OPTIONS).ok();
    desk.carnet("parity out --parity 5 --key k.key.pem --volume-files 2").ends(2).says(&["volume-too-small"]);
    desk.carnet("parity out --parity 5 --key k.key.pem --volume-size 64KiB")
        .ends(2)
        .says(&["volume-too-small"]);
}
