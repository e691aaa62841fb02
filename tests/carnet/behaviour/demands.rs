//! Trust files that want signatures of certain algorithms, with a choice.

use std::fs;

use super::support::{Desk, Run};

/// ML-DSA-87, and one of the two others.
const CHOICE: &str = r#"algorithms = ["mldsa87", ["ed25519", "ecdsap384"]]"#;

const ALGORITHMS: [&str; 3] = ["ed25519", "mldsa87", "ecdsap384"];

/// A bundle that `k` packed with two keys, and keys of `k`, `alice` and `bob` of each algorithm, named `alice-ed25519` and so on.
fn desk() -> Desk {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[100_000]);
    source.tag(&image, "app:1");
    for holder in ["k", "alice", "bob"] {
        for algorithm in ALGORITHMS {
            desk.carnet(&format!("keygen {holder}-{algorithm} --algorithm {algorithm}")).ok();
        }
    }
    pack(&desk, "k-ecdsap384", "k-mldsa87").ok();
    desk
}

fn pack(desk: &Desk, first: &str, second: &str) -> Run {
    desk.sh("rm -rf out").ok();
    desk.carnet(&format!(
        "pack oci:src --chunk-size 128KiB --to out --name b --key {first}.key.pem --second-key {second}.key.pem"
    ))
}

/// A trust file with all keys.
fn trust(desk: &Desk, threshold: u32, head: &str) {
    let mut text = format!("version = 1\nrelease-threshold = {threshold}\n{head}\n");
    for (holder, role) in [("k", "packer"), ("alice", "releaser"), ("bob", "releaser")] {
        for algorithm in ALGORITHMS {
            text += &format!(
                "[[keys]]\nholder = \"{holder}\"\npublic-key-file = \"{holder}-{algorithm}.pub.pem\"\nroles = [\"{role}\"]\n"
            );
        }
    }
    fs::write(desk.path("trust.toml"), text).unwrap();
}

fn sign(desk: &Desk, options: &str) -> Run {
    desk.carnet(&format!("sign out --trust trust.toml {options}"))
}

fn verify(desk: &Desk) -> Run {
    desk.carnet("verify out --trust trust.toml")
}

#[test]
fn one_of_several_is_enough_and_each_holder_chooses() {
    let desk = desk();
    trust(&desk, 2, CHOICE);
    verify(&desk).ends(3).says(&["NOT RELEASED, 0 of 2"]);
    sign(&desk, "--key alice-ed25519.key.pem --second-key alice-mldsa87.key.pem").ok();
    let run = sign(&desk, "--key bob-mldsa87.key.pem").ok();
    run.says(&["it does not count yet", "either ed25519 or ecdsap384, too"]);
    verify(&desk).ends(3).says(&["1 of 2", "error[signature-downgrade]"]);
    sign(&desk, "--key bob-ecdsap384.key.pem").ok();
    verify(&desk).ok().says(&["COMPLETE", "alice", "bob"]);
    desk.carnet("unpack out --trust trust.toml --to oci:back").ok();
    let shown = desk.carnet("trust show trust.toml").ok();
    shown.says(&["mldsa87 and either ed25519 or ecdsap384"]);
    desk.carnet("trust check trust.toml").ok().says(&["usable"]);
}

#[test]
fn two_of_one_kind_are_not_both() {
    let desk = desk();
    trust(&desk, 1, CHOICE);
    // A packer with the two that are older.
    pack(&desk, "k-ed25519", "k-ecdsap384").ok();
    verify(&desk).ends(3).says(&["error[signature-downgrade]"]);
    pack(&desk, "k-ed25519", "k-mldsa87").ok();
    let run = sign(&desk, "--key alice-ed25519.key.pem --second-key alice-ecdsap384.key.pem").ends(3);
    run.says(&["error[release-does-not-count]", "the same holder"]);
    // Without the trust file they are added, and are one half still.
    desk.carnet("sign out --key alice-ed25519.key.pem --second-key alice-ecdsap384.key.pem").ok();
    verify(&desk).ends(3).says(&["NOT RELEASED, 0 of 1", "error[signature-downgrade]"]);
    sign(&desk, "--key alice-mldsa87.key.pem").ok();
    verify(&desk).ok();
}

#[test]
fn other_lists_want_what_they_say() {
    let desk = desk();
    sign(&desk, "").ends(2);
    for (head, verdict) in [
        (r#"algorithms = ["ecdsap384"]"#, 0),
        (r#"algorithms = ["ecdsap384", "mldsa87"]"#, 0),
        (r#"algorithms = [["ed25519", "ecdsap384"]]"#, 0),
        (r#"algorithms = [["ed25519", "ecdsap384", "mldsa87"]]"#, 0),
        (r#"algorithms = ["ed25519"]"#, 3),
        (r#"algorithms = ["ed25519", "ecdsap384"]"#, 3),
        (r#"algorithms = ["ecdsap384", ["ed25519"]]"#, 3),
    ] {
        trust(&desk, 1, head);
        if verdict == 0 {
            desk.carnet("sign out --key alice-ecdsap384.key.pem --second-key alice-mldsa87.key.pem").ok();
        }
        let run = desk.carnet("verify out --trust trust.toml");
        assert_eq!(run.code, Some(verdict), "{head}: {run:?}");
    }
}

#[test]
fn what_no_bundle_can_meet_is_refused_with_the_way_out() {
    let desk = desk();
    trust(&desk, 1, r#"algorithms = ["ed25519", "mldsa87", "ecdsap384"]"#);
    verify(&desk).ends(2).says(&[
        "error[policy-algorithm-count]",
        "3 signatures of each holder",
        "at most 2",
        r#"["mldsa87", ["ed25519", "ecdsap384"]]"#,
    ]);
    // With a choice as with two names, seven holders can release.
    trust(&desk, 8, CHOICE);
    verify(&desk).ends(2).says(&["error[policy-threshold]", "at most 7"]);
    trust(&desk, 2, CHOICE);
    let text = fs::read_to_string(desk.path("trust.toml")).unwrap();
    fs::write(desk.path("trust.toml"), text.replace("bob-mldsa87", "spare")).unwrap();
    desk.carnet("keygen spare").ok();
    verify(&desk).ends(2).says(&["error[policy-unsatisfiable]", "1 holder has"]);
}
