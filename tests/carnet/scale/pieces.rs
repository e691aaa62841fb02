//! What several processes pack is what one packs.

use std::fs;
use std::process::Stdio;
use std::sync::Barrier;

use super::super::behaviour::support::{Desk, assert_same_layout};
use super::super::registries::debian::Debian;
use super::{assert_whole, at, desk, plan};

#[test]
fn pieces_in_any_order_have_the_bytes_of_one_process() {
    let desk = desk();
    for (to, options, least) in [
        ("one", "--pieces 1", 1),
        ("three", "--pieces 3", 3),
        ("many", "--pieces 1000", 5),
        ("sized", "--piece-bytes 300KB", 3),
    ] {
        let pieces = plan(&desk, to, options);
        assert!(pieces >= least && pieces <= 30, "{to}: {pieces} pieces");
        // Later, so that the time of sealing is that of the plan.
        for piece in (0..pieces).rev() {
            let run = desk.carnet(&format!("pack-piece --plan {to}/b.plan --piece {piece} --key k.key.pem"));
            run.ok().says(&[&format!("piece {piece} of {pieces} packed")]);
        }
        desk.carnet(&format!("seal --plan {to}/b.plan --key k.key.pem")).ok().says(&["bundle b packed"]);
        assert_whole(&desk, to);
        // All of it again changes nothing.
        let again = desk.carnet(&format!("pack-piece --plan {to}/b.plan --piece 0 --key k.key.pem")).ok();
        again.says(&["was packed already"]);
        let again = desk.carnet(&format!("seal --plan {to}/b.plan --key k.key.pem --verify")).ok();
        again.says(&["already exists, complete and identical"]);
        assert_whole(&desk, to);
    }
    desk.carnet("unpack three --pub k.pub.pem --to oci:back").ok();
    assert_same_layout(&desk.path("src"), &desk.path("back"));
}

#[test]
fn chunks_without_a_signature_are_signed_when_the_bundle_is_sealed() {
    let desk = desk();
    let pieces = plan(&desk, "out", "--pieces 3");
    for piece in 0..pieces {
        let run = desk.carnet(&format!("pack-piece --plan out/b.plan --piece {piece} --unsigned"));
        run.ok().says(&["packed, not signed"]);
    }
    // Nobody takes them for chunks of the packer.
    assert!(desk.files("out").keys().any(|name| name.ends_with(".unsigned")));
    assert!(!desk.files("out").keys().any(|name| name.ends_with(".tar")));
    fs::copy(desk.path("out/b_00001.unsigned"), desk.path("b_00001.tar")).unwrap();
    desk.carnet("verify b_00001.tar --pub k.pub.pem").ends(3);
    desk.carnet("seal --plan out/b.plan --key k.key.pem --verify").ok();
    assert_whole(&desk, "out");
}

#[test]
fn two_keys_sign_all_pieces() {
    let desk = desk();
    desk.carnet("keygen q --algorithm mldsa87").ok();
    let keys = "--key k.key.pem --second-key q.key.pem";
    at(&desk, &format!("pack oci:src --to both --name b {keys} --chunk-size 64KiB")).ok();
    let content = "oci:src --name b --pub k.pub.pem --pub q.pub.pem --chunk-size 64KiB";
    at(&desk, &format!("plan {content} --to out --pieces 2")).ok();
    desk.carnet("pack-piece --plan out/b.plan --piece 0 --unsigned").ok();
    desk.carnet(&format!("pack-piece --plan out/b.plan --piece 1 {keys}")).ok();
    // The post-quantum signature cannot be left out.
    desk.carnet("seal --plan out/b.plan --key k.key.pem").ends(2).says(&["error[work-plan-key]", "the keys"]);
    desk.carnet(&format!("seal --plan out/b.plan {keys}")).ok();
    let mut found = desk.files("out");
    found.retain(|name, _| !name.starts_with("b.plan/"));
    assert!(found == desk.files("both"));
}

#[test]
fn missing_pieces_are_named_and_nothing_is_sealed() {
    let desk = desk();
    assert_eq!(plan(&desk, "out", "--pieces 4"), 4);
    desk.carnet("pack-piece --plan out/b.plan --piece 1 --key k.key.pem").ok();
    desk.carnet("pack-piece --plan out/b.plan --piece 3 --unsigned").ok();
    let run = desk.carnet("seal --plan out/b.plan --key k.key.pem").ends(4);
    run.says(&[
        "error[pieces-missing]: missing pieces: 0,2;",
        "hint: pack these pieces with `carnet pack-piece`",
    ]);
    assert!(!desk.path("out/b_00000.tar").exists());
    for piece in [0, 2] {
        desk.carnet(&format!("pack-piece --plan out/b.plan --piece {piece} --key k.key.pem")).ok();
    }
    desk.carnet("seal --plan out/b.plan --key k.key.pem").ok();
    assert_whole(&desk, "out");
}

#[test]
fn the_same_piece_may_be_packed_twice_at_once() {
    let desk = desk();
    plan(&desk, "out", "--pieces 2");
    let barrier = Barrier::new(6);
    std::thread::scope(|scope| {
        for at in 0..6 {
            let (desk, barrier) = (&desk, &barrier);
            scope.spawn(move || {
                let piece = at % 2;
                barrier.wait();
                desk.carnet(&format!("pack-piece --plan out/b.plan --piece {piece} --key k.key.pem")).ok();
            });
        }
    });
    desk.carnet("seal --plan out/b.plan --key k.key.pem --verify").ok();
    assert_whole(&desk, "out");
}

#[test]
fn a_piece_that_was_killed_is_packed_again() {
    let desk = desk();
    plan(&desk, "out", "--pieces 1");
    for (round, how) in ["--key k.key.pem", "--unsigned", "--key k.key.pem"].into_iter().enumerate() {
        let args = format!("pack-piece --plan out/b.plan --piece 0 {how}");
        let mut child = desk.command(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // The first chunks may be finished by then, or all.
        let begun = || fs::read_dir(desk.path("out")).unwrap().count() > 2 + round;
        super::super::behaviour::support::wait_for(&mut child, begun);
        let _ = child.kill();
        child.wait().unwrap();
    }
    desk.carnet("pack-piece --plan out/b.plan --piece 0 --key k.key.pem").ok();
    desk.carnet("seal --plan out/b.plan --key k.key.pem --verify").ok();
    let stale = |name: &String| name.ends_with(".unsigned") || name.contains(".partial");
    let left: Vec<String> = desk.files("out").into_keys().filter(stale).collect();
    assert!(left.is_empty(), "{left:?} are left");
    assert_whole(&desk, "out");
}

#[test]
fn damage_is_found_before_the_bundle_is_sealed() {
    let desk = desk();
    plan(&desk, "out", "--pieces 1");
    desk.carnet("pack-piece --plan out/b.plan --piece 0 --key k.key.pem").ok();
    let path = desk.path("out/b_00003.tar");
    let whole = fs::read(&path).unwrap();
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(&path, bytes).unwrap();
    };
    let refused = |options: &str| {
        let run = desk.carnet(&format!("seal --plan out/b.plan --key k.key.pem {options}")).ends(1);
        run.says(&["error[target-exists]", "b_00003.tar exists and is not a finished chunk of this bundle"]);
        assert!(!desk.path("out/b_00000.tar").exists());
    };
    // The statement, the sums, and the content.
    flipped(600);
    refused("");
    flipped(3000);
    refused("");
    flipped(whole.len() - 3000);
    refused("--verify");
    fs::write(&path, &whole[..whole.len() - 512]).unwrap();
    refused("");
    fs::write(&path, &whole).unwrap();
    desk.carnet("seal --plan out/b.plan --key k.key.pem --verify").ok();
    assert_whole(&desk, "out");
}

#[test]
fn what_is_in_the_way_stays() {
    let desk = desk();
    plan(&desk, "out", "--pieces 1");
    fs::write(desk.path("out/b_00002.tar"), "mine").unwrap();
    let run = desk.carnet("pack-piece --plan out/b.plan --piece 0 --key k.key.pem").ends(1);
    run.says(&["error[target-exists]", "b_00002.tar"]);
    assert_eq!(fs::read(desk.path("out/b_00002.tar")).unwrap(), b"mine");
    fs::remove_file(desk.path("out/b_00002.tar")).unwrap();
    // A plan of this name is there.
    let content = "oci:src --name b --pub k.pub.pem --to out --pieces 2";
    desk.carnet(&format!("plan {content}")).ends(1).says(&["error[target-exists]", "b.plan exists already"]);
    desk.carnet("pack-piece --plan out/b.plan --piece 1 --unsigned")
        .ends(2)
        .says(&["error[no-such-piece]", "its only piece is 0"]);
    desk.carnet("keygen other").ok();
    desk.carnet("pack-piece --plan out/b.plan --piece 0 --key other.key.pem")
        .ends(2)
        .says(&["error[work-plan-key]"]);
    assert!(!desk.files("out").keys().any(|name| name.ends_with(".tar")));
}

#[test]
fn plans_that_were_changed_are_refused() {
    let desk = desk();
    plan(&desk, "out", "--pieces 2");
    let (plan_path, work_path) = (desk.path("out/b.plan/plan.txt"), desk.path("out/b.plan/work.json"));
    let (plan, work) = (fs::read_to_string(&plan_path).unwrap(), fs::read_to_string(&work_path).unwrap());
    let refused = |words: &[&str]| {
        for command in ["pack-piece --piece 0 --key k.key.pem", "seal --key k.key.pem"] {
            let run = desk.carnet(&format!("{command} --plan out/b.plan")).ends(4);
            run.says(&["error[work-plan-malformed]: out/b.plan: "]).says(words);
        }
    };
    let replaced = |from: &str, to: &str| {
        assert!(work.contains(from), "{from}");
        fs::write(&work_path, work.replacen(from, to, 1)).unwrap();
    };
    fs::write(&plan_path, plan.replace("label TEST", "label REST")).unwrap();
    refused(&["work.json: bundle: expected the SHA-256 of plan.txt"]);
    fs::write(&plan_path, &plan).unwrap();
    for (from, to, words) in [
        ("carnet-work v1", "carnet-work v2", "format: expected \"carnet-work v1\""),
        ("\"pieces\": 2", "\"pieces\": 0", "pieces: expected 1 to 1000"),
        ("\"pieces\": 2", "\"pieces\": 2, \"more\": 1", "unknown field"),
        ("\"bytes\": 64", "\"bytes\": 65", "keys: expected ids of keys"),
        ("\"source\": 0", "\"source\": 1", "blobs: expected the number of one of 1 sources"),
        ("\"digest\": \"sha256:", "\"digest\": \"sha256:0", "blobs: expected sha256:"),
        ("\"created\": \"2023", "\"created\": \"x", "created: expected a time"),
    ] {
        replaced(from, to);
        refused(&[words]);
    }
    fs::write(&work_path, &work[..work.len() / 2]).unwrap();
    refused(&["work.json: EOF"]);
    fs::remove_file(&work_path).unwrap();
    desk.carnet("seal --plan out/b.plan --key k.key.pem").ends(1).says(&["work.json"]);
}

#[test]
fn a_small_bundle_has_no_pieces() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[1000]);
    source.tag(&image, "app:1");
    at(&desk, "pack oci:src --to whole --name b --key k.key.pem").ok();
    let run = at(&desk, "plan oci:src --to out --name b --pub k.pub.pem --pieces 4 --job slurm").ok();
    run.says(&["1 chunk file in 0 pieces", "everything is in the control chunk"]);
    assert!(!desk.path("out/b.plan/slurm.sh").exists());
    desk.carnet("pack-piece --plan out/b.plan --piece 0 --unsigned").ends(2).says(&["error[no-such-piece]"]);
    desk.carnet("seal --plan out/b.plan --key k.key.pem").ok();
    assert_whole(&desk, "out");
}

/// A tag that moves after the plan was made changes nothing.
#[test]
fn registries_are_asked_for_digests_only() {
    let Some(registry) = Debian::plain() else { return };
    let desk = Desk::new();
    let mut source = desk.source("src");
    for seed in 0..3 {
        let image = source.image(seed, &[150_000, 90_000]);
        source.tag(&image, &format!("app:{seed}"));
    }
    desk.carnet("pack oci:src --to first --name a --key k.key.pem").ok();
    let host = registry.name();
    let import = format!("import first --pub k.pub.pem --to docker://{host}/team");
    desk.carnet(&import).ok();
    let from = format!("docker://{host}/team/app:*");
    at(&desk, &format!("pack {from} --to whole --name b --key k.key.pem --chunk-size 64KiB")).ok();
    let content = format!("{from} --name b --pub k.pub.pem --chunk-size 64KiB");
    at(&desk, &format!("plan {content} --to out --pieces 3")).ok();
    let mut other = desk.source("other");
    let image = other.image(9, &[5000]);
    for seed in 0..3 {
        other.tag(&image, &format!("app:{seed}"));
    }
    desk.carnet("pack oci:other --to second --name a --key k.key.pem").ok();
    let moved = format!("import second --pub k.pub.pem --to docker://{host}/team --overwrite-tags");
    desk.carnet(&moved).ok();
    for piece in 0..3 {
        desk.carnet(&format!("pack-piece --plan out/b.plan --piece {piece} --unsigned")).ok();
    }
    desk.carnet("seal --plan out/b.plan --key k.key.pem").ok();
    assert_whole(&desk, "out");
}

/// A plan can be used from wherever its folder is mounted.
#[test]
fn the_folder_of_a_plan_may_move() {
    let desk = desk();
    plan(&desk, "out", "--pieces 2");
    desk.carnet("pack-piece --plan out/b.plan --piece 0 --key k.key.pem").ok();
    fs::rename(desk.path("out"), desk.path("elsewhere")).unwrap();
    desk.carnet("pack-piece --plan elsewhere/b.plan --piece 1 --key k.key.pem").ok();
    desk.sh("cd elsewhere/b.plan && \"$0\" seal --plan . --key ../../k.key.pem"
        .replace("\"$0\"", super::super::behaviour::support::CARNET)
        .as_str())
        .ok();
    assert_whole(&desk, "elsewhere");
}
