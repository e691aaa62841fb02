//! Which chunks to send again.

use super::support::Desk;

/// About 17 chunks.
fn desk() -> Desk {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[800_000, 100_000]);
    source.tag(&image, "app:1");
    desk.pack("oci:src --chunk-size 64KiB").ok();
    desk
}

fn remove(desk: &Desk, numbers: &[u32]) {
    for number in numbers {
        std::fs::remove_file(desk.path(format!("out/b_{number:05}.tar"))).unwrap();
    }
}

/// The line for these numbers.
#[track_caller]
fn says(desk: &Desk, total: usize, count: u32, numbers: &str) {
    for trust in ["", " --pub k.pub.pem"] {
        let run = desk.carnet(&format!("missing out{trust}")).ends(4);
        let lines: Vec<&str> = run.stdout.lines().collect();
        assert_eq!(lines.len(), 1, "{}", run.stdout);
        assert!(lines[0].len() <= 72, "{}", lines[0]);
        let words: Vec<&str> = lines[0].splitn(3, ' ').collect();
        assert_eq!(words[0], "b");
        assert_eq!(words[1].len(), 9, "eight digits of the id and a colon");
        assert_eq!(words[2], format!("{count} of {total}: {numbers}"));
    }
}

#[test]
fn a_complete_bundle_misses_nothing() {
    let desk = desk();
    for trust in ["", " --pub k.pub.pem"] {
        let run = desk.carnet(&format!("missing out{trust}")).ok();
        assert_eq!(run.stdout, "");
    }
    assert_eq!(
        desk.carnet("missing out --json").ok().json(),
        serde_json::json!({ "bundles": [], "recoverable": [], "expired": [], "unreadable": [] })
    );
}

#[test]
fn missing_and_damaged_chunks_are_listed_in_one_line() {
    let desk = desk();
    let total = desk.files("out").len();
    remove(&desk, &[3, 9, 10]);
    says(&desk, total, 3, "3 9-10");
    for (number, at) in [(4_u32, 10_000), (7, 700)] {
        let path = desk.path(format!("out/b_{number:05}.tar"));
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[at] ^= 0x20;
        std::fs::write(&path, bytes).unwrap();
    }
    let short = desk.path("out/b_00012.tar");
    let bytes = std::fs::read(&short).unwrap();
    std::fs::write(&short, &bytes[..bytes.len() - 512]).unwrap();
    says(&desk, total, 6, "3-4 7 9-10 12");
    let json = desk.carnet("missing out --json").ends(4).json();
    assert_eq!(json["bundles"][0]["missing"], serde_json::json!([3, 4, 7, 9, 10, 12]));
    desk.carnet("verify out --pub k.pub.pem").ends(4).says(&["INCOMPLETE, 6 of"]);
    desk.carnet("unpack out --pub k.pub.pem --to oci:back").ends(4);
    assert!(!desk.path("back").exists());
}

#[test]
fn a_missing_control_chunk_is_listed() {
    let desk = desk();
    let total = desk.files("out").len();
    remove(&desk, &[0, 5]);
    says(&desk, total, 2, "0 5");
    desk.carnet("inspect out").ends(4).says(&["NAME_00000.tar"]);
    desk.carnet("unpack out --pub k.pub.pem --to oci:back").ends(4).says(&["control chunk"]);
}

#[test]
fn with_the_control_chunk_alone_all_others_are_missing() {
    let desk = desk();
    let total = desk.files("out").len();
    let others: Vec<u32> = (1..u32::try_from(total).unwrap()).collect();
    remove(&desk, &others);
    says(&desk, total, u32::try_from(total - 1).unwrap(), &format!("1-{}", total - 1));
    desk.carnet("inspect out --pub k.pub.pem").ok().says(&["app:1"]);
}

#[test]
fn chunks_that_are_sent_again_complete_the_bundle() {
    let desk = desk();
    desk.sh("mkdir again && mv out/b_00003.tar out/b_00000.tar again/").ok();
    desk.carnet("missing out").ends(4);
    desk.carnet("missing out again").ok();
    // A damaged copy beside a good one does no harm.
    let mut bytes = std::fs::read(desk.path("again/b_00003.tar")).unwrap();
    bytes[30_000] ^= 1;
    std::fs::write(desk.path("out/copy.tar"), bytes).unwrap();
    desk.carnet("missing out again").ok();
    desk.carnet("verify out again --pub k.pub.pem").ok();
    desk.carnet("unpack out again --pub k.pub.pem --to oci:back").ok();
    super::support::assert_same_layout(&desk.path("src"), &desk.path("back"));
}

#[test]
fn each_bundle_has_its_own_line() {
    let desk = desk();
    let mut source = desk.source("other");
    let image = source.image(2, &[300_000]);
    source.tag(&image, "other:1");
    desk.carnet("pack oci:other --name other --to out --key k.key.pem --chunk-size 64KiB").ok();
    remove(&desk, &[1]);
    std::fs::remove_file(desk.path("out/other_00002.tar")).unwrap();
    let run = desk.carnet("missing out").ends(4);
    assert_eq!(run.stdout.lines().count(), 2, "{}", run.stdout);
    run.says(&["b ", "other "]);
}

#[test]
fn chunks_that_a_guard_compressed_are_named_as_such() {
    let desk = desk();
    desk.sh("gzip out/b_00003.tar out/b_00004.tar && mv out/b_00003.tar.gz out/b_00003.tar").ok();
    for file in ["b_00003.tar", "b_00004.tar.gz"] {
        let words = format!(
            "not a chunk: out/{file}: chunk: expected an uncompressed tar archive, found a file compressed with gzip"
        );
        let run = desk.carnet("verify out --pub k.pub.pem").ends(4).says(&[&words, "gzip -d"]);
        let binary = run.stdout.chars().find(|c| c.is_control() && *c != '\n');
        assert!(binary.is_none(), "{binary:?} on the screen");
    }
    desk.sh("gzip -d <out/b_00003.tar >x && mv x out/b_00003.tar && gzip -d out/b_00004.tar.gz").ok();
    desk.carnet("verify out --pub k.pub.pem").ok();
}
