//! What every command prints: documents that match the published schemas, nothing with `--quiet`, help.

use std::path::Path;

use serde_json::Value;

use super::support::{Desk, Run, files};

fn schemas() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schemas")
}

#[track_caller]
fn fits(run: &Run, schema: &str) {
    let errors = misfits(&run.json(), schema);
    assert!(errors.is_empty(), "{}\n{}\n{}", run.command, errors.join("\n"), run.stdout);
}

/// Where a document differs from its schema.
fn misfits(document: &Value, schema: &str) -> Vec<String> {
    let text = std::fs::read_to_string(schemas().join(format!("{schema}.json"))).unwrap();
    let schema: Value = serde_json::from_str(&text).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors = validator.iter_errors(document);
    errors.map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// An image, an index for two platforms, referrers, a foreign layer: no field of a report is empty.
fn desk() -> Desk {
    use super::layouts::{CONFIG, on};
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[200_000]);
    let config = source.blob(CONFIG, b"{}");
    let foreign =
        source.blob("application/vnd.oci.image.layer.nondistributable.v1.tar", b"not to be passed on");
    let windows = source.manifest(&config, &[foreign]);
    let index = source.index(&[on("linux/amd64", &image), on("linux/arm64/v8", &windows)]);
    source.tag(&index, "team/app:1.0");
    let sbom = source.referrer(&index, "application/spdx+json", "sbom");
    source.list(&sbom);
    desk.carnet("keygen r").ok();
    let key = |name: &str, role: &str| {
        format!("[[keys]]\nholder = \"{name}\"\npublic-key-file = \"{name}.pub.pem\"\nroles = [\"{role}\"]\n")
    };
    let trust = format!("version = 1\nrelease-threshold = 1\n{}{}", key("k", "packer"), key("r", "releaser"));
    std::fs::write(desk.path("trust.toml"), trust).unwrap();
    desk
}

const STREAM: &str = "--stream north --sequence 3 --label UNCLASSIFIED --expires 90d --nondistributable omit";

#[test]
fn every_document_matches_its_schema() {
    let desk = desk();
    fits(&desk.carnet("keygen other --json").ok(), "keygen");
    fits(&desk.carnet("pubkey --key other.key.pem --json").ok(), "pubkey");
    fits(&desk.carnet("pubkey --key other.key.pem --to again.pub.pem --json").ok(), "pubkey");
    let options =
        format!("oci:src --chunk-size 64KiB {STREAM} --platform linux/amd64 --platform linux/arm64");
    fits(&desk.pack(&format!("{options} --dry-run --json")).ok(), "pack");
    fits(&desk.pack(&format!("{options} --json")).ok(), "pack");
    fits(&desk.pack(&format!("{options} oci:nowhere --continue-on-errors --json")).ends(4), "pack");
    fits(&desk.carnet("verify out --trust trust.toml --json").ends(3), "verify");
    fits(&desk.carnet("inspect out --trust trust.toml --json").ok(), "inspect");
    fits(&desk.carnet("sign out --key r.key.pem --json").ok(), "sign");
    fits(&desk.carnet("verify out --trust trust.toml --json").ok(), "verify");
    fits(&desk.carnet("inspect out --json").ok(), "inspect");
    fits(&desk.carnet("inspect out/b_00000.tar --trust trust.toml --json").ok(), "inspect");
    fits(&desk.carnet("inspect out/b_00001.tar --json").ends(4), "inspect");
    fits(&desk.carnet("sums out --sha256 --md5 --json").ok(), "sums");
    fits(&desk.carnet("unpack out --trust trust.toml --to oci:back --json").ok(), "unpack");
    fits(&desk.carnet("missing out --json").ok(), "missing");
    fits(&desk.carnet("explain --json").ok(), "explain");
    fits(&desk.carnet("explain disk-full --json").ok(), "explain");
    std::fs::write(desk.path("out/letter"), "no chunk").unwrap();
    std::fs::remove_file(desk.path("out/b_00002.tar")).unwrap();
    fits(&desk.carnet("missing out --json").ends(4), "missing");
    let request = desk.carnet("missing out --json").ends(4).json()["bundles"][0]["request"].clone();
    std::fs::write(desk.path("request.txt"), request.as_str().unwrap()).unwrap();
    fits(&desk.carnet("resend request.txt --from out --to again --json").ends(4), "resend");
    let again =
        desk.carnet(&format!("pack {options} --name b --key k.key.pem --to again --only request.txt --json"));
    fits(&again.ok(), "pack");
    fits(&desk.carnet("resend request.txt --from again --to again --json").ok(), "resend");
    fits(&desk.carnet("verify out --trust trust.toml --json").ends(4), "verify");
    fits(&desk.carnet("verify out --pub other.pub.pem --json").ends(3), "verify");
}

#[test]
fn every_error_matches_the_error_schema() {
    let desk = desk();
    desk.pack("oci:src").ok();
    for (line, code) in [
        ("keygen k", 1),
        ("pack oci:nowhere --to x --name b --key k.key.pem", 1),
        ("pack oci:src:none --to x --name b --key k.key.pem", 1),
        ("pack oci:src --to x --name b --key nowhere", 1),
        ("sign src --key k.key.pem", 4),
        ("verify src --pub k.pub.pem", 4),
        ("verify out --trust k.pub.pem", 2),
        ("missing nowhere", 1),
        ("inspect nowhere", 1),
        ("unpack out --trust trust.toml --to oci:back", 3),
        ("sums src", 4),
    ] {
        let run = desk.carnet(&format!("{line} --json"));
        assert!(run.code.is_some_and(|found| found != 0), "{line}");
        fits(&run, "error");
        assert_eq!(run.code, Some(code), "{line}: {}", run.stderr);
    }
}

#[test]
fn the_published_schemas_are_those_of_the_program() {
    let desk = Desk::new();
    desk.carnet("schemas made").ok();
    let (made, published) = (files(&desk.path("made")), files(&schemas()));
    assert!(made.keys().eq(published.keys()), "{:?} {:?}", made.keys(), published.keys());
    for (name, text) in made {
        assert!(text == published[&name], "run `carnet schemas docs/schemas`: {name} differs");
    }
}

#[test]
fn quiet_prints_errors_only() {
    let desk = desk();
    for line in [
        "keygen other -q",
        "pack oci:src --to out --name b --key k.key.pem -q --dry-run",
        "pack oci:src --to out --name b --key k.key.pem -q",
        "pack oci:src --to out --name b --key k.key.pem -q",
        "sign out --key r.key.pem --quiet",
        "verify out --trust trust.toml --quiet",
        "missing out -q",
        "unpack out --trust trust.toml --to oci:back -q",
    ] {
        let run = desk.carnet(line).ok();
        assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""), "{line}");
    }
    let run = desk.carnet("verify nowhere --trust trust.toml -q").ends(1);
    assert!(run.stderr.contains("error["), "{}", run.stderr);
    std::fs::write(desk.path("out/b_00000.tar"), "gone").unwrap();
    let run = desk.carnet("verify out --trust trust.toml -q");
    assert_ne!(run.code, Some(0));
    assert!(!run.stderr.is_empty() || !run.stdout.is_empty());
}

#[test]
fn with_json_stdout_is_one_document_and_progress_is_json_lines() {
    let desk = desk();
    let run = desk.pack("oci:src --chunk-size 64KiB --file-sums sha256 --json").ok();
    run.json();
    let mut phases = Vec::new();
    for line in run.stderr.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        let errors = misfits(&event, "progress");
        assert!(errors.is_empty(), "{line}\n{}", errors.join("\n"));
        assert_eq!((&event["run"], &event["verb"]), (&Value::from(0), &Value::from("pack")), "{line}");
        phases.push((event["event"].clone(), event["phase"].clone()));
    }
    for phase in ["pack", "sums"] {
        let at = |event: &str| phases.iter().position(|found| *found == (event.into(), phase.into()));
        assert!(at("started").is_some() && at("started") < at("ended"), "{phase}: {phases:?}");
    }
    assert!(phases.iter().any(|(event, _)| event == "chunk"), "{phases:?}");
    assert!(
        !misfits(&serde_json::json!({ "event": "started", "verb": "pack", "bytes": 1 }), "progress")
            .is_empty()
    );
}

#[test]
fn every_help_text_has_an_example() {
    let desk = Desk::new();
    let help = desk.carnet("--help").ok().stdout;
    assert!(help.contains("Exit codes"));
    let commands = [
        "keygen",
        "pack",
        "sign",
        "verify",
        "missing",
        "resend",
        "inspect",
        "unpack",
        "sums",
        "explain",
        "completions",
        "man",
    ];
    for command in commands {
        assert!(help.contains(&format!("  {command} ")), "{command} is listed");
        let run = desk.carnet(&format!("{command} --help")).ok();
        assert!(run.stdout.contains("Example"), "{command}");
        assert!(run.stdout.contains(&format!("carnet {command}")), "{command}");
    }
    assert!(!help.contains("schemas"), "that is for the project itself");
    desk.carnet("--version").ok().says(&["carnet 0."]);
}

#[test]
fn invalid_arguments_are_a_usage_error() {
    let desk = desk();
    for line in [
        "",
        "pakc",
        "pack oci:src --to out --name b",
        "pack oci:src --to out --name UPPER --key k.key.pem",
        "pack oci:src --to out --name b --key k.key.pem --sequence 3",
        "pack oci:src --to out --name b --key k.key.pem --expires tomorrow",
        "pack oci:src --to out --name b --key k.key.pem --jobs 0",
        "pack oci:src --to out --name b --key k.key.pem --jobs 1025",
        "pack oci:src --to out --name b --key k.key.pem --connections 257",
        "import out --pub k.pub.pem --to docker://127.0.0.1:9 --connections 99999999999999999999",
        "verify out",
        "verify out --pub k.pub.pem --trust trust.toml",
        "unpack out --pub k.pub.pem",
        "explain no-such-code",
        "explain --markdown disk-full",
    ] {
        let run = desk.carnet(line).ends(2);
        assert!(run.stderr.contains("Usage") || run.stderr.contains("--help"), "{line}: {}", run.stderr);
    }
}

#[test]
fn completions_and_manual_pages_are_printed() {
    let desk = Desk::new();
    for shell in ["bash", "zsh", "fish"] {
        let run = desk.carnet(&format!("completions {shell}")).ok();
        assert!(run.stdout.contains("unpack") && run.stdout.len() > 1000, "{shell}");
    }
    desk.carnet("completions bash").ok();
    desk.sh(&format!("{} completions bash > c.bash && bash -n c.bash", super::support::CARNET)).ok();
    desk.carnet("man").ok().says(&[".TH"]);
    desk.carnet("man --to man1").ok();
    let pages = files(&desk.path("man1"));
    for page in ["carnet.1", "carnet-pack.1", "carnet-unpack.1", "carnet-keygen.1"] {
        assert!(String::from_utf8_lossy(&pages[page]).contains(".SH"), "{page}");
    }
}

#[test]
fn a_closed_pipe_is_not_a_failure() {
    let desk = desk();
    desk.pack("oci:src --chunk-size 64KiB").ok();
    let line = format!("{{ {} inspect out -v; echo $? >code; }} | true", super::support::CARNET);
    desk.sh(&line).ok();
    assert_eq!(std::fs::read_to_string(desk.path("code")).unwrap().trim(), "0");
}

#[test]
fn untrusted_text_is_escaped() {
    let desk = desk();
    desk.pack("oci:src").ok();
    std::fs::write(desk.path("out/\u{1b}[2Jletter"), "no chunk").unwrap();
    std::fs::rename(desk.path("out/b_00000.tar"), desk.path("out/\u{1b}[2Jchunk")).unwrap();
    for line in
        ["verify out --pub k.pub.pem", "verify out --pub k.pub.pem --json", "inspect out -v", "missing out"]
    {
        let run = desk.carnet(line);
        assert_ne!(run.code, None);
        assert!(!run.stdout.contains('\u{1b}') && !run.stderr.contains('\u{1b}'), "{line}");
    }
    let run = desk.carnet("verify out/\u{1b}[2Jgone --pub k.pub.pem").ends(1);
    assert!(!run.stderr.contains('\u{1b}'), "{}", run.stderr);
}

#[test]
fn name_stream_and_label_are_recorded_and_shown() {
    let desk = desk();
    let previous = "ab".repeat(32);
    desk.pack(&format!("oci:src {STREAM} --previous {previous} --expires 2099-01-01")).ends(2);
    let options = "--stream north --sequence 3 --label UNCLASSIFIED --expires 2099-01-01";
    desk.pack(&format!("oci:src {options} --previous {previous}")).ok();
    let bundle = desk.inspected("out");
    for (key, value) in
        [("name", "b"), ("stream", "north"), ("label", "UNCLASSIFIED"), ("previous", &previous)]
    {
        assert_eq!(bundle[key], value, "{key}");
    }
    assert_eq!((&bundle["sequence"], &bundle["expires"]), (&3.into(), &"2099-01-01T00:00:00Z".into()));
    desk.carnet("inspect out --pub k.pub.pem").ok().says(&[
        "north",
        "number 3",
        "UNCLASSIFIED",
        "2099-01-01",
    ]);
    desk.carnet("verify out --pub k.pub.pem").ok().says(&["north", "number 3", "UNCLASSIFIED"]);
}
