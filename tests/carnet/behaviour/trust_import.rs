//! Keys for trust files from lists of `ssh-keygen`.

use super::support::{Desk, installed};

/// A bundle packed by `k`, and the keys `alice` and `bob` of `ssh-keygen`.
fn desk() -> Desk {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[100]);
    source.tag(&image, "app:1");
    desk.pack("oci:src").ok();
    desk.sh("for name in alice bob; do ssh-keygen -q -t ed25519 -N '' -C $name@desk -f $name; done").ok();
    desk
}

/// Writes the list. `ALICE` and `BOB` stand for their public keys.
fn list(desk: &Desk, text: &str) {
    let key =
        |name: &str| std::fs::read_to_string(desk.path(format!("{name}.pub"))).unwrap().trim().to_owned();
    let text = text.replace("ALICE", &key("alice")).replace("BOB", &key("bob"));
    std::fs::write(desk.path("allowed_signers"), text).unwrap();
}

#[test]
fn the_signers_of_a_list_release() {
    if !installed(&["ssh-keygen"]) {
        return;
    }
    let desk = desk();
    list(
        &desk,
        "# people\n\nalice@desk ALICE\nbob@desk valid-after=\"20260101Z\",valid-before=\"290001011230Z\" BOB\n",
    );
    // ssh-keygen accepts the list.
    desk.sh("echo text >t && ssh-keygen -q -Y sign -f alice -n file t && \
             ssh-keygen -q -Y verify -f allowed_signers -I alice@desk -n file -s t.sig <t")
        .ok();
    let head = "version = 1\nrelease-threshold = 2\n[[keys]]\nholder = \"station\"\npublic-key-file = \"k.pub.pem\"\n\
                roles = [\"packer\"]\n";
    std::fs::write(desk.path("trust.toml"), head).unwrap();
    let printed = desk.carnet("trust import allowed_signers --role releaser").ok();
    assert!(printed.stderr.is_empty(), "{}", printed.stderr);
    std::fs::write(desk.path("trust.toml"), format!("{head}{}", printed.stdout)).unwrap();
    printed.says(&["valid-from = 2026-01-01T00:00:00Z", "valid-until = 2900-01-01T12:30:00Z"]);
    for name in ["alice", "bob"] {
        desk.carnet("verify out --trust trust.toml").ends(3);
        desk.carnet(&format!("sign out --trust trust.toml --key {name}")).ok();
    }
    desk.carnet("verify out --trust trust.toml").ok().says(&["COMPLETE", "alice@desk", "bob@desk"]);
    let report = desk.carnet("trust import allowed_signers --role releaser --json").ok().json();
    assert_eq!(report["keys"][1]["holder"], "bob@desk");
    assert_eq!(report["keys"][1]["line"], 4);
}

#[test]
fn what_a_trust_file_cannot_say_is_passed_over_and_named() {
    if !installed(&["ssh-keygen"]) {
        return;
    }
    let desk = desk();
    desk.sh("ssh-keygen -q -t rsa -b 2048 -N '' -C rsa@desk -f rsa").ok();
    let rsa = std::fs::read_to_string(desk.path("rsa.pub")).unwrap();
    let text = format!(
        "alice@desk ALICE\n*@desk BOB\nbob@desk,robert@desk BOB\nbob@desk namespaces=\"git, file\" BOB\n\
         bob@desk cert-authority BOB\nbob@desk valid-before=\"20270101\" BOB\nrsa@desk {rsa}\
         \"alice again\" ALICE\n"
    );
    list(&desk, &text);
    let run = desk.carnet("trust import allowed_signers --role packer,releaser").ok();
    assert_eq!(run.stdout.matches("[[keys]]").count(), 1);
    run.says(&[
        "roles = [\"packer\", \"releaser\"]",
        "line 2 is not imported: \"*@desk\" is a pattern",
        "line 3 is not imported: \"bob@desk,robert@desk\" is a pattern or several names",
        "line 4 is not imported: its key is only for the namespaces \"git, file\"",
        "line 5 is not imported: it is an authority",
        "line 6 is not imported: valid-before \"20270101\" is in the local time",
        "line 7 is not imported: its key is not an Ed25519, ML-DSA-87 or ECDSA P-384 key: its algorithm is ssh-rsa",
        "line 8 is not imported: it has the same key as line 1",
    ]);
    list(&desk, "*@desk BOB\n");
    let run = desk.carnet("trust import allowed_signers --role releaser").ends(1);
    assert!(run.stdout.is_empty());
    run.says(&["error[signer-list-empty]"]);
}

#[test]
fn malformed_lists_are_refused_with_the_line() {
    if !installed(&["ssh-keygen"]) {
        return;
    }
    let desk = desk();
    for (line, words) in [
        ("bob@desk", "expected principals"),
        ("bob@desk none BOB x", "unknown"),
        ("\"bob BOB", "a quotation mark is missing"),
        ("bob@desk valid-after=\"2026Z\" BOB", "expected a time"),
        ("bob@desk valid-after=\"20261301Z\" BOB", "expected a time"),
        ("bob@desk valid-after=\"20270101Z\",valid-before=\"20260101Z\" BOB", "not after"),
        ("bob@desk ssh-ed25519 AAAA", "ends too early"),
    ] {
        list(&desk, &format!("alice@desk ALICE\n{line}\n"));
        let run = desk.carnet("trust import allowed_signers --role releaser").ends(2);
        assert!(run.stdout.is_empty(), "{line}");
        run.says(&["error[signer-list-malformed]", "line 2", words]);
    }
    desk.carnet("trust import allowed_signers").ends(2).says(&["--role"]);
    desk.carnet("trust import nowhere --role releaser").ends(1).says(&["error[file-unusable]"]);
}
