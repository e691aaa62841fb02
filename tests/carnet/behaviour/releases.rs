//! Who may pack, who may release, and which signatures do not count.

use super::support::{Desk, Run};

/// A bundle packed by `k`, and a trust file in which `alice`, with two keys, and `bob` are releasers.
fn desk() -> Desk {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[200_000]);
    source.tag(&image, "app:1");
    for name in ["alice", "alice2", "bob", "mallory"] {
        desk.carnet(&format!("keygen {name}")).ok();
    }
    trust(&desk, 2, "");
    desk.pack("oci:src --chunk-size 64KiB").ok();
    desk
}

fn trust(desk: &Desk, threshold: u32, more: &str) {
    let key = |file: &str, holder: &str, role: &str| {
        format!(
            "[[keys]]\nholder = \"{holder}\"\npublic-key-file = \"{file}.pub.pem\"\nroles = [\"{role}\"]\n{more}"
        )
    };
    let text = [
        format!("version = 1\nrelease-threshold = {threshold}\n"),
        key("k", "station", "packer"),
        key("alice", "alice", "releaser"),
        key("alice2", "alice", "releaser"),
        key("bob", "bob", "releaser"),
    ];
    std::fs::write(desk.path("trust.toml"), text.concat()).unwrap();
}

fn unpack(desk: &Desk) -> Run {
    desk.carnet("unpack out --trust trust.toml --to oci:back")
}

fn sign(desk: &Desk, name: &str) -> Run {
    desk.carnet(&format!("sign out --key {name}.key.pem")).ok()
}

#[test]
fn two_people_must_release() {
    let desk = desk();
    unpack(&desk).ends(3).says(&["0 of 2"]);
    desk.carnet("verify out --trust trust.toml").ends(3).says(&["NOT RELEASED, 0 of 2"]);
    desk.carnet("inspect out --trust trust.toml").ok().says(&["NOT RELEASED"]);
    sign(&desk, "alice");
    unpack(&desk).ends(3).says(&["1 of 2", "carnet sign"]);
    desk.carnet("verify out --trust trust.toml").ends(3).says(&["1 of 2", "alice"]);
    assert!(!desk.path("back").exists());
    sign(&desk, "bob");
    desk.carnet("verify out --trust trust.toml").ok().says(&["COMPLETE", "alice", "bob"]);
    unpack(&desk).ok().says(&["released by", "alice", "bob"]);
    super::support::assert_same_layout(&desk.path("src"), &desk.path("back"));
}

#[test]
fn signatures_on_two_copies_of_the_control_chunk_count_together() {
    let desk = desk();
    for (name, folder) in [("alice", "a"), ("alice2", "a2"), ("bob", "b")] {
        desk.sh(&format!("mkdir {folder} && cp out/b_00000.tar {folder}/")).ok();
        desk.carnet(&format!("sign {folder} --key {name}.key.pem")).ok();
    }
    desk.carnet("verify out a a2 --trust trust.toml").ends(3).says(&["1 of 2"]);
    for folders in ["out a b", "out b a2", "out a a2 b"] {
        let verified = desk.carnet(&format!("verify {folders} --trust trust.toml")).ok();
        verified.says(&["COMPLETE", "alice", "bob"]);
        desk.carnet(&format!("inspect {folders} --trust trust.toml")).ok();
    }
    desk.carnet("unpack out a b --trust trust.toml --to oci:back").ok().says(&["alice", "bob"]);
}

#[test]
fn the_same_holder_counts_once() {
    let desk = desk();
    sign(&desk, "alice");
    sign(&desk, "alice2");
    unpack(&desk).ends(3).says(&["1 of 2"]);
    sign(&desk, "bob");
    unpack(&desk).ok();
}

#[test]
fn a_stranger_and_the_packer_do_not_count() {
    let desk = desk();
    sign(&desk, "alice");
    sign(&desk, "mallory");
    unpack(&desk).ends(3).says(&["1 of 2"]);
    sign(&desk, "k").says(&["already"]);
    unpack(&desk).ends(3).says(&["1 of 2"]);
}

#[test]
fn signing_changes_only_the_head_and_signing_twice_changes_nothing() {
    let desk = desk();
    let before = desk.files("out");
    let first = sign(&desk, "alice");
    assert!(first.stdout.contains("2 signatures"), "{}", first.stdout);
    let after = desk.files("out");
    for (name, bytes) in &before {
        if name == "b_00000.tar" {
            // One more entry: a header and a block. Everything after the signatures is unchanged.
            assert_eq!(after[name].len(), bytes.len() + 1024);
            let sealed = bytes.len() - 4096;
            assert!(after[name].ends_with(&bytes[bytes.len() - sealed..]));
            assert!(after[name].starts_with(&bytes[..1024]), "the statement");
        } else {
            assert!(after[name] == *bytes, "{name}");
        }
    }
    let again = desk.carnet("sign out --key alice.key.pem --json").ok().json();
    assert_eq!(again["bundles"][0]["already_signed"], true);
    assert!(desk.files("out") == after);
    desk.sh("ls -A out | grep -c partial").says(&["0"]);
}

#[test]
fn the_order_of_signing_does_not_change_the_bytes() {
    let desk = desk();
    desk.sh("cp -r out other").ok();
    for (folder, names) in [("out", ["alice", "bob"]), ("other", ["bob", "alice"])] {
        for name in names {
            desk.carnet(&format!("sign {folder} --key {name}.key.pem")).ok();
        }
    }
    assert!(desk.files("out") == desk.files("other"));
}

#[test]
fn sixteen_signatures_fit_within_the_file_limit() {
    let desk = desk();
    for at in 0..15 {
        desk.carnet(&format!("keygen extra{at}")).ok();
        sign(&desk, &format!("extra{at}"));
        assert!(desk.files("out").values().all(|bytes| bytes.len() <= 65_536));
    }
    desk.carnet("sign out --key alice.key.pem").ends(1).says(&["16"]);
    desk.carnet("verify out --pub k.pub.pem").ok();
}

#[test]
fn the_control_chunk_alone_can_be_signed_and_inspected() {
    let desk = desk();
    desk.sh("mkdir review && cp out/b_00000.tar review/").ok();
    desk.carnet("inspect review --trust trust.toml").ok().says(&["app:1", "not present"]);
    desk.carnet("sign review/b_00000.tar --key alice.key.pem").ok().says(&["app:1"]);
    desk.carnet("sign review/b_00000.tar --key bob.key.pem").ok();
    desk.sh("cp review/b_00000.tar out/b_00000.tar").ok();
    unpack(&desk).ok();
    // An additional copy without the releases does no harm.
    desk.sh("mv out/b_00000.tar out/z.tar").ok();
    desk.carnet("verify out review --trust trust.toml").ok();
}

#[test]
fn an_untrusted_packer_is_refused() {
    let desk = desk();
    let run = desk.carnet("verify out --pub mallory.pub.pem").ends(3);
    run.says(&["NOT TRUSTED", "UNTRUSTED"]);
    desk.carnet("inspect out --pub mallory.pub.pem").ends(3);
    desk.carnet("unpack out --pub mallory.pub.pem --to oci:back").ends(3);
    assert!(!desk.path("back").exists());
    desk.carnet("inspect out").ok().says(&["NOT VERIFIED", "app:1"]);
    desk.carnet("unpack out --to oci:back").ends(2);
    desk.carnet("verify out").ends(2);
}

#[test]
fn streams_validity_and_revocation_are_enforced() {
    for (line, options, good) in [
        ("streams = [\"north\"]\n", "--stream north --sequence 7", true),
        ("streams = [\"north\"]\n", "--stream south --sequence 7", false),
        ("streams = [\"north\"]\n", "", false),
        ("valid-until = 2020-01-01T00:00:00Z\n", "", false),
        ("valid-from = 2020-01-01T00:00:00Z\n", "", true),
        ("revoked = true\n", "", false),
        ("", "--expires 2020-01-01", false),
        ("", "--expires 90d", true),
    ] {
        let desk = desk();
        trust(&desk, 2, line);
        std::fs::remove_dir_all(desk.path("out")).unwrap();
        desk.pack(&format!("oci:src {options}")).ok();
        sign(&desk, "alice");
        sign(&desk, "bob");
        let run = desk.carnet("verify out --trust trust.toml");
        let expected = if good { 0 } else { 3 };
        // A policy under which nobody can release may be refused itself.
        let refused_policy = !good && line.contains("revoked") && run.code == Some(2);
        assert!(run.code == Some(expected) || refused_policy, "{line}{options}: {run:?}");
        assert_eq!(unpack(&desk).code == Some(0), good, "{line}{options}");
    }
}

#[test]
fn trust_files_are_parsed_strictly() {
    let desk = desk();
    let good = std::fs::read_to_string(desk.path("trust.toml")).unwrap();
    for (from, to) in [
        ("release-threshold = 2", "release-threshold = 0"),
        ("release-threshold = 2", "release-threshold = 3"),
        ("release-threshold = 2", "release-treshold = 2"),
        ("version = 1", "version = 2"),
        ("bob.pub.pem", "nobody.pub.pem"),
        ("bob.pub.pem", "bob.key.pem"),
        ("\"packer\"", "\"pakcer\""),
        ("version = 1", "version = "),
    ] {
        assert!(good.contains(from));
        std::fs::write(desk.path("trust.toml"), good.replacen(from, to, 1)).unwrap();
        let run = desk.carnet("verify out --trust trust.toml");
        assert!(matches!(run.code, Some(1..=3)) && run.stderr.contains("trust.toml"), "{to}: {run:?}");
        assert!(run.stdout.is_empty(), "{to}: nothing is said of a bundle");
    }
}

#[test]
fn a_bundle_of_one_file_with_a_damaged_layer_is_not_signed() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[200_000]);
    source.tag(&image, "app:1");
    desk.pack("oci:src").ok();
    desk.carnet("keygen alice").ok();
    let path = desk.path("out/b_00000.tar");
    let intact = std::fs::read(&path).unwrap();
    let mut damaged = intact.clone();
    // Layers come last: this is in the middle of the only one.
    let at = damaged.len() - 100_000;
    damaged[at] ^= 1;
    std::fs::write(&path, &damaged).unwrap();
    desk.carnet("sign out --key alice.key.pem").ends(4).says(&["control-chunk-damaged", "b_00000.tar"]);
    assert!(std::fs::read(&path).unwrap() == damaged);
    // A damaged copy does not prevent signing the intact one, and is not signed.
    std::fs::write(desk.path("out/copy.tar"), &intact).unwrap();
    desk.carnet("sign out --key alice.key.pem").ok().says(&["copy.tar"]);
    assert!(std::fs::read(&path).unwrap() == damaged);
    assert!(std::fs::read(desk.path("out/copy.tar")).unwrap() != intact);
}
