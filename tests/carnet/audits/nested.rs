//! Archives that are files of a layer: what is in them is counted and searched, and what is not opened is named.

use serde_json::{Value, json};

use super::contents::{image, tar_of};
use crate::behaviour::support::{Desk, noise};

/// A secret, made of the words of a private key that is none.
fn key() -> Vec<u8> {
    let body = "MC4CAQAwBQYDK2VwBCIEIB0VCBGVcBdJZ7pGZ4Jxq3Yw8nqO7Y6lm5C8gN4dS2mR";
    format!("-----BEGIN {0} KEY-----\n{body}\n-----END {0} KEY-----\n", "PRIVATE").into_bytes()
}

/// The findings of a rule: path and text.
fn found(report: &Value, rule: &str) -> Vec<(String, String)> {
    let findings = report["findings"].as_array().unwrap().iter().filter(|finding| finding["rule"] == rule);
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    findings.map(|finding| (text(finding, "path"), text(finding, "text"))).collect()
}

fn paths(report: &Value, rule: &str) -> Vec<String> {
    let mut paths: Vec<String> = found(report, rule).into_iter().map(|(path, _)| path).collect();
    paths.sort();
    paths
}

fn forms(report: &Value) -> Vec<(&str, u64, u64, u64)> {
    let archives =
        report["layers"].as_array().unwrap().iter().flat_map(|layer| layer["archives"].as_array().unwrap());
    let number = |archives: &Value, key: &str| archives[key].as_u64().unwrap();
    archives
        .map(|one| {
            (
                one["form"].as_str().unwrap(),
                number(one, "archives"),
                number(one, "files"),
                number(one, "unopened"),
            )
        })
        .collect()
}

/// A desk with these files in the only layer of an image. `line` makes them in the folder `root`.
fn desk(line: &str) -> Desk {
    let desk = Desk::new();
    std::fs::create_dir(desk.path("root")).unwrap();
    std::fs::write(desk.path("key.pem"), key()).unwrap();
    desk.sh(&format!("set -e; cd root; {line}; cd ..; tar -cf layer.tar -C root .")).ok();
    let layer = std::fs::read(desk.path("layer.tar")).unwrap();
    image(&mut desk.source("src"), "a:1", &[layer]);
    desk
}

#[test]
fn images_of_discs_are_named_wherever_they_lie() {
    // Their mark is behind the first 32 KiB, and many of them end in another block of the layer than they begin in.
    let desk = desk(
        "head -c 32768 /dev/zero >i && printf '\\001CD001\\001\\000' >>i && truncate -s 34816 i && printf '\\377CD001\\001' >>i && \
         truncate -s 36864 i && mkdir opt && for n in $(seq 30); do cp i opt/$n.iso; done && \
         cp i opt/large.iso && truncate -s 2M opt/large.iso && tar -cf opt/t.tar i && rm i",
    );
    for options in ["", "--no-secrets"] {
        let report = desk.carnet(&format!("audit oci:src -o json {options}")).ok().json();
        assert_eq!(forms(&report), [("iso9660", 31, 0, 31), ("tar", 1, 1, 1)], "{options}");
        let unopened = paths(&report, "unopened-archive");
        assert_eq!(unopened.len(), 32, "{unopened:?}");
        assert!(unopened.contains(&"opt/t.tar!/i".to_owned()), "{unopened:?}");
    }
}

#[test]
fn archives_are_counted_searched_and_named() {
    let desk = desk(
        "mkdir -p opt in/etc && cp ../key.pem in/etc/key.pem && echo text > in/readme && \
         (cd in && zip -q -r ../opt/a.data etc readme && tar -czf ../opt/b.tar.gz etc && zip -q ../inner.zip etc/key.pem readme) && \
         printf '7z\\274\\257\\047\\034more' > inner.7z && tar -cf - inner.zip inner.7z | zstd -q > opt/c && \
         printf 'x' > o && ar q opt/lib.a o in/readme 2>/dev/null && \
         printf '\\355\\253\\356\\333more' > opt/p.rpm && printf '070701more' > opt/i.cpio && \
         xz -c in/readme > opt/r.xz && gzip -c in/etc/key.pem > opt/key.gz && gzip -c opt/i.cpio > opt/initrd && \
         printf '\\037\\213 is no gzip' > opt/text && mkdir META-INF && echo 'Manifest-Version: 1.0' > META-INF/MANIFEST.MF && \
         zip -q opt/j.jar META-INF/MANIFEST.MF && rm -r in inner.* o META-INF",
    );
    let report = desk.carnet("audit oci:src -o json").ok().json();
    assert_eq!(
        forms(&report),
        [
            ("ar", 1, 2, 0),
            ("cpio", 2, 0, 2),
            ("rpm", 1, 0, 1),
            ("tar", 2, 1 + 4, 1),
            ("xz", 1, 0, 1),
            ("zip", 1, 2, 0),
        ],
        "{}",
        report["layers"]
    );
    let zip =
        report["layers"][0]["archives"].as_array().unwrap().iter().find(|one| one["form"] == "zip").unwrap();
    assert_eq!(zip["first"], json!(["opt/a.data"]));
    assert_eq!(zip["bytes"], std::fs::metadata(desk.path("root/opt/a.data")).unwrap().len());
    assert_eq!(
        paths(&report, "nested-archive"),
        ["opt/a.data", "opt/b.tar.gz", "opt/c", "opt/i.cpio", "opt/initrd", "opt/lib.a", "opt/p.rpm"]
    );
    assert_eq!(
        paths(&report, "unopened-archive"),
        ["opt/c!/inner.7z", "opt/i.cpio", "opt/initrd", "opt/p.rpm", "opt/r.xz"]
    );
    assert_eq!(
        paths(&report, "secret"),
        [
            "opt/a.data!/etc/key.pem",
            "opt/b.tar.gz!/etc/key.pem",
            "opt/c!/inner.zip!/etc/key.pem",
            "opt/key.gz"
        ]
    );
    assert!(!report.to_string().contains("MC4CAQAw"), "a secret is in the report");
    assert_eq!(
        (&report["coverage"]["complete"], &report["coverage"]["unopened_archives"]),
        (&json!(true), &json!(5))
    );
    desk.carnet("audit oci:src -o html=r.html").ok();
    desk.carnet("audit oci:src")
        .ok()
        .says(&["5 archives in layers were not opened", "1 archive not opened, in files of the form tar"]);
    let page = std::fs::read_to_string(desk.path("r.html")).unwrap();
    assert!(
        page.contains("Archives in layers") && page.contains("opt/a.data"),
        "the page has no list of archives"
    );
    // Without the search for secrets, the same archives are found.
    let without = desk.carnet("audit oci:src --no-secrets -o json").ok().json();
    assert_eq!(forms(&without), forms(&report));
    assert_eq!(paths(&without, "secret"), [""; 0]);
}

#[test]
fn a_policy_can_deny_what_was_not_opened() {
    let desk = desk("printf '7z\\274\\257\\047\\034more' > a.7z");
    let judged = |rules: &str, code: i32| {
        std::fs::write(desk.path("p.toml"), format!("version = 1\n{rules}")).unwrap();
        desk.carnet("audit oci:src --policy p.toml -o json").ends(code).json()["policy"].clone()
    };
    judged("", 0);
    let denied = judged("allow-unopened-archives = false\n", 5);
    let [denial] = &denied["denials"].as_array().unwrap()[..] else { panic!("{denied}") };
    assert_eq!(denial["rule"], "allow-unopened-archives");
    assert!(
        denial["place"].as_str().unwrap().ends_with(" a.7z") && denial["finding"].is_string(),
        "{denial}"
    );
    judged("denied-findings = [\"nested-archive\"]\n", 5);
}

#[test]
fn a_secret_in_an_archive_that_an_upper_layer_hides_is_named() {
    let desk = Desk::new();
    let inner = tar_of(&[("etc/key.pem", 0o600, &key())]);
    let lower = tar_of(&[("opt/a.tar", 0o644, &inner)]);
    let upper = tar_of(&[("opt/.wh.a.tar", 0o644, b"")]);
    image(&mut desk.source("src"), "a:1", &[lower, upper]);
    let report = desk.carnet("audit oci:src -o json").ok().json();
    assert_eq!(paths(&report, "secret"), ["opt/a.tar!/etc/key.pem"]);
    assert_eq!(paths(&report, "hidden-secret"), ["opt/a.tar"]);
}

#[test]
fn hostile_archives_end_at_their_limits_and_hide_nothing() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    desk.sh(
        "set -e; head -c 300M /dev/zero | gzip -9 > zeros.gz; printf x > x; \
         python3 -c \"import zipfile; z = zipfile.ZipFile('slip.zip', 'w'); z.writestr('../../etc/passwd', 'x'); z.close()\"; \
         cp x 0; for i in 1 2 3 4; do zip -q $i.zip $((i - 1))*; rm $((i - 1))*; done; \
         python3 -c \"import tarfile, io; t = tarfile.open('bomb.tar.gz', 'w:gz'); i = tarfile.TarInfo('zeros'); i.size = 300 << 20; t.addfile(i, open('/dev/zero', 'rb')); t.close()\"",
    )
    .ok();
    let read = |file: &str| std::fs::read(desk.path(file)).unwrap();
    let mut cut = tar_of(&[("a", 0o644, &noise(1, 3000)), ("b", 0o644, b"1")]);
    cut.truncate(2000);
    let bomb = read("bomb.tar.gz");
    let large = tar_of(&[("noise", 0o644, &noise(2, 3 << 20)), ("key.pem", 0o600, &key())]);
    let layer = tar_of(&[
        ("bomb.tar.gz", 0o644, &bomb),
        ("bomb.zip", 0o644, &read("4.zip")),
        ("cut.tar", 0o644, &cut),
        ("encrypted.zip", 0o644, &encrypted()),
        ("large.tar", 0o644, &large),
        ("slip.zip", 0o644, &read("slip.zip")),
        ("zeros.gz", 0o644, &read("zeros.gz")),
        ("key.pem", 0o600, &key()),
    ]);
    image(&mut source, "a:1", &[layer]);
    let run = desk
        .sh(&format!("ulimit -v 700000; exec {} audit oci:src -o json", crate::behaviour::support::CARNET))
        .ok();
    let report = run.json();
    // Zeros are no text, so that the single file in gzip is not expanded.
    assert_eq!(paths(&report, "nested-limit"), ["bomb.tar.gz"]);
    assert_eq!(paths(&report, "depth-limit"), ["bomb.zip!/3.zip!/2.zip!/1.zip"]);
    assert_eq!(paths(&report, "parent-path"), ["slip.zip!/../../etc/passwd"]);
    assert_eq!(paths(&report, "secret"), ["key.pem", "large.tar!/key.pem"]);
    assert_eq!(paths(&report, "unopened-archive"), ["cut.tar", "encrypted.zip!/a"]);
    let limits: Vec<&Value> =
        report["coverage"]["limits_hit"].as_array().unwrap().iter().map(|hit| &hit["limit"]).collect();
    assert_eq!(limits, ["depth-limit", "nested-limit"]);
    assert_eq!(report["coverage"]["complete"], false);
    let tar =
        report["layers"][0]["archives"].as_array().unwrap().iter().find(|one| one["form"] == "tar").unwrap();
    let expanded = tar["expanded"].as_u64().unwrap();
    assert!(expanded < (bomb.len() as u64 * 200).max(16 << 20) + (4 << 20), "{expanded}");
    // One level deep only.
    let report = desk.carnet("audit oci:src --max-depth 1 -o json").ok().json();
    assert_eq!(paths(&report, "depth-limit"), ["bomb.zip!/3.zip"]);
}

/// A zip archive with one member whose content is encrypted.
fn encrypted() -> Vec<u8> {
    let mut bytes = b"PK\x03\x04\x14\0\x01\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\0\0ax".to_vec();
    let directory = bytes.len();
    bytes.extend(b"PK\x01\x02\x14\0\x14\0\x01\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0a");
    let size = u32::try_from(bytes.len() - directory).unwrap();
    bytes.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    bytes.extend(size.to_le_bytes());
    bytes.extend(u32::try_from(directory).unwrap().to_le_bytes());
    bytes.extend([0, 0]);
    bytes
}

/// A zip archive is kept while it is open, so a large one is not.
#[test]
fn a_zip_archive_that_does_not_fit_is_named() {
    let desk = desk("head -c 49M /dev/urandom > n && zip -q -0 large.zip n && rm n");
    let report = desk.carnet("audit oci:src -o json").ok().json();
    let [(path, text)] = &found(&report, "unopened-archive")[..] else { panic!("{}", report["findings"]) };
    assert_eq!(path, "large.zip");
    assert!(text.contains("more than 50331648 bytes"), "{text}");
    assert_eq!(forms(&report), [("zip", 1, 0, 1)]);
}
