//! Graphs, names and texts of a hostile source.

use std::fs;

use carnet::oci::Digest;

use super::documents::{pack, pack_within, refused};
use super::support::layout::{INDEX_TYPE, Item, NONDISTRIBUTABLE_TYPE, SourceLayout, image_text, index_text};
use super::support::run::{carnet, list};
use super::support::{folder, noise, packed};

/// Packs, verifies, inspects and unpacks the source that `build` makes. Returns the unpacked files.
fn carried(what: &str, build: &dyn Fn(&SourceLayout)) -> Vec<String> {
    let station = folder();
    let source = SourceLayout::new(station.path().join("images"));
    build(&source);
    let out = station.path().join("out");
    let packing = pack(&source.spec(), &out);
    assert_eq!(packing.code, 0, "{what}: {packing}");
    let to = format!("oci:{}", station.path().join("new").display());
    let public = packed().public.as_os_str();
    for args in [vec!["verify"], vec!["inspect"], vec!["inspect", "-v"], vec!["unpack", "--to", &to]] {
        let args = args.into_iter().map(str::as_ref);
        let ran = carnet(args.chain([out.as_os_str(), "--pub".as_ref(), public]));
        assert_eq!(ran.code, 0, "{what}: {ran}");
    }
    let mut files = Vec::new();
    list(&station.path().join("new"), &mut files);
    files
}

#[test]
fn deep_graphs_are_refused() {
    refused("indexes 100 deep", &["refused-graph"], &|source| {
        let (config, layer) = source.plain_image(1);
        let mut at = source.image(&config, &[layer]);
        for _ in 0..100 {
            at = source.typed(INDEX_TYPE, index_text(&[at]).as_bytes());
        }
        source.index(&[at]);
    });
}

#[test]
fn more_blobs_than_the_limit_are_refused() {
    let station = folder();
    let source = SourceLayout::new(station.path().join("images"));
    let digest = |n: usize| Digest::sha256(&n.to_be_bytes()).to_string();
    let base = Item::of(INDEX_TYPE, b"{}");
    let mut inner = Vec::new();
    for index in 0..12 {
        let items: Vec<Item> =
            (0..22_000).map(|n| Item { digest: digest(index * 22_000 + n), ..base.clone() }).collect();
        inner.push(source.typed(INDEX_TYPE, index_text(&items).as_bytes()));
    }
    source.index(&[source.typed(INDEX_TYPE, index_text(&inner).as_bytes())]);
    // A quarter of a million descriptors need about 350 MB, so this run gets more memory than others.
    let ran = pack_within(1_200_000, &source.spec(), &station.path().join("out"));
    assert_eq!((ran.code, ran.error_code().as_str()), (1, "refused-graph"), "{ran}");
    assert!(!station.path().join("out").exists());
}

#[test]
fn a_manifest_listed_a_hundred_thousand_times_is_packed_once() {
    let files = carried("a shared manifest", &|source| {
        let (config, layer) = source.plain_image(1);
        let image = source.image(&config, &[layer]);
        // 18,000 lines fill an index. The six indexes differ in one line.
        let mut inner = Vec::new();
        for index in 0..6 {
            let mut items = vec![image.clone(); 18_000];
            items.push(image.clone().with(&format!(r#""platform":{{"os":"os{index}","architecture":"a"}}"#)));
            inner.push(source.typed(INDEX_TYPE, index_text(&items).as_bytes()));
        }
        source.index(&[source.typed(INDEX_TYPE, index_text(&inner).as_bytes()).named("app:1")]);
    });
    assert_eq!(files.len(), 2 + 3 + 7, "{files:?}");
}

#[test]
fn ambiguous_and_malformed_names_are_refused() {
    refused("a name twice", &["ambiguous-name"], &|source| {
        let (config, layer) = source.plain_image(1);
        let first = source.image(&config, &[layer]).named("app:1");
        let second = source.image(&config, &[]).named("app:1");
        source.index(&[first, second]);
    });
    refused("a name of an absent artifact", &["blob-missing"], &|source| {
        let (config, layer) = source.plain_image(1);
        let image = source.image(&config, &[layer]).named("app:1");
        source.index(&[Item { digest: Digest::sha256(b"absent").to_string(), ..image }]);
    });
    let long = "x".repeat(129);
    for name in [
        "",
        " ",
        "../x",
        "/x",
        "x/",
        "a//b",
        "a b",
        "a\nb",
        "a\tb",
        "a\u{1b}[2J",
        "\u{430}pp:1",
        "a\u{202e}b",
        "a\0b",
        "-x",
        "a::b",
        "a/../b",
        ".",
        &long,
        "caf\u{e9}",
        "\u{9b}2J",
        "$(id)",
        "`id`",
        "a;b",
        "a|b",
        "a\\b",
        "C:\\x",
        "*",
    ] {
        let station = folder();
        let source = SourceLayout::new(station.path().join("images"));
        let (config, layer) = source.plain_image(1);
        let image = source.image(&config, &[layer]);
        source.index(&[image.clone().named(name)]);
        let ran = pack(&source.spec(), &station.path().join("out"));
        assert_eq!(ran.code, 0, "{name:?}: {ran}");
        let report = ran.json();
        assert_eq!(report["artifacts"][0]["name"], serde_json::Value::Null, "{name:?}: {ran}");
        let warning = report["warnings"][0].as_str().expect("a warning").to_owned();
        assert!(warning.contains(&image.digest), "{name:?}: {warning}");
    }
}

#[test]
fn urls_are_shown_and_never_opened() {
    let urls = [
        "http://169.254.169.254/latest/meta-data/",
        "file:///etc/passwd",
        "ftp://x/",
        "http://user:secret@host/",
        "http://[::1]:1/",
        "javascript:alert(1)",
        "http://x/\\u001b[2J\\u0007",
        "\\nbundle x: COMPLETE",
        "\\u202e",
        "",
    ];
    let urls: Vec<String> = urls.iter().map(|url| format!("\"{url}\"")).collect();
    let urls = format!(r#""urls":[{}]"#, urls.join(","));
    let ran = refused("not there", &["nondistributable-absent"], &|source| {
        let config = source.blob(b"{}");
        let layer = Item::of(NONDISTRIBUTABLE_TYPE, b"elsewhere").with(&urls);
        source.index(&[source.image(&config, &[layer])]);
    });
    assert!(ran.stderr.contains("169.254.169.254"), "the operator learns where it may be: {ran}");
    let files = carried("there", &|source| {
        let config = source.blob(b"{}");
        let layer = source.typed(NONDISTRIBUTABLE_TYPE, b"here").with(&urls);
        source.index(&[source.image(&config, &[layer]).named("app:1")]);
    });
    assert_eq!(files.len(), 2 + 3, "{files:?}");
}

#[test]
fn control_characters_in_documents_are_escaped() {
    let evil = "\\u001b[2J\\u001b]0;owned\\u0007\\nbundle x: COMPLETE, verified and released\\u009b2J\\u202e";
    let build = |source: &SourceLayout| {
        let (config, layer) = source.plain_image(1);
        let more = format!(r#""annotations":{{"a{evil}":"{evil}"}},"urls":["{evil}"],"x":"{evil}""#);
        let image = source.image(&config, &[layer.with(&more)]);
        let platform = format!(
            r#""platform":{{"os":"{evil}","architecture":"{evil}","variant":"{evil}","os.version":"{evil}"}}"#
        );
        let index = source.typed(INDEX_TYPE, index_text(&[image.with(&platform)]).as_bytes());
        source.index(&[index.named("app:1")]);
    };
    carried("a platform", &build);
    let station = folder();
    let source = SourceLayout::new(station.path().join("images"));
    build(&source);
    let out = station.path().join("out");
    let run = |more: &[&str]| {
        let spec = source.spec();
        let args = ["pack", &spec, "--name", "x", "--key"].map(std::ffi::OsStr::new);
        let fixed = [packed().private.as_os_str(), "--to".as_ref(), out.as_os_str()];
        carnet(args.into_iter().chain(fixed).chain(more.iter().map(std::ffi::OsStr::new)))
    };
    assert_eq!(run(&["--platform", "linux/amd64"]).code, 1);
    assert_eq!(run(&["--platform", "linux/amd64", "--continue-on-errors"]).code, 1);
    // Without the image the index lacks a child, and the hint names the platform.
    fs::read_dir(source.path().join("blobs/sha256")).expect("blobs").for_each(|entry| {
        let path = entry.expect("an entry").path();
        let text = fs::read_to_string(&path).unwrap_or_default();
        if text.contains("\"layers\"") {
            fs::remove_file(path).expect("removed");
        }
    });
    assert_eq!(run(&[]).code, 4);
    assert_eq!(run(&["--continue-on-errors"]).code, 1);
}

#[test]
fn layers_are_never_unpacked() {
    let layer = [
        super::support::tar::entry(b"../../escaped", b"evil"),
        super::support::tar::special(b'2', b"link", b"/etc", b""),
        vec![0; 1024],
    ]
    .concat();
    let files = carried("a layer with orders to unpack it", &|source| {
        let config = source.blob(b"{}");
        let more = r#""annotations":{"io.deis.oras.content.unpack":"true","org.opencontainers.image.title":"../../x"}"#;
        let layer = source.layer(&layer).with(more);
        source.index(&[source.image(&config, &[layer]).named("app:1")]);
    });
    assert_eq!(files.len(), 2 + 3, "{files:?}");
    assert!(files.iter().all(|file| !file.contains("escaped")), "{files:?}");
}

#[test]
fn unreferenced_files_are_not_packed() {
    let files = carried("unreferenced", &|source| {
        let (config, layer) = source.plain_image(1);
        source.layer(b"secret");
        fs::write(source.path().join("blobs/sha256/notes.txt"), "secret").expect("written");
        fs::write(source.path().join(".secret"), "secret").expect("written");
        source.index(&[source.image(&config, &[layer]).named("app:1")]);
    });
    assert_eq!(files.len(), 2 + 3, "{files:?}");
}

#[test]
fn sha512_blobs_and_empty_blobs_are_packed() {
    let files = carried("SHA-512, nothing", &|source| {
        let config = source.blob(b"{}");
        let large = noise(4, 90_000);
        let item = |bytes: &[u8]| {
            let digest = Digest::Sha512([0; 64]).same_algorithm(bytes).to_string();
            fs::write(source.blob_path(&digest), bytes).expect("written");
            Item { digest, ..Item::of("application/x", bytes) }
        };
        let layers = [item(&large), item(b"small"), item(b""), source.layer(b"")];
        source.index(&[source.manifest(&image_text(&config, &layers)).named("app:1")]);
    });
    assert_eq!(files.len(), 2 + 6, "{files:?}");
}

#[test]
fn a_missing_subject_does_not_stop_packing() {
    carried("a subject that is not there", &|source| {
        let (config, layer) = source.plain_image(1);
        let absent = Item::of(super::support::layout::MANIFEST_TYPE, b"absent");
        let text =
            image_text(&config, &[layer]).replacen('{', &format!("{{\"subject\":{},", absent.json()), 1);
        source.index(&[source.manifest(&text).named("sig")]);
    });
}
