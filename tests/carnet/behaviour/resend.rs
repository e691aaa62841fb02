//! Requests to send chunks again, from the far side to the near side.

use std::collections::BTreeMap;
use std::path::Path;

use carnet::format::Sum;
use carnet::format::resend::{ResendRequest, read};

use super::support::{Desk, Run, assert_same_layout, installed, skipped};

/// A desk with the bundle `b` of about 17 chunks in `out`, of which `in` lacks some.
fn desk(lost: &[u32]) -> Desk {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[800_000, 100_000]);
    source.tag(&image, "app:1");
    desk.pack("oci:src --chunk-size 64KiB").ok();
    desk.sh("cp -r out in").ok();
    for number in lost {
        std::fs::remove_file(desk.path(format!("in/b_{number:05}.tar"))).unwrap();
    }
    desk
}

fn id(desk: &Desk) -> Sum {
    desk.inspected("out")["bundle"].as_str().unwrap().parse().unwrap()
}

fn same_file(desk: &Desk, left: &str, right: &str) {
    assert!(
        std::fs::read(desk.path(left)).unwrap() == std::fs::read(desk.path(right)).unwrap(),
        "{left} {right}"
    );
}

#[test]
fn the_near_side_sends_just_what_the_far_side_asks_for() {
    let desk = desk(&[0, 3, 9, 10, 11]);
    let run = desk.carnet("missing in --pub k.pub.pem --request request.txt").ends(4);
    run.says(&[": 5 of ", ": 0 3 9-11\n", "error[bundle-incomplete]"]);
    // Somebody writes it by hand, in another form.
    let text = std::fs::read_to_string(desk.path("request.txt")).unwrap();
    let typed = text.to_uppercase().replace('\n', "  ").replace(',', "\n").replace(" TO ", " - ");
    std::fs::write(desk.path("typed.txt"), &typed).unwrap();
    desk.sh("mkdir low; for f in out/*; do mv $f low/$(sha256sum $f | head -c 9); done").ok();
    desk.carnet("resend typed.txt --from low --to again --pub k.pub.pem").ok().says(&["5 of 5 chunks"]);
    let names: Vec<String> = desk.files("again").into_keys().collect();
    assert_eq!(names, [0, 3, 9, 10, 11].map(|number| format!("b_{number:05}.tar")));
    desk.carnet("verify in again --pub k.pub.pem").ok().says(&["COMPLETE"]);
    desk.carnet("unpack in again --pub k.pub.pem --to oci:back").ok();
    assert_same_layout(&desk.path("src"), &desk.path("back"));
    // Again, on stdin and as words: nothing is left to do.
    let run = desk.sh(&format!("{} resend - --from low --to again < typed.txt", super::support::CARNET)).ok();
    run.says(&["was there"]);
    desk.carnet(&format!("resend {} --from low --to again", typed.replace('\n', " "))).ok();
}

#[test]
fn the_request_can_be_printed_and_is_in_the_json() {
    let desk = desk(&[2, 4]);
    let printed = desk.carnet("missing in --request -").ends(4).stdout;
    assert!(printed.starts_with("RESEND ") && printed.contains("\nLINE 1: 2, 4 CHECK "), "{printed}");
    let report = desk.carnet("missing in --json").ends(4).json();
    let request = report["bundles"][0]["request"].as_str().unwrap();
    assert_eq!(read(&printed).unwrap(), read(request).unwrap());
    assert!(read(request).unwrap()[0].sealed().is_some());
}

#[test]
fn a_wrong_letter_and_a_wrong_number_are_named_and_nothing_is_written() {
    let desk = desk(&[3, 12]);
    let text = desk.carnet("missing in --request -").ends(4).stdout;
    let word = text.split_whitespace().nth(2).unwrap();
    let wrong = text.replacen(word, &format!("{}q", &word[..word.len() - 1]), 1);
    std::fs::write(desk.path("wrong.txt"), wrong).unwrap();
    let said = ["error[request-wrong]: the first line (RESEND): ", "(part 3)", &*format!("perhaps {word}")];
    desk.carnet("resend wrong.txt --from out --to again").ends(2).says(&said);
    std::fs::write(desk.path("wrong.txt"), text.replacen(", 12 CHECK", ", 13 CHECK", 1)).unwrap();
    let said = ["error[request-wrong]: line 1: ", "perhaps 12 instead of 13"];
    desk.carnet("resend wrong.txt --from out --to again").ends(2).says(&said);
    let lines: Vec<&str> = text.lines().take(1).collect();
    std::fs::write(desk.path("wrong.txt"), lines.join("\n")).unwrap();
    let said = ["error[request-incomplete]: ", "is missing: 1"];
    desk.carnet("resend wrong.txt --from out --to again").ends(2).says(&said);
    desk.carnet("resend nothing.txt --from out --to again")
        .ends(1)
        .says(&["error[file-unusable]", "begins with RESEND"]);
    desk.sh("head -c 1200000 /dev/zero | tr '\\0' ' ' > long.txt").ok();
    desk.carnet("resend long.txt --from out --to again").ends(1).says(&["error[file-unusable]"]);
    assert!(!desk.path("again").exists());
}

#[test]
fn a_request_for_another_bundle_or_beyond_the_last_chunk_is_refused() {
    let desk = desk(&[]);
    let other = ResendRequest::new(&Sum::of(b"other"), None, &[1]).unwrap();
    let run = desk.carnet(&format!("resend {} --from out --to again", other.compact())).ends(1);
    run.says(&["error[request-elsewhere]", &format!("bundle {}", other.bundle()), "b ("]);
    let beyond = ResendRequest::new(&id(&desk), None, &[1, 2000]).unwrap();
    let run = desk.carnet(&format!("resend {} --from out --to again", beyond.compact())).ends(2);
    run.says(&["error[request-beyond]", "asks for chunk 2000", "has only chunks 0 to "]);
    desk.carnet("resend RESEND --from in/b_00000.tar --to again").ends(1).says(&["error[file-unusable]"]);
    assert!(!desk.path("again").exists());
}

#[test]
fn what_is_not_found_is_named_and_the_rest_is_sent() {
    let desk = desk(&[1, 2, 3, 4]);
    desk.carnet("missing in --request request.txt").ends(4);
    for number in [2, 3] {
        std::fs::remove_file(desk.path(format!("out/b_{number:05}.tar"))).unwrap();
    }
    let run = desk.carnet("resend request.txt --from out --to again").ends(4);
    run.says(&["error[resend-incomplete]", "2 chunks not found: 2-3", "--only", "2 of 4 chunks"]);
    assert_eq!(desk.files("again").into_keys().collect::<Vec<_>>(), ["b_00001.tar", "b_00004.tar"]);
}

#[test]
fn a_damaged_file_is_never_sent_and_another_copy_is_taken() {
    let desk = desk(&[5, 6]);
    desk.carnet("missing in --request request.txt").ends(4);
    desk.sh("cp out/b_00005.tar zzz.tar; mkdir more; mv zzz.tar more").ok();
    for number in [5, 6] {
        let path = desk.path(format!("out/b_{number:05}.tar"));
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[30_000] ^= 1;
        std::fs::write(&path, bytes).unwrap();
    }
    let run = desk.carnet("resend request.txt --from out --from more --to again --pub k.pub.pem").ends(4);
    run.says(&["1 chunk not found: 6", "warning: chunk 6 was not copied from out/b_00006.tar: "]);
    assert_eq!(desk.files("again").into_keys().collect::<Vec<_>>(), ["b_00005.tar"]);
    same_file(&desk, "again/b_00005.tar", "more/zzz.tar");
    // A stranger's chunks count for nothing with a key.
    desk.carnet("keygen other").ok();
    let run = desk.carnet("resend request.txt --from more --to more2 --pub other.pub.pem").ends(4);
    run.says(&["2 chunks not found: 5-6"]);
    assert!(desk.files("more2").is_empty());
}

#[test]
fn a_file_in_the_way_is_never_replaced() {
    let desk = desk(&[1, 2]);
    desk.carnet("missing in --request request.txt").ends(4);
    desk.sh("mkdir again; echo precious > again/b_00002.tar").ok();
    desk.carnet("resend request.txt --from out --to again").ends(1).says(&["error[target-exists]"]);
    let files = desk.files("again");
    assert_eq!(files, BTreeMap::from([("b_00002.tar".to_owned(), b"precious\n".to_vec())]));
    // Nor is a chunk of another bundle with the same name.
    desk.carnet("pack oci:src --to other --name b --key k.key.pem --chunk-size 80KiB").ok();
    desk.sh("cp other/b_00002.tar again").ok();
    desk.carnet("resend request.txt --from out --to again").ends(1).says(&["error[target-exists]"]);
    desk.sh("cmp other/b_00002.tar again/b_00002.tar").ok();
}

#[test]
fn the_control_chunk_with_the_most_releases_is_sent() {
    let desk = desk(&[0]);
    desk.carnet("keygen a").ok();
    desk.sh("mkdir old; cp out/b_00000.tar old/aaa").ok();
    desk.carnet("sign out --key a.key.pem").ok();
    desk.carnet("missing in --request request.txt").ends(4);
    desk.carnet("resend request.txt --from old --from out --to again").ok();
    same_file(&desk, "again/b_00000.tar", "out/b_00000.tar");
}

#[test]
fn no_request_is_written_if_nothing_is_missing() {
    let desk = desk(&[]);
    std::fs::write(desk.path("request.txt"), "old").unwrap();
    let run = desk.carnet("missing in --request request.txt --qr-file code.png --qr").ok();
    assert_eq!(run.stdout, "");
    run.says(&["no chunk is missing: request.txt was not written", "code.png was not written"]);
    assert_eq!(std::fs::read(desk.path("request.txt")).unwrap(), b"old");
    assert!(!desk.path("code.png").exists());
}

/// What zbarimg reads in a picture: one text for each code, in order of the text.
fn scan(desk: &Desk, picture: &str) -> String {
    let run = Run::of(
        std::process::Command::new("zbarimg")
            .args(["-q", "--raw", "-Sdisable", "-Sqrcode.enable"])
            .arg(desk.path(picture)),
    );
    run.ok().stdout
}

/// Takes a picture of a page with a browser.
fn photograph(desk: &Desk, page: &Path, picture: &str) {
    let run = Run::of(
        std::process::Command::new("chromium")
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
                "--window-size=1000,2600",
            ])
            .arg(format!("--user-data-dir={}", desk.path("browser").display()))
            .arg(format!("--screenshot={}", desk.path(picture).display()))
            .arg(format!("file://{}", page.display())),
    );
    run.ok();
}

#[test]
fn codes_in_files_and_on_the_terminal_can_be_scanned() {
    if !installed(&["zbarimg", "chromium"]) {
        return skipped("codes are read with zbarimg, and drawn by chromium");
    }
    // Enough lines for several codes on the terminal.
    let lost: Vec<u32> = (0..8).map(|at| at * 2 + 1).collect();
    let desk = desk(&lost);
    let command = "missing in --request request.txt --qr-file code.png --qr";
    let shown = desk.carnet(command).ends(4).stdout;
    desk.carnet("missing in --qr-file code.svg").ends(4);
    let wanted = read(&std::fs::read_to_string(desk.path("request.txt")).unwrap()).unwrap();
    assert_eq!(wanted[0].chunks().collect::<Vec<_>>(), lost);
    assert_eq!(read(&scan(&desk, "code.png")).unwrap(), wanted);
    photograph(&desk, &desk.path("code.svg"), "svg.png");
    assert_eq!(read(&scan(&desk, "svg.png")).unwrap(), wanted);
    // A terminal of light letters on a dark ground.
    let style = "background:#000;color:#fff;font:16px/16px monospace;margin:20px";
    let page = format!("<meta charset=utf-8><body style='{style}'><pre style='line-height:1'>{shown}</pre>");
    std::fs::write(desk.path("page.html"), page).unwrap();
    photograph(&desk, &desk.path("page.html"), "screen.png");
    assert_eq!(read(&scan(&desk, "screen.png")).unwrap(), wanted);
    desk.carnet("missing in --qr-file code.gif").ends(2).says(&[".svg or .png"]);
}

/// Packs as [`desk`] does, with these options besides.
fn pack_again(desk: &Desk, options: &str) -> Run {
    desk.carnet(&format!("pack oci:src --chunk-size 64KiB --name b --key k.key.pem --to again {options}"))
}

/// Asserts that `again` holds these chunks, byte for byte those of `out`, and nothing else.
#[track_caller]
fn holds_again(desk: &Desk, numbers: &[u32]) {
    let names: Vec<String> = numbers.iter().map(|number| format!("b_{number:05}.tar")).collect();
    assert_eq!(desk.files("again").into_keys().collect::<Vec<_>>(), names);
    for name in names {
        same_file(desk, &format!("again/{name}"), &format!("out/{name}"));
    }
}

#[test]
fn chunks_that_are_gone_are_made_again_with_the_same_bytes() {
    let desk = desk(&[3, 9, 10]);
    desk.carnet("missing in --request request.txt").ends(4);
    // The clock has gone on.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let run = pack_again(&desk, "--only request.txt").ok();
    run.says(&["bundle b: 3 chunks made again", "as the request says: the same bytes"]);
    holds_again(&desk, &[3, 9, 10]);
    desk.carnet("verify in again --pub k.pub.pem").ok();
    // Again: nothing is left to do.
    pack_again(&desk, "--only request.txt").ok().says(&["already exists"]);
    holds_again(&desk, &[3, 9, 10]);
    // Half of it is gone, and the rest is kept.
    std::fs::remove_file(desk.path("again/b_00009.tar")).unwrap();
    pack_again(&desk, "--only request.txt").ok();
    holds_again(&desk, &[3, 9, 10]);
}

#[test]
fn every_chunk_can_be_made_alone() {
    let desk = desk(&[]);
    let last = u32::try_from(desk.files("out").len()).unwrap() - 1;
    let bundle = id(&desk);
    let sealed = read(&{
        std::fs::remove_file(desk.path("in/b_00001.tar")).unwrap();
        desk.carnet("missing in --request -").ends(4).stdout
    });
    let sealed = sealed.unwrap()[0].sealed();
    for number in 0..=last {
        let request = ResendRequest::new(&bundle, sealed, &[number]).unwrap().compact();
        std::fs::write(desk.path("request.txt"), request).unwrap();
        let run = pack_again(&desk, "--only request.txt --json").ok();
        let again = &run.json()["again"];
        assert_eq!(again["as_requested"], true);
        assert_eq!(again["read_everything"], number == 0);
        holds_again(&desk, &[number]);
        std::fs::remove_dir_all(desk.path("again")).unwrap();
    }
}

#[test]
fn a_control_chunk_that_is_made_again_needs_its_releases_again() {
    let desk = desk(&[0, 2]);
    desk.carnet("missing in --request request.txt").ends(4);
    let run = pack_again(&desk, "--only request.txt").ok();
    run.says(&["without releases: sign it again", "every blob was read"]);
    holds_again(&desk, &[0, 2]);
    desk.carnet("verify in again --pub k.pub.pem").ok();
}

#[test]
fn chunks_of_an_annex_are_made_again() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    for at in 0..130 {
        let image = source.image(at, &[700]);
        source.tag(&image, &format!("some/long/name/of/a/repository/{at}:with-a-tag-{at}"));
    }
    desk.pack("oci:src --chunk-size 64KiB").ok();
    let report =
        desk.carnet("pack oci:src --chunk-size 64KiB --to none --name b --key k.key.pem --dry-run --json");
    let chunks = report.ok().json()["chunks"].as_array().unwrap().clone();
    let last = chunks.last().unwrap();
    assert_eq!(last["kind"], "control", "there is an annex");
    let last = u32::try_from(last["number"].as_u64().unwrap()).unwrap();
    desk.sh(&format!("cp -r out in; rm in/b_{last:05}.tar in/b_00001.tar")).ok();
    desk.carnet("missing in --request request.txt").ends(4);
    let request = read(&std::fs::read_to_string(desk.path("request.txt")).unwrap()).unwrap().remove(0);
    let asked: Vec<u32> = request.chunks().collect();
    pack_again(&desk, "--only request.txt").ok();
    holds_again(&desk, &asked);
}

#[test]
fn without_a_time_in_the_request_the_chunks_still_fit() {
    let desk = desk(&[4, 5]);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let request = ResendRequest::new(&id(&desk), None, &[4, 5]).unwrap();
    std::fs::write(desk.path("request.txt"), request.compact()).unwrap();
    pack_again(&desk, "--only request.txt").ok().says(&["the files fit the bundle"]);
    assert_ne!(desk.files("again")["b_00004.tar"], desk.files("out")["b_00004.tar"]);
    desk.carnet("verify in again --pub k.pub.pem").ok();
}

#[test]
fn other_sources_or_options_are_refused_before_anything_is_written() {
    let desk = desk(&[4]);
    desk.carnet("missing in --request request.txt").ends(4);
    for options in ["--label OTHER", "--no-referrers", "--stream s"] {
        let run = pack_again(&desk, &format!("--only request.txt {options}")).ends(1);
        run.says(&["error[request-elsewhere]", "one of them is not what it was", "repeat the first command"]);
        pack_again(&desk, &format!("--only request.txt {options} --dry-run")).ends(1);
    }
    assert!(!desk.path("again").exists());
    let beyond = ResendRequest::new(&id(&desk), None, &[2000]).unwrap();
    std::fs::write(desk.path("beyond.txt"), beyond.compact()).unwrap();
    let run =
        desk.carnet("pack oci:src --chunk-size 64KiB --name b --key k.key.pem --to again --only beyond.txt");
    run.ends(2).says(&["error[request-beyond]", "asks for chunk 2000"]);
    let soon = ResendRequest::new(&id(&desk), Some("2999-01-01T00:00:00Z".parse().unwrap()), &[2]).unwrap();
    std::fs::write(desk.path("soon.txt"), soon.compact()).unwrap();
    pack_again(&desk, "--only soon.txt").ends(2).says(&["error[request-wrong]", "2999-01-01"]);
    let both = format!("{} {}", beyond.compact(), soon.compact());
    std::fs::write(desk.path("both.txt"), both).unwrap();
    pack_again(&desk, "--only both.txt").ends(2).says(&["--only expects 1 request, found 2"]);
    let mut source = desk.source("src");
    let image = source.image(7, &[100]);
    source.tag(&image, "app:2");
    pack_again(&desk, "--only request.txt").ends(1).says(&["error[request-elsewhere]"]);
    assert!(!desk.path("again").exists());
}

#[test]
fn a_damaged_source_makes_no_chunk() {
    let desk = desk(&[3]);
    desk.carnet("missing in --request request.txt").ends(4);
    let blob = desk.sh("ls -S src/blobs/sha256/* | head -1").ok().stdout.trim().to_owned();
    let mut bytes = std::fs::read(desk.path(&blob)).unwrap();
    // In another chunk than the one that is asked for: the digest is that of the whole blob.
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(desk.path(&blob), bytes).unwrap();
    pack_again(&desk, "--only request.txt").ends(4).says(&["error[blob-mismatch]"]);
    assert!(desk.files("again").is_empty());
}

#[test]
fn the_examples_of_the_document_are_read_and_written() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/resend.md")).unwrap();
    let examples = text.split_once("\nThe requests:\n").unwrap().1.split_once("\n### ").unwrap().0;
    let blocks: Vec<&str> = examples.split("```\n").filter(|block| block.starts_with("RESEND")).collect();
    assert_eq!(blocks.len(), 3);
    let told = |id: u32, sealed: Option<&str>, chunks: &[u32]| {
        let mut bundle = Sum([7; 32]);
        bundle.0[..4].copy_from_slice(&id.to_be_bytes());
        ResendRequest::new(&bundle, sealed.map(|time| time.parse().unwrap()), chunks).unwrap()
    };
    let many: Vec<u32> = [0, 3, 9, 10].into_iter().chain(14..=17).chain(23..=99).collect();
    let wanted = [
        told(0xc3d0_9ea2, Some("2026-11-20T21:59:35Z"), &[2]),
        told(0xc3d0_9ea2, None, &many),
        told(0x00ff_7f80, Some("1970-01-01T00:00:00Z"), &[99_999]),
    ];
    for (block, wanted) in blocks.iter().zip(&wanted) {
        assert_eq!(read(block).unwrap(), std::slice::from_ref(wanted));
    }
    assert_eq!(blocks, wanted.map(|wanted| wanted.to_string()));
    let list = text.split_once("\n### The words\n").unwrap().1.split("```").nth(1).unwrap();
    let words: Vec<&str> = list.split_whitespace().filter(|word| word.len() > 2).collect();
    assert_eq!(words, carnet::format::resend::WORDS.lines().collect::<Vec<_>>());
    for row in list.trim().lines().enumerate() {
        assert!(row.1.starts_with(&format!("{:02x} ", row.0 * 8)), "{}", row.1);
    }
}
