//! Releasing with a trust file, on a terminal, and on a machine that never has the bundle.

use std::process::{Command, Stdio};

use super::support::{CARNET, Desk, Run, installed};

/// A bundle packed by `k`, and a trust file in which `k` packs, and `alice` and `bob` release.
fn desk() -> Desk {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[200_000]);
    source.tag(&image, "app:1");
    for name in ["alice", "bob", "mallory"] {
        desk.carnet(&format!("keygen {name}")).ok();
    }
    trust(&desk, "");
    desk.pack("oci:src --chunk-size 64KiB").ok();
    desk
}

fn trust(desk: &Desk, more: &str) {
    let mut text = "version = 1\nrelease-threshold = 1\n".to_owned();
    for (file, role) in [("k", "packer"), ("alice", "releaser"), ("bob", "releaser")] {
        let more = if file == "alice" { more } else { "" };
        text += &format!(
            "[[keys]]\nholder = \"{file}\"\npublic-key-file = \"{file}.pub.pem\"\nroles = [\"{role}\"]\n{more}"
        );
    }
    std::fs::write(desk.path("trust.toml"), text).unwrap();
}

fn id(desk: &Desk, folder: &str) -> String {
    desk.inspected(folder)["bundle"].as_str().unwrap().to_owned()
}

#[test]
fn with_a_trust_file_only_what_a_trusted_packer_packed_is_released() {
    let desk = desk();
    let before = desk.files("out");
    desk.carnet("pack oci:src --to theirs --name b --key mallory.key.pem").ok();
    let theirs = desk.files("theirs");
    let run = desk.carnet("sign theirs --trust trust.toml --key alice.key.pem").ends(3);
    run.says(&["error[packer-untrusted]", "theirs/b_00000.tar", "no key with this id"]);
    // One that is not trusted stops the release of all.
    desk.carnet("sign out theirs --trust trust.toml --key alice.key.pem").ends(3).says(&["packer-untrusted"]);
    desk.pack("oci:src --to old --expires 2020-01-01 --overwrite").ends(2);
    desk.carnet("pack oci:src --to old --name b --expires 2020-01-01 --key k.key.pem").ok();
    desk.carnet("sign old --trust trust.toml --key alice.key.pem").ends(3).says(&["error[bundle-expired]"]);
    assert!(desk.files("out") == before && desk.files("theirs") == theirs);
    desk.carnet("sign out --trust trust.toml --key alice.key.pem").ok().says(&["signed", "packed by k"]);
    desk.carnet("verify out --trust trust.toml").ok().says(&["COMPLETE"]);
}

#[test]
fn a_release_that_would_not_count_is_not_added() {
    let desk = desk();
    let before = desk.files("out");
    for (key, more, reason) in [
        ("mallory", "", "no key with this id"),
        ("k", "", "already signed"),
        ("alice", "streams = [\"north\"]\n", "for this stream"),
        ("alice", "valid-until = 2020-01-01T00:00:00Z\n", "has expired"),
        ("alice", "valid-from = 2900-01-01T00:00:00Z\n", "not valid yet"),
        ("alice", "revoked = true\n", "is revoked"),
    ] {
        trust(&desk, more);
        let run = desk.carnet(&format!("sign out --trust trust.toml --key {key}.key.pem"));
        if key == "k" {
            run.ok().says(&[reason]);
        } else {
            run.ends(3).says(&["error[release-does-not-count]", reason]);
        }
    }
    assert!(desk.files("out") == before);
}

/// Runs a command on a terminal, with `typed` as what is typed.
fn on_terminal(desk: &Desk, args: &str, typed: &str) -> Run {
    let line = format!("printf '%b' '{typed}' | script -qec '{CARNET} {args}' /dev/null");
    Run::of(Command::new("sh").args(["-c", &line]).current_dir(desk.path("")).stdin(Stdio::null()))
}

#[test]
fn on_a_terminal_it_shows_what_is_signed_and_asks() {
    if !installed(&["script"]) {
        return;
    }
    let desk = desk();
    let before = desk.files("out");
    let id = id(&desk, "out");
    let sign = "sign out --trust trust.toml --key alice.key.pem";
    for wrong in
        ["y\\n", "n\\n", "\\n", "y 00000000\\n", &format!("{}\\n", &id[..8]), &format!("y {}\\n", &id[..7])]
    {
        let run = on_terminal(&desk, sign, wrong).ends(1);
        run.says(&["error[release-declined]", "nothing was signed", "packed by k", "app:1", &id]);
        assert!(desk.files("out") == before, "{wrong}");
    }
    // The end of what is typed is no answer.
    on_terminal(&desk, sign, "\\004").ends(1).says(&["error[release-declined]"]);
    assert!(desk.files("out") == before);
    on_terminal(&desk, sign, &format!("y {}\\n", &id[..8])).ok().says(&["app:1", "now with 2 signatures"]);
    let run = on_terminal(&desk, "sign out --key bob.key.pem --yes", "");
    assert!(!run.ok().stdout.contains("To sign it"));
    // Without a trust file, it says so.
    let run = on_terminal(&desk, "sign out --key mallory.key.pem", "n\\n").ends(1);
    run.says(&["packed by unknown"]);
}

#[test]
fn a_signature_made_elsewhere_is_the_one_made_here() {
    if !installed(&["openssl", "tar"]) {
        return;
    }
    let desk = desk();
    for folder in ["here", "there", "openssl"] {
        desk.sh(&format!("cp -r out {folder}")).ok();
    }
    desk.carnet("sign here --key alice.key.pem").ok();
    let run = desk.carnet("sign there --trust trust.toml --statement s.txt").ok();
    run.says(&["packed by k", "app:1", "statement written to s.txt"]);
    desk.sh("tar xOf out/b_00000.tar 00_statement.txt | cmp - s.txt").ok();
    assert!(desk.files("there") == desk.files("out"));
    // On the other machine.
    desk.sh("mkdir far && cp s.txt alice.key.pem far/").ok();
    let report =
        desk.carnet("sign far/s.txt --detached far/s.sig --key far/alice.key.pem --json").ok().json();
    assert_eq!(report["bundle"].as_str(), Some(id(&desk, "out").as_str()));
    assert_eq!(desk.sh("wc -c <far/s.sig").stdout.trim(), "89");
    desk.carnet("sign there --trust trust.toml --attach far/s.sig").ok().says(&["now with 2 signatures"]);
    desk.sh("openssl pkeyutl -sign -inkey alice.key.pem -rawin -in s.txt -out o.sig").ok();
    desk.carnet("sign openssl --pub alice.pub.pem --attach o.sig").ok();
    assert!(desk.files("there") == desk.files("here") && desk.files("openssl") == desk.files("here"));
    desk.carnet("sign there --trust trust.toml --attach far/s.sig").ok().says(&["already signed"]);
    desk.carnet("verify there --trust trust.toml").ok().says(&["COMPLETE"]);
}

#[test]
fn wrong_signatures_are_not_attached() {
    let desk = desk();
    let before = desk.files("out");
    desk.carnet("pack oci:src --to other --name other --key k.key.pem").ok();
    for (folder, key) in [("out", "alice"), ("out", "mallory"), ("out", "k"), ("other", "bob")] {
        desk.carnet(&format!("sign {folder} --statement {key}.txt")).ok();
        desk.carnet(&format!("sign {key}.txt --detached {key}.sig --key {key}.key.pem")).ok();
    }
    let attach = |options: &str| desk.carnet(&format!("sign out {options}"));
    for (options, code) in [
        ("--trust trust.toml --attach mallory.sig", "signature-of-other"),
        ("--trust trust.toml --attach bob.sig", "signature-of-other"),
        ("--pub bob.pub.pem --attach alice.sig", "signature-of-other"),
    ] {
        attach(options).ends(3).says(&[&format!("error[{code}]")]);
    }
    trust(&desk, "streams = [\"north\"]\n");
    attach("--trust trust.toml --attach alice.sig").ends(3).says(&["error[release-does-not-count]"]);
    trust(&desk, "");
    for text in ["", "short", "alice.txt"] {
        desk.sh(&format!("cp alice.txt cut && printf '{text}' >bad.sig")).ok();
        attach("--trust trust.toml --attach bad.sig").ends(2).says(&["error[signature-malformed]"]);
    }
    desk.sh("head -c 87 alice.sig >cut.sig").ok();
    attach("--trust trust.toml --attach cut.sig").ends(2).says(&["error[signature-malformed]"]);
    attach("--attach alice.sig").ends(2).says(&["--trust"]);
    attach("--trust trust.toml --attach alice.sig --key alice.key.pem")
        .ends(2)
        .says(&["cannot be used with"]);
    attach("").ends(2).says(&["--key"]);
    assert!(desk.files("out") == before);
    // Of several bundles, it is added to the one that it is for.
    let others = desk.files("other");
    desk.carnet("sign out other --trust trust.toml --attach alice.sig").ok();
    assert!(desk.files("out") != before && desk.files("other") == others);
}

#[test]
fn only_the_statement_of_a_control_chunk_is_signed_elsewhere() {
    let desk = desk();
    desk.carnet("pack oci:src --to other --name other --key k.key.pem").ok();
    desk.carnet("sign out other --statement s.txt").ends(2).says(&["error[several-statements]"]);
    desk.carnet("sign out --statement s.txt").ok();
    desk.carnet("sign out --statement s.txt").ends(1).says(&["error[target-exists]"]);
    let sign = |file: &str| desk.carnet(&format!("sign {file} --detached new.sig --key alice.key.pem"));
    desk.sh("tar xOf out/b_00001.tar 00_statement.txt >data.txt; sed 's/$/\\r/' s.txt >crlf.txt; \
             head -n -1 s.txt >cut.txt; (cat s.txt; echo) >longer.txt; sed 's/^name b/name  b/' s.txt >space.txt; \
             (cat s.txt; head -c 5000 /dev/zero) >huge.txt")
        .ok();
    sign("data.txt").ends(2).says(&["error[statement-not-control]", "chunk 1"]);
    for file in ["crlf.txt", "cut.txt", "longer.txt", "space.txt", "k.pub.pem"] {
        sign(file).ends(4).says(&["error[statement-malformed]"]);
    }
    sign("huge.txt").ends(1).says(&["4096 bytes"]);
    sign("s.txt s.txt").ends(2).says(&["one file"]);
    assert!(!desk.path("new.sig").exists());
    sign("s.txt").ok();
    sign("s.txt").ends(1).says(&["error[target-exists]"]);
}

/// Between the check and the signature, somebody puts another control chunk into the place of one.
#[test]
fn a_control_chunk_that_was_replaced_meanwhile_is_not_signed() {
    if !installed(&["openssl"]) {
        return;
    }
    let desk = desk();
    desk.sh("mkdir review && cp out/b_00000.tar review/").ok();
    for name in ["other", "third"] {
        desk.carnet(&format!("pack oci:src --to {name} --name {name} --key k.key.pem")).ok();
    }
    desk.sh("cp other/other_00000.tar review/").ok();
    let report = desk.carnet("inspect review --json").ok().json();
    // They are signed in the order of their ids; the command for the first replaces the second.
    let second = report["bundles"][1]["name"].as_str().unwrap();
    let script = format!(
        "#!/bin/sh\ncat third/third_00000.tar >review/{second}_00000.tar\nt=$(mktemp) && cat >$t && \
         openssl pkeyutl -sign -inkey alice.key.pem -rawin -in $t; rm $t\n"
    );
    std::fs::write(desk.path("sign.sh"), script).unwrap();
    desk.sh("chmod +x sign.sh").ok();
    desk.carnet("sign review --key alice.pub.pem --sign-command ./sign.sh").ends(1).says(&[
        "error[file-unusable]",
        "has changed since",
        second,
    ]);
    assert!(desk.files("review")[&format!("{second}_00000.tar")] == desk.files("third")["third_00000.tar"]);
}
