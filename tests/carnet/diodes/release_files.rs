//! Releases that travel as files of their own.

use crate::behaviour::support::{Desk, assert_same_blobs};

/// A bundle of `k` in `out`, with parity from before the release, and a trust file that needs a release of `alice`.
fn desk() -> Desk {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[300_000]);
    source.tag(&image, "app:1");
    for name in ["alice", "mallory"] {
        desk.carnet(&format!("keygen {name}")).ok();
    }
    let key = |file: &str, role: &str| {
        format!("[[keys]]\nholder = \"{file}\"\npublic-key-file = \"{file}.pub.pem\"\nroles = [\"{role}\"]\n")
    };
    let trust =
        ["version = 1\nrelease-threshold = 1\n".to_owned(), key("k", "packer"), key("alice", "releaser")];
    std::fs::write(desk.path("trust.toml"), trust.concat()).unwrap();
    desk.pack("oci:src --chunk-size 64KiB --parity 2").ok();
    desk
}

/// Writes the release of a key into `apart`, and returns the name of the file.
fn release(desk: &Desk, key: &str) -> String {
    desk.sh("mkdir -p apart").ok();
    let before = desk.files("apart");
    let sign = format!("sign out --key {key}.key.pem --release-file apart");
    desk.carnet(&sign).ok().says(&["b_release_"]);
    let new = desk.files("apart").into_keys().find(|name| !before.contains_key(name));
    new.expect("a new release file")
}

#[test]
fn a_release_file_releases_the_bundle_beside_it() {
    let desk = desk();
    let packed = desk.files("out");
    let name = release(&desk, "alice");
    assert_eq!(desk.files("out"), packed, "no chunk changes");
    assert!(desk.files("apart")[&name].len() < 8_192);
    desk.carnet("verify out --trust trust.toml").ends(3).says(&["NOT RELEASED"]);
    desk.carnet("verify out apart --trust trust.toml").ok().says(&[
        "COMPLETE",
        "alice",
        "release file",
        "2 signatures",
    ]);
    desk.carnet("unpack out apart --trust trust.toml --to oci:back").ok().says(&["released by", "alice"]);
    // Under any name, and without a policy it changes nothing.
    desk.sh(&format!("mv apart/{name} out/notes.txt")).ok();
    desk.carnet("verify out --trust trust.toml").ok().says(&["COMPLETE"]);
    desk.carnet("inspect out").ok().says(&["NOT VERIFIED", "release file out/notes.txt with 2 signatures"]);
    // The same again writes the same file.
    let first = desk.files("out")["notes.txt"].clone();
    desk.carnet("sign out --key alice.key.pem --release-file apart").ok();
    assert!(desk.files("apart")[&name] == first);
}

#[test]
fn a_control_chunk_from_earlier_parity_gets_the_release_back() {
    let desk = desk();
    release(&desk, "alice");
    desk.sh("mkdir in && cp out/* in/ && rm in/b_00000.tar in/b_00002.tar").ok();
    // The control chunk comes back without the release, or with it.
    desk.carnet("repair in --trust trust.toml --to fixed").ok().says(&["has 1 signature"]);
    desk.carnet("verify in fixed --trust trust.toml").ends(3).says(&["NOT RELEASED"]);
    desk.carnet("verify in fixed apart --trust trust.toml").ok().says(&["COMPLETE", "alice"]);
    desk.sh("cp apart/* in/").ok();
    desk.carnet("unpack in --trust trust.toml --to oci:back").ok().says(&["released by", "alice"]);
    desk.carnet("repair in --trust trust.toml").ok().says(&["has 2 signatures"]);
    desk.sh("rm in/b_release_*").ok();
    desk.carnet("verify in --trust trust.toml").ok().says(&["COMPLETE", "alice"]);
    // It is the same control chunk that `carnet sign` makes.
    desk.carnet("sign out --key alice.key.pem").ok();
    assert!(desk.files("in")["b_00000.tar"] == desk.files("out")["b_00000.tar"]);
}

#[test]
fn a_release_file_that_does_not_fit_does_not_count() {
    let desk = desk();
    let good = release(&desk, "alice");
    let good = desk.files("apart")[&good].clone();
    // Of a stranger; of another bundle; alone.
    desk.sh("rm -r apart").ok();
    release(&desk, "mallory");
    desk.carnet("verify out apart --trust trust.toml").ends(3).says(&["NOT RELEASED", "not counted"]);
    let mut other = desk.source("other");
    let image = other.image(7, &[100_000]);
    other.tag(&image, "app:2");
    desk.carnet("pack oci:other --to elsewhere --name b --key k.key.pem").ok();
    desk.sh("rm -r apart && mkdir apart").ok();
    std::fs::write(desk.path("apart/r.tar"), &good).unwrap();
    desk.carnet("verify elsewhere apart --trust trust.toml").ends(3).says(&[
        "NOT RELEASED",
        "not a chunk: apart/r.tar",
        "a release file of bundle",
    ]);
    desk.carnet("verify apart --trust trust.toml").ends(4).says(&["no-chunk", "a release file of bundle"]);
    // Of the same plan, packed at another time: another statement.
    desk.sh("rm -r elsewhere").ok();
    let again = "pack oci:src --to elsewhere --name b --key k.key.pem --chunk-size 64KiB --expires 90d";
    desk.carnet(again).ok();
    desk.carnet("verify elsewhere apart --trust trust.toml")
        .ends(3)
        .says(&["NOT RELEASED", "not counted: no control chunk that counts has the statement"]);
    desk.carnet("unpack elsewhere apart --trust trust.toml --to oci:back").ends(3).says(&[
        "0 of 1 required release signature",
        "release file apart/r.tar is not counted: no control chunk",
    ]);
    // Changed, cut, or with something behind it: it is no release file any more.
    let end = good.len();
    let mut cases: Vec<Vec<u8>> = [0, 600, end - 1_000, end - 1]
        .map(|at| {
            let mut bytes = good.clone();
            bytes[at] ^= 1;
            bytes
        })
        .to_vec();
    cases.extend([good[..end - 512].to_vec(), good[..end - 1].to_vec(), [&good[..], &[0; 512]].concat()]);
    for bytes in cases {
        std::fs::write(desk.path("apart/r.tar"), bytes).unwrap();
        desk.carnet("verify out apart --trust trust.toml").ends(3).says(&["NOT RELEASED"]);
    }
    // With the packer's signature taken away, nothing says that it is of this bundle.
    let head = 512 + 512 * good[512..].iter().position(|&byte| byte == 0).unwrap().div_ceil(512);
    for signature in [head, head + 1_024] {
        let cut = [&good[..signature], &good[signature + 1_024..]].concat();
        std::fs::write(desk.path("apart/r.tar"), cut).unwrap();
        desk.carnet("verify out apart --trust trust.toml").ends(3).says(&["NOT RELEASED"]);
    }
}

#[test]
fn an_inbox_takes_a_release_that_arrives_after_the_chunks() {
    let desk = desk();
    release(&desk, "alice");
    desk.sh("mkdir in && cp out/* in/").ok();
    let receive = "receive in --trust trust.toml --once --state state --to arrived --then unpack oci:back --delete-source";
    desk.carnet(&receive.replace("--to arrived ", ""))
        .ends(3)
        .says(&["bundle b ", "0 of 1 required release signature"]);
    assert!(!desk.path("back").exists());
    desk.sh("cp apart/* in/late.tar").ok();
    desk.carnet(receive).ok();
    assert_same_blobs(&desk.path("src"), &desk.path("back"));
    assert!(!desk.files("in").contains_key("late.tar"));
    desk.carnet("verify arrived --trust trust.toml").ok().says(&["COMPLETE", "alice", "b_release_"]);
}

/// A trust file that needs releases of two people.
fn of_two(desk: &Desk) {
    desk.carnet("keygen bob").ok();
    let trust = std::fs::read_to_string(desk.path("trust.toml")).unwrap();
    let bob = trust.split("[[keys]]").last().unwrap().replace("alice", "bob");
    let trust = trust.replace("release-threshold = 1", "release-threshold = 2");
    std::fs::write(desk.path("trust.toml"), format!("{trust}[[keys]]{bob}")).unwrap();
}

#[test]
fn a_recovered_control_chunk_gets_the_signatures_of_all_release_files() {
    let desk = desk();
    of_two(&desk);
    release(&desk, "alice");
    release(&desk, "bob");
    desk.carnet("verify out apart --trust trust.toml").ok().says(&["COMPLETE", "alice", "bob"]);
    desk.sh("mkdir in && cp out/* apart/* in/ && rm in/b_00000.tar").ok();
    desk.carnet("repair in --trust trust.toml").ok().says(&["has 3 signatures"]);
    desk.sh("rm in/b_release_*").ok();
    desk.carnet("verify in --trust trust.toml").ok().says(&["COMPLETE", "alice", "bob"]);
    for name in ["alice", "bob"] {
        desk.carnet(&format!("sign out --key {name}.key.pem")).ok();
    }
    assert!(desk.files("in")["b_00000.tar"] == desk.files("out")["b_00000.tar"]);
}

#[test]
fn the_signatures_of_a_release_file_are_added_to_the_control_chunk() {
    let desk = desk();
    of_two(&desk);
    let (alice, bob) = (release(&desk, "alice"), release(&desk, "bob"));
    let attach = |name: &str| desk.carnet(&format!("sign out --trust trust.toml --attach apart/{name}"));
    attach(&alice).ok().says(&["bundle b signed", "now with 2 signatures"]);
    attach(&alice).ok().says(&["already signed", "now with 2 signatures"]);
    attach(&bob).ok().says(&["now with 3 signatures"]);
    desk.carnet("verify out --trust trust.toml").ok().says(&["COMPLETE", "alice", "bob"]);
    // Without a trust file, the key says what is attached.
    desk.carnet(&format!("sign out --pub alice.pub.pem --attach apart/{alice}"))
        .ok()
        .says(&["already signed"]);
    let before = desk.files("out");
    // Of a stranger; of another bundle; damaged.
    let mallory = release(&desk, "mallory");
    attach(&mallory).ends(3).says(&["error[signature-of-other]", "does not verify"]);
    let mut other = desk.source("other");
    let image = other.image(9, &[1_000]);
    other.tag(&image, "app:2");
    desk.carnet("pack oci:other --to other-out --name other --key k.key.pem").ok();
    desk.carnet("sign other-out --key alice.key.pem --release-file .").ok();
    let strange = desk.sh("ls | grep ^other_release_").ok().stdout.trim().to_owned();
    desk.carnet(&format!("sign out --trust trust.toml --attach {strange}"))
        .ends(3)
        .says(&["error[signature-of-other]", "the release file is of the control chunk of bundle"]);
    let mut bytes = desk.files("apart")[&bob].clone();
    bytes[600] ^= 1;
    std::fs::write(desk.path("damaged.tar"), bytes).unwrap();
    desk.carnet("sign out --trust trust.toml --attach damaged.tar")
        .ends(2)
        .says(&["error[signature-malformed]", "or a release file"]);
    assert!(desk.files("out") == before);
}

#[test]
fn a_release_file_is_evidence_in_what_is_made_of_the_bundle() {
    let desk = desk();
    release(&desk, "alice");
    desk.carnet("resplit out apart --trust trust.toml --key k.key.pem --chunk-size 100KiB --to two").ok();
    let origin = desk.inspected("two")["origins"][0].clone();
    assert_eq!(origin["signed_by"].as_array().unwrap().len(), 2, "{origin}");
    desk.carnet("verify two --trust trust.toml").ends(3).says(&["NOT RELEASED", "MADE OF"]);
}
