//! The profile cnsa2: SHA-384 beside SHA-256, signatures of ML-DSA-87, and trust files that demand it.

use std::fs;

use super::post_quantum::{openssl, with_openssl};
use super::support::{Desk, Run, assert_same_layout};

const PACK: &str = "pack oci:src --chunk-size 128KiB --name b --key q.key.pem --profile cnsa2";

/// A layout with a blob in slices, a small one and an empty one, and the keys `k` of Ed25519 and `q` of ML-DSA-87.
fn desk() -> Desk {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[300_000, 7_000, 0]);
    source.tag(&image, "app:1");
    desk.carnet("keygen q --algorithm mldsa87").ok();
    desk
}

/// A trust file with this head, and with these holders, each a packer and releaser with a key.
fn trust(desk: &Desk, head: &str, keys: &[&str]) {
    let mut text = format!("version = 1\nrelease-threshold = 1\n{head}\n");
    for key in keys {
        text += &format!(
            "[[keys]]\nholder = \"{key}\"\npublic-key-file = \"{key}.pub.pem\"\nroles = [\"packer\", \"releaser\"]\n"
        );
    }
    fs::write(desk.path("trust.toml"), text).unwrap();
}

fn verify(desk: &Desk, folder: &str) -> Run {
    desk.carnet(&format!("verify {folder} --trust trust.toml"))
}

#[test]
fn a_bundle_of_the_profile_crosses() {
    let desk = desk();
    trust(&desk, "profile = \"cnsa2\"", &["q"]);
    desk.carnet(&format!("{PACK} --to out")).ok();
    assert!(desk.files("out").values().all(|bytes| bytes.len() <= 128 << 10));
    verify(&desk, "out").ok().says(&["COMPLETE"]);
    desk.carnet("verify out --pub q.pub.pem").ok();
    desk.carnet("missing out --trust trust.toml").ok();
    let inspected = desk.carnet("inspect out --trust trust.toml --json").ok().json();
    assert_eq!(inspected["bundles"][0]["profile"], "cnsa2");
    desk.carnet("audit out --trust trust.toml --json").ok();
    desk.carnet("unpack out --trust trust.toml --to oci:back").ok();
    assert_same_layout(&desk.path("src"), &desk.path("back"));
    // What is there already is what would be written.
    let before = desk.files("out");
    desk.carnet(&format!("{PACK} --to out")).ok();
    assert!(desk.files("out") == before);
    // In one file, too, and with an annex, and with a second signature beside the first.
    for (name, options) in [("one", "--chunk-size 2g"), ("both", "--second-key k.key.pem --chunk-size 2g")] {
        let pack = PACK.replace("--chunk-size 128KiB ", "");
        desk.carnet(&format!("{pack} --to {name} {options}")).ok();
        assert_eq!(desk.files(name).len(), 1);
        verify(&desk, name).ok();
        desk.carnet(&format!("unpack {name} --trust trust.toml --to oci:{name}-back")).ok();
        assert_same_layout(&desk.path("src"), &desk.path(format!("{name}-back")));
    }
}

#[test]
fn a_bundle_with_an_annex_crosses() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    for seed in 0..60 {
        let image = source.image(seed, &[600, 700, 800]);
        source.tag(&image, &format!("app:{seed}"));
    }
    desk.carnet("keygen q --algorithm mldsa87").ok();
    trust(&desk, "profile = \"cnsa2\"", &["q"]);
    desk.carnet("pack oci:src --chunk-size 64KiB --to out --name b --key q.key.pem --profile cnsa2").ok();
    desk.sh("tar -tf out/b_00000.tar | grep -x annex.txt").ok();
    assert!(desk.files("out").values().all(|bytes| bytes.len() <= 64 << 10));
    verify(&desk, "out").ok();
    desk.carnet("unpack out --trust trust.toml --to oci:back").ok();
    assert_same_layout(&desk.path("src"), &desk.path("back"));
}

#[test]
fn stock_tools_check_every_list_and_the_recovery_runs() {
    let desk = desk();
    desk.carnet(&format!("{PACK} --to out")).ok();
    let each = "for c in out/*.tar; do rm -rf x; mkdir x; tar -C x -xf $c; cd x || exit 1; \
                sha256sum -c --strict --quiet 02_sums.txt || exit 1; \
                sha384sum -c --strict --quiet 03_sums384.txt || exit 1; \
                sums=$(sha256sum <02_sums.txt | cut -d' ' -f1),$(sha384sum <03_sums384.txt | cut -d' ' -f1); \
                grep -qx \"sums $sums\" 00_statement.txt || exit 1; \
                [ \"$(tar -tf ../$c | sed -n '/^02_/,$p' | sed 1,2d)\" = \"$(cut -d' ' -f3 03_sums384.txt)\" ] || exit 1; \
                cd ..; done";
    desk.sh(each).ok();
    if !openssl(&desk) {
        return;
    }
    let recover = "rm -rf far; mkdir far && cp out/*.tar far && cp q.pub.pem far/packer.pub.pem && cd far && \
                   tar -xf b_00000.tar recover.txt && PATH=../bin:$PATH sh recover.txt";
    with_openssl(&desk, recover).ok().says(&["recovered into out/"]);
    let mut blobs = desk.files("far/out");
    assert!(!blobs.contains_key("03_sums384.txt"));
    blobs.retain(|name, _| name.starts_with("blobs/"));
    let mut source = desk.files("src");
    source.retain(|name, _| name.starts_with("blobs/"));
    assert!(blobs == source);
}

#[test]
fn a_bundle_without_the_profile_has_nothing_of_it() {
    let desk = desk();
    desk.carnet("pack oci:src --chunk-size 128KiB --to out --name b --key q.key.pem").ok();
    desk.sh("for c in out/*.tar; do tar -tf $c; tar -xOf $c 00_statement.txt; done >all").ok();
    desk.sh("tar -xOf out/b_00000.tar plan.txt chunks.txt >>all").ok();
    desk.sh("! grep -E 'sums384|profile|^(sums|chunk) .*,' all").ok();
}

#[test]
fn packing_without_the_right_key_is_refused_before_anything_is_written() {
    let desk = desk();
    desk.carnet("keygen p --algorithm ecdsap384").ok();
    for keys in ["--key k.key.pem", "--key p.key.pem", "--key k.key.pem --second-key p.key.pem"] {
        let pack = format!("pack oci:src --to out --name b {keys} --profile cnsa2");
        desk.carnet(&pack).ends(2).says(&["error[profile-key]", "mldsa87"]);
        desk.carnet(&format!("{pack} --dry-run")).ends(2).says(&["error[profile-key]"]);
        assert!(!desk.path("out").exists());
    }
    desk.carnet("plan oci:src --to out --name b --pub k.pub.pem --profile cnsa2 --pieces 2")
        .ends(2)
        .says(&["error[profile-key]"]);
    desk.carnet("pack oci:src --to out --name b --key q.key.pem --profile cnsa1").ends(2).says(&["cnsa2"]);
    desk.carnet("pack oci:src --to base --name a --key q.key.pem").ok();
    desk.carnet("pack oci:src --to out --name b --key q.key.pem --profile cnsa2 --base base")
        .ends(2)
        .says(&["error[profile-delta]"]);
    assert!(!desk.path("out").exists());
}

#[test]
fn a_trust_file_that_demands_the_profile_accepts_nothing_weaker() {
    let desk = desk();
    desk.carnet("pack oci:src --to plain --name b --key q.key.pem").ok();
    desk.carnet("pack oci:src --to classic --name b --key k.key.pem").ok();
    desk.carnet("pack oci:src --to strong --name b --key q.key.pem --profile cnsa2").ok();
    trust(&desk, "profile = \"cnsa2\"", &["q", "k"]);
    verify(&desk, "strong").ok();
    verify(&desk, "plain").ends(3).says(&["error[profile-missing]", "without the profile cnsa2"]);
    desk.carnet("trust explain plain --trust trust.toml").ends(3).says(&["without the profile cnsa2"]);
    desk.carnet("trust explain strong --trust trust.toml").ok();
    for verb in ["unpack plain --to oci:back", "unpack classic --to oci:back"] {
        let code = if verb.contains("plain") { "profile-missing" } else { "bundle-untrusted" };
        desk.carnet(&format!("{verb} --trust trust.toml")).ends(3).says(&[&format!("error[{code}]")]);
        assert!(!desk.path("back").exists());
    }
    verify(&desk, "classic").ends(3).says(&["does not count signatures of this algorithm"]);
    // A release of another algorithm does not count either.
    let text = fs::read_to_string(desk.path("trust.toml")).unwrap();
    desk.carnet("keygen r --algorithm mldsa87").ok();
    let only_packs = text.replacen("\"packer\", \"releaser\"", "\"packer\"", 1);
    let more = "[[keys]]\nholder = \"r\"\npublic-key-file = \"r.pub.pem\"\nroles = [\"releaser\"]\n";
    fs::write(desk.path("trust.toml"), only_packs + more).unwrap();
    verify(&desk, "strong").ends(3).says(&["error[bundle-untrusted]"]);
    desk.carnet("sign strong --key k.key.pem").ok();
    verify(&desk, "strong").ends(3);
    desk.carnet("sign plain --key r.key.pem --trust trust.toml").ends(3).says(&["error[profile-missing]"]);
    desk.carnet("sign strong --key r.key.pem --trust trust.toml").ok();
    verify(&desk, "strong").ok();
    // Without the demand, all of these are accepted.
    trust(&desk, "", &["q", "k"]);
    for folder in ["plain", "classic", "strong"] {
        verify(&desk, folder).ok();
    }
}

#[test]
fn the_demand_is_read_strictly() {
    let desk = desk();
    desk.carnet(&format!("{PACK} --to out")).ok();
    for head in [
        "profile = \"cnsa1\"",
        "profile = \"\"",
        "profile = \"cnsa2\"\nalgorithms = [\"ed25519\"]",
        "profile = \"cnsa2\"\nalgorithms = [[\"mldsa87\", \"ed25519\"]]",
    ] {
        trust(&desk, head, &["q", "k"]);
        verify(&desk, "out").ends(2).says(&["error[policy-setting]", "profile"]);
    }
    trust(&desk, "profile = [\"cnsa2\"]", &["q"]);
    verify(&desk, "out").ends(2).says(&["error[policy-syntax]"]);
    trust(&desk, "profile = \"cnsa2\"", &["k"]);
    verify(&desk, "out").ends(2).says(&["error[policy-no-packer]"]);
    trust(&desk, "profile = \"cnsa2\"\nalgorithms = [\"mldsa87\"]", &["q", "k"]);
    verify(&desk, "out").ok();
    let shown = desk.carnet("trust show trust.toml --json").ok().json();
    assert_eq!(shown["profile"], "cnsa2");
    // With a second signature wanted, the first alone is not enough.
    trust(&desk, "profile = \"cnsa2\"\nalgorithms = [\"mldsa87\", \"ed25519\"]", &["q", "k"]);
    let text = fs::read_to_string(desk.path("trust.toml")).unwrap();
    fs::write(desk.path("trust.toml"), text.replace("holder = \"k\"", "holder = \"q\"")).unwrap();
    verify(&desk, "out").ends(3).says(&["error[signature-downgrade]"]);
    desk.carnet(&format!("{PACK} --to both --second-key k.key.pem")).ok();
    verify(&desk, "both").ok();
}

#[test]
fn parity_pieces_and_new_bundles_keep_the_profile() {
    let desk = desk();
    trust(&desk, "profile = \"cnsa2\"", &["q"]);
    desk.carnet(&format!("{PACK} --to out --parity 1")).ok();
    let before = desk.files("out");
    verify(&desk, "out").ok();
    // A lost chunk, and one that is damaged where it lies.
    desk.sh("rm out/b_00001.tar").ok();
    desk.carnet("repair out --trust trust.toml").ok();
    assert!(desk.files("out") == before);
    desk.sh("printf x | dd of=out/b_00002.tar bs=1 seek=40000 conv=notrunc status=none").ok();
    verify(&desk, "out").ends(4);
    desk.carnet("repair out --trust trust.toml").ok();
    assert!(desk.files("out") == before);
    // Made of it: with other chunks.
    desk.carnet("resplit out --trust trust.toml --chunk-size 64KiB --to small --name b --key q.key.pem").ok();
    verify(&desk, "small").ok();
    desk.carnet("resplit out --trust trust.toml --chunk-size 64KiB --to weak --name b --key k.key.pem")
        .ends(2)
        .says(&["error[profile-key]"]);
    // In pieces: signed at once, and later.
    let plan =
        "plan oci:src --chunk-size 64KiB --to work --name b --pub q.pub.pem --profile cnsa2 --pieces 2";
    desk.carnet(plan).ok();
    desk.carnet("pack-piece --plan work/b.plan --piece 0 --key q.key.pem").ok();
    desk.carnet("pack-piece --plan work/b.plan --piece 1 --unsigned").ok();
    desk.carnet("seal --plan work/b.plan --key q.key.pem --verify").ok();
    verify(&desk, "work").ok();
    desk.carnet("unpack work --trust trust.toml --to oci:back").ok();
    assert_same_layout(&desk.path("src"), &desk.path("back"));
    // Chunks that were asked for again.
    desk.sh("mkdir lossy && cp out/*.tar lossy && rm lossy/b_00001.tar lossy/b_parity*").ok();
    desk.carnet("missing lossy --trust trust.toml --request request.txt").ends(4);
    desk.carnet(&format!("{PACK} --to again --only request.txt")).ok();
    desk.sh("cp again/b_00001.tar lossy").ok();
    verify(&desk, "lossy").ok();
}
