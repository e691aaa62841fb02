//! Chunks that are lost, duplicated, renamed, swapped, forked, or from another bundle.

use carnet::format::Sum;

use super::support::forge::{Forged, Parts};
use super::support::run::{Expect, deliver};
use super::support::{named, noise, other_bundle, packed};

#[test]
fn names_and_order_of_files_do_not_matter() {
    let chunks = &packed().chunks;
    let renamed = chunks.iter().rev().zip(["b", "z.tar", "a.txt", "00.bin", "c", "d", "e", "f"]);
    let files: Vec<(String, Vec<u8>)> =
        renamed.map(|(bytes, name)| (name.to_owned(), bytes.clone())).collect();
    assert_eq!(files.len(), chunks.len());
    deliver("renamed and reordered", &files, Expect::Complete);

    let mut rotated = chunks.clone();
    rotated.rotate_left(1);
    deliver("each under its neighbour's name", &named(&rotated), Expect::Complete);
}

#[test]
fn a_chunk_may_arrive_twice() {
    let mut files = named(&packed().chunks);
    files.extend(packed().chunks.iter().enumerate().map(|(n, bytes)| (format!("copy{n}"), bytes.clone())));
    deliver("everything twice", &files, Expect::Complete);
}

#[test]
fn every_lost_chunk_is_reported() {
    for lost in 0..packed().chunks.len() {
        let mut files = named(&packed().chunks);
        files.remove(lost);
        let (verified, _) = deliver(&format!("without chunk {lost}"), &files, Expect::Incomplete);
        assert_eq!(verified.json()["bundles"][0]["missing"], serde_json::json!([lost]), "{verified}");
    }
}

#[test]
fn two_damaged_copies_do_not_make_a_good_chunk() {
    let mut files = named(&packed().chunks);
    let last = files[2].1.len() - 2000;
    files[2].1[last] ^= 1;
    let copy = files[2].clone();
    files.push(("copy".to_owned(), copy.1));
    deliver("damaged twice", &files, Expect::Incomplete);
}

#[test]
fn a_good_copy_replaces_a_damaged_one() {
    for (good, damaged) in [("a", "b"), ("b", "a")] {
        let mut files = named(&packed().chunks);
        let (_, bytes) = files.remove(2);
        let mut spoiled = bytes.clone();
        let at = spoiled.len() - 2000;
        spoiled[at] ^= 1;
        files.push((good.to_owned(), bytes));
        files.push((damaged.to_owned(), spoiled));
        deliver(&format!("the good copy is {good}"), &files, Expect::Complete);
    }
}

#[test]
fn two_control_chunks_are_a_fork() {
    let mut forged = Forged::new();
    // recover.txt is the only part that the plan does not determine.
    let recover = forged.chunks[0].entries.iter().position(|(name, _)| name.to_string() == "recover.txt");
    forged.chunks[0].entries[recover.expect("recover.txt")].1 = b"# another\n".to_vec();
    forged.chunks[0].rebuild();
    let mut files = named(&packed().chunks);
    files.push(("other".to_owned(), forged.chunks[0].seal()));
    deliver("two control chunks", &files, Expect::Forked);
}

/// Chunk `at` with other bytes in a slice, signed by the same packer. The name of a blob is its sum, the
/// name of a slice is not, so such a chunk is well-formed.
fn other_version() -> (usize, Vec<u8>) {
    let mut forged = Forged::new();
    let at = forged.richest();
    let slice =
        forged.chunks[at].entries.iter_mut().find(|(name, _)| name.to_string().starts_with("slices/"));
    let payload = &mut slice.expect("a slice").1;
    *payload = noise(9, payload.len());
    forged.chunks[at].rebuild();
    (at, forged.chunks[at].seal())
}

#[test]
fn a_different_chunk_with_the_same_number_is_a_fork() {
    let (at, other) = other_version();
    let mut files = named(&packed().chunks);
    files[at].1 = other;
    deliver("another chunk of its number", &files, Expect::Forked);
}

#[test]
fn two_data_chunks_with_the_same_number_are_a_fork() {
    let mut files = named(&packed().chunks);
    files.push(("other".to_owned(), other_version().1));
    deliver("two chunks of one number", &files, Expect::Forked);
}

#[test]
fn a_chunk_of_another_bundle_does_not_count() {
    let other = other_bundle();
    for number in 1..packed().chunks.len().min(other.len()) {
        let mut files = named(&packed().chunks);
        files[number].1.clone_from(&other[number]);
        let missing = deliver_foreign(&format!("chunk {number} of another bundle"), &files);
        assert!(missing.contains(&format!("[{number}]")), "{missing}");
    }
}

/// The chunks that each bundle misses. With several bundles, `unpack` needs to be told which one, so this tries each.
fn deliver_foreign(what: &str, files: &[(String, Vec<u8>)]) -> String {
    use super::support::folder;
    use super::support::run::carnet;
    let station = folder();
    let arrived = station.path().join("in");
    std::fs::create_dir(&arrived).expect("a folder");
    for (name, bytes) in files {
        std::fs::write(arrived.join(name), bytes).expect("written");
    }
    let public = packed().public.as_os_str();
    let verified =
        carnet(["verify".as_ref(), arrived.as_os_str(), "--json".as_ref(), "--pub".as_ref(), public]);
    assert_eq!(verified.code, 4, "{what}: {verified}");
    let to = format!("oci:{}", station.path().join("new").display());
    for bundle in verified.json()["bundles"].as_array().expect("bundles") {
        let id = bundle["bundle"].as_str().expect("an id");
        let args = ["unpack", "--to", &to, "--bundle", id].map(str::as_ref);
        let ran = carnet(args.into_iter().chain(["--pub".as_ref(), public, arrived.as_os_str()]));
        assert_eq!(ran.code, 4, "{what}: {ran}");
        assert!(!station.path().join("new").exists(), "{what}");
    }
    let missing: Vec<String> = verified.json()["bundles"]
        .as_array()
        .expect("bundles")
        .iter()
        .map(|bundle| bundle["missing"].to_string())
        .collect();
    missing.join(" ")
}

#[test]
fn a_relabelled_chunk_of_another_bundle_is_a_fork() {
    for number in 1..packed().chunks.len().min(other_bundle().len()) {
        let mut parts = Parts::of(&other_bundle()[number]);
        parts.statement.bundle = Sum::of(&Forged::new().plan);
        let mut files = named(&packed().chunks);
        files[number].1 = parts.seal();
        deliver(&format!("chunk {number}, relabelled and signed"), &files, Expect::Forked);
    }
}

#[test]
fn statements_must_agree_with_the_bundle() {
    let count = u32::try_from(packed().chunks.len()).expect("few");
    let edit = |what: &str, change: &dyn Fn(&mut carnet::format::statement::Statement)| {
        let mut parts = Forged::new().chunks[1].clone();
        change(&mut parts.statement);
        let mut files = named(&packed().chunks);
        files[1].1 = parts.seal();
        deliver(what, &files, Expect::Incomplete);
    };
    edit("a number beyond the bundle's", &|statement| {
        statement.number = count;
        statement.last = count;
    });
    edit("the highest number there is", &|statement| {
        statement.number = 99_999;
        statement.last = 99_999;
    });
    edit("another count", &|statement| statement.last = count);
    edit("another class", &|statement| {
        statement.class = Some(carnet::format::statement::Class::Distributable);
    });
    edit("another name", &|statement| statement.crossing.name = "other".parse().expect("a name"));
    edit("another label", &|statement| {
        statement.crossing.label = Some("SECRET".parse().expect("a label"));
    });
    edit("another stream", &|statement| {
        statement.crossing.stream = Some("other".parse().expect("a stream"));
    });
    edit("control instead of data", &|statement| {
        statement.kind = carnet::format::statement::Kind::Control;
        statement.class = Some(carnet::format::statement::Class::Metadata);
    });
}

#[test]
fn swapped_contents_of_two_chunks_are_refused() {
    let mut forged = Forged::new();
    let (second, third) = (forged.chunks[2].clone(), forged.chunks[3].clone());
    forged.chunks[2].entries = third.entries;
    forged.chunks[3].entries = second.entries;
    for number in [2, 3] {
        forged.chunks[number].rebuild();
    }
    deliver("contents swapped, signed", &named(&forged.seal()), Expect::Incomplete);
}
