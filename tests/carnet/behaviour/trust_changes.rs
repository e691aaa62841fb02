//! Trust files that change: by hand and by commands, and by updates that the roots sign.

use std::fs;

use super::support::{Desk, Run};

/// Keys of a station `k`, of the releasers `alice` and `bob`, and of the roots `r1`, `r2`, `r3`; and a trust file that two
/// roots can change.
fn desk() -> Desk {
    let desk = Desk::new();
    for name in ["alice", "bob", "r1", "r2", "r3", "r4"] {
        desk.carnet(&format!("keygen {name}")).ok();
    }
    let mut text =
        "# Who may do what.\nversion = 1\nserial = 1\nroot-threshold = 2\nrelease-threshold = 1\n".to_owned();
    for (file, role) in
        [("k", "packer"), ("alice", "releaser"), ("r1", "root"), ("r2", "root"), ("r3", "root")]
    {
        let der = "sed '/^---/d'";
        let line = desk.sh(&format!("{der} {file}.pub.pem")).ok().stdout;
        text += &format!(
            "\n[[keys]]\nholder = \"{file}\"\npublic-key = \"{}\"\nroles = [\"{role}\"]\n",
            line.trim()
        );
    }
    fs::write(desk.path("trust.toml"), text).unwrap();
    desk
}

fn id(desk: &Desk, name: &str) -> String {
    let shown = desk.carnet("trust show trust.toml --json").ok().json();
    let keys = shown["keys"].as_array().unwrap();
    let key = keys.iter().find(|key| key["holder"] == name).unwrap();
    key["key"].as_str().unwrap()[..16].to_owned()
}

fn read(desk: &Desk, file: &str) -> String {
    fs::read_to_string(desk.path(file)).unwrap()
}

/// Makes the update `update.txt` to `new.toml`, signed by these roots.
fn update(desk: &Desk, by: &[&str]) {
    desk.sh("rm -f update.txt").ok();
    desk.carnet("trust update trust.toml new.toml --to update.txt").ok();
    for root in by {
        desk.carnet(&format!("trust sign update.txt --trust trust.toml --key {root}.key.pem")).ok();
    }
}

fn apply(desk: &Desk) -> Run {
    desk.carnet("trust apply update.txt --trust trust.toml")
}

#[test]
fn a_trust_file_is_shown_and_checked() {
    let desk = desk();
    desk.carnet("trust show trust.toml").ok().says(&[
        "serial",
        "root-threshold",
        "alice",
        "ed25519",
        "releaser",
    ]);
    desk.carnet("trust check trust.toml").ok().says(&["usable"]);
    let text = read(&desk, "trust.toml");
    let with = |more: &str| {
        fs::write(desk.path("t.toml"), text.replace("serial = 1\n", &format!("serial = 1\n{more}\n")))
            .unwrap();
    };
    with("expires = 2020-01-01T00:00:00Z");
    desk.carnet("trust check t.toml").ends(3).says(&["NOT USABLE", "expired", "error[trust-not-usable]"]);
    let late = text.replace("[\"releaser\"]", "[\"releaser\"]\nvalid-until = 2020-01-01T00:00:00Z");
    fs::write(desk.path("t.toml"), late).unwrap();
    desk.carnet("trust check t.toml").ends(3).says(&["0 holders with a valid key as releaser, 1 is needed"]);
    let soon = text.replace("[\"packer\"]", "[\"packer\"]\nvalid-until = 9000-01-01T00:00:00Z");
    fs::write(desk.path("t.toml"), soon).unwrap();
    desk.carnet("trust check t.toml").ok();
    // What a key signs from now on does not count.
    let since =
        text.replace("[\"packer\"]", "[\"packer\"]\nrevoked = { created-from = 2020-01-01T00:00:00Z }");
    fs::write(desk.path("t.toml"), since).unwrap();
    desk.carnet("trust check t.toml").ends(3).says(&["0 holders with a valid key as packer, 1 is needed"]);
    for (from, to) in
        [("root-threshold = 2\n", ""), ("serial = 1\n", ""), ("root-threshold = 2", "root-threshold = 4")]
    {
        fs::write(desk.path("t.toml"), text.replace(from, to)).unwrap();
        desk.carnet("trust check t.toml").ends(2).says(&["error[policy-roots]"]);
    }
}

#[test]
fn commands_write_a_changed_file_and_keep_the_rest() {
    let desk = desk();
    let alice = id(&desk, "alice");
    let add =
        "trust add trust.toml --holder bob --pub bob.pub.pem --role releaser --stream north --to new.toml";
    desk.carnet(add).ok().says(&["added: bob", "serial: 2, was 1"]);
    desk.carnet(add).ends(1).says(&["error[target-exists]"]);
    assert!(read(&desk, "new.toml").starts_with("# Who may do what.\nversion = 1\nserial = 2\n"));
    desk.carnet("trust revoke new.toml zz --to x.toml").ends(2).says(&["error[trust-which-key]"]);
    desk.carnet(&format!("trust revoke new.toml {alice} --to next.toml"))
        .ok()
        .says(&["REVOKED", "serial: 3, was 2"]);
    let from = format!("trust revoke trust.toml {alice} --created-from 2030-01-01T00:00:00Z --to later.toml");
    desk.carnet(&from).ok().says(&["REVOKED for what was made from 2030-01-01T00:00:00Z on"]);
    let last = format!("trust revoke trust.toml {} --to x.toml", id(&desk, "k"));
    desk.carnet(&last).ends(2).says(&["error[policy-no-packer]"]);
    let rotate = format!(
        "trust rotate trust.toml {alice} --pub bob.pub.pem --old-until 2031-01-01T00:00:00Z --to rotated.toml"
    );
    desk.carnet(&rotate).ok().says(&["added: alice", "changed: alice", "until 2031-01-01T00:00:00Z"]);
    let rotated = desk.carnet("trust show rotated.toml --json").ok().json();
    assert_eq!(rotated["keys"].as_array().unwrap().len(), 6);
    desk.carnet("keygen pq --algorithm mldsa87").ok();
    let other = format!("trust rotate trust.toml {alice} --pub pq.pub.pem --to x.toml");
    desk.carnet(&other).ends(2).says(&["trust add"]);
}

#[test]
fn an_update_needs_roots_of_both_files() {
    let desk = desk();
    let before = read(&desk, "trust.toml");
    desk.carnet("trust add trust.toml --holder bob --pub bob.pub.pem --role releaser --to new.toml").ok();
    update(&desk, &[]);
    apply(&desk).ends(3).says(&["error[trust-update-unsigned]", "0 of 2 roots"]);
    update(&desk, &["r1"]);
    apply(&desk).ends(3).says(&["error[trust-update-unsigned]", "signed by r1: 1 of 2 roots"]);
    // The same root twice, and one that is none.
    desk.carnet("trust sign update.txt --trust trust.toml --key r1.key.pem").ok();
    desk.carnet("trust sign update.txt --trust trust.toml --key alice.key.pem")
        .ends(3)
        .says(&["error[trust-not-root]"]);
    apply(&desk).ends(3);
    assert_eq!(read(&desk, "trust.toml"), before);
    desk.carnet("trust sign update.txt --trust trust.toml --key r3.key.pem")
        .ok()
        .says(&["2 of 2 roots", "added: bob"]);
    apply(&desk).ok().says(&["replaced"]);
    assert_eq!(read(&desk, "trust.toml"), read(&desk, "new.toml"));
    // Again, and with an older one.
    apply(&desk).ends(3).says(&["error[trust-update-other]"]);
    // OpenSSL agrees.
    let openssl = "sed '/^signature /,$d' update.txt >s; sed -n 's/^signature [^ ]* //p' update.txt | head -n 1 | base64 -d >g; \
                   for k in r1 r3; do openssl pkeyutl -verify -pubin -inkey $k.pub.pem -rawin -in s -sigfile g; done";
    desk.sh(openssl).says(&["Signature Verified Successfully"]);
}

#[test]
fn updates_come_in_their_order_and_roots_can_be_replaced() {
    let desk = desk();
    desk.sh("cp trust.toml far.toml").ok();
    // r4 takes the place of r1.
    desk.carnet("trust add trust.toml --holder r4 --pub r4.pub.pem --role root --to with.toml").ok();
    let text = read(&desk, "with.toml");
    let (start, end) = (
        text.find("\n[[keys]]\nholder = \"r1\"").unwrap(),
        text.find("\n[[keys]]\nholder = \"r2\"").unwrap(),
    );
    fs::write(desk.path("new.toml"), [&text[..start], &text[end..]].concat()).unwrap();
    update(&desk, &["r1", "r2"]);
    apply(&desk).ends(3).says(&["2 of 2 roots, as the old trust file says", "signed by r2: 1 of 2 roots"]);
    desk.carnet("trust sign update.txt --trust trust.toml --key r4.key.pem").ok();
    apply(&desk).ok();
    desk.sh("mv update.txt first.txt && rm new.toml").ok();
    desk.carnet("trust add trust.toml --holder bob --pub bob.pub.pem --role releaser --to new.toml").ok();
    update(&desk, &["r3", "r4"]);
    apply(&desk).ok();
    // A receiver who missed both.
    desk.carnet("trust apply update.txt --trust far.toml").ends(3).says(&["error[trust-update-other]"]);
    desk.carnet("trust apply update.txt first.txt --trust far.toml").ends(3);
    assert!(read(&desk, "far.toml") != read(&desk, "trust.toml"));
    desk.carnet("trust apply first.txt update.txt --trust far.toml").ok();
    assert_eq!(read(&desk, "far.toml"), read(&desk, "trust.toml"));
    // A trust file that was edited on the way is not the one that the update is for.
    desk.sh("echo '# mine' >>far.toml").ok();
    desk.carnet("trust apply update.txt --trust far.toml").ends(3).says(&["error[trust-update-other]"]);
}

#[test]
fn an_update_is_read_strictly() {
    let desk = desk();
    desk.carnet("trust add trust.toml --holder bob --pub bob.pub.pem --role releaser --to new.toml").ok();
    update(&desk, &["r1", "r2"]);
    let good = read(&desk, "update.txt");
    for (from, to) in [
        ("release-threshold = 1", "release-threshold = 2"),
        ("serial 2", "serial 02"),
        ("file-begins", "file-began"),
    ] {
        fs::write(desk.path("update.txt"), good.replacen(from, to, 1)).unwrap();
        apply(&desk).ends(4).says(&["error[trust-update-malformed]"]);
    }
    let created = good.lines().find(|line| line.starts_with("created ")).unwrap();
    fs::write(desk.path("update.txt"), good.replacen(created, "created 2026-01-01T00:00:00Z", 1)).unwrap();
    apply(&desk).ends(3).says(&["error[trust-update-unsigned]", "does not verify"]);
    desk.carnet("trust apply trust.toml --trust trust.toml").ends(4).says(&["error[trust-update-malformed]"]);
    let file = read(&desk, "new.toml");
    let at = file.rfind("public-key = ").unwrap();
    let end = at + file[at..].find('\n').unwrap();
    fs::write(
        desk.path("named.toml"),
        [&file[..at], "public-key-file = \"bob.pub.pem\"", &file[end..]].concat(),
    )
    .unwrap();
    desk.carnet("trust update trust.toml named.toml --to u.txt").ends(2).says(&["error[trust-names-file]"]);
    desk.sh("grep -v 'root-threshold\\|^serial' trust.toml | sed 's/\"root\"/\"packer\"/' >rootless.toml")
        .ok();
    desk.carnet("trust update rootless.toml new.toml --to u.txt").ends(2).says(&["error[trust-no-roots]"]);
    assert!(!desk.path("u.txt").exists());
}

/// Somebody may fill it with signatures of keys that nobody knows.
#[test]
fn an_update_never_gets_more_signatures_than_it_can_have() {
    let desk = desk();
    fs::write(desk.path("new.toml"), read(&desk, "trust.toml").replace("serial = 1", "serial = 2")).unwrap();
    update(&desk, &[]);
    let text = read(&desk, "update.txt");
    let junk = |number: usize| format!("signature {number:016x}.ed25519 {}==\n", "A".repeat(86));
    let with = |count: usize| {
        let junk: String = (0..count).map(junk).collect();
        fs::write(desk.path("update.txt"), text.replace("file-begins\n", &format!("{junk}file-begins\n")))
            .unwrap();
    };
    let sign = "trust sign update.txt --trust trust.toml --key r1.key.pem";
    with(64);
    let full = read(&desk, "update.txt");
    desk.carnet(sign).ends(4).says(&["at most 64 signatures"]);
    assert_eq!(read(&desk, "update.txt"), full);
    with(63);
    desk.carnet(sign).ok().says(&["signed by r1: 1 of 2 roots"]);
}

#[test]
fn explain_says_signature_by_signature() {
    let desk = desk();
    let mut source = desk.source("src");
    let image = source.image(1, &[200_000]);
    source.tag(&image, "app:1");
    desk.pack("oci:src --chunk-size 64KiB").ok();
    let run = desk.carnet("trust explain out --trust trust.toml").ends(3);
    run.says(&[
        "as packer: accepted, 1 of 1 needed",
        "as releaser: NOT RELEASED, 0 of 1 needed",
        "(k) counts",
    ]);
    desk.carnet("sign out --key bob.key.pem").ok();
    desk.carnet("sign out --key alice.key.pem").ok();
    let run = desk.carnet("trust explain out --trust trust.toml").ok();
    run.says(&[
        "(alice) counts",
        "(unknown) does not count: the trust file has no key with this id",
        "as releaser: released",
    ]);
    let report = desk.carnet("trust explain out --trust trust.toml --json").ok().json();
    assert_eq!(report["chunks"][0]["roles"][1]["signatures"].as_array().unwrap().len(), 3);
    let text = read(&desk, "trust.toml").replace("serial = 1", "serial = 1\nexpires = 2020-01-01T00:00:00Z");
    fs::write(desk.path("trust.toml"), text).unwrap();
    desk.carnet("trust explain out --trust trust.toml").ends(3).says(&["the trust file has expired"]);
    desk.carnet("trust explain src/oci-layout --trust trust.toml")
        .ends(4)
        .says(&["error[no-chunk]: found no chunk in 1 file; src/oci-layout:"]);
    desk.carnet("unpack out --trust trust.toml --to oci:back").ends(3).says(&["the trust file has expired"]);
}

/// Two updates follow the same trust file. Whichever is first is applied, and the other one is too late.
#[test]
fn two_updates_at_once_do_not_overwrite_each_other() {
    let desk = desk();
    for (name, key) in [("one", "bob"), ("two", "r4")] {
        desk.carnet(&format!(
            "trust add trust.toml --holder {key} --pub {key}.pub.pem --role releaser --to {name}.toml"
        ))
        .ok();
        desk.carnet(&format!("trust update trust.toml {name}.toml --to {name}.txt")).ok();
        for root in ["r1", "r2"] {
            desk.carnet(&format!("trust sign {name}.txt --trust trust.toml --key {root}.key.pem")).ok();
        }
    }
    for _ in 0..6 {
        desk.sh("cp trust.toml far.toml").ok();
        let start = |name: &str| {
            let mut command = desk.command(&format!("trust apply {name}.txt --trust far.toml"));
            (name.to_owned(), command.stderr(std::process::Stdio::null()).spawn().unwrap())
        };
        let running = [start("one"), start("two")];
        let ended = running.map(|(name, mut child)| (name, child.wait().unwrap().code()));
        let applied: Vec<_> = ended.iter().filter(|(_, code)| *code == Some(0)).collect();
        assert!(applied.len() == 1 && ended.iter().all(|(_, code)| matches!(code, Some(0 | 3))), "{ended:?}");
        assert_eq!(read(&desk, "far.toml"), read(&desk, &format!("{}.toml", applied[0].0)));
    }
}
