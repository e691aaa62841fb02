//! ML-DSA-87, alone and beside Ed25519, with OpenSSL 3.5 as the other side.

use std::fs;
use std::path::Path;

use carnet::format::head::Head;
use carnet::format::signature::SignatureAlgorithm;

use super::support::{Desk, Run, assert_same_layout, cached, skipped};

/// What each holder must sign with.
const BOTH: &str = r#"algorithms = ["ed25519", "mldsa87"]"#;

/// A layout, and pairs of keys: `k`, `alice` and `bob` of Ed25519, and the same with `-pq` of ML-DSA-87.
fn desk() -> Desk {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[200_000, 70_000]);
    source.tag(&image, "app:1");
    for name in ["alice", "bob"] {
        desk.carnet(&format!("keygen {name}")).ok();
    }
    for name in ["k-pq", "alice-pq", "bob-pq"] {
        desk.carnet(&format!("keygen {name} --algorithm mldsa87")).ok();
    }
    desk
}

/// A trust file with the keys of `desk`.
fn trust(desk: &Desk, threshold: u32, head: &str) {
    let mut text = format!("version = 1\nrelease-threshold = {threshold}\n{head}\n");
    for (holder, role) in [("k", "packer"), ("alice", "releaser"), ("bob", "releaser")] {
        for file in [holder.to_owned(), format!("{holder}-pq")] {
            text += &format!(
                "[[keys]]\nholder = \"{holder}\"\npublic-key-file = \"{file}.pub.pem\"\nroles = [\"{role}\"]\n"
            );
        }
    }
    fs::write(desk.path("trust.toml"), text).unwrap();
}

fn pack_hybrid(desk: &Desk) {
    let args = "pack oci:src --chunk-size 128KiB --to out --name b --key k.key.pem --second-key k-pq.key.pem";
    desk.carnet(args).ok();
}

fn verify(desk: &Desk) -> Run {
    desk.carnet("verify out --trust trust.toml")
}

/// Takes the signatures of an algorithm out of the head of a chunk.
fn strip(file: &Path, algorithm: SignatureAlgorithm) {
    change(file, |head| head.signatures.retain(|signature| signature.algorithm != algorithm));
}

fn change(file: &Path, change: impl FnOnce(&mut Head)) {
    let bytes = fs::read(file).unwrap();
    let mut head = Head::parse(&bytes, bytes.len() as u64).unwrap();
    let sealed = &bytes[usize::try_from(head.sealed_at()).unwrap()..];
    change(&mut head);
    fs::write(file, [&head.render(), sealed].concat()).unwrap();
}

/// Puts OpenSSL 3.5 of Debian, as `scripts/setup --audits` unpacks it, into the folder `bin` of the desk.
pub(super) fn openssl(desk: &Desk) -> bool {
    let root = cached("openssl-3.5-1");
    let lib = root.join("usr/lib/x86_64-linux-gnu");
    let (loader, program) = (lib.join("ld-linux-x86-64.so.2"), root.join("usr/bin/openssl"));
    if !loader.exists() || !program.exists() {
        skipped("OpenSSL 3.5 is not there: run scripts/setup --audits");
        return false;
    }
    let config = root.join("usr/lib/ssl/openssl.cnf");
    let script = format!(
        "#!/bin/sh\nOPENSSL_CONF={} exec {} --library-path {} {} \"$@\"\n",
        config.display(),
        loader.display(),
        lib.display(),
        program.display()
    );
    fs::create_dir(desk.path("bin")).unwrap();
    fs::write(desk.path("bin/openssl"), script).unwrap();
    desk.sh("chmod +x bin/openssl").ok();
    true
}

/// A shell line that finds OpenSSL 3.5.
pub(super) fn with_openssl(desk: &Desk, line: &str) -> Run {
    desk.sh(&format!("PATH=$PWD/bin:$PATH; {line}"))
}

#[test]
fn a_bundle_crosses_with_ml_dsa_alone() {
    let desk = desk();
    let pack = "pack oci:src --chunk-size 64KiB --to out --name b --key k-pq.key.pem";
    desk.carnet(pack).ok();
    assert!(desk.files("out").values().all(|bytes| bytes.len() <= 65_536));
    desk.carnet("verify out --pub k-pq.pub.pem").ok().says(&["COMPLETE"]);
    desk.carnet("unpack out --pub k-pq.pub.pem --to oci:back").ok();
    assert_same_layout(&desk.path("src"), &desk.path("back"));
    desk.carnet("verify out --pub alice-pq.pub.pem").ends(3);
    desk.carnet("verify out --pub k.pub.pem").ends(3);
    // Signing is deterministic, so what is there already is what would be written.
    let before = desk.files("out");
    desk.carnet(pack).ok();
    assert!(desk.files("out") == before);
}

#[test]
fn openssl_verifies_every_statement_and_the_recovery_runs() {
    let desk = desk();
    if !openssl(&desk) {
        return;
    }
    desk.carnet("pack oci:src --chunk-size 64KiB --to out --name b --key k-pq.key.pem").ok();
    let each = "for c in out/*.tar; do rm -rf x; mkdir x; tar -C x -xf $c; \
                openssl pkeyutl -verify -pubin -inkey k-pq.pub.pem -rawin -in x/00_statement.txt \
                -sigfile x/01_*.mldsa87.sig -pkeyopt context-string:carnet || exit 1; done; \
                openssl pkeyutl -verify -pubin -inkey k-pq.pub.pem -rawin -in x/00_statement.txt \
                -sigfile x/01_*.mldsa87.sig && exit 2; exit 0";
    with_openssl(&desk, each).ok().says(&["Signature Verified Successfully"]);
    let recover = "mkdir far && cp out/*.tar k-pq.pub.pem far && cd far && mv k-pq.pub.pem packer.pub.pem && \
                   tar -xf b_00000.tar recover.txt && PATH=../bin:$PATH sh recover.txt";
    with_openssl(&desk, recover).ok().says(&["recovered into out/"]);
    let blobs = |folder: &str| {
        let mut files = desk.files(folder);
        files.retain(|name, _| name.starts_with("blobs/"));
        files
    };
    assert!(blobs("far/out") == blobs("src"));
}

#[test]
fn keys_and_signatures_go_both_ways_between_carnet_and_openssl() {
    let desk = desk();
    if !openssl(&desk) {
        return;
    }
    let make = "openssl genpkey -algorithm ML-DSA-87 -out o.key.pem && \
                openssl pkey -in o.key.pem -pubout -out o.pub.pem && \
                openssl pkey -in o.key.pem -provparam ml-dsa.output_formats=seed-only -out seed.key.pem && \
                openssl pkey -in o.key.pem -provparam ml-dsa.output_formats=priv-only -out bare.key.pem && \
                openssl pkcs8 -topk8 -in o.key.pem -v2 aes-256-cbc -passout pass:secret -out locked.key.pem && \
                echo secret >pass";
    with_openssl(&desk, make).ok();
    for (name, key) in
        [("a", "o.key.pem"), ("b", "seed.key.pem"), ("c", "locked.key.pem --passphrase-file pass")]
    {
        desk.carnet(&format!("pack oci:src --to {name} --name b --key {key}")).ok();
        desk.carnet(&format!("verify {name} --pub o.pub.pem")).ok();
    }
    desk.carnet("pack oci:src --to d --name b --key bare.key.pem")
        .ends(1)
        .says(&["key-malformed", "seed-only"]);
    // Our keys, plain and encrypted.
    desk.carnet("keygen locked2 --algorithm mldsa87 --passphrase-file pass").ok();
    let ours = "openssl pkey -in k-pq.key.pem -pubout | cmp - k-pq.pub.pem && \
                openssl pkey -in locked2.key.pem -passin pass:secret -pubout | cmp - locked2.pub.pem && \
                test \"$(openssl pkey -pubin -in k-pq.pub.pem -outform DER | sha256sum | cut -d' ' -f1)\" = \
                     \"$(carnet_id)\"";
    let id = desk.carnet("keygen fresh --algorithm mldsa87 --json").ok().json();
    assert_eq!(id["algorithm"], "mldsa87");
    let ours = ours.replace("k-pq.pub.pem -outform", "fresh.pub.pem -outform");
    with_openssl(&desk, &ours.replace("$(carnet_id)", id["key"].as_str().unwrap())).ok();
}

#[test]
fn a_command_signs_with_openssl_in_carnets_context_only() {
    let desk = desk();
    if !openssl(&desk) {
        return;
    }
    let script = |option: &str| {
        let text = format!(
            "#!/bin/sh\nPATH={}:$PATH\nt=$(mktemp) && cat >$t && \
             openssl pkeyutl -sign -inkey k-pq.key.pem -rawin -in $t {option}; rm $t\n",
            desk.path("bin").display()
        );
        fs::write(desk.path("sign.sh"), text).unwrap();
        desk.sh("chmod +x sign.sh").ok();
    };
    let pack = "pack oci:src --to out --name b --key k-pq.pub.pem --sign-command ./sign.sh";
    script("");
    desk.carnet(pack).ends(1).says(&["error[signer-failed]"]);
    script("-pkeyopt context-string:other");
    desk.carnet(pack).ends(1).says(&["error[signer-failed]"]);
    script("-pkeyopt context-string:carnet | head -c 4626");
    desk.carnet(pack).ends(1).says(&["error[sign-command-output]", "4627"]);
    script("-pkeyopt context-string:carnet");
    desk.carnet(pack).ok();
    desk.carnet("verify out --pub k-pq.pub.pem").ok();
    // A key of the smaller kind is none.
    let make = "openssl genpkey -algorithm ML-DSA-65 -out s.key.pem && openssl pkey -in s.key.pem -pubout -out s.pub.pem";
    with_openssl(&desk, make).ok();
    desk.carnet("verify out --pub s.pub.pem")
        .ends(1)
        .says(&["error[key-algorithm]", "2.16.840.1.101.3.4.3.18"]);
    desk.carnet("pack oci:src --to o --name b --key s.key.pem").ends(1).says(&["error[key-algorithm]"]);
}

#[test]
fn both_algorithms_cross_and_either_key_alone_still_verifies() {
    let desk = desk();
    trust(&desk, 2, BOTH);
    pack_hybrid(&desk);
    verify(&desk).ends(3).says(&["NOT RELEASED, 0 of 2"]);
    for name in ["alice", "bob"] {
        let sign = format!("sign out --trust trust.toml --key {name}.key.pem --second-key {name}-pq.key.pem");
        desk.carnet(&sign).ok();
        let before = desk.files("out");
        desk.carnet(&sign).ok().says(&["already signed"]);
        assert!(desk.files("out") == before);
    }
    verify(&desk).ok().says(&["COMPLETE", "alice", "bob"]);
    desk.carnet("unpack out --trust trust.toml --to oci:back").ok();
    assert_same_layout(&desk.path("src"), &desk.path("back"));
    let report = desk.carnet("inspect out --trust trust.toml --json").ok().json();
    assert_eq!(report["bundles"][0]["packed_by"][0]["further_keys"].as_array().unwrap().len(), 1);
    // A receiver who has one of the keys, and no wish for the other.
    for key in ["k.pub.pem", "k-pq.pub.pem"] {
        desk.carnet(&format!("verify out --pub {key}")).ok();
    }
    desk.carnet("parity out --parity 1 --key k.key.pem --second-key k-pq.key.pem").ok();
    desk.sh("rm out/b_00001.tar").ok();
    desk.carnet("repair out --trust trust.toml").ok();
    verify(&desk).ok();
}

#[test]
fn a_signature_that_was_taken_away_is_a_downgrade() {
    let desk = desk();
    trust(&desk, 1, BOTH);
    pack_hybrid(&desk);
    desk.carnet("sign out --trust trust.toml --key alice.key.pem --second-key alice-pq.key.pem").ok();
    verify(&desk).ok();
    for (what, file) in [("a data chunk", "b_00001.tar"), ("the control chunk", "b_00000.tar")] {
        for algorithm in [SignatureAlgorithm::ED25519, SignatureAlgorithm::ML_DSA_87] {
            desk.sh("rm -rf far && cp -r out far").ok();
            strip(&desk.path("far").join(file), algorithm);
            let run = desk.carnet("verify far --trust trust.toml").ends(3);
            run.says(&["error[signature-downgrade]", "wants two signatures of this holder"]);
            let run = desk.carnet("unpack far --trust trust.toml --to oci:never").ends(3);
            run.says(&["error[signature-downgrade]"]);
            assert!(!desk.path("never").exists(), "{what}");
        }
    }
    // The signature of the releaser alone.
    desk.sh("rm -rf far && cp -r out far").ok();
    change(&desk.path("far/b_00000.tar"), |head| {
        let key =
            desk.carnet("sign out --key alice-pq.key.pem --json").ok().json()["bundles"][0]["key"].clone();
        let key = hex::decode(&key.as_str().unwrap()[..16]).unwrap();
        head.signatures.retain(|signature| signature.key[..] != key[..]);
        assert_eq!(head.signatures.len(), 3);
    });
    desk.carnet("verify far --trust trust.toml")
        .ends(3)
        .says(&["error[signature-downgrade]", "NOT RELEASED, 0 of 1"]);
    desk.carnet("unpack far --trust trust.toml --to oci:never").ends(3).says(&["error[signature-downgrade]"]);
    // A signature in its place that does not verify is no better.
    desk.sh("rm -rf far && cp -r out far").ok();
    change(&desk.path("far/b_00001.tar"), |head| {
        let mldsa = head.signatures.iter_mut().find(|one| one.algorithm == SignatureAlgorithm::ML_DSA_87);
        mldsa.unwrap().bytes[2000] ^= 1;
    });
    desk.carnet("verify far --trust trust.toml")
        .ends(3)
        .says(&["error[signature-downgrade]", "does not verify"]);
}

#[test]
fn one_holder_with_two_algorithms_is_one_vote() {
    let desk = desk();
    pack_hybrid(&desk);
    // Any algorithm is enough, and both are still one person.
    trust(&desk, 2, "");
    desk.carnet("sign out --key alice.key.pem --second-key alice-pq.key.pem").ok();
    verify(&desk).ends(3).says(&["NOT RELEASED, 1 of 2", "the same holder"]);
    desk.carnet("sign out --key bob-pq.key.pem").ok();
    verify(&desk).ok();
    // Under both algorithms, half a vote is none.
    trust(&desk, 2, BOTH);
    verify(&desk).ends(3).says(&["1 of 2", "error[signature-downgrade]"]);
    desk.carnet("sign out --trust trust.toml --key bob.key.pem").ok();
    verify(&desk).ok();
}

#[test]
fn under_a_policy_of_ml_dsa_nothing_weaker_counts() {
    let desk = desk();
    trust(&desk, 1, r#"algorithms = ["mldsa87"]"#);
    pack_hybrid(&desk);
    desk.carnet("sign out --trust trust.toml --key alice.key.pem")
        .ends(3)
        .says(&["error[release-does-not-count]"]);
    desk.carnet("sign out --key alice.key.pem").ok();
    verify(&desk).ends(3).says(&["0 of 1", "does not count signatures of this algorithm"]);
    desk.carnet("sign out --trust trust.toml --key alice-pq.key.pem").ok();
    verify(&desk).ok();
    desk.sh("rm -r out").ok();
    desk.carnet("pack oci:src --to out --name b --key k.key.pem").ok();
    verify(&desk).ends(3).says(&["error[bundle-untrusted]"]);
}

#[test]
fn the_two_signatures_of_a_release_can_come_one_after_the_other() {
    let desk = desk();
    trust(&desk, 1, BOTH);
    pack_hybrid(&desk);
    desk.sh("cp -r out copy").ok();
    let first = desk.carnet("sign out --trust trust.toml --key alice.key.pem").ok();
    first.says(&["does not count yet", "mldsa87"]);
    verify(&desk).ends(3).says(&["error[signature-downgrade]"]);
    // The other key is on a machine that never has the bundle.
    desk.carnet("sign out --trust trust.toml --statement s.txt").ok();
    desk.carnet("sign s.txt --detached s.sig --key alice-pq.key.pem").ok();
    desk.carnet("sign s.txt --detached t.sig --key alice.key.pem --second-key alice-pq.key.pem")
        .ends(2)
        .says(&["error[second-key-algorithm]"]);
    let attached = desk.carnet("sign out --trust trust.toml --attach s.sig").ok();
    assert!(!attached.stdout.contains("does not count yet"), "{}", attached.stdout);
    verify(&desk).ok();
    // One signature on each of two copies counts as well.
    desk.sh("rm -r out && cp -r copy out && mkdir c && cp copy/b_00000.tar c").ok();
    desk.carnet("sign out --trust trust.toml --key alice.key.pem").ok();
    desk.carnet("sign c --trust trust.toml --key alice-pq.key.pem").ok();
    verify(&desk).ends(3);
    desk.carnet("verify out c --trust trust.toml").ok();
}

#[test]
fn trust_files_with_algorithms_are_read_strictly() {
    let desk = desk();
    pack_hybrid(&desk);
    for (head, code) in [
        ("algorithms = []", "policy-algorithms"),
        (r#"algorithms = ["ed25519", "ed25519"]"#, "policy-algorithms"),
        (r#"algorithms = ["mldsa65"]"#, "policy-algorithms"),
        (r#"algorithms = ["ML-DSA-87"]"#, "policy-algorithms"),
        (r#"algorithms = "mldsa87""#, "policy-syntax"),
        (r#"algorithms = ["mldsa87", 25519]"#, "policy-algorithms"),
        (r#"algorithms = [["mldsa87"], []]"#, "policy-algorithms"),
        (r#"algorithms = ["mldsa87", ["ed25519", "mldsa87"]]"#, "policy-algorithms"),
        (r#"algorithms = [["mldsa87", ["ed25519"]]]"#, "policy-algorithms"),
        (r#"algorithms = ["mldsa87", "ed25519", "ecdsap384"]"#, "policy-algorithm-count"),
    ] {
        trust(&desk, 1, head);
        verify(&desk).ends(2).says(&[&format!("error[{code}]")]);
    }
    // With two signatures of each holder, sixteen are soon too many.
    trust(&desk, 8, BOTH);
    verify(&desk).ends(2).says(&["error[policy-threshold]", "at most 7"]);
    trust(&desk, 3, BOTH);
    verify(&desk).ends(2).says(&["error[policy-unsatisfiable]", "2 holders"]);
    let text = fs::read_to_string(desk.path("trust.toml")).unwrap().replace("k-pq.pub.pem", "spare.pub.pem");
    desk.carnet("keygen spare").ok();
    fs::write(desk.path("trust.toml"), text.replace("threshold = 3", "threshold = 1")).unwrap();
    verify(&desk).ends(2).says(&["error[policy-no-packer]"]);
    let two = "pack oci:src --to other --name b --key k.key.pem --second-key alice.key.pem";
    desk.carnet(two).ends(2).says(&["error[second-key-algorithm]"]);
}

#[test]
fn sixteen_signatures_of_ml_dsa_fit_where_the_plan_has_room() {
    let desk = desk();
    desk.carnet("pack oci:src --chunk-size 192KiB --to out --name b --key k-pq.key.pem").ok();
    for at in 0..15 {
        desk.carnet(&format!("keygen extra{at} --algorithm mldsa87")).ok();
        desk.carnet(&format!("sign out --key extra{at}.key.pem")).ok();
    }
    assert!(desk.files("out").values().all(|bytes| bytes.len() <= 192 << 10));
    desk.carnet("sign out --key alice.key.pem").ends(1).says(&["error[signatures-full]", "16"]);
    desk.carnet("verify out --pub k-pq.pub.pem").ok();
}
