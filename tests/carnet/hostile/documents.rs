//! Documents that two readers read differently are not packed.

#[path = "../../../fuzz/fuzz_targets/second_reader.rs"]
mod second_reader;

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use carnet::oci::{Descriptor, Digest, Document};
use second_reader::Kind;

use super::support::layout::{
    CONFIG_TYPE, INDEX_TYPE, Item, LAYER_TYPE, MANIFEST_TYPE, SourceLayout, image_text, index_text, list,
};
use super::support::run::{KIB_MAX, Ran, carnet_within};
use super::support::{folder, noise, packed};

/// Packs a source into the folder `out`.
pub(super) fn pack(spec: &str, out: &std::path::Path) -> Ran {
    pack_within(KIB_MAX, spec, out)
}

/// The same with another limit on memory, in KiB.
pub(super) fn pack_within(kib: u64, spec: &str, out: &std::path::Path) -> Ran {
    let args =
        ["pack", spec, "--name", "hostile", "--chunk-size", "64KiB", "--json", "--key"].map(str::as_ref);
    let more = [packed().private.as_os_str(), "--to".as_ref(), out.as_os_str()];
    carnet_within(kib, args.into_iter().chain(more))
}

/// Asserts that packing the source that `build` makes fails with one of `codes` and writes no file.
pub(super) fn refused(what: &str, codes: &[&str], build: &dyn Fn(&SourceLayout)) -> Ran {
    let station = folder();
    let source = SourceLayout::new(station.path().join("images"));
    build(&source);
    let out = station.path().join("out");
    let ran = pack(&source.spec(), &out);
    assert!([1, 4].contains(&ran.code), "{what}: {ran}");
    assert!(codes.contains(&ran.error_code().as_str()), "{what}: expected {codes:?}: {ran}");
    let mut left = Vec::new();
    if out.exists() {
        super::support::run::list(&out, &mut left);
    }
    assert!(left.is_empty(), "{what}: {left:?}");
    ran
}

/// Asserts that a source whose only image has this text as its manifest is refused.
fn manifest(what: &str, codes: &[&str], text: &dyn Fn(&Item, &Item) -> String) {
    refused(what, codes, &|source| {
        let (config, layer) = source.plain_image(1);
        source.index(&[source.manifest(&text(&config, &layer)).named("app:1")]);
    });
}

const MALFORMED: &[&str] = &["malformed-document"];

fn annotated(text: &str, annotations: &str) -> String {
    text.replacen('{', &format!("{{\"annotations\":{annotations},"), 1)
}

#[test]
fn arrays_are_not_taken_for_objects() {
    let positional = |item: &Item| format!(r#"["{}","{}",{}]"#, item.media_type, item.digest, item.size);
    let malformed = |what: &str, text: &dyn Fn(&Item, &Item) -> String| {
        manifest(what, MALFORMED, text);
    };
    malformed("a manifest", &|config, layer| {
        format!(r#"[2,"{MANIFEST_TYPE}",null,{},[{}],null,null,null]"#, config.json(), layer.json())
    });
    malformed("a config", &|config, layer| {
        image_text(config, std::slice::from_ref(layer)).replace(&config.json(), &positional(config))
    });
    malformed("a layer", &|config, layer| {
        image_text(config, std::slice::from_ref(layer)).replace(&layer.json(), &positional(layer))
    });
    malformed("a platform", &|config, layer| {
        image_text(config, &[layer.clone().with(r#""platform":["linux","amd64"]"#)])
    });
    refused("an index.json", &["bad-index"], &|source| {
        let (config, layer) = source.plain_image(1);
        let image = source.image(&config, &[layer]);
        source.index_text(&format!(r#"[2,"{INDEX_TYPE}",null,null,null,{},null,null]"#, list(&[image])));
    });
    refused("an oci-layout", &["not-a-layout"], &|source| {
        let (config, layer) = source.plain_image(1);
        source.index(&[source.image(&config, &[layer])]);
        fs::write(source.path().join("oci-layout"), r#"["1.0.0"]"#).expect("written");
    });
}

#[test]
fn messages_about_documents_name_no_internals() {
    for (field, instead) in [
        ("\"size\":", "\"size\":\"5\",\"x\":"),
        ("\"size\":", "\"size\":-1,\"x\":"),
        ("\"config\":", "\"config\":[],\"x\":"),
        ("\"config\":", "\"config\":7,\"x\":"),
        ("\"layers\":", "\"layers\":{},\"x\":"),
        ("\"schemaVersion\":2", "\"schemaVersion\":\"2\""),
        ("\"schemaVersion\":2", "\"x\":2"),
        ("\"digest\":", "\"digest\":1,\"x\":"),
    ] {
        let ran = refused(instead, MALFORMED, &|source| {
            let (config, layer) = source.plain_image(1);
            let text = image_text(&config, &[layer]).replacen(field, instead, 1);
            source.index(&[source.manifest(&text).named("app:1")]);
        });
        let text = ran.to_string();
        for internal in ["struct", "Fields", "u64", "i64", "Some(", "None", "sequence", "a map"] {
            assert!(!text.contains(internal), "{instead}: {internal}: {text}");
        }
    }
}

/// Edits documents at random and compares with a second reader of the same rules. Fuzzing does it for longer.
#[test]
fn two_readers_find_the_same() {
    let descriptor = r#"{"mediaType":"application/octet-stream","digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":0,"data":"","urls":["a"],"platform":{"os":"linux","architecture":"arm64"},"annotations":{"Size":"1"}}"#;
    let good = [
        format!(
            r#"{{"schemaVersion":2,"mediaType":"{MANIFEST_TYPE}","config":{descriptor},"layers":[{descriptor}],"subject":{descriptor},"annotations":{{"a":"b"}},"artifactType":"a/b"}}"#
        ),
        format!(
            r#"{{"schemaVersion":2,"mediaType":"","manifests":[{descriptor},{descriptor}],"history":null}}"#
        ),
        format!(r#"{{"blobs":[{descriptor}],"x":[1.5e3,true,"\u00e9\ud83d\ude00"]}}"#),
    ];
    let tokens = [
        "\"",
        ":",
        ",",
        "{",
        "}",
        "[",
        "]",
        "null",
        "true",
        "0",
        "2",
        "-1",
        "1e3",
        "\"\"",
        "\"a\"",
        "[]",
        "{}",
        "\\u017f",
        " ",
        "\"size\":1,",
        "\"Size\":1,",
        "\"layers\":[],",
        "\"fsLayers\":[],",
        "\"data\":\"AA==\",",
        "\"urls\":null,",
        "[2,",
    ];
    let mut seed = 7_u64;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).expect("31 bits") % below
    };
    let mut accepted = 0;
    for round in 0..6_000 {
        let mut text = good[round % good.len()].clone().into_bytes();
        for _ in 0..random(3) {
            let at = random(text.len());
            let end = (at + random(4)).min(text.len());
            text.splice(at..end, tokens[random(tokens.len())].bytes());
        }
        for (name, kind) in [
            (MANIFEST_TYPE, Kind::Manifest),
            (INDEX_TYPE, Kind::Index),
            ("application/vnd.oci.artifact.manifest.v1+json", Kind::ArtifactManifest),
        ] {
            let descriptor =
                Descriptor::new(name.parse().expect("a type"), Digest::sha256(&text), text.len() as u64);
            let found = Document::parse(&descriptor, &text).ok().map(|document| {
                let targets = document.successors().chain(document.subject());
                targets
                    .map(|target| (target.media_type.to_string(), target.digest.to_string(), target.size))
                    .collect::<Vec<_>>()
            });
            accepted += usize::from(found.is_some());
            let second = second_reader::read(&text, name, kind);
            assert_eq!(found, second, "{name}: {}", String::from_utf8_lossy(&text));
        }
    }
    assert!((1_000..10_000).contains(&accepted), "{accepted} of the documents are good");
}

type Edit = Box<dyn Fn(&str) -> String>;

#[test]
fn ambiguous_documents_are_refused() {
    let edits: Vec<(&str, Edit)> = vec![
        ("layers twice", Box::new(|text| text.replacen("\"layers\":", "\"layers\":[],\"layers\":", 1))),
        ("size twice", Box::new(|text| text.replacen("\"size\":", "\"size\":1,\"size\":", 1))),
        ("Layers", Box::new(|text| text.replacen('{', "{\"Layers\":[],", 1))),
        ("mediatype", Box::new(|text| text.replacen('{', "{\"mediatype\":\"x\",", 1))),
        ("a long s", Box::new(|text| text.replacen("\"size\":", "\"\u{17f}ize\":99,\"size\":", 1))),
        (
            "a Kelvin sign",
            Box::new(|text| text.replacen('{', "{\"a\u{212a}\":1,\"A\u{17f}\":2,\"layer\u{17f}\":[],", 1)),
        ),
        ("escaped", Box::new(|text| text.replacen("\"size\":", "\"\\u017fize\":99,\"size\":", 1))),
        ("manifests too", Box::new(|text| text.replacen('{', "{\"manifests\":[],", 1))),
        ("blobs too", Box::new(|text| text.replacen('{', "{\"blobs\":[],", 1))),
        ("no config", Box::new(|text| text.replacen("\"config\"", "\"noconfig\"", 1))),
        ("an index's type", Box::new(|text| text.replacen(MANIFEST_TYPE, INDEX_TYPE, 1))),
        (
            "Docker's type",
            Box::new(|text| {
                text.replacen(MANIFEST_TYPE, "application/vnd.docker.distribution.manifest.v2+json", 1)
            }),
        ),
        ("schema 1", Box::new(|text| text.replacen("\"schemaVersion\":2", "\"schemaVersion\":1", 1))),
        ("no schema", Box::new(|text| text.replacen("\"schemaVersion\":2,", "", 1))),
        ("a byte order mark", Box::new(|text| format!("\u{feff}{text}"))),
        ("a second document", Box::new(|text| format!("{text}{{}}"))),
        ("a NUL at the end", Box::new(|text| format!("{text}\0"))),
        ("a NUL in a text", Box::new(|text| text.replacen('{', "{\"x\":\"\0\",", 1))),
        ("a lone surrogate", Box::new(|text| text.replacen('{', "{\"x\":\"\\ud800\",", 1))),
        ("a comment", Box::new(|text| format!("// hello\n{text}"))),
        ("a trailing comma", Box::new(|text| text.replacen("}]", "},]", 1))),
        ("NaN", Box::new(|text| text.replacen('{', "{\"x\":NaN,", 1))),
        ("not JSON", Box::new(|_| "hello".to_owned())),
        ("nothing", Box::new(|_| String::new())),
        ("a list", Box::new(|_| "[]".to_owned())),
        ("null", Box::new(|_| "null".to_owned())),
        (
            "nested",
            Box::new(|text| {
                text.replacen('{', &format!("{{\"x\":{}{},", "[".repeat(200_000), "]".repeat(200_000)), 1)
            }),
        ),
        (
            "nested objects",
            Box::new(|text| {
                text.replacen(
                    '{',
                    &format!("{{\"x\":{}1{},", "{\"a\":".repeat(100_000), "}".repeat(100_000)),
                    1,
                )
            }),
        ),
        ("history of schema 1", Box::new(|text| text.replacen('{', "{\"history\":[{}],", 1))),
        ("fslayers", Box::new(|text| text.replacen('{', "{\"fslayers\":null,", 1))),
        ("an annotation that is a number", Box::new(|text| annotated(text, "{\"a\":1}"))),
        ("an annotation that is null", Box::new(|text| annotated(text, "{\"a\":null}"))),
        ("an annotation that is an object", Box::new(|text| annotated(text, "{\"a\":{\"b\":\"c\"}}"))),
        ("annotations in an array", Box::new(|text| annotated(text, "[\"a\",\"b\"]"))),
        ("MD5", Box::new(|text| text.replacen("sha256:", "md5:", 1))),
        ("an unknown algorithm", Box::new(|text| text.replacen("sha256:", "sha999:", 1))),
        ("upper case", Box::new(|text| text.replacen("sha256:", "SHA256:", 1))),
        ("a path", Box::new(|text| text.replacen("sha256:", "sha256:../../", 1))),
        ("SHA-512 of 64 digits", Box::new(|text| text.replacen("sha256:", "sha512:", 1))),
    ];
    for (what, edit) in edits {
        manifest(what, MALFORMED, &|config, layer| {
            let good = image_text(config, std::slice::from_ref(layer));
            let spoiled = edit(&good);
            assert_ne!(good, spoiled, "{what} changes something");
            spoiled
        });
        // Apply the same edit to the index of the layout, if it changes something there.
        let in_index = |good: &str| {
            let spoiled = edit(&good.replace("\"manifests\"", "\"layers\""));
            spoiled
                .replace("\"layers\"", "\"manifests\"")
                .replace("Layers", "Manifests")
                .replace("layer\u{17f}", "manifest\u{17f}")
        };
        let build = |source: &SourceLayout| {
            let (config, layer) = source.plain_image(1);
            let good = index_text(&[source.image(&config, &[layer])]);
            source.index_text(&in_index(&good));
            in_index(&good) != good
        };
        if build(&SourceLayout::new(folder().path().join("images"))) {
            let codes = ["bad-index", "not-a-layout", "malformed-document"];
            refused(&format!("{what}, index.json"), &codes, &|source| {
                build(source);
            });
        }
    }
}

#[test]
fn layers_of_schema_1_are_refused() {
    manifest("fsLayers", MALFORMED, &|config, layer| {
        image_text(config, std::slice::from_ref(layer)).replacen('{', "{\"fsLayers\":[],", 1)
    });
    refused("fsLayers in an index", &["bad-index"], &|source| {
        source.index_text(&index_text(&[]).replacen('{', "{\"fsLayers\":[],", 1));
    });
}

#[test]
fn invalid_utf_8_is_refused() {
    refused("invalid UTF-8", MALFORMED, &|source| {
        let (config, layer) = source.plain_image(1);
        let mut text = image_text(&config, &[layer]).into_bytes();
        text.splice(1..1, b"\"x\":\"\xff\",".iter().copied());
        source.index(&[source.typed(MANIFEST_TYPE, &text)]);
    });
}

#[test]
fn malformed_and_false_sizes_are_refused() {
    for size in [
        "-1",
        "1e3",
        "1.0",
        "1000.0",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "\"1000\"",
        "null",
        "[]",
        "1e400",
    ] {
        manifest(&format!("size {size}"), MALFORMED, &|config, layer| {
            let layer = Item { size: size.to_owned(), ..layer.clone() };
            image_text(config, &[layer])
        });
    }
    for size in ["0", "999", "1001", "9007199254740993", "9223372036854775807"] {
        manifest(&format!("a layer of {size} bytes"), &["blob-size-mismatch"], &|config, layer| {
            image_text(config, &[Item { size: size.to_owned(), ..layer.clone() }])
        });
        let codes = ["blob-size-mismatch", "malformed-document", "blob-sizes-differ", "blob-mismatch"];
        refused(&format!("a manifest of {size} bytes"), &codes, &|source| {
            let (config, layer) = source.plain_image(1);
            let image = source.image(&config, &[layer]);
            source.index(&[Item { size: size.to_owned(), ..image }]);
        });
    }
    manifest("one blob of two sizes", &["blob-sizes-differ"], &|config, layer| {
        image_text(config, &[layer.clone(), Item { size: "5".to_owned(), ..layer.clone() }])
    });
}

#[test]
fn huge_documents_are_refused() {
    let many = |what: &str, text: &dyn Fn(&Item, &Item) -> String| {
        manifest(what, &["malformed-document"], text);
    };
    many("a million layers", &|config, layer| {
        image_text(config, &[]).replacen(
            "[]",
            &format!("[{}{}]", format!("{},", layer.json()).repeat(100_000), layer.json()),
            1,
        )
    });
    many("a million annotations", &|config, layer| {
        let annotations: String = (0..1_000_000).map(|n| format!("\"{n}\":\"\",")).collect();
        image_text(config, std::slice::from_ref(layer)).replacen(
            '{',
            &format!("{{\"annotations\":{{{annotations}\"x\":\"\"}},"),
            1,
        )
    });
    many("5 MiB of spaces", &|config, layer| {
        image_text(config, std::slice::from_ref(layer)) + &" ".repeat(5 << 20)
    });
    refused("an index.json of a gigabyte", &["file-too-large"], &|source| {
        source.index(&[]);
        let file = fs::File::options().write(true).open(source.path().join("index.json")).expect("a file");
        file.set_len(1 << 30).expect("longer");
    });
    refused("a manifest of a gigabyte", &["malformed-document"], &|source| {
        let (config, layer) = source.plain_image(1);
        let image = source.image(&config, &[layer]);
        let file = fs::File::options().write(true).open(source.blob_path(&image.digest)).expect("a file");
        file.set_len(1 << 30).expect("longer");
        source.index(&[Item { size: (1 << 30).to_string(), ..image }]);
    });
}

#[test]
fn missing_and_false_blobs_are_refused() {
    let without = |which: usize| {
        refused("not there", &["blob-missing"], &|source| {
            let (config, layer) = source.plain_image(1);
            let image = source.image(&config, std::slice::from_ref(&layer));
            source.index(std::slice::from_ref(&image));
            let gone = [&config, &layer, &image][which];
            fs::remove_file(source.blob_path(&gone.digest)).expect("removed");
        })
    };
    (0..3).for_each(|which| drop(without(which)));
    for (what, more) in [
        ("data that is another blob", r#""data":"AAAA""#),
        ("data that is not base64", r#""data":"*""#),
        ("data that is not a string", r#""data":1"#),
    ] {
        manifest(what, MALFORMED, &|config, layer| image_text(config, &[layer.clone().with(more)]));
    }
    for which in 0..3 {
        let codes = ["blob-mismatch"];
        refused("another blob of the same size", &codes, &|source| {
            let (config, layer) = source.plain_image(1);
            let image = source.image(&config, std::slice::from_ref(&layer));
            source.index(std::slice::from_ref(&image));
            let path = source.blob_path(&[&config, &layer, &image][which].digest);
            let length = fs::read(&path).expect("a blob").len();
            fs::write(&path, noise(3, length)).expect("written");
        });
    }
}

#[test]
fn messages_about_missing_and_long_blobs_are_true() {
    let ran = refused("no manifest", &["blob-missing"], &|source| {
        let (config, layer) = source.plain_image(1);
        let image = source.image(&config, &[layer]);
        source.index(std::slice::from_ref(&image));
        fs::remove_file(source.blob_path(&image.digest)).expect("removed");
    });
    assert!(ran.stderr.contains("is not in the source, but its list of artifacts references it"), "{ran}");
    // Only one byte more than announced is read, so how many there are is not known.
    let ran = refused("a long manifest", &["blob-size-mismatch"], &|source| {
        let (config, layer) = source.plain_image(1);
        let image = source.image(&config, &[layer]);
        source.index(std::slice::from_ref(&image));
        let path = source.blob_path(&image.digest);
        fs::write(&path, [fs::read(&path).expect("a blob"), b"   ".to_vec()].concat()).expect("written");
    });
    assert!(ran.stderr.contains("bytes, found more"), "{ran}");
}

#[test]
fn blobs_that_are_not_regular_files_are_refused() {
    let replaced = |what: &str, put: &dyn Fn(&std::path::Path)| {
        for which in 0..2 {
            refused(what, &["unsafe-path", "artifact-io"], &|source| {
                let (config, layer) = source.plain_image(1);
                let image = source.image(&config, std::slice::from_ref(&layer));
                source.index(std::slice::from_ref(&image));
                let path = source.blob_path(&[&layer, &image][which].digest);
                fs::remove_file(&path).expect("removed");
                put(&path);
            });
        }
    };
    replaced("a link", &|path| symlink("/etc/passwd", path).expect("a link"));
    replaced("a folder", &|path| fs::create_dir(path).expect("a folder"));
    replaced("a pipe", &|path| {
        assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo").success());
    });
    refused("a link for an index", &["unsafe-path"], &|source| {
        symlink("/etc/passwd", source.path().join("index.json")).expect("a link");
    });
}

/// A link instead of a folder would lead out of the layout to files that are not meant to travel.
#[test]
fn linked_folders_of_a_layout_are_refused() {
    for link in ["blobs", "blobs/sha256"] {
        refused(link, &["unsafe-path"], &|source| {
            let (config, layer) = source.plain_image(1);
            let image = source.image(&config, &[layer]);
            source.index(&[image]);
            let (inside, outside) = (source.path().join(link), source.path().with_file_name("outside"));
            fs::rename(&inside, &outside).expect("moved");
            symlink(&outside, &inside).expect("a link");
        });
    }
}

#[test]
fn contradictory_media_types_are_refused() {
    refused("an index called a manifest", MALFORMED, &|source| {
        let (config, layer) = source.plain_image(1);
        let image = source.image(&config, &[layer]);
        let inner = source.typed(MANIFEST_TYPE, index_text(&[image]).as_bytes());
        source.index(&[inner]);
    });
    refused("a manifest without a type called an index", MALFORMED, &|source| {
        let (config, layer) = source.plain_image(1);
        let text = format!(r#"{{"schemaVersion":2,"config":{},"layers":{}}}"#, config.json(), list(&[layer]));
        source.index(&[source.typed(INDEX_TYPE, text.as_bytes())]);
    });
    refused("a root that is not a document", &["not-an-artifact"], &|source| {
        source.index(&[source.typed(LAYER_TYPE, b"x"), source.typed(CONFIG_TYPE, b"{}")]);
    });
    for (what, media_type) in [
        ("spaces", "a b"),
        ("an escape", "a\\u001b[2J"),
        ("nothing", ""),
        ("a newline", "a\\nb"),
        ("300 letters", &"x".repeat(300)),
    ] {
        manifest(&format!("a type of {what}"), MALFORMED, &|config, layer| {
            image_text(config, &[Item { media_type: media_type.to_owned(), ..layer.clone() }])
        });
    }
}
