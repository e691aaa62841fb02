//! Keys that another program uses: `--sign-command`.

use super::support::{Desk, Run, installed, signal, wait_for};

/// Signs with OpenSSL what it reads from stdin, with the private key of `alice`. Prints the 64 bytes.
const OPENSSL: &str =
    "t=$(mktemp) && cat >$t && openssl pkeyutl -sign -inkey alice.key.pem -rawin -in $t; rm $t";

/// A bundle packed by `k`, a key pair `alice`, and the script `sign.sh`.
fn desk() -> Desk {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[200_000]);
    source.tag(&image, "app:1");
    desk.pack("oci:src --chunk-size 64KiB").ok();
    desk.carnet("keygen alice").ok();
    script(&desk, OPENSSL);
    desk
}

fn script(desk: &Desk, text: &str) {
    std::fs::write(desk.path("sign.sh"), format!("#!/bin/sh\n{text}\n")).unwrap();
    desk.sh("chmod +x sign.sh").ok();
}

fn sign(desk: &Desk) -> Run {
    desk.carnet("sign out --key alice.pub.pem --sign-command ./sign.sh")
}

#[test]
fn a_command_packs_and_releases_and_openssl_agrees() {
    if !installed(&["openssl"]) {
        return;
    }
    let desk = desk();
    desk.sh("rm -r out").ok();
    let command = r#"["sh", "-c", "./sign.sh | base64 -w 0"]"#;
    let pack = "pack oci:src --chunk-size 64KiB --to out --name b --key alice.pub.pem --sign-command";
    Run::of(desk.command(pack).arg(command)).ok();
    desk.carnet("verify out --pub alice.pub.pem").ok().says(&["COMPLETE"]);
    // The same bytes as with the key itself: the bundle does not show how it was signed.
    let by_command = desk.files("out");
    assert!(by_command.len() > 3);
    std::fs::write(
        desk.path("epoch.sh"),
        "tar xOf out/b_00000.tar 00_statement.txt | sed -n 's/^created //p'",
    )
    .unwrap();
    let created = desk.sh("date -d \"$(sh epoch.sh)\" +%s").ok().stdout.trim().to_owned();
    let again = "pack oci:src --chunk-size 64KiB --to again --name b --key alice.key.pem";
    Run::of(desk.command(again).env("SOURCE_DATE_EPOCH", created)).ok();
    assert!(desk.files("again") == by_command);
    desk.sh("mkdir x && tar xf out/b_00001.tar -C x && cd x && for s in 01_*.sig; do \
             openssl pkeyutl -verify -pubin -inkey ../alice.pub.pem -rawin -in 00_statement.txt -sigfile $s; done")
        .ok()
        .says(&["Signature Verified Successfully"]);
}

#[test]
fn a_release_by_a_command_is_the_release_by_its_key() {
    if !installed(&["openssl"]) {
        return;
    }
    let desk = desk();
    desk.sh("cp -r out other").ok();
    sign(&desk).ok().says(&["now with 2 signatures"]);
    desk.carnet("sign other --key alice.key.pem").ok();
    assert!(desk.files("out") == desk.files("other"));
    sign(&desk).ok().says(&["already signed"]);
}

#[test]
fn what_is_not_a_good_signature_is_refused_and_changes_nothing() {
    if !installed(&["openssl"]) {
        return;
    }
    let desk = desk();
    let before = desk.files("out");
    let of_other_bytes = OPENSSL.replace("cat >$t", "head -c 20 >$t");
    let of_other_key = OPENSSL.replace("alice.key.pem", "k.key.pem");
    let of_a_hash = OPENSSL.replace("cat >$t", "openssl dgst -sha512 -binary >$t");
    for (text, code) in [
        ("head -c 64 /dev/zero", "signer-failed"),
        (&of_other_bytes, "signer-failed"),
        (&of_other_key, "signer-failed"),
        (&of_a_hash, "signer-failed"),
        ("cat", "sign-command-output"),
        ("head -c 63 /dev/zero", "sign-command-output"),
        ("head -c 65 /dev/zero", "sign-command-output"),
        ("./none | base64", "sign-command-output"),
        (&format!("echo Signature:; ({OPENSSL})"), "sign-command-output"),
        ("head -c 10000 /dev/zero", "sign-command-failed"),
        ("echo the token is locked >&2; exit 3", "sign-command-failed"),
        ("head -c 64 /dev/zero; exit 1", "sign-command-failed"),
    ] {
        script(&desk, text);
        let run = sign(&desk).ends(1).says(&[&format!("error[{code}]")]);
        assert_eq!(run.stderr.contains("the token is locked"), text.contains("locked"), "{}", run.stderr);
    }
    desk.sh("rm sign.sh").ok();
    sign(&desk).ends(1).says(&["error[sign-command-failed]", "./sign.sh", "No such file"]);
    assert!(desk.files("out") == before);
}

#[test]
fn the_key_of_a_command_is_a_public_key_in_a_file() {
    let desk = desk();
    for (options, code) in [
        ("--key alice.key.pem --sign-command ./sign.sh", "key-is-private"),
        ("--key alice.pub.pem", "key-is-public"),
        ("--key ssh-agent:alice --sign-command ./sign.sh", "sign-command-key"),
        ("--key alice.pub.pem --sign-command []", "found no program"),
        ("--key alice.pub.pem --sign-command [\"x\"", "expected [\"PROGRAM\", \"ARGUMENT\"]"),
        ("--key alice.pub.pem --sign-command ./sign.sh --passphrase-file p", "cannot be used with"),
        ("--key ssh-agent:", "a comment or a fingerprint"),
    ] {
        desk.carnet(&format!("sign out {options}")).ends(2).says(&[code]);
    }
}

#[test]
fn a_signal_ends_the_command_too() {
    let desk = desk();
    let before = desk.files("out");
    script(&desk, "echo $$ >pid; exec sleep 1000");
    let mut child = desk.command("sign out --key alice.pub.pem --sign-command ./sign.sh").spawn().unwrap();
    assert!(wait_for(&mut child, || std::fs::read_to_string(desk.path("pid"))
        .is_ok_and(|pid| pid.ends_with('\n'))));
    signal(&child, "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    desk.sh("! kill -0 $(cat pid)").ok();
    assert!(desk.files("out") == before);
}

/// The worker goes on with the next chunk while a command takes its time for the one before.
#[test]
fn a_slow_command_does_not_stop_the_worker() {
    if !installed(&["openssl"]) {
        return;
    }
    let desk = desk();
    // Each layer fills a chunk.
    let mut source = desk.source("layers");
    let image = source.image(2, &[50_000; 8]);
    source.tag(&image, "app:2");
    // It signs the first chunk when the fourth has begun. A worker that waits for it has begun the second.
    let when_others_have_begun = format!(
        "i=0; until find slow | grep -q 00004; do [ $((i += 1)) -lt 200 ] || exit 9; sleep 0.05; done; {OPENSSL}"
    );
    script(&desk, &when_others_have_begun);
    let pack = "pack oci:layers --jobs 1 --chunk-size 64KiB --to slow --name b --key alice.pub.pem --sign-command ./sign.sh";
    desk.carnet(pack).ok();
    desk.carnet("verify slow --pub alice.pub.pem").ok().says(&["COMPLETE"]);
}

/// Where Debian has the module of SoftHSM.
const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";

/// A desk with a token of SoftHSM that has the key `station`, and the script of docs/keys.md for it.
fn desk_with_token() -> Desk {
    let desk = desk();
    let folder = desk.path("").display().to_string();
    let conf =
        format!("directories.tokendir = {folder}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n");
    std::fs::write(desk.path("softhsm2.conf"), conf).unwrap();
    std::fs::write(desk.path(".pin"), "1234\n").unwrap();
    let tool = format!("pkcs11-tool --module {MODULE} --token-label carnet");
    with_token(
        &desk,
        std::process::Command::new("sh").current_dir(desk.path("")).args([
            "-c",
            &format!(
                "mkdir tokens && softhsm2-util --init-token --free --label carnet --pin 1234 --so-pin 5678 && \
                 {tool} --login --pin 1234 --keypairgen --key-type EC:edwards25519 --label station --id 01 --usage-sign && \
                 {tool} --read-object --type pubkey --id 01 -o token.pub.pem"
            ),
        ]),
    )
    .ok();
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/keys.md")).unwrap();
    let script = text.split("```sh\n").find(|block| block.contains("# sign-with-token")).unwrap();
    std::fs::write(desk.path("sign-with-token"), script.split("```").next().unwrap()).unwrap();
    desk.sh("chmod +x sign-with-token").ok();
    desk
}

fn with_token(desk: &Desk, command: &mut std::process::Command) -> Run {
    Run::of(command.env("SOFTHSM2_CONF", desk.path("softhsm2.conf")).env("HOME", desk.path("")))
}

/// A hardware module by PKCS#11, with the script of the documentation.
#[test]
fn a_token_packs_and_releases_through_pkcs11_tool() {
    if !installed(&["pkcs11-tool", "softhsm2-util", "openssl"]) {
        return;
    }
    let desk = desk_with_token();
    let carnet = |args: &str| with_token(&desk, &mut desk.command(args));
    let key = "--key token.pub.pem --sign-command ./sign-with-token";
    carnet(&format!("pack oci:src --chunk-size 64KiB --to mine --name m {key}")).ok();
    desk.carnet("verify mine --pub token.pub.pem").ok().says(&["COMPLETE"]);
    desk.sh("mkdir y && tar xf mine/m_00001.tar -C y && openssl pkeyutl -verify -pubin -inkey token.pub.pem -rawin \
             -in y/00_statement.txt -sigfile y/01_*.sig")
        .ok()
        .says(&["Signature Verified Successfully"]);
    carnet(&format!("sign out {key}")).ok().says(&["now with 2 signatures"]);
    // A wrong PIN, and a token that is not there any more.
    let before = desk.files("mine");
    std::fs::write(desk.path(".pin"), "4321\n").unwrap();
    carnet(&format!("sign mine {key} --yes")).ok().says(&["already signed"]);
    carnet("sign mine --key alice.pub.pem --sign-command ./sign-with-token")
        .ends(1)
        .says(&["error[sign-command-failed]", "CKR_PIN_INCORRECT"]);
    std::fs::write(desk.path(".pin"), "1234\n").unwrap();
    // The key of the token is not that of alice.
    carnet("sign mine --key alice.pub.pem --sign-command ./sign-with-token")
        .ends(1)
        .says(&["error[signer-failed]"]);
    desk.sh("mv tokens gone && mkdir tokens").ok();
    carnet("sign mine --key alice.pub.pem --sign-command ./sign-with-token")
        .ends(1)
        .says(&["error[sign-command-failed]"]);
    assert!(desk.files("mine") == before);
}
