//! Archives from `docker save` whose layout and `manifest.json` differ, and layers that may not be distributed.

use serde_json::{Value, json};

use super::layouts::{CONFIG, LAYER, MANIFEST, digest_of, with};
use super::support::{Desk, Source, entries, files, noise};

/// An image with two layers, as blobs of a layout that does not list it yet.
struct Image {
    config: Value,
    layers: Vec<Value>,
}

fn image(source: &Source, seed: u64) -> Image {
    let layers: Vec<Value> = (0..2).map(|at| source.blob(LAYER, &noise(seed + at, 3000))).collect();
    let ids: Vec<&str> = layers.iter().map(digest_of).collect();
    let config = json!({ "os": "linux", "architecture": "amd64", "seed": seed,
        "rootfs": { "type": "layers", "diff_ids": ids } });
    Image { config: source.blob(CONFIG, config.to_string().as_bytes()), layers }
}

fn path(blob: &Value) -> String {
    format!("blobs/{}", digest_of(blob).replace(':', "/"))
}

impl Image {
    /// Its item in `manifest.json`.
    fn item(&self, tags: &Value) -> Value {
        let layers: Vec<String> = self.layers.iter().map(path).collect();
        json!({ "Config": path(&self.config), "RepoTags": tags, "Layers": layers })
    }
}

/// Lists a manifest as Docker 25 does.
fn list(source: &mut Source, manifest: &Value, name: &str) {
    let names = json!({ "io.containerd.image.name": format!("docker.io/library/{name}"),
        "org.opencontainers.image.ref.name": name.rsplit_once(':').unwrap().1 });
    source.list(&with(manifest.clone(), &json!({ "annotations": names })));
}

fn save(desk: &Desk, items: &Value) {
    std::fs::write(desk.path("src/manifest.json"), items.to_string()).unwrap();
    desk.sh("tar -C src -cf saved.tar .").ok();
}

/// Packs and unpacks the archive. Returns the names of its images, and the layers of each.
fn crossed(desk: &Desk) -> Vec<(Option<String>, Vec<String>)> {
    desk.pack("docker-archive:saved.tar").ok();
    desk.carnet("unpack out --pub k.pub.pem --to oci:back").ok();
    let blobs = files(&desk.path("back/blobs/sha256"));
    let found = entries(&desk.path("back")).into_iter().map(|(name, digest, ..)| {
        let manifest: Value = serde_json::from_slice(&blobs[&digest.replace("sha256:", "")]).unwrap();
        let layers = manifest["layers"].as_array().unwrap();
        assert!(layers.iter().all(|layer| blobs.contains_key(&digest_of(layer).replace("sha256:", ""))));
        (name, layers.iter().map(|layer| digest_of(layer).to_owned()).collect())
    });
    found.collect()
}

fn digests(image: &Image) -> Vec<String> {
    image.layers.iter().map(|layer| digest_of(layer).to_owned()).collect()
}

/// Docker 25.0.0 wrote such layouts.
#[test]
fn a_layout_with_missing_or_exchanged_layers_gives_way_to_manifest_json() {
    for which in [&[][..], &[0], &[1], &[1, 0]] {
        let desk = Desk::new();
        let mut source = desk.source("src");
        let image = image(&source, 1);
        let layers: Vec<Value> = which.iter().map(|&at: &usize| image.layers[at].clone()).collect();
        let manifest = source.manifest(&image.config, &layers);
        list(&mut source, &manifest, "app:1.0");
        save(&desk, &json!([image.item(&json!(["app:1.0"]))]));
        let name = Some("docker.io/library/app:1.0".to_owned());
        assert_eq!(crossed(&desk), [(name, digests(&image))], "{which:?}");
    }
}

/// Docker 25.0.0 does not list images that are saved by their id.
#[test]
fn images_that_the_layout_does_not_list_are_packed() {
    for other in [false, true] {
        let desk = Desk::new();
        let mut source = desk.source("src");
        let (first, second) = (image(&source, 1), image(&source, 3));
        let manifest = source.manifest(&first.config, &first.layers);
        let mut items = vec![second.item(&Value::Null)];
        let mut wanted = vec![(None, digests(&second))];
        if other {
            list(&mut source, &manifest, "app:1.0");
            items.push(first.item(&json!(["app:1.0"])));
            wanted.push((Some("docker.io/library/app:1.0".to_owned()), digests(&first)));
        } else {
            let index = json!({ "schemaVersion": 2, "manifests": null });
            std::fs::write(desk.path("src/index.json"), index.to_string()).unwrap();
        }
        save(&desk, &json!(items));
        assert_eq!(crossed(&desk), wanted);
    }
}

#[test]
fn names_that_only_manifest_json_has_are_packed() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = image(&source, 1);
    let manifest = source.manifest(&image.config, &image.layers);
    list(&mut source, &manifest, "app:1.0");
    save(&desk, &json!([image.item(&json!(["app:1.0", "app:latest", "team/app:1.0"]))]));
    let names: Vec<_> = crossed(&desk).into_iter().map(|(name, _)| name.unwrap()).collect();
    assert_eq!(names, ["app:latest", "docker.io/library/app:1.0", "team/app:1.0"]);
    let back = entries(&desk.path("back"));
    assert!(
        back.iter().all(|(_, digest, ..)| digest == digest_of(&manifest)),
        "the manifest is kept: {back:?}"
    );
}

/// Docker with containerd leaves such images out of `index.json`, but the archive has the manifests
/// that they have in their registry.
#[test]
fn an_unlisted_image_keeps_its_manifest() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let (first, second) = (image(&source, 1), image(&source, 3));
    let manifest = source.manifest(&first.config, &first.layers);
    let unlisted = source.manifest(&second.config, &second.layers);
    list(&mut source, &manifest, "app:1.0");
    save(&desk, &json!([first.item(&json!(["app:1.0"])), second.item(&json!(["db:1.0"]))]));
    crossed(&desk);
    let back: Vec<_> =
        entries(&desk.path("back")).into_iter().map(|(name, digest, ..)| (name.unwrap(), digest)).collect();
    let wanted = [("db:1.0", &unlisted), ("docker.io/library/app:1.0", &manifest)];
    assert_eq!(back, wanted.map(|(name, manifest)| (name.to_owned(), digest_of(manifest).to_owned())));
}

/// Read as a layout, the archive would lose images without a word.
#[test]
fn a_layout_that_lacks_images_of_manifest_json_is_refused() {
    for which in ["no layers", "unlisted"] {
        let desk = Desk::new();
        let mut source = desk.source("src");
        let (first, second) = (image(&source, 1), image(&source, 3));
        let all = if which == "unlisted" { first.layers.clone() } else { Vec::new() };
        let manifest = source.manifest(&first.config, &all);
        list(&mut source, &manifest, "app:1.0");
        let mut items = vec![first.item(&json!(["app:1.0"]))];
        if which == "unlisted" {
            items.push(second.item(&Value::Null));
        }
        save(&desk, &json!(items));
        desk.pack("oci-archive:saved.tar").ends(4).says(&[
            "bad-archive",
            "1 image",
            "docker-archive:saved.tar",
        ]);
        desk.pack("oci:src").ends(4).says(&["bad-archive", "1 image", "tar -C src -cf src.tar ."]);
        assert!(!desk.path("out").exists());
    }
    // A file of that name that is not Docker's says nothing.
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[10]);
    source.tag(&image, "app:1");
    save(&desk, &json!({ "name": "a web application" }));
    desk.pack("oci:src").ok();
    desk.pack("oci-archive:saved.tar").ok();
}

/// Nobody can say which of the two is meant.
#[test]
fn a_contradiction_that_would_lose_content_is_refused() {
    for what in ["another layer", "a signature", "inside an index", "another image's name"] {
        let desk = Desk::new();
        let mut source = desk.source("src");
        let image = image(&source, 1);
        let mut item = image.item(&json!(["app:1.0"]));
        match what {
            "another layer" => {
                let other = source.blob(LAYER, &noise(9, 100));
                let manifest = source.manifest(&image.config, &[image.layers[0].clone(), other]);
                list(&mut source, &manifest, "app:1.0");
            }
            "a signature" => {
                let manifest = source.manifest(&image.config, &image.layers[..1]);
                list(&mut source, &manifest, "app:1.0");
                let signature = source.referrer(&manifest, "application/x-signature", "signed");
                source.list(&signature);
            }
            "inside an index" => {
                let manifest = source.manifest(&image.config, &image.layers[..1]);
                let index = source.index(&[manifest]);
                list(&mut source, &index, "app:1.0");
            }
            _ => {
                let other = super::docker_archives::image(&source, 7);
                let manifest = source.manifest(&other.config, &other.layers);
                list(&mut source, &manifest, "app:1.0");
                item = image.item(&json!(["app:1.0"]));
            }
        }
        save(&desk, &json!([item]));
        desk.pack("docker-archive:saved.tar").ends(4).says(&["bad-archive", "contradict", "manifest.json"]);
        assert!(!desk.path("out").exists(), "{what}");
    }
}

/// containerd and Docker list the image of one platform in `manifest.json`, and the index in the layout.
#[test]
fn an_image_inside_an_index_is_not_packed_twice() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = image(&source, 1);
    let manifest = source.manifest(&image.config, &image.layers);
    let index = source.index(&[manifest, source.image(8, &[10])]);
    list(&mut source, &index, "app:1.0");
    save(&desk, &json!([image.item(&json!(["app:1.0"]))]));
    desk.pack("docker-archive:saved.tar").ok();
    desk.carnet("unpack out --pub k.pub.pem --to oci:back").ok();
    let back: Vec<_> = entries(&desk.path("back")).into_iter().map(|(_, digest, ..)| digest).collect();
    assert_eq!(back, [digest_of(&index)]);
}

#[test]
fn keys_as_jib_writes_them_are_read() {
    let desk = Desk::new();
    let source = desk.source("src");
    let image = image(&source, 1);
    let item = image.item(&json!(["app:1.0"])).to_string();
    let jib = item.replace("Config", "config").replace("RepoTags", "repoTags").replace("Layers", "layers");
    std::fs::remove_file(desk.path("src/index.json")).unwrap();
    save(&desk, &json!([serde_json::from_str::<Value>(&jib).unwrap()]));
    assert_eq!(crossed(&desk), [(Some("app:1.0".to_owned()), digests(&image))]);
    let mixed = jib.replacen("\"config\"", "\"Config\":\"x\",\"config\"", 1);
    std::fs::write(desk.path("src/manifest.json"), format!("[{mixed}]")).unwrap();
    desk.sh("tar -C src -cf saved.tar .").ok();
    desk.carnet("pack docker-archive:saved.tar --to x --name b --key k.key.pem")
        .ends(4)
        .says(&["bad-archive"]);
}

const FOREIGN: &str = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
const URL: &str = "https://layers.example/windows/base";

/// A Windows image. Its first layer is saved as it is at its URL (`crane`), or uncompressed (`docker save`).
fn windows(desk: &Desk, as_published: bool, layout: Option<&str>) -> (Value, Image) {
    let mut source = desk.source("src");
    let image = image(&source, 1);
    let bytes = if as_published { noise(50, 900) } else { b"compressed elsewhere".to_vec() };
    let published = with(source.blob(FOREIGN, &bytes), &json!({ "urls": [URL] }));
    let mut item = image.item(&json!(["win:1.0"]));
    item["LayerSources"] = json!({ digest_of(&image.layers[0]): published,
        digest_of(&image.layers[1]): image.layers[1] });
    if as_published {
        std::fs::remove_file(source.blob_path(&image.layers[0])).unwrap();
        item["Layers"][0] = path(&published).into();
    } else {
        std::fs::remove_file(source.blob_path(&published)).unwrap();
    }
    match layout {
        None => std::fs::remove_file(desk.path("src/index.json")).unwrap(),
        Some("same") => {
            let manifest = source.manifest(&image.config, &[published.clone(), image.layers[1].clone()]);
            list(&mut source, &manifest, "win:1.0");
        }
        Some("only foreign") => {
            let manifest = source.manifest(&image.config, std::slice::from_ref(&published));
            list(&mut source, &manifest, "win:1.0");
        }
        Some(_) => {
            let manifest = source.manifest(&image.config, &image.layers);
            list(&mut source, &manifest, "win:1.0");
        }
    }
    save(desk, &json!([item]));
    (published, image)
}

#[test]
fn foreign_layers_of_docker_save_keep_their_descriptors() {
    for layout in [None, Some("same"), Some("only foreign"), Some("plain")] {
        let desk = Desk::new();
        let (published, image) = windows(&desk, false, layout);
        // The archive has the layer, but not as it is at its URL, so nobody could push it under its digest.
        desk.pack("docker-archive:saved.tar").ends(1).says(&[
            "nondistributable-absent",
            digest_of(&published),
            URL,
            "--nondistributable omit",
        ]);
        desk.pack("docker-archive:saved.tar --nondistributable omit").ok().says(&[digest_of(&published)]);
        desk.carnet("unpack out --pub k.pub.pem --to oci:back").ok();
        let blobs = files(&desk.path("back/blobs/sha256"));
        let (_, digest, ..) = entries(&desk.path("back")).into_iter().next().unwrap();
        let manifest: Value = serde_json::from_slice(&blobs[&digest.replace("sha256:", "")]).unwrap();
        let layer = &manifest["layers"][0];
        assert_eq!(
            [&layer["mediaType"], &layer["digest"], &layer["size"]],
            [FOREIGN, digest_of(&published), "20"]
                .map(|text| text.parse::<u64>().map_or(Value::from(text), Value::from))
                .each_ref()
        );
        assert_eq!(layer["urls"], json!([URL]));
        assert_eq!(digest_of(&manifest["layers"][1]), digest_of(&image.layers[1]));
        for layer in [digest_of(&published), digest_of(&image.layers[0])] {
            assert!(!blobs.contains_key(&layer.replace("sha256:", "")), "{layout:?} {layer}");
        }
    }
}

#[test]
fn foreign_layers_that_were_saved_as_published_travel_as_such() {
    for layout in [None, Some("same")] {
        let desk = Desk::new();
        let (published, _) = windows(&desk, true, layout);
        desk.pack("docker-archive:saved.tar").ok();
        let bundle = desk.inspected("out");
        let blobs = bundle["blobs"].as_array().unwrap();
        let blob = blobs.iter().find(|blob| digest_of(blob) == digest_of(&published)).unwrap();
        assert_eq!(blob["class"], "nondistributable", "{layout:?}");
        assert_eq!(blob["media_type"], FOREIGN);
    }
}

/// Docker 25 lists every layer in `LayerSources`, also those that it may distribute.
#[test]
fn ordinary_layers_in_layer_sources_stay_ordinary() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = image(&source, 1);
    let manifest = source.manifest(&image.config, &image.layers);
    list(&mut source, &manifest, "app:1.0");
    let mut item = image.item(&json!(["app:1.0"]));
    for layer in &image.layers {
        item["LayerSources"][digest_of(layer)] = layer.clone();
    }
    save(&desk, &json!([item]));
    crossed(&desk);
    let back: Vec<_> =
        entries(&desk.path("back")).into_iter().map(|(_, digest, kind, _)| (digest, kind)).collect();
    assert_eq!(back, [(digest_of(&manifest).to_owned(), MANIFEST.to_owned())]);
}

#[test]
fn a_name_that_no_bundle_can_carry_does_not_block_the_rest() {
    for legacy in [true, false] {
        let desk = Desk::new();
        let mut source = desk.source("src");
        let image = image(&source, 1);
        let manifest = source.manifest(&image.config, &image.layers);
        list(&mut source, &manifest, "app:1");
        if legacy {
            std::fs::remove_file(desk.path("src/index.json")).unwrap();
        }
        save(&desk, &json!([image.item(&json!(["no name!", "docker.io/library/x:2"]))]));
        desk.pack("docker-archive:saved.tar").ok().says(&["no name!", "can be selected by its digest"]);
        let crossed = crossed(&desk);
        let names: Vec<&str> = crossed.iter().map(|(name, _)| name.as_deref().unwrap()).collect();
        let app: &[&str] = if legacy { &[] } else { &["docker.io/library/app:1"] };
        assert_eq!(names, [app, &["docker.io/library/x:2"]].concat());
        assert!(crossed.iter().all(|(_, layers)| *layers == digests(&image)));
    }
}
