//! Hundreds of images in one bundle: the program lists of each what `umoci unpack` makes of it, entry for entry.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::rootfs::{Facts, layer, must_be_root, random_stack, traps, unpacked};
use crate::behaviour::layouts::{Source, digest_of};
use crate::behaviour::support::Desk;

/// Others than those that the library merges in its own test.
const SEEDS: std::ops::Range<u64> = 10_000..10_200;

/// What a runtime refuses.
const REFUSED: [&str; 5] =
    ["broken-hard-link", "not-in-folder", "link-cycle", "odd-whiteout", "root-replaced"];

/// Makes an image of these layers and tags it.
fn image(source: &mut Source, name: &str, stack: &[Vec<String>]) -> String {
    let layers: Vec<Value> = stack
        .iter()
        .map(|entries| source.blob("application/vnd.oci.image.layer.v1.tar", &layer(entries)))
        .collect();
    let diff_ids: Vec<&str> = layers.iter().map(digest_of).collect();
    let config = json!({ "architecture": "amd64", "os": "linux", "config": { "Labels": { "name": name } },
        "rootfs": { "type": "layers", "diff_ids": diff_ids } });
    let config = source.blob("application/vnd.oci.image.config.v1+json", config.to_string().as_bytes());
    let manifest = source.manifest(&config, &layers);
    source.tag(&manifest, name);
    digest_of(&manifest).to_owned()
}

/// A line of the program as facts. A hard link is a name of its file.
fn facts(line: &Value) -> (Vec<u8>, Facts) {
    let number = |name: &str| line[name].as_u64().unwrap();
    let small = |name: &str| u32::try_from(number(name)).unwrap();
    let text = |name: &str| line[name].as_str().unwrap_or_default().as_bytes().to_vec();
    let (kind, mode, link) = match line["kind"].as_str().unwrap() {
        "file" | "hardlink" => ("file", small("mode"), Vec::new()),
        "folder" => ("folder", small("mode"), Vec::new()),
        "symlink" => ("symlink", 0, text("target")),
        other => panic!("{other}"),
    };
    assert_eq!(line["target"].is_string(), kind == "symlink", "{line}");
    (text("path"), (kind, mode, small("uid"), small("gid"), number("size"), link))
}

#[test]
fn a_bundle_of_hundreds_of_images_is_listed_as_umoci_unpacks_them() {
    must_be_root();
    let desk = Desk::new();
    let mut source = desk.source("src");
    let mut stacks = traps();
    stacks.extend(SEEDS.map(random_stack));
    let images: Vec<(String, String)> = (0..)
        .zip(&stacks)
        .map(|(number, stack)| {
            let name = format!("t{number}");
            (image(&mut source, &name, stack), name)
        })
        .collect();

    desk.pack("oci:src").ok();
    let report = desk.carnet("audit out --pub k.pub.pem -o json -o files=files.ndjson").ok().json();
    assert_eq!(report["images"].as_array().unwrap().len(), images.len());
    let findings = report["findings"].as_array().unwrap().iter();
    let refused: BTreeSet<&str> = findings
        .filter(|finding| REFUSED.contains(&finding["rule"].as_str().unwrap()))
        .map(|finding| finding["artifact"].as_str().unwrap())
        .collect();
    let listed = std::fs::read_to_string(desk.path("files.ndjson")).unwrap();
    let mut ours: BTreeMap<String, BTreeMap<Vec<u8>, Facts>> = BTreeMap::new();
    let mut lines: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let mut hard_links = BTreeSet::new();
    for line in listed.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let image = line["image"].as_str().unwrap().to_owned();
        let (path, facts) = facts(&line);
        if line["kind"] == "hardlink" {
            hard_links.insert(image.clone());
        }
        assert!(ours.entry(image.clone()).or_default().insert(path, facts).is_none(), "{line}");
        lines.entry(image).or_default().push(line);
    }

    // Each thread takes a part, because umoci uses one core.
    let compare = |part: &[(String, String)]| {
        for (digest, name) in part {
            let number: usize = name[1..].parse().unwrap();
            let stack = &stacks[number];
            let bundle = desk.path(format!("unpacked-{number}"));
            match unpacked(&format!("{}:{name}", desk.path("src").display()), &bundle) {
                Some(theirs) => {
                    assert!(!refused.contains(digest.as_str()), "umoci accepts {stack:#?}");
                    assert_eq!(ours.get(digest).cloned().unwrap_or_default(), theirs, "{stack:#?}");
                }
                None => assert!(refused.contains(digest.as_str()), "umoci refuses {stack:#?}"),
            }
        }
    };
    std::thread::scope(|scope| {
        for part in images.chunks(images.len().div_ceil(2)) {
            scope.spawn(move || compare(part));
        }
    });
    let seen = format!("{} refused, {} with hard links", refused.len(), hard_links.len());
    assert!(refused.len() * 30 > images.len() && hard_links.len() * 10 > images.len(), "{seen}");

    // `ls` lists the same of one image.
    for (digest, name) in images.iter().skip(2).step_by(60) {
        let files = desk.carnet(&format!("ls out {name} --pub k.pub.pem --json")).ok().json();
        assert_eq!(files["files"].as_array(), lines.get(digest), "{name}");
    }
}
