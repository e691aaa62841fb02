//! Sums for guards and transfer forms.

use super::support::Desk;

fn desk() -> Desk {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[300_000]);
    source.tag(&image, "app:1");
    desk
}

#[test]
fn coreutils_check_the_output_of_sums() {
    let desk = desk();
    desk.pack("oci:src --chunk-size 64KiB").ok();
    for (option, program) in [("", "sha256sum"), ("--sha256", "sha256sum"), ("--md5", "md5sum")] {
        let count = desk.files("out").len();
        let run = desk.carnet(&format!("sums out {option}")).ok();
        assert_eq!(run.stdout.lines().count(), count);
        std::fs::write(desk.path("sums.txt"), &run.stdout).unwrap();
        desk.sh(&format!("cd out && {program} -c --strict --quiet ../sums.txt")).ok();
        let theirs = desk.sh(&format!("cd out && {program} *.tar")).ok();
        assert_eq!(run.stdout, theirs.stdout, "the very lines");
    }
}

#[test]
fn sums_skips_other_files_and_handles_odd_names() {
    let desk = desk();
    desk.pack("oci:src --chunk-size 64KiB").ok();
    desk.sh("echo letter > out/letter && mv out/b_00001.tar 'out/odd name\\with.tar'").ok();
    let run = desk.carnet("sums out").ok();
    assert!(!run.stdout.contains("letter"));
    std::fs::write(desk.path("sums.txt"), &run.stdout).unwrap();
    desk.sh("cd out && sha256sum -c --strict --quiet ../sums.txt").ok();
    desk.carnet("sums sums.txt").ends(4).says(&["no chunk"]);
}

#[test]
fn packing_writes_sums_files_that_coreutils_check() {
    let desk = desk();
    desk.pack("oci:src --chunk-size 64KiB --file-sums sha256,md5").ok();
    desk.sh("cd out && sha256sum -c --strict --quiet b_sha256.txt && md5sum -c --strict --quiet b_md5.txt")
        .ok();
    let chunks = desk.files("out").keys().filter(|name| name.ends_with(".tar")).count();
    let lines = String::from_utf8(desk.files("out")["b_sha256.txt"].clone()).unwrap();
    assert_eq!(lines.lines().count(), chunks);
    desk.carnet("verify out --pub k.pub.pem").ok();
    desk.carnet("unpack out --pub k.pub.pem --to oci:back").ok();
    // Pack again, then replace the bundle with a smaller one.
    desk.pack("oci:src --chunk-size 64KiB --file-sums sha256,md5").ok();
    desk.pack("oci:src --overwrite --file-sums sha256").ok();
    desk.sh("cd out && sha256sum -c --strict --quiet b_sha256.txt").ok();
}

#[test]
fn sums_files_are_not_written_by_default_or_in_a_dry_run() {
    let desk = desk();
    desk.pack("oci:src --file-sums sha256 --dry-run").ok();
    assert!(!desk.path("out").exists());
    desk.pack("oci:src").ok();
    assert_eq!(desk.files("out").len(), 1);
}

#[test]
fn an_error_writing_to_stdout_is_a_failure() {
    let desk = desk();
    desk.pack("oci:src").ok();
    for verb in ["sums out", "inspect out --json", "missing out --json"] {
        let line = format!("{} {verb} > /dev/full", env!("CARGO_BIN_EXE_carnet"));
        desk.sh(&line).ends(1).says(&["output-lost"]);
    }
}

#[test]
fn a_name_that_a_sums_list_cannot_hold_is_refused() {
    let desk = desk();
    desk.pack("oci:src").ok();
    std::fs::rename(desk.path("out/b_00000.tar"), desk.path("out/\u{1b}[2J.tar")).unwrap();
    desk.carnet("sums out").ends(1).says(&["file-name-odd", "rename the file"]);
}
