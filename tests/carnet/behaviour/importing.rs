//! What import refuses before it contacts a registry.

use super::layouts::digest_of;
use super::support::Desk;

/// Nothing listens there, so connecting fails with an error.
const NOWHERE: &str = "import out --pub k.pub.pem --to docker://127.0.0.1:9";

/// A desk with a bundle of one artifact, and the digest of the artifact.
fn packed(name: Option<&str>) -> (Desk, String) {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[2_000, 100]);
    match name {
        Some(name) => source.tag(&image, name),
        None => source.list(&image),
    }
    desk.pack("oci:src").ok();
    (desk, digest_of(&image).to_owned())
}

#[test]
fn an_artifact_without_a_repository_is_an_error_with_a_hint() {
    let (desk, _) = packed(Some("1.0"));
    let rename = "--rename '1.0=team/app:1.0'";
    desk.carnet(NOWHERE).ends(2).says(&["repository-unnamed", "1.0", rename]);
    desk.carnet(&format!("{NOWHERE} --rename 1.0=Team/app"))
        .ends(2)
        .says(&["repository-name", "Team/app:1.0"]);
    let (desk, digest) = packed(None);
    desk.carnet(NOWHERE).ends(2).says(&["repository-unnamed", &format!("--rename '{digest}=team/app:1.0'")]);
    desk.carnet(&format!("{NOWHERE} --retries 0 --rename {digest}=team/app:1.0"))
        .ends(1)
        .says(&["registry-unreachable", "127.0.0.1:9"]);
}

#[test]
fn invalid_rename_rules_and_destinations_are_refused() {
    let (desk, _) = packed(Some("team/app:1.0"));
    for (rule, why) in [("x", "no '='"), ("(=x", "group"), ("(.*)=$1_x", "${1}"), ("=x", "empty")] {
        desk.carnet(&format!("{NOWHERE} --rename {rule}")).ends(2).says(&[why]);
    }
    for place in [
        "registry.example",
        "docker://",
        "docker://registry.example/Team",
        "docker://registry.example/a:1",
        "oci:x",
    ] {
        desk.carnet(&format!("import out --pub k.pub.pem --to {place}")).ends(2).says(&["docker://"]);
    }
    desk.carnet(&format!("{NOWHERE} --backup-tags /x")).ends(2).says(&["-before"]);
    desk.carnet(&format!("{NOWHERE} --artifact team/app:2.0")).ends(1).says(&[
        "no-such-artifact",
        "team/app:2.0",
        "team/app:1.0",
    ]);
}

#[test]
fn two_artifacts_cannot_share_a_tag() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    for (seed, name) in [(1, "a.example/app:1"), (2, "b.example/app:1")] {
        let image = source.image(seed, &[500]);
        source.tag(&image, name);
    }
    desk.pack("oci:src").ok();
    desk.carnet(NOWHERE).ends(2).says(&["tag-collision", "127.0.0.1:9/app:1", "--rename"]);
}

#[test]
fn a_receipt_never_replaces_a_file() {
    let (desk, _) = packed(Some("team/app:1.0"));
    for (taken, signed) in [("r.json", false), ("r.json.txt", false), ("r.json.sig", true)] {
        std::fs::write(desk.path(taken), "precious").unwrap();
        let key = if signed { "--key k.key.pem" } else { "" };
        desk.carnet(&format!("{NOWHERE} --receipt r.json {key}")).ends(1).says(&["receipt-exists", taken]);
        assert_eq!(std::fs::read_to_string(desk.path(taken)).unwrap(), "precious");
        std::fs::remove_file(desk.path(taken)).unwrap();
    }
    desk.carnet(&format!("{NOWHERE} --receipt ..")).ends(2).says(&["receipt-name"]);
    desk.carnet(&format!("{NOWHERE} --receipt nowhere/r.json")).ends(1).says(&["receipt-unwritten"]);
    desk.carnet(&format!("{NOWHERE} --receipt r.json --dry-run")).ends(2);
    desk.carnet(&format!("{NOWHERE} --key k.key.pem")).ends(2);
}

#[test]
fn an_import_that_reaches_no_registry_leaves_nothing() {
    let (desk, _) = packed(Some("team/app:1.0"));
    let before: Vec<_> = desk.files(".").into_keys().collect();
    desk.carnet(&format!("{NOWHERE} --retries 0 --receipt r.json --key k.key.pem"))
        .ends(1)
        .says(&["registry-unreachable"]);
    assert_eq!(desk.files(".").into_keys().collect::<Vec<_>>(), before);
}

#[test]
fn an_unverified_bundle_is_not_imported() {
    let (desk, _) = packed(Some("team/app:1.0"));
    desk.carnet("keygen other").ok();
    desk.carnet("import out --pub other.pub.pem --to docker://127.0.0.1:9")
        .ends(3)
        .says(&["bundle-untrusted"]);
    desk.carnet("import out --to docker://127.0.0.1:9").ends(2);
}
