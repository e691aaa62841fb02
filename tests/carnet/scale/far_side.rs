//! What several processes verify and import is what one does.

use std::collections::BTreeSet;
use std::fs;
use std::process::Stdio;
use std::sync::Barrier;

use serde_json::Value;

use super::super::behaviour::layouts::{CONFIG, on, plain};
use super::super::behaviour::support::{Desk, noise, wait_for};
use super::super::registries::debian::Debian;

/// A desk with the bundle `b` in `in`: two repositories that share a layer, an index, a referrer, and layers in slices.
pub(super) fn arrived() -> Desk {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let shared = source.blob("application/vnd.oci.image.layer.v1.tar", &noise(50, 150_000));
    for (seed, name) in ["team/app:1", "team/app:2", "other/tool:1"].into_iter().enumerate() {
        let config = source.blob(CONFIG, format!("{{\"seed\":{seed}}}").as_bytes());
        let layers = [60_000, 9_000, 200_000].map(|bytes| {
            source.blob(
                "application/vnd.oci.image.layer.v1.tar",
                &noise(100 + 10 * seed as u64 + bytes as u64, bytes),
            )
        });
        let mut all = vec![shared.clone()];
        all.extend(layers);
        let image = source.manifest(&config, &all);
        source.tag(&image, &format!("low.example/{name}"));
    }
    let image = source.image(7, &[30_000, 5_000]);
    let index = source.index(&[on("linux/amd64", &plain(&image))]);
    let sbom = source.referrer(&index, "application/spdx+json", "sbom");
    source.tag(&index, "low.example/team/all:1");
    source.list(&sbom);
    desk.carnet("pack oci:src --to in --name b --key k.key.pem --chunk-size 64KiB").ok();
    desk
}

const TRUST: &str = "in --pub k.pub.pem";

fn verify_all(desk: &Desk, pieces: u32) {
    for piece in (0..pieces).rev() {
        desk.carnet(&format!("verify-piece {TRUST} --pieces {pieces} --piece {piece} --results r")).ok();
    }
}

/// Asserts that the results of all pieces give the verdict that one process reaches, in every word.
#[track_caller]
fn assert_same_verdict(desk: &Desk, pieces: u32, code: i32) -> Value {
    let whole = desk.carnet(&format!("verify {TRUST} --json")).ends(code);
    let joined = desk.carnet(&format!("verify {TRUST} --json --pieces {pieces} --results r")).ends(code);
    assert_eq!(whole.json(), joined.json());
    whole.json()
}

#[test]
fn pieces_reach_the_verdict_of_one_process() {
    let desk = arrived();
    for pieces in [1, 3, 20] {
        verify_all(&desk, pieces);
        assert_same_verdict(&desk, pieces, 0);
    }
    // Nothing is left over, and no chunk is in two pieces.
    let mut seen = BTreeSet::new();
    for piece in 0..3 {
        let run =
            desk.carnet(&format!("verify-piece {TRUST} --pieces 3 --piece {piece} --results r --json")).ok();
        let bundle = &run.json()["bundles"][0];
        assert_eq!(bundle["unchanged"], true);
        for chunk in bundle["chunks"].as_array().unwrap() {
            assert!(seen.insert(chunk.as_u64().unwrap()), "{chunk} twice");
        }
    }
    let report = assert_same_verdict(&desk, 3, 0);
    let last = report["bundles"][0]["last"].as_u64().unwrap();
    assert_eq!(seen, (1..=last).collect());
}

#[test]
fn damage_is_found_by_the_piece_that_has_it() {
    let desk = arrived();
    let path = desk.path("in/b_00004.tar");
    let good = fs::read(&path).unwrap();
    let mut bad = good.clone();
    let at = bad.len() - 3000;
    bad[at] ^= 1;
    fs::write(&path, &bad).unwrap();
    let mut codes = Vec::new();
    for piece in 0..3 {
        let run = desk.carnet(&format!("verify-piece {TRUST} --pieces 3 --piece {piece} --results r"));
        codes.push(run.code);
        if run.code != Some(0) {
            run.ends(4).says(&["error[bundle-incomplete]", "missing or damaged or not accepted: 4"]);
        }
    }
    codes.sort();
    assert_eq!(codes, [Some(0), Some(0), Some(4)]);
    let report = assert_same_verdict(&desk, 3, 4);
    assert_eq!(report["bundles"][0]["missing"], serde_json::json!([4]));
    // The chunk was sent again. What was found in the old one says nothing about it.
    fs::write(&path, &good).unwrap();
    let later = fs::metadata(&path).unwrap().modified().unwrap() + std::time::Duration::from_secs(5);
    fs::File::options().write(true).open(&path).unwrap().set_modified(later).unwrap();
    let run = desk.carnet(&format!("verify {TRUST} --pieces 3 --results r")).ends(4);
    run.says(&[
        "error[pieces-missing]: missing pieces: ",
        "hint: verify these pieces with `carnet verify-piece`",
    ]);
    verify_all(&desk, 3);
    assert_same_verdict(&desk, 3, 0);
}

#[test]
fn parity_counts_as_it_does_for_one_process() {
    let desk = arrived();
    desk.carnet("parity in --parity 2 --pub k.pub.pem --key k.key.pem --to in").ok();
    verify_all(&desk, 4);
    assert_same_verdict(&desk, 4, 0);
    for file in ["in/b_00002.tar", "in/b_parity_00001.tar"] {
        let mut bytes = fs::read(desk.path(file)).unwrap();
        let at = bytes.len() - 3000;
        bytes[at] ^= 1;
        fs::write(desk.path(file), bytes).unwrap();
    }
    fs::remove_dir_all(desk.path("r")).unwrap();
    for piece in 0..4 {
        desk.carnet(&format!("verify-piece {TRUST} --pieces 4 --piece {piece} --results r"));
    }
    assert_same_verdict(&desk, 4, 4);
}

#[test]
fn pieces_without_a_result_are_named() {
    let desk = arrived();
    desk.carnet(&format!("verify {TRUST} --pieces 4 --results r"))
        .ends(4)
        .says(&["missing pieces: 0,1,2,3;"]);
    for piece in [1, 3] {
        desk.carnet(&format!("verify-piece {TRUST} --pieces 4 --piece {piece} --results r")).ok();
    }
    // Results of another number of pieces say nothing.
    desk.carnet(&format!("verify-piece {TRUST} --pieces 5 --piece 0 --results r")).ok();
    let run = desk.carnet(&format!("verify {TRUST} --pieces 4 --results r")).ends(4);
    run.says(&["error[pieces-missing]: missing pieces: 0,2;"]);
    desk.carnet(&format!("verify-piece {TRUST} --pieces 4 --piece 4 --results r"))
        .ends(2)
        .says(&["error[no-such-piece]", "4 pieces are numbered from 0 to 3"]);
    // A chunk that is not there needs no result.
    verify_all(&desk, 4);
    fs::remove_file(desk.path("in/b_00003.tar")).unwrap();
    assert_same_verdict(&desk, 4, 4);
}

#[test]
fn results_say_nothing_about_signatures() {
    let desk = arrived();
    verify_all(&desk, 2);
    desk.carnet("keygen other").ok();
    let run = desk.carnet("verify-piece in --pub other.pub.pem --pieces 2 --piece 0 --results r").ends(3);
    run.says(&["error[bundle-untrusted]"]);
    desk.carnet("verify in --pub other.pub.pem --pieces 2 --results r")
        .ends(3)
        .says(&["error[bundle-untrusted]"]);
    // A chunk of somebody else, whose piece was verified before.
    desk.carnet("pack oci:src --to theirs --name b --key other.key.pem --chunk-size 64KiB").ok();
    fs::copy(desk.path("theirs/b_00002.tar"), desk.path("in/b_00002.tar")).unwrap();
    assert_same_verdict(&desk, 2, 3);
}

#[test]
fn malformed_results_are_refused() {
    let desk = arrived();
    verify_all(&desk, 2);
    let name = desk.files("r").into_keys().find(|name| name.ends_with("-piece-1-of-2.json")).unwrap();
    let text = fs::read_to_string(desk.path("r").join(&name)).unwrap();
    for (from, to) in [
        ("carnet-verified v1", "carnet-verified v2"),
        ("\"pieces\": 2", "\"pieces\": 1"),
        ("\"pieces\": 2", "\"pieces\": 2, \"more\": 1"),
        (
            "\"problems\": []",
            "\"problems\": [{\"finding\":\"expired\",\"expires\":\"2026-01-01T00:00:00Z\"}]",
        ),
        ("}", ""),
    ] {
        assert!(text.contains(from), "{from} is not in {text}");
        fs::write(desk.path("r").join(&name), text.replacen(from, to, 1)).unwrap();
        let run = desk.carnet(&format!("verify {TRUST} --pieces 2 --results r")).ends(4);
        run.says(&["error[piece-result-malformed]: r/", &name]);
    }
    // Of another bundle, under this name.
    let id = name.split('-').next().unwrap();
    fs::write(desk.path("r").join(&name), text.replace(id, &"0".repeat(64))).unwrap();
    desk.carnet(&format!("verify {TRUST} --pieces 2 --results r")).ends(4).says(&["missing pieces: 1;"]);
    // The piece itself writes it anew.
    desk.carnet(&format!("verify-piece {TRUST} --pieces 2 --piece 1 --results r")).ok();
    assert_same_verdict(&desk, 2, 0);
    desk.carnet(&format!("verify {TRUST} --pieces 2")).ends(2);
}

#[test]
fn a_piece_that_was_killed_is_verified_again() {
    let desk = arrived();
    for _ in 0..3 {
        let args = format!("verify-piece {TRUST} --pieces 1 --piece 0 --results r");
        let mut child = desk.command(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait_for(&mut child, || desk.path("r").exists());
        let _ = child.kill();
        child.wait().unwrap();
    }
    verify_all(&desk, 1);
    assert_same_verdict(&desk, 1, 0);
    assert_eq!(desk.files("r").len(), 1);
}

/// What a registry keeps, but for uploads that were not ended, and when things were pushed.
fn kept(registry: &Debian) -> BTreeSet<String> {
    let mut kept = registry.kept();
    kept.retain(|path| !path.contains("/_uploads/"));
    kept
}

/// Imports with one process, and returns what the registry keeps.
fn imported_at_once(desk: &Desk) -> Option<BTreeSet<String>> {
    let registry = Debian::plain()?;
    desk.carnet(&format!("import {TRUST} --to docker://{}/mirror", registry.name())).ok();
    Some(kept(&registry))
}

pub(super) fn assert_imported(desk: &Desk, registry: &Debian) {
    assert_eq!(imported_at_once(desk).unwrap(), kept(registry));
}

#[test]
fn pieces_and_the_end_import_what_one_process_does() {
    let desk = arrived();
    let Some(whole) = imported_at_once(&desk) else { return };
    let registry = Debian::plain().unwrap();
    let to = format!("{TRUST} --to docker://{}/mirror", registry.name());
    let finish = |options: &str| desk.carnet(&format!("import {to} --pieces 3 --finish {options}"));
    let piece = |piece: u32| desk.carnet(&format!("import-piece {to} --pieces 3 --piece {piece}"));
    finish("").ends(4).says(&["error[pieces-missing]: missing pieces: 0,1,2;", "hint: import these pieces"]);
    piece(1).ok().says(&["piece 1 of 3 is in"]);
    // It is killed in the middle, and run again.
    let args = format!("import-piece {to} --pieces 3 --piece 0 --limit-rate 100KB");
    let mut child = desk.command(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    assert!(wait_for(&mut child, || registry.log().matches("PATCH").count() > 0
        || registry.log().matches("PUT").count() > 0));
    child.kill().unwrap();
    child.wait().unwrap();
    finish("").ends(4).says(&["error[pieces-missing]: missing pieces: 0,2;"]);
    finish("--dry-run").ends(4).says(&["missing pieces: 0,2;"]);
    let is_visible = |kept: &BTreeSet<String>| kept.iter().any(|path| path.contains("/_manifests/"));
    assert!(is_visible(&whole) && !is_visible(&kept(&registry)), "something is visible");
    // Twice at once.
    let barrier = Barrier::new(4);
    std::thread::scope(|scope| {
        for number in [0, 2, 0, 2] {
            let (piece, barrier) = (&piece, &barrier);
            scope.spawn(move || {
                barrier.wait();
                piece(number).ok();
            });
        }
    });
    assert!(!is_visible(&kept(&registry)), "something is visible");
    let report = finish("--json").ok().json();
    assert_eq!(whole, kept(&registry));
    // Only what is in the control chunk was sent at the end.
    assert!(report["blobs"]["sent_bytes"].as_u64().unwrap() < 5000, "{}", report["blobs"]);
    // All of it again changes nothing.
    piece(2).ok().says(&["0 blobs sent"]);
    finish("").ok();
    assert_eq!(whole, kept(&registry));
}

#[test]
fn pieces_and_the_end_choose_the_same_artifacts() {
    let Some(registry) = Debian::plain() else { return };
    let desk = arrived();
    let to = format!("{TRUST} --to docker://{}", registry.name());
    let options = "--artifact low.example/team/app:1 --rename low.example/team/app:1=renamed/app:one";
    for piece in 0..2 {
        desk.carnet(&format!("import-piece {to} {options} --pieces 2 --piece {piece}")).ok();
    }
    desk.carnet(&format!("import {to} {options} --pieces 2 --finish")).ok();
    assert!(kept(&registry).iter().all(|path| !path.contains("repositories/team")), "{:?}", kept(&registry));
    // Of the others, nothing is there.
    let run = desk.carnet(&format!("import {to} --pieces 2 --finish --continue-on-errors --json")).ends(4);
    let codes: BTreeSet<String> = run.json()["artifacts"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|artifact| Some(artifact["error"]["code"].as_str()?.to_owned()))
        .collect();
    assert_eq!(codes, BTreeSet::from(["pieces-missing".to_owned()]));
    // A tag that is taken is noticed before anything is sent.
    let taken = "--artifact low.example/other/tool:1 --rename low.example/other/tool:1=renamed/app:one";
    let run = desk.carnet(&format!("import-piece {to} {taken} --pieces 2 --piece 0")).ends(1);
    run.says(&["error[tag-exists]"]);
}

#[test]
fn pieces_that_are_damaged_or_not_trusted_are_not_imported() {
    let Some(registry) = Debian::plain() else { return };
    let desk = arrived();
    let to = format!("--to docker://{}", registry.name());
    desk.carnet("keygen other").ok();
    desk.carnet(&format!("import-piece in --pub other.pub.pem {to} --pieces 2 --piece 0"))
        .ends(3)
        .says(&["error[bundle-untrusted]"]);
    let path = desk.path("in/b_00004.tar");
    let good = fs::read(&path).unwrap();
    let mut bad = good.clone();
    let at = bad.len() - 3000;
    bad[at] ^= 1;
    fs::write(&path, &bad).unwrap();
    let codes: Vec<_> =
        (0..2)
            .map(|piece| desk.carnet(&format!("import-piece {TRUST} {to} --pieces 2 --piece {piece}")))
            .map(|run| {
                if run.code == Some(0) {
                    0
                } else {
                    run.ends(4).says(&["error[blob-mismatch]"]).code.unwrap()
                }
            })
            .collect();
    assert!(codes == [0, 4] || codes == [4, 0], "{codes:?}");
    let damaged = codes.iter().position(|code| *code == 4).unwrap();
    let run = desk.carnet(&format!("import {TRUST} {to} --pieces 2 --finish")).ends(4);
    run.says(&[&format!("missing pieces: {damaged};")]);
    // A chunk that is not there.
    fs::remove_file(&path).unwrap();
    let run = desk.carnet(&format!("import-piece {TRUST} {to} --pieces 2 --piece {damaged}")).ends(4);
    run.says(&["error[bundle-incomplete]", "4"]);
    desk.carnet(&format!("import-piece {TRUST} {to} --pieces 2 --piece {}", 1 - damaged)).ok();
    fs::write(&path, &good).unwrap();
    desk.carnet(&format!("import-piece {TRUST} {to} --pieces 2 --piece {damaged}")).ok();
    desk.carnet(&format!("import {TRUST} {to} --pieces 2 --finish")).ok();
}

/// Everything of a small bundle is in its control chunk, which belongs to no piece.
#[test]
fn a_small_bundle_has_no_pieces_there_either() {
    let Some(registry) = Debian::plain() else { return };
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[1000]);
    source.tag(&image, "app:1");
    desk.carnet("pack oci:src --to in --name b --key k.key.pem").ok();
    verify_all(&desk, 3);
    assert_same_verdict(&desk, 3, 0);
    let to = format!("--to docker://{}", registry.name());
    let run = desk.carnet(&format!("import-piece {TRUST} {to} --pieces 3 --piece 2")).ok();
    run.says(&["piece 2 of 3 has no chunks"]);
    desk.carnet(&format!("import {TRUST} {to} --pieces 3 --finish")).ok();
}
