//! Key pairs.

use std::os::unix::fs::PermissionsExt as _;

use super::support::{Desk, installed};

#[test]
fn what_a_killed_run_left_is_removed_by_the_next() {
    let desk = Desk::new();
    // The name of a temporary file: it may hold half a private key.
    for name in [".new.key.pem.4194303-0.partial", ".new.pub.pem.4194303-7.partial"] {
        std::fs::write(desk.path(name), "half").unwrap();
    }
    std::fs::write(desk.path(".other.key.pem.4194303-0.partial"), "of another key").unwrap();
    desk.carnet("keygen new").ok();
    assert_eq!(desk.sh("ls -A | grep partial").stdout, ".other.key.pem.4194303-0.partial\n");
}

#[test]
fn openssl_reads_both_files_as_one_pair() {
    if !installed(&["openssl"]) {
        return;
    }
    let desk = Desk::new();
    desk.sh("openssl pkey -in k.key.pem -noout -text").ok().says(&["ED25519 Private-Key"]);
    desk.sh("openssl pkey -pubin -in k.pub.pem -noout -text").ok().says(&["ED25519 Public-Key"]);
    let public = desk.sh("openssl pkey -in k.key.pem -pubout").ok().stdout;
    assert_eq!(public, std::fs::read_to_string(desk.path("k.pub.pem")).unwrap());
    // PKCS#8 version 1 is 48 bytes; version 2 would carry the public key as well.
    let run = desk.sh("grep -v -- ----- k.key.pem | base64 -d | wc -c").ok();
    assert_eq!(run.stdout.trim(), "48");
}

#[test]
fn the_key_id_matches_openssl_and_sha256sum() {
    if !installed(&["openssl"]) {
        return;
    }
    let desk = Desk::new();
    let keys = desk.carnet("keygen other --json").ok().json();
    let sum = desk.sh("openssl pkey -pubin -in other.pub.pem -outform DER | sha256sum").ok();
    assert_eq!(keys["key"].as_str(), sum.stdout.split_whitespace().next());
}

#[test]
fn a_private_key_is_readable_by_its_owner_only() {
    let desk = Desk::new();
    let mode = |name: &str| std::fs::metadata(desk.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("k.key.pem"), 0o600);
    let run = desk.sh(&format!("umask 000; {} keygen open", super::support::CARNET)).ok();
    assert_eq!(mode("open.key.pem"), 0o600);
    let secret = std::fs::read_to_string(desk.path("open.key.pem")).unwrap();
    let line = secret.lines().nth(1).unwrap();
    assert!(!run.stdout.contains(line) && !run.stderr.contains(line));
}

#[test]
fn a_private_key_gives_its_public_key() {
    let desk = Desk::new();
    desk.carnet("keygen pq --algorithm mldsa87").ok();
    for name in ["k", "pq"] {
        let public = std::fs::read_to_string(desk.path(format!("{name}.pub.pem"))).unwrap();
        assert_eq!(desk.carnet(&format!("pubkey --key {name}.key.pem")).ok().stdout, public);
        desk.carnet(&format!("pubkey --key {name}.key.pem --to {name}.again")).ok().says(&["key id"]);
        assert_eq!(std::fs::read_to_string(desk.path(format!("{name}.again"))).unwrap(), public);
    }
    let before = desk.files("");
    desk.carnet("pubkey --key k.key.pem --to pq.again").ends(1).says(&["error[target-exists]", "pq.again"]);
    desk.carnet("pubkey --key k.pub.pem --to new").ends(2).says(&["error[key-is-public]"]);
    assert!(desk.files("") == before);
}

#[test]
fn key_files_are_never_overwritten() {
    let desk = Desk::new();
    let before = desk.files("");
    desk.carnet("keygen k").ends(1).says(&["k.key.pem"]);
    assert!(desk.files("") == before);
    // If one of the two exists, the other is not written.
    std::fs::write(desk.path("half.pub.pem"), "someone's").unwrap();
    desk.carnet("keygen half").ends(1).says(&["half.pub.pem"]);
    assert!(!desk.path("half.key.pem").exists());
    assert_eq!(std::fs::read(desk.path("half.pub.pem")).unwrap(), b"someone's");
    std::os::unix::fs::symlink("nowhere", desk.path("link.key.pem")).unwrap();
    desk.carnet("keygen link").ends(1);
    assert!(!desk.path("nowhere").exists() && !desk.path("link.pub.pem").exists());
}

#[test]
fn an_encrypted_key_packs_and_signs_with_its_passphrase() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[100]);
    source.tag(&image, "app:1");
    std::fs::write(desk.path("pass"), "correct horse\r\nnot this line\n").unwrap();
    std::fs::write(desk.path("wrong"), "wrong\n").unwrap();
    std::fs::write(desk.path("empty"), "\n").unwrap();
    desk.carnet("keygen e --passphrase-file pass").ok().says(&["encrypted"]);
    desk.carnet("keygen f --passphrase-file empty").ends(2).says(&["empty"]);
    let pack = "pack oci:src --to out --name b --key e.key.pem";
    for bad in ["", "--passphrase-file wrong", "--passphrase-file nowhere"] {
        let run = desk.carnet(&format!("{pack} {bad}"));
        assert!(matches!(run.code, Some(1 | 2)), "{bad}: {run:?}");
        assert!(!desk.path("out").exists(), "{bad}");
    }
    desk.carnet(&format!("{pack} --passphrase-file pass")).ok();
    desk.carnet("verify out --pub e.pub.pem").ok();
    desk.pack("oci:src --overwrite").ok();
    desk.carnet("sign out --key e.key.pem --passphrase-file pass").ok();
    if installed(&["openssl"]) {
        desk.sh("openssl pkey -in e.key.pem -passin 'pass:correct horse' -pubout | cmp - e.pub.pem").ok();
    }
}

#[test]
fn a_key_made_by_openssl_can_pack() {
    if !installed(&["openssl"]) {
        return;
    }
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[100]);
    source.tag(&image, "app:1");
    desk.sh("umask 077; openssl genpkey -algorithm ed25519 -out o.key.pem && openssl pkey -in o.key.pem -pubout -out o.pub.pem")
        .ok();
    desk.carnet("pack oci:src --to out --name b --key o.key.pem").ok();
    desk.carnet("verify out --pub o.pub.pem").ok();
}

#[test]
fn a_key_that_others_can_read_causes_a_warning() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[100]);
    source.tag(&image, "app:1");
    desk.sh("chmod 644 k.key.pem").ok();
    desk.pack("oci:src").ok().says(&["warning", "chmod 600"]);
}
