//! ECDSA with P-384, with OpenSSL and scripts as the other side.

use std::fs;

use super::support::{Desk, Run, assert_same_layout, installed};

/// A layout, and key pairs of ECDSA: `station` and `alice`. None if something is not installed.
fn desk() -> Option<Desk> {
    if !installed(&["openssl", "python3"]) {
        return None;
    }
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[200_000, 70_000]);
    source.tag(&image, "app:1");
    for name in ["station", "alice"] {
        desk.carnet(&format!("keygen {name} --algorithm ecdsap384")).ok();
    }
    fs::write(desk.path("form.py"), FORM).unwrap();
    Some(desk)
}

/// Reads a signature in DER from stdin and writes it in the form of the argument: with a large s, with a small one, as two
/// numbers of 48 bytes, or with a byte too many in one of the numbers. With `is-low` it checks that s is small.
const FORM: &str = r#"
import sys
n = 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973
def number(n, pad=b""):
    b = pad + n.to_bytes(n.bit_length() // 8 + 1, "big")
    return bytes([2, len(b)]) + b
d = sys.stdin.buffer.read()
assert d[0] == 0x30 and d[1] == len(d) - 2 and d[2] == 2
r = int.from_bytes(d[4:4 + d[3]], "big")
s = int.from_bytes(d[6 + d[3]:], "big")
low, high = min(s, n - s), max(s, n - s)
form = sys.argv[1]
if form == "is-low":
    sys.exit(s != low)
if form == "numbers":
    out = r.to_bytes(48, "big") + high.to_bytes(48, "big")
else:
    both = number(r, b"\0" if form == "long" else b"") + number(high if form == "high" else low)
    out = bytes([0x30, len(both)]) + both
sys.stdout.buffer.write(out)
"#;

/// Signs with OpenSSL what it reads from stdin, with the key of `alice`.
const OPENSSL: &str = "openssl dgst -sha384 -sign alice.key.pem";

fn script(desk: &Desk, text: &str) {
    fs::write(desk.path("sign.sh"), format!("#!/bin/sh\n{text}\n")).unwrap();
    desk.sh("chmod +x sign.sh").ok();
}

/// Verifies every statement of a folder with OpenSSL, and that no signature has a large s.
fn openssl_verifies(desk: &Desk, folder: &str, key: &str) {
    let each = format!(
        "for c in {folder}/*.tar; do rm -rf x && mkdir x && tar -C x -xf $c && \
         openssl dgst -sha384 -verify {key} -signature x/01_*.ecdsap384.sig x/00_statement.txt && \
         python3 form.py is-low <$(echo x/01_*.ecdsap384.sig) || exit 1; done"
    );
    desk.sh(&each).ok().says(&["Verified OK"]);
}

#[test]
fn a_bundle_crosses_and_openssl_verifies_and_recovers_it() {
    let Some(desk) = desk() else { return };
    let pack = "pack oci:src --chunk-size 64KiB --to out --name b --key station.key.pem";
    desk.carnet(pack).ok();
    desk.carnet("verify out --pub station.pub.pem").ok().says(&["COMPLETE"]);
    desk.carnet("verify out --pub alice.pub.pem").ends(3);
    desk.carnet("verify out --pub k.pub.pem").ends(3);
    desk.carnet("unpack out --pub station.pub.pem --to oci:back").ok();
    assert_same_layout(&desk.path("src"), &desk.path("back"));
    // Signing is deterministic, so what is there already is what would be written.
    let before = desk.files("out");
    desk.carnet(pack).ok();
    assert!(desk.files("out") == before);
    openssl_verifies(&desk, "out", "station.pub.pem");
    let recover = "mkdir far && cp out/*.tar far && cp station.pub.pem far/packer.pub.pem && cd far && \
                   tar -xf b_00000.tar recover.txt && sh recover.txt";
    desk.sh(recover).ok().says(&["recovered into out/"]);
    let blobs = |folder: &str| {
        let mut files = desk.files(folder);
        files.retain(|name, _| name.starts_with("blobs/"));
        files
    };
    assert!(blobs("far/out") == blobs("src"));
    desk.sh("rm -r far/out && cp alice.pub.pem far/packer.pub.pem").ok();
    desk.sh("cd far && sh recover.txt").ends(1).says(&["no good signature"]);
}

#[test]
fn releases_updates_and_reports_are_signed_as_with_any_key() {
    let Some(desk) = desk() else { return };
    let trust = |serial: u32| {
        let mut text = format!("version = 1\nrelease-threshold = 1\nserial = {serial}\nroot-threshold = 1\n");
        for (file, roles) in [("station", "\"packer\""), ("alice", "\"releaser\", \"root\"")] {
            let der =
                desk.sh(&format!("openssl pkey -pubin -in {file}.pub.pem -outform DER | base64 -w 0")).ok();
            text += &format!(
                "[[keys]]\nholder = \"{file}\"\npublic-key = \"{}\"\nroles = [{roles}]\n",
                der.stdout
            );
        }
        text
    };
    fs::write(desk.path("trust.toml"), trust(1)).unwrap();
    fs::write(desk.path("new.toml"), trust(2)).unwrap();
    desk.carnet("pack oci:src --chunk-size 64KiB --to out --name b --key station.key.pem").ok();
    desk.carnet("verify out --trust trust.toml").ends(3).says(&["NOT RELEASED, 0 of 1"]);
    desk.carnet("sign out --trust trust.toml --key alice.key.pem").ok().says(&["now with 2 signatures"]);
    desk.carnet("sign out --trust trust.toml --key alice.key.pem").ok().says(&["already signed"]);
    desk.carnet("verify out --trust trust.toml").ok().says(&["COMPLETE", "alice"]);
    desk.carnet("parity out --parity 1 --key station.key.pem").ok();
    desk.sh("rm out/b_00001.tar").ok();
    desk.carnet("repair out --trust trust.toml").ok();
    desk.carnet("verify out --trust trust.toml").ok().says(&["COMPLETE"]);
    desk.carnet("trust update trust.toml new.toml --to update.txt").ok();
    desk.carnet("trust sign update.txt --trust trust.toml --key alice.key.pem --yes").ok();
    desk.carnet("trust apply update.txt --trust trust.toml").ok();
    desk.carnet("audit oci:src -o json=report.json --key alice.key.pem").ok();
    desk.sh("openssl dgst -sha384 -verify alice.pub.pem -signature report.json.sig report.json").ok();
}

#[test]
fn keys_go_both_ways_between_carnet_and_openssl() {
    let Some(desk) = desk() else { return };
    desk.sh("echo secret >pass && umask 077 && \
         openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out o.key.pem && \
         openssl pkey -in o.key.pem -pubout -out o.pub.pem && \
         openssl ec -in o.key.pem -out old.key.pem && \
         openssl pkcs8 -topk8 -in o.key.pem -v2 aes-256-cbc -passout pass:secret -out locked.key.pem && \
         openssl ecparam -name secp384r1 -genkey -out params.key.pem")
        .ok();
    for (name, key) in
        [("a", "o.key.pem"), ("b", "old.key.pem"), ("c", "locked.key.pem --passphrase-file pass")]
    {
        desk.carnet(&format!("pack oci:src --to {name} --name b --key {key}")).ok();
        desk.carnet(&format!("verify {name} --pub o.pub.pem")).ok();
    }
    // Our keys, plain and encrypted, byte for byte.
    desk.carnet("keygen locked2 --algorithm ecdsap384 --passphrase-file pass").ok();
    desk.sh("openssl pkey -in alice.key.pem -pubout | cmp - alice.pub.pem && \
         openssl pkey -in alice.key.pem | cmp - alice.key.pem && \
         openssl pkey -in locked2.key.pem -passin pass:secret -pubout | cmp - locked2.pub.pem")
        .ok();
    let keys = desk.carnet("keygen fresh --algorithm ecdsap384 --json").ok().json();
    assert_eq!(keys["algorithm"], "ecdsap384");
    let sum = desk.sh("openssl pkey -pubin -in fresh.pub.pem -outform DER | sha256sum").ok();
    assert_eq!(keys["key"].as_str(), sum.stdout.split_whitespace().next());
    let public = fs::read_to_string(desk.path("fresh.pub.pem")).unwrap();
    assert_eq!(desk.carnet("pubkey --key fresh.key.pem").ok().stdout, public);
}

#[test]
fn keys_in_other_forms_and_of_other_curves_are_refused_by_name() {
    let Some(desk) = desk() else { return };
    let key = |name: &str, options: &str| {
        desk.sh(&format!(
            "umask 077; openssl genpkey -algorithm EC {options} -out {name}.key.pem && \
             openssl pkey -in {name}.key.pem -pubout -out {name}.pub.pem"
        ))
        .ok();
    };
    for curve in ["P-256", "P-521", "secp256k1", "brainpoolP384r1"] {
        key(curve, &format!("-pkeyopt ec_paramgen_curve:{curve}"));
        let refused = ["error[key-algorithm]", "ECDSA with the curve 1."];
        desk.carnet(&format!("verify src --pub {curve}.pub.pem")).ends(1).says(&refused);
        desk.carnet(&format!("pack oci:src --to o --name b --key {curve}.key.pem")).ends(1).says(&refused);
    }
    key("explicit", "-pkeyopt ec_paramgen_curve:P-384 -pkeyopt ec_param_enc:explicit");
    desk.carnet("verify src --pub explicit.pub.pem").ends(1).says(&["error[key-malformed]", "its curve"]);
    desk.sh("openssl ec -pubin -in alice.pub.pem -conv_form compressed -out short.pub.pem").ok();
    desk.carnet("verify src --pub short.pub.pem").ends(1).says(&["error[key-not-canonical]"]);
    // A passphrase of the old kind.
    desk.sh(
        "umask 077; openssl ec -in alice.key.pem -aes256 -passout pass:secret -out old.key.pem; echo secret >p",
    )
    .ok();
    desk.carnet("pack oci:src --to o --name b --key old.key.pem --passphrase-file p")
        .ends(1)
        .says(&["error[key-encryption-unsupported]", "pkcs8 -topk8"]);
    assert!(!desk.path("o").exists());
}

#[test]
fn what_a_command_prints_gets_the_one_form() {
    let Some(desk) = desk() else { return };
    let pack = |to: &str| {
        let args = format!(
            "pack oci:src --chunk-size 128KiB --to {to} --name b --key alice.pub.pem --sign-command ./sign.sh"
        );
        desk.carnet(&args)
    };
    for (to, form) in
        [("a", "cat"), ("b", "python3 form.py high"), ("c", "python3 form.py numbers | base64 -w 0")]
    {
        script(&desk, &format!("{OPENSSL} | {form}"));
        pack(to).ok();
        desk.carnet(&format!("verify {to} --pub alice.pub.pem")).ok().says(&["COMPLETE"]);
        openssl_verifies(&desk, to, "alice.pub.pem");
    }
    // Signatures of OpenSSL differ each time. What was packed stays.
    script(&desk, OPENSSL);
    let before = desk.files("a");
    pack("a").ok();
    assert!(desk.files("a") == before);
    desk.carnet("sign a --key alice.pub.pem --sign-command ./sign.sh").ok().says(&["already signed"]);
    assert!(desk.files("a") == before);
    let parity = "parity a --parity 1 --key alice.pub.pem --sign-command ./sign.sh";
    desk.carnet(parity).ok();
    desk.sh("rm a/b_00001.tar").ok();
    desk.carnet("repair a --pub alice.pub.pem").ok();
    assert!(desk.files("a")["b_00001.tar"] == before["b_00001.tar"]);
}

#[test]
fn what_is_no_signature_of_the_key_is_refused() {
    let Some(desk) = desk() else { return };
    desk.pack("oci:src --chunk-size 64KiB").ok();
    let before = desk.files("out");
    for (text, code) in [
        (&*OPENSSL.replace("sha384", "sha256"), "signer-failed"),
        (&*OPENSSL.replace("alice", "station"), "signer-failed"),
        (&*format!("head -c 20 | {OPENSSL}"), "signer-failed"),
        (&*format!("{OPENSSL} | python3 form.py numbers | head -c 95"), "sign-command-output"),
        (&*format!("{OPENSSL} | python3 form.py long"), "sign-command-output"),
        (&*format!("{OPENSSL} | head -c 90"), "sign-command-output"),
        (&*format!("{OPENSSL}; echo"), "sign-command-output"),
        ("head -c 96 /dev/zero", "sign-command-output"),
        // A signature of Ed25519.
        ("head -c 64 /dev/zero", "sign-command-output"),
    ] {
        script(&desk, text);
        let run = desk.carnet("sign out --key alice.pub.pem --sign-command ./sign.sh").ends(1);
        run.says(&[&format!("error[{code}]")]);
    }
    // The key is of Ed25519, and the program signs with ECDSA.
    script(&desk, OPENSSL);
    let run = desk.carnet("sign out --key k.pub.pem --sign-command ./sign.sh --yes");
    run.ok().says(&["already signed"]);
    desk.carnet("keygen bob").ok();
    let run = desk.carnet("sign out --key bob.pub.pem --sign-command ./sign.sh").ends(1);
    run.says(&["error[sign-command-output]", "64 bytes"]);
    assert!(desk.files("out") == before);
}

#[test]
fn a_signature_made_elsewhere_may_have_a_large_s() {
    let Some(desk) = desk() else { return };
    desk.pack("oci:src --chunk-size 64KiB").ok();
    for folder in ["here", "there", "high", "numbers"] {
        desk.sh(&format!("cp -r out {folder}")).ok();
    }
    desk.carnet("sign here --key alice.key.pem").ok();
    desk.carnet("sign out --statement s.txt").ok();
    desk.carnet("sign s.txt --detached s.sig --key alice.key.pem").ok();
    desk.carnet("sign there --pub alice.pub.pem --attach s.sig").ok().says(&["now with 2 signatures"]);
    assert!(desk.files("there") == desk.files("here"));
    for form in ["high", "numbers"] {
        desk.sh(&format!("base64 -d s.sig | python3 form.py {form} >o.sig")).ok();
        desk.carnet(&format!("sign {form} --pub alice.pub.pem --attach o.sig")).ok();
        assert!(desk.files(form) == desk.files("here"), "{form}");
        desk.carnet(&format!("sign {form} --pub alice.pub.pem --attach o.sig"))
            .ok()
            .says(&["already signed"]);
    }
    let attach = |make: &str| -> Run {
        desk.sh(&format!("{make} >bad.sig")).ok();
        desk.carnet("sign out --pub alice.pub.pem --attach bad.sig")
    };
    attach("base64 -d s.sig | python3 form.py long").ends(2).says(&["error[signature-malformed]"]);
    attach("base64 -d s.sig | head -c 80").ends(2).says(&["error[signature-malformed]"]);
    attach("head -c 60 s.txt | openssl dgst -sha384 -sign alice.key.pem")
        .ends(3)
        .says(&["error[signature-of-other]"]);
    attach("openssl dgst -sha384 -sign station.key.pem s.txt").ends(3).says(&["error[signature-of-other]"]);
}
