//! How sources are written, and which artifacts they select.

use serde_json::json;

use super::layouts::digest_of;
use super::support::{Desk, Run, assert_same_layout, entries, files, noise};

fn names(desk: &Desk, layout: &str) -> Vec<String> {
    let name = |(name, ..): (Option<String>, _, _, _)| name.unwrap_or_default();
    entries(&desk.path(layout)).into_iter().map(name).collect()
}

fn unpacked(desk: &Desk) -> Vec<String> {
    desk.carnet("unpack out --pub k.pub.pem --to oci:back").ok();
    names(desk, "back")
}

fn three(desk: &Desk) -> [String; 3] {
    let mut source = desk.source("src");
    let images = [1, 2, 3].map(|seed| source.image(seed, &[500]));
    for (image, name) in images.iter().zip(["team/app:1.0", "team/app:1.1", "other"]) {
        source.tag(image, name);
    }
    images.map(|image| digest_of(&image).to_owned())
}

#[test]
fn without_a_name_every_artifact_is_packed() {
    let desk = Desk::new();
    three(&desk);
    desk.round_trip("src", "");
}

#[test]
fn a_name_selects_one_artifact() {
    let desk = Desk::new();
    three(&desk);
    desk.pack("oci:src:team/app:1.1").ok();
    assert_eq!(unpacked(&desk), ["team/app:1.1"]);
}

#[test]
fn a_digest_selects_one_artifact_with_its_names() {
    let desk = Desk::new();
    let digests = three(&desk);
    desk.pack(&format!("oci:src@{}", digests[1])).ok();
    assert_eq!(unpacked(&desk), ["team/app:1.1"]);
}

#[test]
fn a_digest_finds_an_artifact_that_index_json_does_not_list() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let (amd, arm) = (source.image(1, &[500]), source.image(2, &[600]));
    let index = source.index(&[amd.clone(), arm]);
    source.tag(&index, "app:1");
    desk.pack(&format!("oci:src@{}=app:amd64", digest_of(&amd))).ok();
    assert_eq!(unpacked(&desk), ["app:amd64"]);
}

#[test]
fn a_new_name_replaces_the_old() {
    let desk = Desk::new();
    three(&desk);
    desk.pack("oci:src:other=registry.example:5000/team/other:2.0").ok();
    assert_eq!(unpacked(&desk), ["registry.example:5000/team/other:2.0"]);
    desk.carnet("pack oci:src=one:1 --to out2 --name b --key k.key.pem")
        .ends(2)
        .says(&["3 artifacts", "one:1"]);
}

#[test]
fn a_misspelt_name_suggests_similar_ones() {
    let desk = Desk::new();
    three(&desk);
    desk.pack("oci:src:team/ap:1.0").ends(1).says(&["team/ap:1.0", "did you mean", "team/app:1.0"]);
    desk.pack("oci:src:team/app:9.9").ends(1).says(&["team/app:1.0", "team/app:1.1"]);
    let nowhere = format!("oci:src@sha256:{}", "0".repeat(64));
    desk.pack(&nowhere).ends(1).says(&["no artifact"]);
}

#[test]
fn an_invalid_source_is_a_usage_error_that_lists_the_forms() {
    let desk = Desk::new();
    for text in ["src", "docker://example/app", "oci:", "oci:src:a:b:c=", "oci:src@sha256:abc"] {
        let run = desk.pack(text);
        assert_eq!(run.code, Some(2), "{text}: {}", run.stderr);
    }
}

#[test]
fn a_list_of_sources_may_have_comments() {
    let desk = Desk::new();
    three(&desk);
    let list = "# what the far side asked for\n\n  oci:src:team/app:1.0   # first\r\noci:src:other=renamed:1\n#oci:src\n";
    std::fs::write(desk.path("list.txt"), list).unwrap();
    desk.pack("--artifacts-from list.txt oci:src:team/app:1.1").ok();
    assert_eq!(unpacked(&desk), ["renamed:1", "team/app:1.0", "team/app:1.1"]);
    std::fs::write(desk.path("bad.txt"), "oci:src\n\nnonsense\n").unwrap();
    desk.pack("--artifacts-from bad.txt").ends(2).says(&["bad.txt", "line 3", "nonsense"]);
    std::fs::write(desk.path("empty.txt"), "# nothing\n").unwrap();
    desk.pack("--artifacts-from empty.txt").ends(2);
    desk.pack("--artifacts-from nowhere.txt").ends(1).says(&["nowhere.txt"]);
    desk.sh(&format!(
        "cut -c1- list.txt | {} pack --artifacts-from - --to out2 --name b --key k.key.pem",
        super::support::CARNET
    ))
    .ok();
}

#[test]
fn an_archive_of_a_layout_is_a_source() {
    let desk = Desk::new();
    three(&desk);
    desk.sh("tar -C src -cf src.tar . && tar -C src -cf plain.tar oci-layout index.json blobs").ok();
    for archive in ["src.tar", "plain.tar"] {
        desk.carnet(&format!("pack oci-archive:{archive} --to {archive}.out --name b --key k.key.pem")).ok();
        desk.carnet(&format!("unpack {archive}.out --pub k.pub.pem --to oci:{archive}.back")).ok();
        assert_same_layout(&desk.path("src"), &desk.path(format!("{archive}.back")));
    }
    desk.pack("oci-archive:src.tar:team/app:1.1").ok();
    assert_eq!(unpacked(&desk), ["team/app:1.1"]);
    desk.sh("gzip -k src.tar").ok();
    desk.carnet("pack oci-archive:src.tar.gz --to x --name b --key k.key.pem").ends(1).says(&["gzip -d"]);
}

/// With a folder for it, an archive that is compressed with gzip or zstd is expanded once. Nothing is left of it.
#[test]
fn a_compressed_archive_is_expanded_into_the_folder_that_is_given() {
    let desk = Desk::new();
    three(&desk);
    std::fs::create_dir(desk.path("room")).unwrap();
    desk.sh("tar -C src -cf plain .").ok();
    desk.pack("oci-archive:plain").ok();
    let expected = desk.files("out");
    let sums =
        |files: &std::collections::BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    let mut programs = vec!["gzip -c", "sh -c 'gzip -c; printf \"\"'"];
    if super::support::installed(&["zstd"]) {
        programs.push("zstd -c");
    }
    for program in programs {
        desk.sh(&format!("{program} < plain > squeezed && rm -rf out")).ok();
        desk.pack("oci-archive:squeezed").ends(1).says(&["compressed-archive", "--tmp DIR"]);
        desk.pack("oci-archive:squeezed --tmp room").ok();
        assert_eq!(sums(&desk.files("out")), sums(&expected), "{program}");
        assert_eq!(unpacked(&desk).len(), 3, "{program}");
        desk.sh("rm -rf back").ok();
        desk.carnet("tree oci-archive:squeezed --tmp room").ok().says(&["team/app:1.0"]);
        assert_eq!(std::fs::read_dir(desk.path("room")).unwrap().count(), 0, "{program}");
    }
    desk.sh("gzip -c plain | head -c 2000 > squeezed; rm -rf out").ok();
    desk.pack("oci-archive:squeezed --tmp room").ends(4).says(&["ends after 2000 bytes"]);
    desk.sh("{ gzip -c plain; echo more; } > squeezed").ok();
    desk.pack("oci-archive:squeezed --tmp room").ends(4).says(&["5 bytes follow"]);
    desk.sh("bzip2 -c plain > squeezed").ok();
    desk.pack("oci-archive:squeezed --tmp room").ends(1).says(&["bzip2 -d"]);
    desk.sh("head -c 300M /dev/zero | gzip > squeezed").ok();
    desk.pack("oci-archive:squeezed --tmp room").ends(4).says(&["200 times"]);
    desk.sh("gzip -c plain > squeezed").ok();
    desk.pack("oci-archive:squeezed --tmp absent").ends(1).says(&["absent"]);
    assert!(!desk.path("out").exists());
    assert_eq!(std::fs::read_dir(desk.path("room")).unwrap().count(), 0);
}

/// The hint is a command that works on the file with its name, whatever that is.
#[test]
fn the_hint_for_a_compressed_archive_can_be_run() {
    for (program, name) in [
        ("gzip", "src.tar.gz"),
        ("gzip", "src.tgz"),
        ("gzip", "src.tar"),
        ("gzip", "it's"),
        ("xz", "src.docker"),
        ("bzip2", "src.tbz2"),
        ("zstd", "src.tar.zst"),
        ("pzstd", "src.zstd"),
    ] {
        let desk = Desk::new();
        three(&desk);
        desk.sh("tar -C src -cf plain .").ok();
        let make = match program {
            "pzstd" => "{ printf 'P*M\\030\\004\\0\\0\\0four'; zstd -c plain; }".to_owned(),
            _ => format!("{program} -c plain"),
        };
        if !super::support::installed(&[if program == "pzstd" { "zstd" } else { program }]) {
            continue;
        }
        desk.sh(&format!("{make} > \"{name}\"")).ok();
        let run = desk.pack(&format!("oci-archive:{name}")).ends(1).says(&["compressed-archive"]);
        let (_, command) = run.stderr.split_once("decompress it first: ").unwrap();
        let command = command.lines().next().unwrap();
        let target = command.rsplit_once("> ").unwrap().1;
        desk.sh(&format!("{command} && cmp plain {target}")).ok();
        if !name.contains('\'') {
            desk.pack(&format!("oci-archive:{target}")).ok();
            assert_eq!(unpacked(&desk).len(), 3, "{name}");
        }
    }
}

/// An image as `docker save` wrote it before version 25. The names of the layers' folders have no meaning.
fn old_docker_archive(desk: &Desk) -> [Vec<u8>; 2] {
    let folder = desk.path("saved");
    let layers = [noise(1, 4096), noise(2, 1024)];
    let digests = layers.each_ref().map(|layer| carnet::oci::Digest::sha256(layer).to_string());
    let config = json!({ "os": "linux", "architecture": "amd64",
        "rootfs": { "type": "layers", "diff_ids": digests } })
    .to_string();
    let config_name = format!("{}.json", carnet::oci::Digest::sha256(config.as_bytes()).hex());
    for (name, layer) in ["aaa", "bbb"].iter().zip(&layers) {
        std::fs::create_dir_all(folder.join(name)).unwrap();
        std::fs::write(folder.join(name).join("VERSION"), "1.0").unwrap();
        std::fs::write(folder.join(name).join("layer.tar"), layer).unwrap();
    }
    std::fs::write(folder.join(&config_name), &config).unwrap();
    let manifest = json!([{ "Config": config_name, "RepoTags": ["team/app:1.0", "team/app:latest"],
        "Layers": ["aaa/layer.tar", "bbb/layer.tar"] }]);
    std::fs::write(folder.join("manifest.json"), manifest.to_string()).unwrap();
    std::fs::write(folder.join("repositories"), "{}").unwrap();
    desk.sh("tar -C saved -cf saved.tar .").ok();
    layers
}

#[test]
fn a_docker_archive_in_the_old_form_is_a_source() {
    let desk = Desk::new();
    let layers = old_docker_archive(&desk);
    desk.pack("docker-archive:saved.tar").ok();
    assert_eq!(unpacked(&desk), ["team/app:1.0", "team/app:latest"]);
    let blobs = files(&desk.path("back/blobs/sha256"));
    assert!(layers.iter().all(|layer| blobs.values().any(|blob| blob == layer)));
    desk.carnet("pack docker-archive:saved.tar:team/app:latest=x:1 --to one --name b --key k.key.pem").ok();
    let report = desk.carnet("inspect one --json").ok().json();
    assert_eq!(report["bundles"][0]["artifacts"].as_array().unwrap().len(), 1);
    assert_eq!(report["bundles"][0]["artifacts"][0]["name"], "x:1");
}

#[test]
fn an_unnamed_docker_archive_can_be_given_a_name() {
    let desk = Desk::new();
    old_docker_archive(&desk);
    let manifest = std::fs::read_to_string(desk.path("saved/manifest.json")).unwrap();
    let nameless = manifest.replace(r#"["team/app:1.0","team/app:latest"]"#, "null");
    assert_ne!(manifest, nameless);
    std::fs::write(desk.path("saved/manifest.json"), nameless).unwrap();
    desk.sh("tar -C saved -cf saved.tar .").ok();
    desk.pack("docker-archive:saved.tar=team/app:3.0").ok();
    assert_eq!(unpacked(&desk), ["team/app:3.0"]);
}

#[test]
fn a_docker_archive_with_an_index_is_read_as_a_layout() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[5000]);
    let names = json!({ "io.containerd.image.name": "low.example/library/app:1.0",
        "org.opencontainers.image.ref.name": "1.0" });
    source.list(&super::layouts::with(image.clone(), &json!({ "annotations": names })));
    std::fs::write(desk.path("src/manifest.json"), "[]").unwrap();
    desk.sh("tar -C src -cf saved.tar .").ok();
    desk.pack("docker-archive:saved.tar").ok();
    assert_eq!(unpacked(&desk), ["low.example/library/app:1.0"]);
    super::support::assert_same_blobs(source.path(), &desk.path("back"));
}

#[test]
fn archives_written_by_skopeo_are_sources() {
    if !super::support::installed(&["skopeo", "umoci"]) {
        return;
    }
    let desk = Desk::new();
    let sample = super::support::sample_image();
    let from = format!("oci:{}:sample/hello:1.0", sample.display());
    let skopeo = |to: &str| {
        let line = format!("skopeo --insecure-policy copy -q {from} {to}");
        Run::of(std::process::Command::new("sh").args(["-c", &line]).current_dir(desk.path(""))).ok()
    };
    skopeo("oci-archive:a.tar:sample/hello:1.0");
    skopeo("docker-archive:d.tar:sample/hello:1.0");
    for (archive, folder) in [("oci-archive:a.tar", "a"), ("docker-archive:d.tar", "d")] {
        desk.carnet(&format!("pack {archive} --to {folder} --name b --key k.key.pem")).ok();
        desk.carnet(&format!("unpack {folder} --pub k.pub.pem --to oci:{folder}.back")).ok();
        let back = desk.path(format!("{folder}.back"));
        let line = format!(
            "skopeo inspect oci:{}:$(jq -r '.manifests[0].annotations[]' index.json)",
            back.display()
        );
        Run::of(std::process::Command::new("sh").args(["-c", &line]).current_dir(&back)).ok();
    }
    assert_eq!(names(&desk, "a.back"), ["sample/hello:1.0"]);
}

/// In the shell, a backslash needs quotes; these commands are started without one.
#[test]
fn paths_may_contain_separators() {
    for path in ["a:b", "a=b", "1.0@x", "a:1=b:2", "back\\slash"] {
        let desk = Desk::new();
        three(&desk);
        std::fs::rename(desk.path("src"), desk.path(path)).unwrap();
        let escaped = path.replace(':', "\\:").replace('=', "\\=").replace('@', "\\@");
        desk.pack(&format!("oci:{escaped}:team/app:1.1=x:1")).ok();
        let to = path.replace(':', "\\:");
        desk.carnet(&format!("unpack out --pub k.pub.pem --to oci:{to}.back")).ok();
        assert_eq!(names(&desk, &format!("{path}.back")), ["x:1"], "{path}");
        std::fs::write(desk.path("list"), format!("oci:{escaped}:other\n")).unwrap();
        desk.carnet("pack --artifacts-from list --to listed --name b --key k.key.pem").ok();
    }
}

#[test]
fn an_unescaped_separator_in_a_path_is_explained() {
    for (path, source, written) in [
        ("app:1.0", "oci:app:1.0", "'oci:app\\:1.0'"),
        ("app=1.0", "oci:app=1.0", "'oci:app\\=1.0'"),
        ("a:b=c", "oci:a:b=c", "'oci:a\\:b\\=c'"),
    ] {
        let desk = Desk::new();
        three(&desk);
        std::fs::rename(desk.path("src"), desk.path(path)).unwrap();
        desk.pack(source).ends(1).says(&["artifact-io", "does not exist, but", written]);
    }
    let desk = Desk::new();
    desk.carnet("unpack out --pub k.pub.pem --to oci:a:b").ends(2).says(&["\\:"]);
}

#[test]
fn a_path_need_not_be_utf_8() {
    use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
    let desk = Desk::new();
    three(&desk);
    let odd = std::ffi::OsString::from_vec(b"b\xffck".to_vec());
    std::fs::rename(desk.path("src"), desk.path(&odd)).unwrap();
    let place =
        |rest: &str| std::ffi::OsString::from_vec([b"oci:", odd.as_bytes(), rest.as_bytes()].concat());
    let mut pack = desk.command("pack --to out --name b --key k.key.pem");
    Run::of(pack.arg(place(":other"))).ok();
    let mut unpack = desk.command("unpack out --pub k.pub.pem --to");
    Run::of(unpack.arg(place(".back"))).ok();
    let back = std::ffi::OsString::from_vec([odd.as_bytes(), b".back"].concat());
    assert_eq!(entries(&desk.path(back)).len(), 1);
    let mut pack = desk.command("pack --to x --name b --key k.key.pem");
    Run::of(pack.arg(std::ffi::OsString::from_vec(b"oci:src:\xff".to_vec()))).ends(2).says(&["UTF-8"]);
}

/// The error says what was given, and what to do with it.
#[test]
fn a_source_of_another_kind_is_named() {
    let desk = Desk::new();
    three(&desk);
    old_docker_archive(&desk);
    desk.sh("tar -cf nested.tar src && tar -C src -cf src.tar . && mkdir empty").ok();
    desk.sh("mkdir -p fs/etc fs/usr/bin fs/dev && touch fs/etc/passwd fs/usr/bin/sh fs/.dockerenv").ok();
    desk.sh("tar -C fs -cf fs.tar . && mkfifo fs/dev/initctl && tar -C fs -cf pipe.tar .").ok();
    std::fs::create_dir(desk.path("dir")).unwrap();
    std::fs::write(desk.path("dir/version"), "Directory Transport Version: 1.1\n").unwrap();
    std::fs::write(desk.path("dir/manifest.json"), "{}").unwrap();
    for (source, code, says) in [
        ("oci:src.tar", "not-a-layout", &["write oci-archive:src.tar"][..]),
        ("oci:saved.tar", "not-a-layout", &["write docker-archive:saved.tar"]),
        ("oci-archive:saved.tar", "not-a-layout", &["`docker save`", "write docker-archive:saved.tar"]),
        ("oci-archive:src", "not-a-layout", &["write oci:src"]),
        ("docker-archive:src", "not-a-docker-image", &["write oci:src"]),
        ("docker-archive:saved", "not-a-docker-image", &["tar -C saved -cf saved.tar ."]),
        ("oci:saved/", "not-a-layout", &["tar -C saved/ -cf saved.tar ."]),
        ("oci-archive:nested.tar", "not-a-layout", &["its folder \"src\""]),
        (
            "docker-archive:fs.tar",
            "not-a-docker-image",
            &["`docker export`", "docker save -o", "docker import"],
        ),
        ("docker-archive:pipe.tar", "not-a-docker-image", &["`docker export`", "docker save -o"]),
        ("oci-archive:fs.tar", "not-a-layout", &["`docker export`", "docker save -o", "docker import"]),
        ("oci:dir", "not-a-layout", &["docker-dir", "skopeo copy -a dir:dir oci:dir.oci:latest"]),
        ("docker-archive:dir", "not-a-docker-image", &["docker-dir", "skopeo copy -a"]),
        ("oci:empty", "not-a-layout", &["oci-layout"]),
        ("oci:k.pub.pem", "not-a-layout", &["not a directory"]),
    ] {
        desk.pack(source).ends(1).says(&[code]).says(says);
    }
    assert!(!desk.path("out").exists());
}

#[test]
fn the_hint_for_a_dir_folder_can_be_run() {
    if !super::support::installed(&["skopeo"]) {
        return;
    }
    let desk = Desk::new();
    let sample = super::support::sample_image();
    desk.sh(&format!("skopeo --insecure-policy copy -q oci:{}:sample/hello:1.0 dir:saved", sample.display()))
        .ok();
    let run = desk.pack("oci:saved").ends(1);
    let (_, command) = run.stderr.split_once("make a layout of it: skopeo").unwrap();
    desk.sh(&format!("skopeo --insecure-policy {}", command.lines().next().unwrap())).ok();
    desk.pack("oci:saved.oci").ok();
    assert_eq!(unpacked(&desk), ["latest"]);
}

#[test]
fn a_sparse_archive_is_named() {
    let desk = Desk::new();
    three(&desk);
    desk.sh("truncate -s 1M src/hole && echo end >> src/hole").ok();
    for (format, file) in [("gnu", "gnu.tar"), ("posix", "posix.tar")] {
        desk.sh(&format!("tar -C src -S --format={format} -cf {file} .")).ok();
        desk.pack(&format!("oci-archive:{file}")).ends(4).says(&[
            "bad-archive",
            "sparse file",
            "leave out -S",
        ]);
    }
    desk.sh("tar -C src -cf plain.tar .").ok();
    desk.pack("oci-archive:plain.tar").ok();
}

#[test]
fn helms_form_of_registries_is_explained() {
    let desk = Desk::new();
    for (line, instead) in [
        (
            "pack oci://low.example/team/app:1 --to out --name b --key k.key.pem",
            "docker://low.example/team/app:1",
        ),
        ("unpack out --pub k.pub.pem --to oci://high.example/team", "docker://high.example/team"),
        ("import out --pub k.pub.pem --to oci://high.example/team", "docker://high.example/team"),
    ] {
        desk.carnet(line).ends(2).says(&[&format!("write {instead}")]);
    }
}

#[test]
fn a_folder_named_like_its_artifact_is_shown_in_full() {
    let desk = Desk::new();
    let mut source = desk.source("team/app");
    let image = source.image(1, &[3000]);
    source.tag(&image, "app:1");
    let digest = digest_of(&image).replace(':', "/");
    std::fs::remove_file(desk.path("team/app/blobs").join(digest)).unwrap();
    desk.pack("oci:team/app").ends(4).says(&["blob-missing", "oci:team/app:app:1: "]);
}
